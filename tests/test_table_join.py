"""Joins of random tables against pandas: keys of every kind, several at once, missing ones, types that differ on the two sides."""

import json
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

KEYS = {
    "int32": (lambda v: v, pa.int32(), pa.int64()),
    "int or real": (lambda v: v, pa.int64(), pa.float64()),
    "text": (lambda v: f"key {v}" * (v % 3), pa.string(), pa.string()),
    "time": (lambda v: v * 1_000_000, pa.timestamp("us"), pa.timestamp("ms")),
    "date": (lambda v: v, pa.date32(), pa.date32()),
    "bool": (lambda v: v % 2 == 0, pa.bool_(), pa.bool_()),
}


def column(values, kind, missing):
    if pa.types.is_timestamp(kind):
        values = [v // (1 if kind.unit == "us" else 1000) for v in values]
    if pa.types.is_date(kind):
        return pa.array(values, pa.int32(), mask=missing).cast(kind)
    return pa.array(values, pa.int64() if pa.types.is_timestamp(kind) else kind, mask=missing).cast(kind)


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 10))))
def test_random_joins(yoke, tmp_path, seed):
    rng = np.random.default_rng(seed)
    kinds = [str(k) for k in rng.choice(list(KEYS), rng.integers(1, 4), replace=False)]
    n, m, distinct = int(rng.choice([1, 3000, 20000])), int(rng.choice([1, 200, 30000])), int(rng.choice([3, 50, 40000]))
    left_ids, right_ids = rng.integers(0, distinct, (n, len(kinds))), rng.integers(0, distinct, (m, len(kinds)))
    left, right, keys_left, keys_right = {"row": np.arange(n)}, {}, [[] for _ in range(n)], [[] for _ in range(m)]
    for k, kind in enumerate(kinds):
        make, left_type, right_type = KEYS[kind]
        for side, ids, type_, keys in ((left, left_ids, left_type, keys_left), (right, right_ids, right_type, keys_right)):
            missing = rng.random(len(ids)) < rng.choice([0, 0.1])
            values = [make(int(v)) for v in ids[:, k]]
            side[f"k{k}"] = column(values, type_, missing)
            for i, (v, is_missing) in enumerate(zip(values, missing)):
                keys[i].append(None if is_missing else v)
    first, keep = {}, []
    for i, key in enumerate(map(tuple, keys_right)):  # one row for each key, and every row that misses one
        if None in key or key not in first:
            keep.append(i)
            if None not in key:
                first[key] = i
    right["row"] = np.arange(m)
    right["name"] = pa.array([None if i % 11 == 5 else f"name {i}" for i in range(m)])
    pq.write_table(pa.table(left), tmp_path / "left.parquet", row_group_size=int(rng.integers(1, n + 1)))
    pq.write_table(pa.table(right).take(pa.array(keep)), tmp_path / "right.parquet", row_group_size=int(rng.integers(1, m + 1)))
    key = ",".join(f"k{k}" for k in range(len(kinds)))
    outs = set()
    for on in ("serial", "threads:3", "processes:2"):
        run = yoke("table", tmp_path / "left.parquet", "--join", tmp_path / "right.parquet", "--key", key, "--select", "row, row_2, name", "--json", "--on", on)
        assert run.returncode == 0, run.stderr
        outs.add(run.stdout)
    assert len(outs) == 1
    got = [json.loads(line) for line in outs.pop().splitlines()]
    for i, r in enumerate(got):
        match = None if None in keys_left[i] else first.get(tuple(keys_left[i]))
        assert r["row"] == i and r["row_2"] == match, (seed, kinds, keys_left[i])
        assert r["name"] == (None if match is None or match % 11 == 5 else f"name {match}")
    run = yoke("table", tmp_path / "left.parquet", "--join", tmp_path / "right.parquet", "--key", key, "--where", "not isnull(row_2)", "--count")
    assert int(run.stdout) == sum(r["row_2"] is not None for r in got)


def test_a_large_second_table_of_either_kind(yoke, tmp_path):
    n = 200_000
    big = pd.DataFrame({"id": np.random.default_rng(1).integers(0, 2 * n, 100_000), "row": range(100_000)})
    other = pd.DataFrame({"id": np.random.default_rng(2).permutation(2 * n)[:n]})
    other["text"] = [f"some text about {i}" for i in other.id]
    want = big.merge(other, on="id", how="left")
    pq.write_table(pa.Table.from_pandas(big), tmp_path / "big.parquet")
    other.to_csv(tmp_path / "other.csv", index=False)
    pq.write_table(pa.Table.from_pandas(other), tmp_path / "other.parquet")
    for name in ("other.csv", "other.parquet"):
        run = yoke("table", tmp_path / "big.parquet", "--join", tmp_path / name, "--key", "id", "--select", "row, text", "-o", tmp_path / "out.parquet", "-f")
        assert run.returncode == 0, run.stderr
        got = pq.read_table(tmp_path / "out.parquet")
        assert got["text"].to_pylist() == [None if pd.isna(v) else v for v in want.text]


def test_keys_that_come_twice_are_named_whole(yoke, tmp_path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "left.parquet")
    pq.write_table(pa.table({"a": [1, None, None, 1], "b": ["x", "y", "y", "x"]}), tmp_path / "right.parquet")
    run = yoke("table", tmp_path / "left.parquet", "--join", tmp_path / "right.parquet", "--key", "a,b", "--count")
    assert run.returncode == 2 and "'1, x'" in run.stderr


def test_names_that_clash_are_numbered(yoke, tmp_path):
    (tmp_path / "left.csv").write_text("k,name\n1,a\n2,b\n")
    for i in (1, 2):
        (tmp_path / f"{i}.csv").write_text(f"k,name,name_2\n1,x{i},y{i}\n")
    run = yoke("table", tmp_path / "left.csv", "--join", tmp_path / "1.csv", "--key", "k", "--join", tmp_path / "2.csv", "--key", "k", "--head", 9, "--format", "csv")
    assert run.stdout == "k,name,name_2,name_2_2,name_3,name_2_3\n1,a,x1,y1,x2,y2\n2,b,,,,\n", run


def test_columns_of_a_join_are_listed(yoke, tmp_path):
    pq.write_table(pa.table({"k": [1, 2], "x": [1.5, 2.5]}), tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("k,x,name\n1,7,one\n")
    run = yoke("table", tmp_path / "a.parquet", "--join", tmp_path / "b.csv", "--key", "k", "--columns", "--json")
    assert run.returncode == 0, run.stderr
    got = [json.loads(line) for line in run.stdout.splitlines()]
    assert [(r["column"], r["type"], r["note"]) for r in got] == [
        ("k", "integer", ""), ("x", "real", ""), ("x_2", "integer", "of the table that joins"), ("name", "text", "of the table that joins")]
