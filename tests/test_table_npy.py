""".npy files as tables, against NumPy: every kind of value, records, matrices in either order, files side by side and one after the other."""

import json
import os
import subprocess
import time

import numpy as np
import pytest

N = 5003


def ok(run):
    assert run.returncode == 0, run.stderr
    return run.stdout


def rows(run):
    return [json.loads(line) for line in ok(run).splitlines()]


def column(yoke, path, name="c1"):
    return [r[name] for r in rows(yoke("table", path, "--select", name, "--json"))]


@pytest.mark.parametrize("kind", ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">i2", ">i8", ">u4", ">f2", ">f4", ">f8"])
def test_numbers(yoke, tmp_path, kind):
    rng = np.random.default_rng(3)
    values = rng.integers(0, 256, N * 8, dtype="u1").view(np.dtype(kind.lstrip(">")) if kind != "?" else "u1")[:N]
    values = values < 99 if kind == "?" else np.where(np.isfinite(values), values, 1) if "f" in kind else values
    np.save(tmp_path / "v.npy", values.astype(kind))
    assert column(yoke, tmp_path / "v.npy") == values.tolist()


def test_matrices(yoke, tmp_path):
    m = np.random.default_rng(4).normal(size=(N, 3))
    for name, a in [("c", m), ("f", np.asfortranarray(m)), ("one", m[:1]), ("none", m[:0])]:
        np.save(tmp_path / f"{name}.npy", a)
        got = rows(yoke("table", tmp_path / f"{name}.npy", "--select", "c1, c2, c3", "--json"))
        assert [list(r.values()) for r in got] == a.tolist(), name


def records():
    a = np.zeros(N, np.dtype([("id", "<i4"), ("name", "U6"), ("tag", ">U2"), ("code", "S3"), ("t", "M8[us]"), ("p", [("x", "f2"), ("deep", [("ok", "?")])]),
                              ("run", "f8", (3,)), ("z", "c16"), ("day", "M8[D]"), ("took", "m8[ms]")], align=True))
    i = np.arange(N)
    a["id"], a["name"], a["tag"], a["code"] = i, np.array(["é", "ab", "漢字x", "🚕"])[i % 4], np.array(["ü", ""])[i % 2], np.array([b"xy", b""])[i % 2]
    a["t"], a["day"], a["took"] = np.datetime64("2022-01-01") + i.astype("m8[h]"), np.datetime64("2020-02-28") + i.astype("m8[D]"), i
    a["t"][3], a["day"][5], a["took"][7] = "NaT", "NaT", "NaT"
    a["p"]["x"], a["p"]["deep"]["ok"] = i / 8 % 100, i % 2
    return a


def test_records(yoke, tmp_path):
    a = records()
    np.save(tmp_path / "r.npy", a)
    kinds = {line.split()[0]: line for line in ok(yoke("table", tmp_path / "r.npy", "--columns")).splitlines()[1:]}
    assert set(kinds) == {"id", "name", "tag", "code", "t", "p.x", "p.deep.ok", "run", "z", "day", "took"}
    assert "several values" in kinds["run"] and "complex" in kinds["z"] and "timestamp[us]" in kinds["t"] and "date" in kinds["day"]
    got = rows(yoke("table", tmp_path / "r.npy", "--select", "id, name, tag, code, cast(t as text) as t, `p.x`, p.deep.ok, cast(day as text) as day, seconds(took) as took", "--json"))
    assert [r["name"] for r in got] == a["name"].tolist()
    assert [r["tag"] or "" for r in got] == a["tag"].tolist()
    assert [r["code"] or "" for r in got] == [c.decode() for c in a["code"]]
    assert [r["t"] for r in got] == [None if np.isnat(t) else str(t.astype("M8[s]")).replace("T", " ") for t in a["t"]]
    assert [r["day"] for r in got] == [None if np.isnat(d) else str(d) for d in a["day"]]
    assert [r["took"] for r in got] == [None if np.isnat(d) else d.astype("i8") / 1000 for d in a["took"]]
    assert [r["p.x"] for r in got] == a["p"]["x"].astype(float).tolist()
    assert [r["p.deep.ok"] for r in got] == a["p"]["deep"]["ok"].tolist()


def test_side_by_side_and_one_after_the_other(yoke, tmp_path):
    rng = np.random.default_rng(5)
    tip, fare, zone = rng.normal(3, 1, 300000), rng.normal(20, 5, 300000), rng.integers(0, 9, 300000).astype("i2")
    for name, values in [("tip", tip), ("fare", fare), ("zone", zone)]:
        np.save(tmp_path / f"{name}.npy", values)
    files = [f"{name}={tmp_path}/{name}.npy" for name in ("tip", "fare", "zone")]
    asks = ["--mean", "tip / fare", "--std", "tip", "--sum", "zone", "--median", "fare", "--json"]
    want = ok(yoke("table", *files, *asks, "--on", "serial"))
    assert json.loads(want)["mean(tip / fare)"] == pytest.approx((tip / fare).mean(), rel=1e-13)
    assert json.loads(want)["median(fare)"] == np.median(fare) and json.loads(want)["sum(zone)"] == int(zone.sum(dtype="i8"))
    a = np.rec.fromarrays([tip, fare, zone], names="tip,fare,zone")
    (tmp_path / "parts").mkdir()
    for i, (lo, hi) in enumerate([(0, 5000), (5000, 5001), (5001, 140000), (140000, 300000)]):
        np.save(tmp_path / "parts" / f"{i}.npy", a[lo:hi])
    for on in ("threads:2", "threads:3", "threads:7", "processes:2"):
        assert ok(yoke("table", *files, *asks, "--on", on)) == want
        assert ok(yoke("table", tmp_path / "parts", *asks, "--on", on)) == want
    by = rows(yoke("table", *files, "--where", "tip > 3", "--by", "zone", "--count", "--max", "fare", "--json"))
    assert [list(r.values()) for r in by] == [[z, int(((zone == z) & (tip > 3)).sum()), fare[(zone == z) & (tip > 3)].max()] for z in range(9)]


def test_what_cannot_be_read_is_said(yoke, tmp_path):
    np.save(tmp_path / "cube.npy", np.ones((2, 2, 2)))
    np.save(tmp_path / "object.npy", np.array([1, "a", None], dtype=object))
    np.save(tmp_path / "none.npy", np.ones((5, 0)))
    np.save(tmp_path / "short.npy", np.ones(4))
    np.save(tmp_path / "months.npy", np.array(["2020-01"], "M8[M]"))
    np.save(tmp_path / "long.npy", np.ones(5))
    whole = (tmp_path / "long.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-1])
    (tmp_path / "text.npy").write_text("a,b\n1,2\n")
    for words, says in [(["cube.npy"], "3 dimensions"), (["object.npy"], "Python objects"), (["none.npy"], "no columns"), (["cut.npy"], "cut short"),
                        (["text.npy"], "does not begin as one"), (["a=short.npy", "b=long.npy"], "'long.npy' has 5 rows but 'short.npy' has 4"),
                        (["a=gone.npy"], "'gone.npy': No such file")]:
        run = yoke("table", *words, "--count", cwd=tmp_path)
        assert run.returncode == 1 and says in run.stderr and run.stdout == "", run
    run = yoke("table", "months.npy", "--count", "--max", "c1", cwd=tmp_path)
    assert run.returncode == 1 and "datetime64[s]" in run.stderr, run
    run = yoke("table", "a=long.npy", "--mean", "c1", cwd=tmp_path)
    assert run.returncode == 1 and "no column 'c1'" in run.stderr and "columns are a" in run.stderr


def test_a_file_that_is_cut_short_while_it_is_read(yoke_path, tmp_path):
    def sparse(name, rows, *more):
        np.save(tmp_path / name, np.zeros((1, *more)))
        head = (tmp_path / name).read_bytes()[:128].replace(b"(1,", b"(%d," % rows)
        (tmp_path / name).write_bytes(head[:127] + b"\n")
        os.truncate(tmp_path / name, 128 + rows * 8 * int(np.prod(more)))

    (tmp_path / "f.c").write_text('#include <yoke/yoke.h>\ndouble half(double x) { return x / 2; }\nYOKE_FUNCTION(double, half, double);\n')
    for words in (["table", "v.npy", "--mean", "c1"], ["table", "m.npy", "--mean", "c2", "--on", "processes"], ["map", "f.c:half", "v.npy", "--reduce", "sum"]):
        sparse("v.npy", 4 << 30)
        sparse("m.npy", 1 << 30, 4)
        run = subprocess.Popen([yoke_path, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        assert run.poll() is None
        for name in ("v.npy", "m.npy"):
            os.truncate(tmp_path / name, 1 << 20)
        out, err = run.communicate(timeout=60)
        assert run.returncode == 1 and out == "" and "is cut short" in err, (words, err)
