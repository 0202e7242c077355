"""Rows written as Parquet by `yoke table`: read back by PyArrow, DuckDB and Polars, with the bounds and the page index that they skip by."""

import csv
import decimal
import io
import json
import os
import signal
import subprocess
import time

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest


def made(n, seed):
    """Every kind; missing values; lengths of text from none to far beyond a bound; values that repeat and that never do."""
    rng = np.random.default_rng(seed)
    missing = lambda share: rng.random(n) < share
    long = ["", "a", "żółw" * 40, "z" * 5000, *(f"name {i}" for i in range(300))]
    return pa.table({
        "row": np.arange(n),
        "real": pa.array(np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)), mask=missing(0.1)),
        "price": np.round(rng.normal(10, 5, n), 1) * np.where(rng.random(n) < 0.5, 1, 0.0),
        "zeros": np.where(rng.random(n) < 0.5, 0.0, -0.0),
        "text": pa.array([long[i] for i in rng.integers(0, len(long), n)], mask=missing(0.05)),
        "own": [f"{i:x}-{i * 7919 % 1000003}" for i in range(n)],
        "bytes": pa.array([bytes([i % 256, 255, 0]) for i in range(n)], pa.binary()),
        "flag": pa.array(rng.random(n) < 0.3, mask=missing(0.3)),
        "time": pa.array(np.sort(rng.integers(0, 10**15, n)), pa.timestamp("us", "UTC")),
        "day": pa.array(rng.integers(-10**5, 10**5, n), pa.int32()).cast(pa.date32()),
        "money": pa.array([decimal.Decimal(int(v)).scaleb(-2) for v in rng.integers(-10**12, 10**12, n)], pa.decimal128(38, 2), mask=missing(0.5)),
        "unsigned": pa.array([2**64 - 1 - int(v) for v in rng.integers(0, 2**62, n)], pa.uint64()),
        "none": pa.array([None] * n, pa.float64()),
    })


def same(got, want, name):
    got, want = got.to_pylist(), want.to_pylist()
    assert len(got) == len(want) and all(a == b or (a is None and b != b) for a, b in zip(got, want)), name


@pytest.mark.parametrize("n", [0, 1, 32768, 70_000])
def test_three_readers_read_it(yoke, tmp_path, n):
    table = made(n, n)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=40_000, use_dictionary=["text", "price"])
    run = yoke("table", tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", "--select", ",".join(table.column_names), "--memory", "8M")
    assert run.returncode == 0, run.stderr
    path = str(tmp_path / "out.parquet")
    readers = {"pyarrow": pq.read_table(path), "duckdb": duckdb.connect().sql(f"from '{path}'").to_arrow_table(), "polars": pl.read_parquet(path).to_arrow()}
    for who, got in readers.items():
        assert got.column_names == table.column_names and got.num_rows == n, who
        for name in table.column_names:
            if not (who == "duckdb" and name in ("time", "none")):  # its own zone, its own name of nothing
                same(got[name], table[name], f"{who}: {name}")
    zeros = np.array(readers["pyarrow"]["zeros"])
    assert (np.signbit(zeros) == np.signbit(np.array(table["zeros"]))).all()


def test_bounds_are_those_of_the_rows(yoke, tmp_path):
    n = 150_000
    table = made(n, 5)
    pq.write_table(table, tmp_path / "in.parquet")
    assert yoke("table", tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", "--sort", "time desc").returncode == 0
    f = pq.ParquetFile(tmp_path / "out.parquet")
    at = 0
    for g in range(f.metadata.num_row_groups):
        group = f.read_row_group(g)
        for c in range(len(table.column_names)):
            info, values = f.metadata.row_group(g).column(c), group.column(c)
            assert info.has_offset_index and info.compression == "ZSTD" and info.statistics.null_count == values.null_count
            if info.statistics.has_min_max and info.path_in_schema not in ("zeros", "bytes"):
                low, high = pc.min_max(values).as_py().values()
                assert info.statistics.min <= low and info.statistics.max >= high, info.path_in_schema
                assert info.path_in_schema == "text" or (info.statistics.min, info.statistics.max) == (low, high)
        at += len(group)
    assert at == n
    db, path = duckdb.connect(), tmp_path / "out.parquet"
    for ask in ("row = 77777", "price > 20", "own >= 'a-5'", "text = 'name 7'", "zeros = 0", "money < 0", "time < '1975-01-01'", "unsigned > 18000000000000000000"):
        wanted = db.execute(f"select count(*), sum(row) from '{tmp_path}/in.parquet' where {ask}").fetchall()
        assert db.execute(f"select count(*), sum(row) from '{path}' where {ask}").fetchall() == wanted, ask
        mine = yoke("table", path, "--where", ask.replace("= ", "== ").replace(">== ", ">= "), "--count", "--sum", "row")
        assert [int(line.split()[-1]) for line in mine.stdout.splitlines()] == [int(v or 0) for v in wanted[0]], (ask, mine.stderr)
    assert pl.scan_parquet(path).filter(pl.col("row") == 77777).collect().height == 1


def test_one_column_keeps_its_missing_rows_as_csv(yoke, tmp_path):
    """An empty line is no row, here and for pandas."""
    pq.write_table(pa.table({"n": [None, 1, None], "t": ["x", "", None]}), tmp_path / "in.parquet")
    for column, want in (("n", "n\n\"\"\n1\n\"\"\n"), ("t", 't\nx\n""\n""\n')):
        out = tmp_path / f"{column}.csv"
        assert yoke("table", tmp_path / "in.parquet", "--select", column, "-o", out).returncode == 0
        assert out.read_text() == want and len(pd.read_csv(out)) == 3
        assert yoke("table", out, "--count").stdout == "3\n"


@pytest.mark.parametrize("ending", ["csv", "jsonl", "txt"])
def test_text_is_the_same_whatever_pulls(yoke, tmp_path, ending):
    table = made(70_000, 6)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=40_000)
    texts = {}
    for on in ("serial", "threads:1", "threads:2", "threads:3", "threads:7", "processes:2"):
        out = tmp_path / f"{on.replace(':', '')}.{ending}"
        run = yoke("table", tmp_path / "in.parquet", "--head", 100_000, "-o", out, "--on", on)
        assert run.returncode == 0, run.stderr
        texts[on] = out.read_bytes()
    assert len(set(texts.values())) == 1
    if ending == "txt":
        assert texts["serial"].count(b"\n") == 70_001
        return
    names = [n for n in table.column_names if n not in ("bytes", "none")]
    if ending == "jsonl":
        got = [json.loads(line) for line in texts["serial"].splitlines()]
        got = {n: [row[n] for row in got] for n in names}
    else:
        read = csv.reader(io.StringIO(texts["serial"].decode(), newline=""))
        got = {name: values for name, *values in zip(*read)}
        text = lambda v: "" if v is None or v != v else str(v).lower() if isinstance(v, bool) else v if isinstance(v, str) else None
    for name in names:
        want = table[name].to_pylist()
        if name == "time":
            want = [f"{v:%Y-%m-%d %H:%M:%S}" + (f".{v.microsecond:06d}" if v.microsecond else "") + "Z" for v in want]
        elif name == "day":
            want = [v.isoformat() for v in want]
        elif ending == "jsonl":
            want = [float(v) if isinstance(v, decimal.Decimal) else v for v in want]
        if ending == "jsonl":
            assert all(g == w or (g is None and w != w) for g, w in zip(got[name], want, strict=True)), name
            continue
        for g, w in zip(got[name], want, strict=True):
            assert g == text(w) if text(w) is not None else type(w)(g) == w and (w or g[0] == str(w)[0]), (name, g, w)


def test_the_file_is_whole_or_absent(yoke, tmp_path):
    pq.write_table(pa.table({"x": pa.array([1, 2, 3])}), tmp_path / "in.parquet")
    (tmp_path / "there.parquet").write_text("precious")
    run = yoke("table", tmp_path / "in.parquet", "--head", 2, "-o", tmp_path / "there.parquet")
    assert run.returncode != 0 and "--force" in run.stderr and (tmp_path / "there.parquet").read_text() == "precious"
    good = (tmp_path / "in.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(good[:20] + bytes(10) + good[30:])
    run = yoke("table", tmp_path / "cut.parquet", "--sort", "x", "-o", tmp_path / "out.parquet")
    assert run.returncode != 0 and sorted(p.name for p in tmp_path.iterdir()) == ["cut.parquet", "in.parquet", "there.parquet"]


def test_nothing_is_left_by_one_that_is_killed(yoke_path, tmp_path):
    np.save(tmp_path / "v.npy", np.random.default_rng(1).normal(size=6_000_000))
    (tmp_path / "out.csv").write_text("what was there\n")
    for number, times in [(signal.SIGKILL, 1), (signal.SIGINT, 2), (signal.SIGTERM, 1), (signal.SIGTERM, 2)]:
        for name in ("out.csv", "out.parquet"):
            run = subprocess.Popen([yoke_path, "table", "v.npy", "--select", "c1, c1 * 2 as d, sqrt(abs(c1)) as e", "-o", name, "--force"], cwd=tmp_path, stderr=subprocess.PIPE)
            files = f"/proc/{run.pid}/fd"
            while not any("/#" in os.readlink(f"{files}/{n}") or ".yoke-" in os.readlink(f"{files}/{n}") for n in os.listdir(files)):
                time.sleep(0.001)
            for _ in range(times):
                run.send_signal(number)
            run.communicate(timeout=60)
            assert run.returncode != 0
            assert sorted(os.listdir(tmp_path)) == ["out.csv", "v.npy"] and (tmp_path / "out.csv").read_text() == "what was there\n"


def test_where_files_need_a_name(yoke, plain_build, tmp_path):
    """A file system without nameless files: a hidden one takes their place, and is gone afterwards."""
    (tmp_path / "named.c").write_text("""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <stdarg.h>
        int open64(const char *path, int flags, ...)
        {
            va_list more;
            va_start(more, flags);
            int mode = va_arg(more, int);
            va_end(more);
            if ((flags & O_TMPFILE) == O_TMPFILE)
                return creat("asked", 0666), errno = EOPNOTSUPP, -1;
            return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64"))(path, flags, mode);
        }
        int open(const char *path, int flags, ...) __attribute__((alias("open64")));
    """)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "named.so", tmp_path / "named.c"], check=True)
    env = {**os.environ, "LD_PRELOAD": str(tmp_path / "named.so")}
    (tmp_path / "in.csv").write_text("a\n1\n")
    (tmp_path / "bad.csv").write_text("a\n1\n2,3\n")
    assert yoke("table", "in.csv", "--head", "1", "-o", "out.csv", cwd=tmp_path, env=env).returncode == 0
    assert (tmp_path / "out.csv").read_text() == "a\n1\n"
    assert yoke("table", "bad.csv", "--select", "a", "-o", "other.csv", cwd=tmp_path, env=env).returncode == 1
    assert sorted(os.listdir(tmp_path)) == ["asked", "bad.csv", "in.csv", "named.c", "named.so", "out.csv"]


@pytest.mark.parametrize("word, want", [("zstd", "ZSTD"), ("SNAPPY", "SNAPPY"), ("none", "UNCOMPRESSED")])
def test_compression(yoke, tmp_path, word, want):
    table = pa.table({"a": np.arange(5000) // 7, "b": [f"name {i % 90}" for i in range(5000)]})
    pq.write_table(table, tmp_path / "in.parquet")
    run = yoke("table", tmp_path / "in.parquet", "-o", tmp_path / "out.parquet", "--compression", word)
    assert run.returncode == 0, run.stderr
    group = pq.ParquetFile(tmp_path / "out.parquet").metadata.row_group(0)
    assert {group.column(i).compression for i in range(2)} == {want} and pq.read_table(tmp_path / "out.parquet").equals(table)
    run = yoke("table", tmp_path / "in.parquet", "-o", tmp_path / "out.csv", "--compression", word)
    assert run.returncode == 2 and "-o FILE.parquet" in run.stderr
    run = yoke("table", tmp_path / "in.parquet", "-o", tmp_path / "new.parquet", "--compression", "lzo")
    assert run.returncode == 2 and "zstd, snappy and none" in run.stderr and not (tmp_path / "new.parquet").exists()


def test_rows_of_wide_tables_are_in_small_tasks(yoke, tmp_path):
    """Of some hundred columns a task has fewer rows: there are several, whose rows come out as one after the other has them."""
    rng = np.random.default_rng(11)
    n, columns = 30_000, 150
    table = pa.table({f"c{i}": pa.array(rng.integers(0, 1000, n) if i % 2 else rng.normal(size=n)) for i in range(columns)})
    pq.write_table(table, tmp_path / "wide.parquet")
    plan = yoke("table", tmp_path / "wide.parquet", "-o", tmp_path / "t.parquet", "--explain").stdout
    tasks = next(line.split() for line in plan.splitlines() if line.startswith("tasks"))
    assert int(tasks[1]) > 1 and int(tasks[1]) == -(-n // int(tasks[3]))
    written = set()
    for on in ("serial", "threads:2", "threads:3", "threads:7", "processes:2"):
        run = yoke("table", tmp_path / "wide.parquet", "-o", tmp_path / "t.parquet", "-f", "--on", on)
        assert run.returncode == 0, run.stderr
        written.add((tmp_path / "t.parquet").read_bytes())
    assert len(written) == 1 and pq.read_table(tmp_path / "t.parquet").equals(table)
