"""What a user asks of a table at a shell: descriptions, names of results, plans, folders; and what is said of a newcomer's mistakes."""

import json
import os
import re
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def ok(run):
    assert run.returncode == 0, run.stderr
    return run.stdout


def rows(run):
    return [json.loads(line) for line in ok(run).splitlines()]


@pytest.fixture(scope="module")
def month(root):
    return root / "data/taxi/green_tripdata_2022-01.parquet"


def test_describe_is_pandas_describe(yoke, month):
    df = pd.read_parquet(month)
    got = {r["column"]: r for r in rows(yoke("table", month, "--describe", "--json"))}
    assert list(got) == list(df.columns)
    for name, want in df.describe(include=[np.number]).items():
        r = got[name]
        assert r["count"] == want["count"] and r["missing"] == len(df) - want["count"], name
        for word in ("mean", "std", "min", "25%", "50%", "75%", "max"):
            if not pd.isna(want[word]):
                assert r[word] == pytest.approx(want[word], rel=1e-12, abs=1e-12), (name, word)
    assert got["lpep_pickup_datetime"]["max"] == str(df.lpep_pickup_datetime.max()) and got["lpep_pickup_datetime"]["mean"] is None
    assert got["store_and_fwd_flag"]["min"] == "N" and got["store_and_fwd_flag"]["missing"] == int(df.store_and_fwd_flag.isna().sum())
    some = rows(yoke("table", month, "--where", "fare_amount > 0", "--select", "tip_amount / fare_amount as share", "--describe", "--json"))
    share = (df.tip_amount / df.fare_amount)[df.fare_amount > 0]
    assert [r["column"] for r in some] == ["share"] and some[0]["50%"] == pytest.approx(share.median(), rel=1e-14)
    shown = ok(yoke("table", month, "--describe")).splitlines()
    assert len(shown) == len(df.columns) + 1 and shown[0].split() == ["column", "type", "count", "missing", "mean", "std", "min", "25%", "50%", "75%", "max"]


def test_groups_are_sorted_by_a_result_as_it_is_called(yoke, month):
    df = pd.read_parquet(month)
    want = df.groupby("PULocationID").tip_amount.mean().sort_values(ascending=False).head(5)
    for sort in ("mean(tip_amount) desc", "`mean(tip_amount)` desc", " mean(tip_amount)  DESC "):
        got = rows(yoke("table", month, "--by", "PULocationID", "--mean", "tip_amount", "--sort", sort, "--head", 5, "--json"))
        assert [r["PULocationID"] for r in got] == want.index.tolist()


def test_results_have_the_names_they_are_given(yoke, month):
    asks = ["--mean", "tip_amount as tip", "--max", "extra", "--quantile", "0.1,0.9:tip_amount as t"]
    names = ["tip", "max(extra)", "quantile(t, 0.1)", "quantile(t, 0.9)"]
    assert list(json.loads(ok(yoke("table", month, *asks, "--json")))) == names
    assert list(rows(yoke("table", month, "--by", "payment_type", *asks, "--sort", "tip desc", "--json"))[0]) == ["payment_type", *names]
    assert ok(yoke("table", month, *asks, "--format", "json")) == ok(yoke("table", month, *asks, "--json"))


def test_folder_names_are_decoded(yoke, tmp_path):
    import pyarrow.dataset as ds

    zone, n = ["New York", "a/b=c", "100%", "é", None], 15 * 4096
    t = pa.table({"zone": [zone[i % 5] for i in range(n)], "n": [i % 3 for i in range(n)], "x": range(n)})
    part = ds.partitioning(pa.schema([("zone", pa.string()), ("n", pa.int32())]), flavor="hive")
    ds.write_dataset(t, tmp_path / "d", format="parquet", partitioning=part)
    for k, z in enumerate(zone):
        where = "isnull(zone)" if z is None else f"zone == '{z}'"
        assert json.loads(ok(yoke("table", tmp_path / "d", "--where", where, "--sum", "x", "--count", "--json"))) == {"sum(x)": sum(range(k, n, 5)), "count": n // 5}, z
    words = "table", tmp_path / "d", "--where", "zone == 'New York' and n > 0", "--mean", "x"
    plan = ok(yoke(*words, "--explain"))
    groups, out = map(int, re.search(r"(\d+) row groups, (\d+) left out", plan).groups())
    assert out * 15 == groups * 13 and "zone (text): from folder names" in plan and "n (integer): from folder names" in plan
    assert "53248 are left out" in plan and "8192 rows of 61440 read (53248 skipped" in yoke(*words, "--stats").stderr


def test_missing_values_of_folder_names_are_counted(yoke, tmp_path):
    """A folder may name no value, or not be there at all; row groups without rows miss nothing."""
    for folder, n in (("k=1", 3), ("k=__HIVE_DEFAULT_PARTITION__", 2), (".", 4), ("k=2", 0)):
        (tmp_path / folder).mkdir(exist_ok=True)
        pq.write_table(pa.table({"v": pa.array(range(n), pa.int64())}), tmp_path / folder / "x.parquet")
    got = {line.split()[0]: line.split()[1:4] for line in yoke("table", tmp_path, "--columns").stdout.splitlines()[1:]}
    assert got == {"v": ["integer", "0", "4"], "k": ["integer", "6", "3"]}
    assert yoke("table", tmp_path, "--where", "isnull(k)", "--count").stdout == "6\n"


def test_types_of_folder_names(yoke, tmp_path):
    """As Polars infers them, and PyArrow where it knows the type."""
    import polars as pl

    def folders(*names, file={"x": [1, 2]}):
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        for name in names:
            (root / name).mkdir(parents=True)
            pq.write_table(pa.table(file), root / name / "a.parquet")
        return root

    for names in (("k=1", "k=__HIVE_DEFAULT_PARTITION__"), ("k=007", "k=12"), ("k=true", "k=false"), ("k=2022-01-01", "k=2022-12-31"), ("k=1.5", "k=-2.0"),
                  ("k=b", "k=1")):
        root = folders(*names)
        got = [json.loads(line) for line in ok(yoke("table", root, "--select", "k, x", "--json")).splitlines()]
        want = pl.read_parquet(root, hive_partitioning=True).select("k", "x").to_dicts()
        assert got == json.loads(json.dumps(want, default=str)), names
    root = folders("x=7", "x=8")  # the file's own column stands
    assert ok(yoke("table", root, "--sum", "x")) == "6\n"
    plan = ok(yoke("table", folders("k=3", "k=4"), "--where", "k == 4", "--sum", "x", "--explain"))
    assert "rows      4, of which 0 are left out" in plan and "2 row groups, 0 left out" in plan  # they share a block


def test_names_that_come_twice_or_hold_quotes(yoke, tmp_path):
    name = 'x `y` "z"'
    pq.write_table(pa.table([pa.array([1, 2]), pa.array([3.5, 4]), pa.array(["u", "v"]), pa.array([5, 6])], names=["a", "a", name, "A"]), tmp_path / "t.parquet")
    got = [json.loads(line) for line in ok(yoke("table", tmp_path / "t.parquet", "--json", "--select", "*")).splitlines()]
    assert got == [{"a": 1, "a_2": 3.5, name: "u", "A": 5}, {"a": 2, "a_2": 4, name: "v", "A": 6}]
    for quoted in ('`x ``y`` "z"`', '"x `y` ""z"""'):
        assert ok(yoke("table", tmp_path / "t.parquet", "--select", f"len({quoted}) as n")).split() == ["n", "1", "1"]
    ok(yoke("table", tmp_path / "t.parquet", "-o", tmp_path / "u.parquet"))
    assert pq.read_table(tmp_path / "u.parquet").column_names == ["a", "a_2", name, "A"]


def test_a_plan_has_all_columns_that_are_read(yoke, month, shared):
    def read(*words):
        return {line.split()[1] for line in ok(yoke("table", month, *words, "--explain")).splitlines() if line.startswith("column")}

    assert read("--select", "tip_amount", "--sort", "fare_amount desc, extra", "--head", 3) == {"tip_amount", "fare_amount", "extra"}
    assert read("--by", "payment_type", "--hist", "tip_amount", "--sort", "count desc") == {"payment_type", "tip_amount"}
    assert read("--head", 3) == read("--describe") == {*pq.ParquetFile(month).schema.names} - {"ehail_fee"}  # which is missing throughout
    assert read("--join", shared / "taxi/csv/taxi+_zone_lookup.csv", "--key", "PULocationID=LocationID", "--by", "Borough", "--count") == {"PULocationID"}


def test_a_plan_says_what_statistics_answer(yoke, month):
    def plan(*words):
        return ok(yoke("table", month, *words, "--explain")).splitlines()

    lines = plan("--max", "tip_amount", "--min", "PULocationID", "--count")
    assert lines[-4:] == ["read      nothing beyond what the files say of themselves", "result    max(tip_amount): from statistics", "result    min(PULocationID): from statistics",
                          "result    count: the number of rows"]
    assert " 0.0 MB " in yoke("table", month, "--max", "tip_amount", "--min", "PULocationID", "--stats").stderr
    lines = plan("--max", "tip_amount", "--mean", "extra", "--hist", "tolls_amount")
    assert [line.split()[1] for line in lines if line.startswith("column")] == ["extra", "tolls_amount"]
    assert [line.split()[1] for line in lines if line.startswith("result")] == ["max(tip_amount):", "min(tolls_amount):", "max(tolls_amount):"]
    for words in (["--where", "extra > 0", "--max", "tip_amount"], ["--max", "tip_amount", "--mean", "tip_amount"], ["--max", "tip_amount + 1"], ["--by", "extra", "--max", "tip_amount"]):
        assert not any(line.startswith("result") for line in plan(*words)) and any("tip_amount (real)" in line for line in plan(*words)), words


def test_all_columns_and_more(yoke, month, tmp_path):
    df = pd.read_parquet(month)
    got = rows(yoke("table", month, "--select", "tip_amount as first, * , tip_amount / 2 as half", "--head", 5, "--json"))
    assert [list(r) for r in got] == [["first", *df.columns, "half"]] * 5 and [r["half"] for r in got] == (df.tip_amount / 2)[:5].tolist()
    assert ok(yoke("table", month, "--select", "*", "--distinct", "--head", 3)) == ok(yoke("table", month, "--distinct", "--head", 3))
    assert len(rows(yoke("table", month, "--describe", "--select", "*, extra * 2", "--json"))) == len(df.columns) + 1
    zones = ["--join", tmp_path / "z.csv", "--key", "PULocationID=id"]
    (tmp_path / "z.csv").write_text("id,name\n" + "".join(f"{i},zone {i}\n" for i in range(1, 266)))
    assert list(rows(yoke("table", month, *zones, "--select", "*", "--head", 1, "--json"))[0])[-1] == "name"
    ok(yoke("table", month, "--where", "tip_amount > 5", "-o", tmp_path / "all.parquet"))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "all.parquet"), df[df.tip_amount > 5].reset_index(drop=True), check_dtype=False)
    run = yoke("table", month, "--mean", "*")
    assert run.returncode == 2 and "expected a value" in run.stderr
    assert yoke("table", month).returncode == 2


@pytest.mark.parametrize("words, says", [
    (["--where", 'store_and_fwd_flag == "Y"', "--count"], "text goes into single quotes: 'Y'"),
    (["--where", "tip_amount > '3'", "--count"], "a number is written without quotes"),
    (["--where", "store_and_fwd_flag > 3", "--count"], "cast(… as real) makes a number of text"),
    (["--where", "lpep_dropoff_datetime - lpep_pickup_datetime > 30", "--count"], "minutes(…)"),
    (["--hist", "lpep_pickup_datetime"], "days(… - '2022-01-01')"),
    (["--where", "lpep_pickup_datetime > 2022", "--count"], "'2022-02-01'"),
    (["--select", "mean(tip_amount)"], "asked as a result of its own"),
    (["--select", "max(tip_amount)"], "asked as a result of its own"),
    (["--mean", "nonsense"], "the columns are VendorID, lpep_pickup_datetime"),
    (["--hist", "store_and_fwd_flag"], "is text, and a number is needed"),
    (["--mean", "tip_amount", "--bins", "9"], "add --hist"),
    (["--hist", "tip_amount", "--edges", "1,2", "--bins", "9"], "--edges says all of the bins"),
    (["--hist", "tip_amount", "--log-y"], "add --plot"),
    (["--head", "3", "--seed", "3"], "--seed is of --sample"),
    (["--describe", "--mean", "tip_amount"], "--describe"),
    (["--where", "tip_amount", "--count"], "the shell takes > for itself"),
    (["--where", "tip_amount => 3", "--count"], "'=>' is written '>='"),
    (["--where", "lpep_dropoff_datetime - lpep_pickup_datetime > 'an hour'", "--count"], "'10 minutes'"),
    (["--select", "tip_amount::int"], "cast(… as int)"),
    (["--select", "date(lpep_pickup_datetime)"], "cast(… as date)"),
    (["--select", "tip amount"], "goes into backquotes"),
    (["--first", "tip_amount"], "are of groups (--by)"),
    (["--count", "--format", "csv"], "--format csv is of rows"),
    (["--count", "--memory", "5"], "such as 5M or 5G"),
    (["--select", "tip_amount as a, extra as a", "-o", "no.parquet"], "two columns are called 'a'"),
])
def test_mistakes_of_a_newcomer(yoke, month, words, says):
    run = yoke("table", month, *words)
    assert run.returncode in (1, 2) and says in run.stderr and run.stdout == "", run


def test_parts_of_structs_and_lists_are_named(yoke, tmp_path):
    t = pa.table({"a": [{"b": 1, "c": {"d": "x"}}, None], "l": [[1, 2], []], "m": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int32()))})
    pq.write_table(t, tmp_path / "n.parquet")
    assert rows(yoke("table", tmp_path / "n.parquet", "--select", "a.b, a.c.d", "--json")) == [{"a.b": 1, "a.c.d": "x"}, {"a.b": None, "a.c.d": None}]
    for words in (["--head", 2], ["--select", "*, a.b"], ["--describe"]):
        assert "3 columns that cannot be read in every file were left out: l.list.element, m.key_value.key, m.key_value.value" in yoke("table", tmp_path / "n.parquet", *words).stderr
    assert yoke("table", tmp_path / "n.parquet", "--select", "a.b").stderr == ""
    for name, says in [("a", "name one of them: a.b, a.c.d"), ("l", "it is a list"), ("m", "it is part of a map")]:
        run = yoke("table", tmp_path / "n.parquet", "--select", name)
        assert run.returncode == 1 and says in run.stderr


def test_ctrl_c_leaves_nothing_behind(yoke_path, tmp_path):
    """While rows are read, and while they are written."""
    n = 3000000
    pq.write_table(pa.table({"x": np.random.default_rng(1).normal(size=n)}), tmp_path / "t.parquet", compression="none", use_dictionary=False)
    for words, after in [(["--by", "x", "--count"], 0.3), (["--select", "x", "--sort", "x desc"], 0.3), (["--select", "x", "--sort", "x"], 1.0)]:
        p = subprocess.Popen([yoke_path, "table", tmp_path / "t.parquet", *words, "-o", tmp_path / "out.csv"], stderr=subprocess.PIPE, text=True,
                             preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        time.sleep(after)
        p.send_signal(signal.SIGINT)
        said = p.communicate(timeout=60)[1]
        if p.returncode == 0: # it was over before
            os.remove(tmp_path / "out.csv")
            continue
        assert p.returncode == 130 and "interrupted" in said, (words, p.returncode, said)
        assert os.listdir(tmp_path) == ["t.parquet"]


def test_the_last_rows_alone_are_read(yoke, tmp_path):
    n = 300_000
    x = np.random.default_rng(2).integers(0, 1000, n)
    pq.write_table(pa.table({"x": x[:200_001]}), tmp_path / "a.parquet", row_group_size=70_000)
    pq.write_table(pa.table({"x": x[200_001:]}), tmp_path / "b.parquet")
    (tmp_path / "names.csv").write_text("k,name\n" + "".join(f"{i},n{i}\n" for i in range(1000)))
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet", "--join", tmp_path / "names.csv", "--key", "x=k"]
    for tail in (1, 37_856, 37_857, 150_000, n - 1, n, n + 1):
        for on in ("serial", "threads:3", "processes:2"):
            run = yoke("table", *files, "--tail", tail, "--select", "x + 1 as y, name", "--format", "csv", "--on", on, "--stats")
            assert ok(run) == "y,name\n" + "".join(f"{v + 1},n{v}\n" for v in x[-tail:]), (tail, on)
            assert run.stderr.startswith(f"{min(tail, n)} rows of {n} read (0 skipped, {min(tail, n)} passed)"), run.stderr
    assert ok(yoke("table", *files, "--where", "x == 7", "--tail", 500, "--format", "csv", "--select", "x")).count("\n7") == min(500, (x == 7).sum())


def test_bytes_become_text(yoke, tmp_path):
    """Many writers of old did not say that their bytes are text."""
    words = ["red", "été", "", None, "Blue"]
    pq.write_table(pa.table({"b": pa.array([w and w.encode() or (b"" if w == "" else None) for w in words] * 100), "n": range(500)}), tmp_path / "b.parquet")
    got = rows(yoke("table", tmp_path / "b.parquet", "--by", "upper(cast(b as text)) as w", "--count", "--sum", "n", "--json"))
    assert [(r["w"], r["count"], r["sum(n)"]) for r in got] == [
        (w and w.upper(), 100, sum(range(i, 500, 5))) for i, w in sorted(enumerate(words), key=lambda w: (w[1] is None, (w[1] or "").upper().encode()))]
    assert ok(yoke("table", tmp_path / "b.parquet", "--where", "len(cast(b as text)) == 3", "--count")) == "200\n"


def test_uuids_and_times_of_day_stay_what_they_are(yoke, tmp_path):
    import datetime
    import uuid

    ids = [uuid.UUID(int=i * 0x123456789ABCDEF0F1E2D3C4B5A69788 % 2**128) for i in range(7)]
    clock = [datetime.time(i % 24, i * 7 % 60, i * 13 % 60, i * 1000) for i in range(500)]
    table = pa.table({"id": pa.array([None if i % 11 == 3 else ids[i % 7].bytes for i in range(500)], pa.uuid()), "n": range(500),
                      "ms": pa.array(clock, pa.time64("us")).cast(pa.time32("ms")), "us": pa.array(clock, pa.time64("us")), "ns": pa.array(clock, pa.time64("ns"))})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=200)
    for how in ([], ["--sort", "n desc"], ["--distinct", "--memory", "16M"]):
        ok(yoke("table", tmp_path / "in.parquet", *how, "-o", tmp_path / "out.parquet", "-f", "--select", "id, n, ms, us, ns"))
        got = pq.read_table(tmp_path / "out.parquet")
        assert got.schema.types == table.schema.types and got.sort_by("n").to_pydict() == table.to_pydict(), how
    by = rows(yoke("table", tmp_path / "in.parquet", "--by", "id", "--count", "--min", "ms", "--max", "id", "--json"))
    want = table.to_pandas().assign(id=[v and str(v) for v in table["id"].to_pylist()]).groupby("id").n.size()
    assert [(r["id"], r["count"]) for r in by[:-1]] == list(want.items()) and all(r["max(id)"] == r["id"] for r in by)
    part = f"id in ('{ids[2]}', '{str(ids[5]).upper()}') or cast(id as text) == '{ids[6]}'"
    assert int(ok(yoke("table", tmp_path / "in.parquet", "--where", part, "--count"))) == sum(want[str(ids[k])] for k in (2, 5, 6))
    run = yoke("table", tmp_path / "in.parquet", "--where", "id == 'abc'", "--count")
    assert run.returncode == 2 and "8-4-4-4-12" in run.stderr
    got = rows(yoke("table", tmp_path / "in.parquet", "--where", "us >= '12:00' and us < '13:30:00.5'", "--select", "n, hour(ms) as h, minute(us) as m, second(ns) as s", "--json"))
    assert [(r["n"], r["h"], r["m"], r["s"]) for r in got] == [
        (i, t.hour, t.minute, t.second) for i, t in enumerate(clock) if datetime.time(12) <= t < datetime.time(13, 30, 0, 500000)]
    columns = {r["column"]: r["type"] for r in rows(yoke("table", tmp_path / "in.parquet", "--columns", "--json"))}
    assert columns == {"id": "uuid", "n": "integer", "ms": "time[ms]", "us": "time[us]", "ns": "time[ns]"}


def test_where_is_checked_when_it_is_said(yoke_path, plain_build, tmp_path):
    """In C a filter that does not fit is an error of yoke_table_where where no reading is needed to know it."""
    import ctypes
    lib = ctypes.CDLL(str(yoke_path.parent / "libyoke.so.0"))
    for name in ("yoke_open", "yoke_table_open", "yoke_table_where"):
        getattr(lib, name).restype = ctypes.c_void_p
    lib.yoke_table_open.argtypes = lib.yoke_table_where.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    lib.yoke_table_close.argtypes = lib.yoke_close.argtypes = [ctypes.c_void_p]
    pq.write_table(pa.table({"x": [1, 2], "s": ["a", "b"]}), tmp_path / "t.parquet")
    session = lib.yoke_open(b"serial", None)
    table = lib.yoke_table_open(session, str(tmp_path / "t.parquet").encode(), None)
    text = ctypes.create_string_buffer(512)
    for expr, says in ((b"nope > 1", b"no column 'nope'"), (b"s > 1", b"s is text, 1 is integer"), (b"x + 1", b"integer"), (b"x >", b"expected a value")):
        ctypes.memset(text, 0, 512)
        assert lib.yoke_table_where(table, expr, text) is None and says in text.raw[8:], (expr, text.raw[8:200])
    good = lib.yoke_table_where(table, b"x > 1", text)
    lib.yoke_table_close(good)
    lib.yoke_table_close(table)
    lib.yoke_close(session)


@pytest.mark.parametrize("words, says", [
    (["--distinct", "--select", "payment_type", "--sample", "2"], "--sample is of the rows of the table"),
    (["--by", "payment_type", "--count", "--top", "2", "--head", "1"], "--head and --tail do not go with it"),
])
def test_words_that_do_not_go_together(yoke, month, words, says):
    run = yoke("table", month, *words)
    assert run.returncode == 2 and says in run.stderr


def test_a_plan_names_joins_and_the_bytes_of_csv_files(yoke, tmp_path):
    (tmp_path / "t.csv").write_text("id,x\n" + "1,2.5\n" * 400_000)
    (tmp_path / "z.csv").write_text("id,name\n1,one\n2,two\n")
    size = (tmp_path / "t.csv").stat().st_size
    plan = ok(yoke("table", tmp_path / "t.csv", "--join", tmp_path / "z.csv", "--key", "id", "--by", "name", "--mean", "x", "--explain"))
    assert "join      1: 2 rows in memory, found by id\n" in plan and f"read      {size / 1e6:.2f} MB of CSV" in plan
