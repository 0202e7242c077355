"""Histograms of groups, against NumPy: each group's counts, however bins are given and whatever pulls; as rows, files and pictures."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def ok(run):
    assert run.returncode == 0, run.stderr
    return run.stdout


def rows(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rng = np.random.default_rng(8)
    n = 400000
    zone = rng.integers(0, 7, n)
    x = np.where(rng.random(n) < 0.05, np.nan, rng.normal(zone, 2, n))
    t = pa.table({"zone": pa.array(zone, mask=zone == 6), "x": x, "word": np.array(["a", "b", "c"])[rng.integers(0, 3, n)]})
    path = tmp_path_factory.mktemp("hist")
    pq.write_table(t, path / "t.parquet", row_group_size=100000)
    (path / "parts").mkdir()
    for i, (lo, hi) in enumerate([(0, 777), (777, 200001), (200001, n)]):
        pq.write_table(t.slice(lo, hi - lo), path / "parts" / f"{i}.parquet", row_group_size=30011)
    return path, zone, x, t["word"].to_numpy(zero_copy_only=False)


EDGES = [-3, 0, 0.5, 4, 9]


@pytest.mark.parametrize("words, edges", [(["--bins", 40, "--range", "-5:10"], np.linspace(-5, 10, 41)), (["--edges", ",".join(map(str, EDGES))], EDGES),
                                          (["--bins", 9, "--log-bins", "--range", "0.01:20"], None), (["--bins", 30], "whole")])
def test_counts_of_each_group(yoke, table, words, edges):
    path, zone, x, _ = table
    call = ["--by", "zone", "--count", "--hist", "x", "--json", *words]
    want = ok(yoke("table", path / "t.parquet", *call, "--on", "serial"))
    got = rows(want)
    if isinstance(edges, str):
        edges = np.linspace(np.nanmin(x), np.nanmax(x), 31)
    n = 9 if edges is None else len(edges) - 1
    if edges is None:
        edges = [r["lo"] for r in got[:n]] + [got[n - 1]["hi"]]
        assert np.allclose(edges, np.geomspace(0.01, 20, 10), rtol=1e-14)
    assert len(got) == 7 * n
    for g in range(7):
        part = got[g * n:(g + 1) * n]
        assert {r["zone"] for r in part} == {g if g < 6 else None} and {r["count"] for r in part} == {int((zone == g).sum())}
        assert [r["lo"] for r in part] + [part[-1]["hi"]] == list(edges)
        values = x[(zone == g) & ~np.isnan(x)]
        assert [r["hist(x)"] for r in part] == np.histogram(values, edges)[0].tolist()
    for on in ("threads:2", "threads:3", "threads:7", "processes:2"):
        assert ok(yoke("table", path / "t.parquet", *call, "--on", on)) == want
        assert ok(yoke("table", path / "parts", *call, "--on", on)) == want


def test_several_keys_filters_and_the_greatest_groups(yoke, table):
    path, zone, x, word = table
    call = ["--where", "x > 0 and zone < 5", "--by", "word, zone", "--hist", "x", "--hist", "x * 2", "--mean", "x", "--bins", 8, "--range", "0:8"]
    got = rows(ok(yoke("table", path / "t.parquet", *call, "--json")))
    assert len(got) == 3 * 5 * 8
    for r in got:
        values = x[(word == r["word"]) & (zone == r["zone"]) & (x > 0)]
        last = r["hi"] == 8
        for name, v in (("hist(x)", values), ("hist(x * 2)", values * 2)):
            assert r[name] == int(((v >= r["lo"]) & ((v <= 8) if last else (v < r["hi"]))).sum())
        assert r["mean(x)"] == pytest.approx(values.mean(), rel=1e-12)
    top = rows(ok(yoke("table", path / "t.parquet", "--by", "zone", "--hist", "x", "--bins", 3, "--range", "0:8", "--top", 2, "--json")))
    sizes = sorted(((int((zone == g).sum()), g) for g in range(7)), reverse=True)[:2]
    assert [(r["count"], r["zone"]) for r in top[::3]] == [(n, g if g < 6 else None) for n, g in sizes] and len(top) == 6


def test_files_and_pictures(yoke, table, tmp_path):
    path, zone, x, _ = table
    call = [path / "t.parquet", "--by", "zone", "--hist", "x", "--bins", 8, "--range", "0:8"]
    assert ok(yoke("table", *call, "-o", tmp_path / "h.csv")) == ""
    lines = (tmp_path / "h.csv").read_text().splitlines()
    assert lines[0] == "zone,lo,hi,hist(x)" and len(lines) == 1 + 7 * 8
    assert lines[1] == f"0,0,1,{int(((x >= 0) & (x < 1) & (zone == 0)).sum())}"
    ok(yoke("table", *call, "-o", tmp_path / "h.parquet"))
    back = pq.read_table(tmp_path / "h.parquet")
    assert back.column_names == ["zone", "lo", "hi", "hist(x)"] and back.num_rows == 56
    shown = ok(yoke("table", *call, "--mean", "x", "--plot", "-"))
    assert "zone=0" in shown and "zone=missing" in shown and shown.splitlines()[-8].split() == ["zone", "mean(x)"]
    assert ok(yoke("table", *call, "--plot", tmp_path / "h.svg")) == ""
    assert "zone=3" in (tmp_path / "h.svg").read_text()
    run = yoke("table", path / "t.parquet", "--by", "floor(x * 10)", "--hist", "x", "--range", "0:1", "--plot", tmp_path / "many.svg")
    assert run.returncode == 2 and "--top" in run.stderr and not (tmp_path / "many.svg").exists()


def test_bins_that_take_too_much_memory_are_refused(yoke, table):
    run = yoke("table", table[0] / "t.parquet", "--by", "x", "--hist", "x", "--bins", 1000000, "--range", "0:1", "--memory", "50M")
    assert run.returncode == 1 and "--memory" in run.stderr and run.stdout == ""


def test_a_range_without_end_is_said(yoke, tmp_path):
    (tmp_path / "i.csv").write_text("k,x\n1,1\n2,0\n")
    for by in ([], ["--by", "k"]):
        run = yoke("table", tmp_path / "i.csv", *by, "--hist", "k / x")
        assert run.returncode == 2 and "--range" in run.stderr


def test_decades_are_exact(yoke, tmp_path):
    """Logarithmic bins over decades have the decades themselves as edges, as numpy.geomspace has: 1 and 10 begin bins."""
    pq.write_table(pa.table({"x": [0.5, 1.0, 9.0, 10.0, 100.0]}), tmp_path / "d.parquet")
    got = json.loads(ok(yoke("table", tmp_path / "d.parquet", "--hist", "x", "--log-bins", "--range", "0.001:100000", "--bins", 8, "--json")))["hist(x)"]
    assert got["edges"] == np.geomspace(0.001, 100000, 9).tolist() == [0.001, 0.01, 0.1, 1, 10, 100, 1000, 10000, 100000]
    assert got["counts"] == [0, 0, 1, 2, 1, 1, 0, 0]
