"""Results that are told from how often values come, or from what files say of themselves: the same as from every row."""

import datetime
import decimal
import json

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def answers(run):
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def table(rng, n):
    x = rng.choice(np.round(rng.normal(5, 30, 700), 2), n)
    return pa.table({
        "x": pa.array(np.where(rng.random(n) < 0.02, np.nan, x), mask=rng.random(n) < 0.05),
        "i": pa.array(rng.integers(-40, 300, n), pa.int32(), mask=rng.random(n) < 0.1),
        "s": pa.array(rng.choice(["red", "green", "blue", "été", ""], n), mask=rng.random(n) < 0.1),
        "b": pa.array(rng.random(n) < 0.3, mask=rng.random(n) < 0.1),
        "t": pa.array(rng.integers(0, 500, n) * 10**9, pa.timestamp("us")),
        "wide": rng.normal(size=n),
    })


# Every ask is of one column: coded in one file, stored as values in the other.
ASKS = [
    ["--count", "--min", "x", "--max", "x", "--median", "x", "--quantile", "0.01,0.9:x * x", "--hist", "x", "--bins", "30"],
    ["--where", "x > 3", "--count", "--min", "x", "--max", "-x", "--quantile", "0.3:x", "--hist", "x / 2", "--bins", "7", "--range", "0:20"],
    ["--where", "x < -1e9", "--count", "--min", "x", "--median", "x"],
    ["--where", "not (x > 0) or isnull(x)", "--count", "--max", "x", "--median", "coalesce(x, 1)"],
    ["--sum", "i", "--mean", "i", "--min", "i", "--max", "i * 2", "--median", "i", "--sum", "coalesce(i, 5)"],
    ["--where", "i % 3 == 1", "--sum", "i", "--mean", "i * i", "--count", "--quantile", "0,1:i"],
    ["--min", "s", "--max", "s", "--count", "--sum", "len(s)"],
    ["--where", "s in ('red', 'été')", "--count", "--min", "s", "--max", "s"],
    ["--sum", "b", "--min", "b", "--max", "b", ],
    ["--min", "t", "--max", "t", "--sum", "hour(t)"],
    ["--sum", "x", "--min", "x", "--count"],                      # the order of rows matters to the sum
    ["--where", "wide > 0", "--median", "x", "--min", "x"],       # counted, under a filter on another column
    ["--median", "wide", "--median", "x", "--quantile", "0.7:wide"],
]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("counts")
    t = table(np.random.default_rng(3), 150_000)
    pq.write_table(t, folder / "coded.parquet", row_group_size=60_000, data_page_size=40_000)
    pq.write_table(t, folder / "mixed.parquet", row_group_size=60_000, dictionary_pagesize_limit=3000, data_page_size=5000)
    pq.write_table(t, folder / "stored.parquet", use_dictionary=False, write_statistics=False)
    return folder, t.to_pandas()


@pytest.mark.parametrize("asks", ASKS, ids=[" ".join(a[:4]) for a in ASKS])
def test_counted_is_read(yoke, files, asks):
    folder, _ = files
    want = answers(yoke("table", folder / "stored.parquet", *asks, "--json", "--on", "serial"))
    for name in ("coded", "mixed"):
        for on in ("serial", "threads:3", "processes:2"):
            assert answers(yoke("table", folder / f"{name}.parquet", *asks, "--json", "--on", on)) == want, (name, on)


def test_counted_is_pandas(yoke, files):
    folder, df = files
    got = answers(yoke("table", folder / "coded.parquet", "--where", "x > 3", "--count", "--min", "x", "--max", "x", "--quantile", "0.25,0.5:x", "--json"))
    x = df.x[df.x > 3]
    assert list(got.values()) == [len(x), x.min(), x.max(), *np.quantile(x, [0.25, 0.5])]
    got = answers(yoke("table", folder / "coded.parquet", "--where", "i >= 0", "--sum", "i", "--count", "--median", "i", "--json"))
    i = df.i[df.i >= 0]
    assert list(got.values()) == [i.sum(), len(i), i.median()]


def test_overflow_of_rows_that_are_there_alone(yoke, tmp_path):
    """A dictionary's value that no passing row has is no error; one that some has is."""
    big = np.array([2**62, 1, 2, 3] * 3000)
    pq.write_table(pa.table({"i": big}), tmp_path / "x.parquet")
    assert answers(yoke("table", tmp_path / "x.parquet", "--where", "i < 10", "--max", "i * 4", "--count", "--json"))["max(i * 4)"] == 12
    run = yoke("table", tmp_path / "x.parquet", "--max", "i * 4", "--count")
    assert run.returncode != 0 and "does not fit an integer" in run.stderr




KNOWN = {
    "reals": pa.array([3.5, -2.25, 8.0, None]),
    "nan": pa.array([float("nan"), 2.0, 7.0]),
    "only nan": pa.array([float("nan")] * 3),
    "zeros": pa.array([0.0, -0.0, 5.0]),
    "minus zero": pa.array([-0.0, 5.0]),
    "infinite": pa.array([float("-inf"), 1.0]),
    "none": pa.array([None, None], pa.float64()),
    "integers": pa.array([5, None, -7], pa.int16()),
    "unsigned": pa.array([2**63 + 5, 3], pa.uint64()),
    "small unsigned": pa.array([2**31 + 5, 3], pa.uint32()),
    "dates": pa.array([datetime.date(2022, 2, 1), datetime.date(1969, 1, 1)]),
    "times": pa.array([10**15, 5], pa.timestamp("us", tz="UTC")),
    "times in ms": pa.array([10**15, 5], pa.timestamp("ms", tz="UTC")),
    "floats": pa.array([1.5, 0.1], pa.float32()),
    "texts": pa.array(["b" * 100, "a" * 100, None]),
    "decimals": pa.array([1, 3], pa.decimal128(10, 2)),
    "booleans": pa.array([True, None]),
    "bytes": pa.array([b"\xff\x00", None, b"\x7f", b"\x00"]),
    "no texts": pa.array([None, None], pa.string()),
    "texts of none and more": pa.array(["z", "", "é", "\U0001f600", "\uffff"]),
    "texts beyond the bounds": pa.array(["é" * 40 + "b", "é" * 40 + "a", "\U0010ffff" * 30, "x"]),
    "fixed": pa.array([b"\x80ab", b"\x7fab", b"\x00\x00\x00"], pa.binary(3)),
    "negative decimals": pa.array([decimal.Decimal(-(10**30)), decimal.Decimal(10**30), None, decimal.Decimal(7)], pa.decimal128(38, 4)),
    "small decimals": pa.array([decimal.Decimal("-1.28"), decimal.Decimal("1.27"), None], pa.decimal128(4, 2)),
    "half": pa.array(np.array([1.5, -0.25, 3], "float16")),
}


@pytest.mark.parametrize("name", KNOWN)
def test_known_ranges_are_those_of_a_scan(yoke, tmp_path, name):
    t = pa.table({"v": KNOWN[name]})
    for k in (1, 2):
        pq.write_table(t, tmp_path / "with.parquet", row_group_size=k)
        pq.write_table(t, tmp_path / "without.parquet", row_group_size=k, write_statistics=False)
        assert yoke("table", tmp_path / "with.parquet", "-f", "-o", tmp_path / "own.parquet").returncode == 0
        duckdb.sql(f"copy (from read_parquet('{tmp_path}/without.parquet')) to '{tmp_path}/duck.parquet' (row_group_size {k})")
        for asks in (["--min", "v", "--max", "v"], ["--max", "v", "--count"]):
            read = yoke("table", tmp_path / "without.parquet", *asks)
            for f in ("with", "own", "duck")[:2 if name == "times in ms" else 3]:  # DuckDB makes them microseconds
                said = yoke("table", tmp_path / f"{f}.parquet", *asks)
                assert (said.returncode, said.stdout) == (read.returncode, read.stdout), (f, asks)


def test_ranges_cost_no_reading(yoke, tmp_path):
    """Bounds in the footer are enough: the pages may be gone."""
    n = np.arange(100_000)
    t = pa.table({"i": n % 77, "x": n % 77 + 0.5, "t": np.char.add("text ", (n % 77).astype(str)), "b": n > 500, "u": n.astype("u8") % 77 + 2**63})
    path = tmp_path / "x.parquet"
    pq.write_table(t, path)
    whole = path.read_bytes()
    meta = pq.ParquetFile(path).metadata.row_group(0).column(0)
    damaged = bytearray(whole)
    damaged[4:meta.total_compressed_size // 2] = b"\xff" * (meta.total_compressed_size // 2 - 4)
    path.write_bytes(damaged)
    asks = [word for column in "ixtbu" for word in ("--min", column, "--max", column)]
    run = yoke("table", path, *asks, "--json", "--stats")
    assert list(answers(run).values()) == [0, 76, 0.5, 76.5, "text 0", "text 9", False, True, 2**63, 2**63 + 76] and " 0.0 MB in 0 scans" in run.stderr
    assert yoke("table", path, "--where", "i >= 0", "--max", "i").returncode != 0


@pytest.mark.parametrize("on", ["serial", "threads:3", "processes:2"])
def test_quantiles_of_few_and_many_plain_values(yoke, tmp_path, on):
    """Without dictionaries: few different values in all tasks, few that become many within one, many from the first block on; both zeros among them."""
    rng = np.random.default_rng(29)
    n = 400_000
    few = rng.choice(np.concatenate([[0.0, -0.0, np.nan], rng.normal(0, 10, 300)]), n)
    more = few.copy()
    more[150_000:250_000] = rng.normal(0, 10, 100_000)  # in the second task, after some blocks of few
    many = np.where(rng.random(n) < 0.2, few, rng.normal(0, 10, n))
    valid = rng.random(n) < 0.95
    table = pa.table({"few": pa.array(few, mask=~valid), "more": more, "many": many, "i": rng.integers(0, 10, n)})
    pq.write_table(table, tmp_path / "in.parquet", use_dictionary=False)
    q = [0, 0.1, 0.37, 0.5, 0.501, 0.9, 1]
    asks = [w for c in ("few", "more", "many") for x in q for w in ("--quantile", f"{x}:{c}")]
    for where, rows in (([], np.ones(n, bool)), (["--where", "i > 6"], table["i"].to_numpy() > 6)):
        run = yoke("table", tmp_path / "in.parquet", *where, *asks, "--on", on)
        got = [float(line.split()[-1]) for line in run.stdout.splitlines()]
        want = [x for v, r in ((few, rows & valid), (more, rows), (many, rows)) for x in np.nanquantile(v[r], q)]
        assert got == want
