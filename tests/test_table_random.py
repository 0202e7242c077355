"""Random tables, written by PyArrow in random ways, asked random questions, against pandas. The seed is in the test's name; what failed is
kept under the test's folder. YOKE_STRESS sets how many."""

import json
import math
import os
import random

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

KINDS = ["int8", "int16", "int32", "int64", "uint8", "uint32", "float", "double", "bool", "text", "time"]


def column(rng, kind, n):
    missing = rng.random(n) < rng.choice([0, 0, 0.1, 0.5, 1])
    distinct = int(rng.choice([1, 3, 50, 100000]))
    if kind == "text":
        values = np.array([f"t{v}" * (v % 3) for v in range(min(distinct, 500))], dtype=object)[rng.integers(0, min(distinct, 500), n)]
        return pa.array(values, pa.string(), mask=missing)
    if kind == "bool":
        return pa.array(rng.random(n) < 0.4, mask=missing)
    if kind == "time":
        return pa.array(rng.integers(0, distinct, n) * 1000000, pa.timestamp("us"), mask=missing)
    if kind in ("float", "double"):
        values = np.round(rng.normal(0, 100, distinct), 2)[rng.integers(0, distinct, n)]
        values = np.where(rng.random(n) < rng.choice([0, 0.05]), np.nan, values)
        return pa.array(values.astype(np.float32 if kind == "float" else np.float64), mask=missing)
    low, high = (0, 100) if kind[0] == "u" else (-100, 100)
    return pa.array(rng.integers(low, high, distinct)[rng.integers(0, distinct, n)], getattr(pa, kind)(), mask=missing)


def write(rng, table, folder):
    """The table over a few files, each written in its own way."""
    n = len(table)
    cuts = [0, *sorted(rng.integers(0, n + 1, rng.integers(0, 4))), n]
    for i, (a, b) in enumerate(zip(cuts, cuts[1:])):
        pq.write_table(table.slice(a, b - a), folder / f"{i}.parquet", row_group_size=int(rng.integers(1, n + 2)),
                       data_page_size=int(rng.choice([100, 4000, 1 << 20])), use_dictionary=bool(rng.integers(2)),
                       compression=str(rng.choice(["none", "snappy", "gzip", "zstd", "lz4", "brotli"])), data_page_version=str(rng.choice(["1.0", "2.0"])),
                       write_page_index=bool(rng.integers(2)), write_statistics=bool(rng.integers(2)), dictionary_pagesize_limit=int(rng.choice([1000, 1 << 20])))


def near(got, want, scale):
    if got is None or (isinstance(want, float) and math.isnan(want)):
        return got is None and (want is None or math.isnan(want))
    return abs(got - want) <= 1e-11 * max(abs(want), scale, 1e-300)


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 15))))
def test_random_tables(yoke, tmp_path, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([1, 100, 3000, 40000]))
    kinds = {f"c{i}": str(k) for i, k in enumerate(rng.choice(KINDS, rng.integers(2, 7)))}
    kinds["x"], kinds["k"] = "double", "int32"
    table = pa.table({c: column(rng, k, n) for c, k in kinds.items()})
    write(rng, table, tmp_path)
    df = table.to_pandas(types_mapper={pa.int8(): pd.Int64Dtype(), pa.int16(): pd.Int64Dtype(), pa.int32(): pd.Int64Dtype(), pa.int64(): pd.Int64Dtype(),
                                       pa.uint8(): pd.Int64Dtype(), pa.uint32(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}.get)
    on = ["--on", str(rng.choice(["serial", "threads:2", "threads:3", "processes:2"]))]
    limit = float(np.round(rng.normal(0, 100), 1))
    filters = [([], np.ones(n, bool)), (["--where", f"x > {limit}"], (df.x > limit).fillna(False).to_numpy(bool)),
               (["--where", f"x <= {limit} or k == 3"], ((df.x <= limit).fillna(False) | (df.k == 3).fillna(False)).to_numpy(bool)),
               (["--where", "not isnull(k) and k % 2 == 0"], (df.k.notna() & (df.k % 2 == 0)).fillna(False).to_numpy(bool))]
    where, keep = filters[rng.integers(len(filters))]
    part = df[keep]
    asks, wants = ["--count"], {"count": len(part)}
    scales = {"count": 0}
    for c, kind in kinds.items():
        values = part[c].dropna()
        asks += ["--unique", c]
        wants[f"unique({c})"] = values.nunique()
        if kind in ("text", "time", "bool"):
            continue
        values = values.astype(float)
        asks += ["--sum", c, "--mean", c, "--min", c, "--max", c, "--std", c, "--median", c, "--quantile", f"0.3:{c}"]
        some = len(values) > 0
        wants |= {f"sum({c})": values.sum(), f"mean({c})": values.mean() if some else None, f"min({c})": values.min() if some else None,
                  f"max({c})": values.max() if some else None, f"std({c})": values.std() if len(values) > 1 else None,
                  f"median({c})": values.median() if some else None, f"quantile({c}, 0.3)": values.quantile(0.3) if some else None}
        scales[f"sum({c})"] = values.abs().sum()
    got = yoke("table", tmp_path, *where, *asks, "--json", *on)
    assert got.returncode == 0, (seed, got.stderr)
    got = json.loads(got.stdout)
    for name, want in wants.items():
        assert near(got[name], want, scales.get(name, 100)), (seed, name, got[name], want, where)

    bins = int(rng.integers(1, 60))
    counts, _ = np.histogram(part.x.dropna(), bins, (-150, 151))
    got = yoke("table", tmp_path, *where, "--hist", "x", "--bins", bins, "--range", "-150:151", "--json", *on)
    assert json.loads(got.stdout)["hist(x)"]["counts"] == counts.tolist(), seed

    of_groups = yoke("table", tmp_path, *where, "--by", "k", "--hist", "x", "--bins", bins, "--range", "-150:151", "--json", *on)
    of_groups = [json.loads(line)["hist(x)"] for line in of_groups.stdout.splitlines()]
    want = [np.histogram(g.dropna(), bins, (-150, 151))[0].tolist() for _, g in part.groupby("k", dropna=False, sort=True).x]
    assert of_groups == sum(want, []), seed

    by = yoke("table", tmp_path, *where, "--by", "k", "--count", "--sum", "x", "--max", "c0", "--first", "c1", "--json", *on)
    assert by.returncode == 0, (seed, by.stderr)
    by = [json.loads(line) for line in by.stdout.splitlines()]
    groups = part.groupby("k", dropna=False, sort=True)
    assert [r["k"] for r in by] == [None if pd.isna(k) else k for k in groups.size().index], seed
    assert [r["count"] for r in by] == groups.size().tolist(), seed
    for r, want in zip(by, groups.x.sum()):
        assert near(r["sum(x)"], want, 1e5), seed

    rows = yoke("table", tmp_path, *where, "--select", "k, x", "--sort", "x desc, k", "--head", 25, "--json", *on)
    rows = [json.loads(line) for line in rows.stdout.splitlines()]
    want = part.sort_values(["x", "k"], ascending=[False, True], kind="stable", na_position="last").head(25)
    assert [r["x"] for r in rows] == [None if pd.isna(v) else v for v in want.x], seed
    assert [r["k"] for r in rows] == [None if pd.isna(v) else v for v in want.k], seed
