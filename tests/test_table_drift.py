"""Files of one table that differ: columns that only some have, types and names that drifted; against DuckDB's union_by_name and pandas' concat."""

import json

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

EXECUTORS = ["serial", "threads:1", "threads:2", "threads:3", "threads:7", "processes:2"]


def ok(run):
    assert run.returncode == 0, run.stderr
    return run.stdout


def rows(run):
    return [json.loads(line) for line in ok(run).splitlines()]


def plain(frame):
    """A frame's rows, missing values as None, times as they are printed."""
    frame = frame.astype(object).where(frame.notna(), None)
    return [{k: str(v) if isinstance(v, pd.Timestamp) else v for k, v in r.items()} for r in frame.to_dict("records")]


@pytest.fixture
def drifted(tmp_path):
    """Five files, block borders within them: fee only in the third and fifth, tag only in the first, n as int, double, nothing, int, text-free."""
    r = np.random.default_rng(4)
    folder = tmp_path / "d"
    folder.mkdir()
    for i, n in enumerate([3000, 700, 5000, 1, 2500]):
        t = {"k": pa.array(r.integers(0, 5, n), pa.int32() if i % 2 else pa.int64())}
        if i != 2:
            t["n"] = pa.array(r.integers(-9, 9, n), [pa.int32(), pa.float64(), None, pa.uint8(), pa.float32()][i] if i != 3 else pa.int16())
        if i in (2, 4):
            t["Fee" if i == 4 else "fee"] = pa.array(r.choice([0.25, 1.5, 2.75], n), mask=r.random(n) < 0.2)
        if i == 0:
            t["tag"] = pa.array(r.choice(["a", "bb", ""], n), mask=r.random(n) < 0.2)
        pq.write_table(pa.table(t), folder / f"{i}.parquet", row_group_size=int(r.integers(400, 3000)), use_dictionary=bool(i % 3))
    return folder


def union(folder):
    return duckdb.sql(f"select k, n, fee, tag from read_parquet('{folder}/*.parquet', union_by_name=true)").df()


def test_a_column_that_files_lack_is_missing_there(yoke, drifted):
    want = union(drifted)
    assert rows(yoke("table", drifted, "--select", "k, n, fee, tag", "--json")) == plain(want)
    assert rows(yoke("table", drifted, "--json", "--select", "*", "--tail", 3)) == plain(want[["k", "n", "tag", "fee"]].tail(3))
    got = json.loads(ok(yoke("table", drifted, "--count", "--sum", "fee", "--max", "fee", "--min", "n", "--median", "fee", "--unique", "tag", "--hist", "fee",
                             "--bins", 3, "--range", "0:3", "--json")))
    assert (got["count"], got["max(fee)"], got["min(n)"], got["median(fee)"]) == (len(want), 2.75, -9, want.fee.median())
    assert got["sum(fee)"] == want.fee.sum() and got["unique(tag)"] == 3
    assert got["hist(fee)"]["counts"] == np.histogram(want.fee.dropna(), 3, (0, 3))[0].tolist()
    by = rows(yoke("table", drifted, "--by", "fee, tag", "--count", "--sum", "n", "--json"))
    groups = want.groupby(["fee", "tag"], dropna=False).n.agg(["size", "sum"]).reset_index()
    assert [(r["count"], r["sum(n)"]) for r in by] == list(zip(groups["size"], groups["sum"]))
    order = rows(yoke("table", drifted, "--select", "fee, k", "--sort", "fee, k desc", "--head", 4000, "--json"))
    assert order == plain(want.sort_values(["fee", "k"], ascending=[True, False], kind="stable")[["fee", "k"]].head(4000))
    assert rows(yoke("table", drifted, "--select", "fee, tag", "--distinct", "--json")) == plain(want[["fee", "tag"]].drop_duplicates())


@pytest.mark.parametrize("where, keep", [("fee > 1", lambda d: d.fee > 1), ("isnull(fee)", lambda d: d.fee.isna()), ("not (fee > 1)", lambda d: ~(d.fee > 1)),
                                         ("tag == ''", lambda d: d.tag == ""), ("coalesce(fee, 9) > 2 and k < 3", lambda d: (d.fee.fillna(9) > 2) & (d.k < 3)),
                                         ("n is not null and fee is not null", lambda d: d.n.notna() & d.fee.notna())])
def test_filters_on_what_files_lack(yoke, drifted, where, keep):
    want = union(drifted)
    want = want[keep(want)]
    outs = {ok(yoke("table", drifted, "--where", where, "--count", "--sum", "k", "--mean", "n", "--on", on, "--json")) for on in EXECUTORS}
    assert len(outs) == 1
    got = json.loads(outs.pop())
    assert (got["count"], got["sum(k)"]) == (len(want), want.k.sum() if len(want) else None)
    assert (got["mean(n)"] is None and want.n.isna().all()) or got["mean(n)"] == pytest.approx(want.n.mean(), rel=1e-12)


def test_whole_files_without_the_column_are_passed_over(yoke, drifted):
    plan = ok(yoke("table", drifted, "--where", "fee >= 0", "--count", "--explain"))
    left_out = int(plan.split("of which ")[1].split()[0])
    assert left_out >= 2048 and "rows      11201" in plan  # the first file; blocks that reach into others are read


def test_what_files_lack_is_said(yoke, drifted):
    run = yoke("table", drifted, "--mean", "fee", "--unique", "tag")
    assert run.stderr == "yoke table: not all of the 5 files have tag (1 file), fee (2 files); in the others it is missing\n"
    assert yoke("table", drifted, "--mean", "k").stderr == ""
    columns = {r["column"]: r for r in rows(yoke("table", drifted, "--columns", "--json"))}
    want = union(drifted)
    assert [(c, r["files"], r["missing"]) for c, r in columns.items()] == [
        ("k", 5, "0"), ("n", 4, str(want.n.isna().sum())), ("tag", 1, str(want.tag.isna().sum())), ("fee", 2, str(want.fee.isna().sum()))]
    assert "not in 3 of the files" in columns["fee"]["note"] and columns["n"]["type"] == "real"
    run = yoke("table", drifted, "--mean", "fees")
    assert run.returncode == 1 and "no column 'fees'; did you mean 'fee'" in run.stderr


def test_csv_files_lack_columns_too(yoke, tmp_path):
    (tmp_path / "1.csv").write_text("a,b\n1,x\n2,y\n")
    (tmp_path / "2.csv").write_text("B ,c\nz,2.5\n")
    pq.write_table(pa.table({"a": [7], "c": [1]}), tmp_path / "3.parquet")
    got = rows(yoke("table", tmp_path, "--select", "a, b, c", "--json"))
    assert got == [{"a": 1, "b": "x", "c": None}, {"a": 2, "b": "y", "c": None}, {"a": None, "b": "z", "c": 2.5}, {"a": 7, "b": None, "c": 1}]
    got = rows(yoke("table", tmp_path, "--by", "b is null as no_b", "--count", "--sum", "a", "--json"))
    assert got == [{"no_b": False, "count": 3, "sum(a)": 3}, {"no_b": True, "count": 1, "sum(a)": 7}]


def test_a_csv_column_that_does_not_fit_spoils_no_other(yoke, tmp_path):
    """Found out late: after more rows than types are guessed from, beyond where the first scan stops."""
    pq.write_table(pa.table({"a": [1, 2], "b": [1.5, 2.5], "c": [True, False]}), tmp_path / "1.parquet")
    (tmp_path / "2.csv").write_text("a,b,c\n" + "3,0.5,true\n" * 150_000 + "x,7,yes\n")
    assert ok(yoke("table", tmp_path, "--select", "b", "--tail", 2, "--format", "csv")) == "b\n0.5\n7\n"
    assert ok(yoke("table", tmp_path, "--sum", "b")) == "75011\n"
    columns = {r["column"]: r["note"] for r in rows(yoke("table", tmp_path, "--columns", "--json"))}
    assert "text in" in columns["a"] and "text in" in columns["c"] and columns["b"] == ""
    run = yoke("table", tmp_path, "--head", 1, "--format", "csv")
    assert run.stdout == "b\n1.5\n" and "2 columns that cannot be read in every file were left out: a, c" in run.stderr
    run = yoke("table", tmp_path, "--select", "a", "--head", 1)
    assert run.returncode == 2 and "column 'a' is text in" in run.stderr and "integer in the files before it" in run.stderr
    (tmp_path / "3.csv").write_text("b,d\n1,2\n")
    assert "have d (1 file); in the others" in yoke("table", tmp_path, "--select", "d", "--tail", 1).stderr


def test_real_months_over_the_years(yoke, shared):
    """Six years of green cabs: integers became reals and came back, a column of nulls got values, a fee is new in 2025."""
    months = shared / "taxi/tlc"
    want = duckdb.sql(f"select count(cbd_congestion_fee) c, sum(cbd_congestion_fee) f, sum(passenger_count) p, sum(payment_type) t, sum(PULocationID) z, count(ehail_fee) e "
                      f"from read_parquet('{months}/*.parquet', union_by_name=true)").fetchall()[0]
    asks = ["--count", "--sum", "cbd_congestion_fee", "--sum", "passenger_count", "--sum", "payment_type", "--sum", "PULocationID", "--max", "ehail_fee"]
    run = yoke("table", months, "--where", "lpep_pickup_datetime is not null", *asks, "--json")
    got = json.loads(ok(run))
    assert got["sum(cbd_congestion_fee)"] == pytest.approx(want[1], rel=1e-12) and want[0] < got["count"]
    assert (got["sum(passenger_count)"], got["sum(payment_type)"], got["sum(PULocationID)"]) == want[2:5]
    assert (got["max(ehail_fee)"] is None) == (want[5] == 0) and "cbd_congestion_fee (1 file)" in run.stderr
