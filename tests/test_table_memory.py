"""Groups and different rows that do not fit the memory: the same bytes as when they do, and pandas' numbers. The seed is in the test's name;
YOKE_STRESS sets how many."""

import os
import subprocess

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import rows_in

N = 140_000  # two tasks


def made(rng):
    distinct = int(rng.choice([90_000, 2_000_000]))
    missing = lambda: rng.random(N) < rng.choice([0, 0.02])
    return pa.table({
        "k": pa.array(rng.integers(0, distinct, N), mask=missing()),
        "s": pa.array([f"group {i}" for i in rng.integers(0, 5, N)], mask=missing()),
        "x": pa.array(np.where(rng.random(N) < 0.05, np.nan, rng.normal(0, 1e6, N)), mask=missing()),
        "i": pa.array(rng.integers(-2**40, 2**40, N), mask=missing()),
        "t": pa.array(rng.integers(0, 10**15, N), pa.timestamp("us"), mask=missing()),
        "w": pa.array([f"word {i % 977}" * (i % 3) for i in rng.integers(0, 10**6, N)], mask=missing()),
    })


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 1))))
def test_groups_beyond_memory(yoke, tmp_path, seed):
    rng = np.random.default_rng(seed)
    table = made(rng)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=int(rng.integers(20_000, N)))
    df = table.to_pandas()
    asks = ["--count", "--sum", "x", "--mean", "x", "--std", "x", "--sum", "i", "--min", "t", "--max", "w", "--first", "w", "--last", "i", "--median", "x",
            "--unique", "w"]
    calls = {
        "groups": ["--by", "k, s", *asks],
        "sorted groups": ["--by", "k", "--sum", "i", "--max", "w", "--sort", "`sum(i)` desc, k", "--head", 1000],
        "last groups": ["--by", "s, k", "--count", "--sort", "count", "--tail", 77],
        "different rows": ["--distinct", "--select", "k, s"],
        "different, sorted": ["--distinct", "--select", "s, k", "--sort", "s desc"],
    }
    for name, words in calls.items():
        outs = set()
        for on, memory in [("threads:2", "4G"), ("threads:3", "32M" if name == "groups" else "8M"), *([("processes:2", "12M"), ("serial", "3M")] if name == "different rows" else [])]:
            run = yoke("table", tmp_path / "in.parquet", *words, "--on", on, "--memory", memory, "--format", "csv")
            assert run.returncode == 0, (name, run.stderr)
            outs.add(run.stdout)
        assert len(outs) == 1, (seed, name)
        (tmp_path / f"{name}.csv").write_text(outs.pop())
    got = pd.read_csv(tmp_path / "groups.csv")
    want = df.groupby(["k", "s"], dropna=False, sort=True).agg(n=("x", "size"), x=("x", "sum"), mean=("x", "mean"), std=("x", "std"), i=("i", "sum"),
                                                               median=("x", "median"), words=("w", "nunique")).reset_index()
    assert len(got) == len(want) and (got["count"] == want.n).all() and (got["unique(w)"] == want.words).all() and (got["sum(i)"] == want.i).all()
    for mine, theirs in (("sum(x)", "x"), ("mean(x)", "mean"), ("std(x)", "std"), ("median(x)", "median")):
        np.testing.assert_allclose(got[mine].to_numpy(), want[theirs].to_numpy(), rtol=1e-9, atol=1e-3, err_msg=mine)
    different = pd.read_csv(tmp_path / "different rows.csv")
    want = df[["k", "s"]].drop_duplicates()
    assert (different.k.fillna(-1).to_numpy() == want.k.fillna(-1).to_numpy()).all() and (different.s.fillna("").to_numpy() == want.s.fillna("").to_numpy()).all()
    for memory in ("2M", "4G"):
        run = yoke("table", tmp_path / "in.parquet", "--unique", "k", "--unique", "w", "--memory", memory)
        assert [int(line.split()[-1]) for line in run.stdout.splitlines()] == [df.k.nunique(), df.w.nunique()], run


def test_many_groups_that_fit(yoke, tmp_path):
    """More than are merged one after the other: by key, and in the order in which they came."""
    rng = np.random.default_rng(7)
    k = rng.permutation(np.repeat(np.arange(1_300_000) * 7, rng.integers(1, 3, 1_300_000)))
    pq.write_table(pa.table({"k": k, "row": np.arange(len(k))}), tmp_path / "in.parquet", row_group_size=500_000)
    keys, first, counts = np.unique(k, return_index=True, return_counts=True)
    for on, memory in (("threads:2", "2G"), ("processes:2", "64M"), ("serial", "32M")):
        run = yoke("table", tmp_path / "in.parquet", "--by", "k", "--first", "row", "--count", "--on", on, "--memory", memory, "-o", tmp_path / "out.parquet", "-f")
        assert run.returncode == 0, run.stderr
        got = [c.to_numpy() for c in pq.read_table(tmp_path / "out.parquet").columns]
        assert (got[0] == keys).all() and (got[1] == first).all() and (got[2] == counts).all()
        run = yoke("table", tmp_path / "in.parquet", "--distinct", "--select", "k", "--on", on, "--memory", memory, "-o", tmp_path / "out.parquet", "-f")
        assert run.returncode == 0, run.stderr
        assert (pq.read_table(tmp_path / "out.parquet")["k"].to_numpy() == k[np.sort(first)]).all()
        assert yoke("table", tmp_path / "in.parquet", "--unique", "k", "--on", on, "--memory", memory).stdout.split()[-1] == str(len(keys))


def test_many_asks_of_many_groups(yoke_path, plain_build, tmp_path):
    rng = np.random.default_rng(9)
    n = 2_000_000
    pq.write_table(pa.table({"k": rng.integers(0, 1_500_000, n), "x": np.round(rng.random(n), 2), "i": rng.integers(0, 999, n)}), tmp_path / "in.parquet")
    asks = ["--count", "--sum", "x", "--mean", "x", "--std", "x", "--min", "i", "--max", "x", "--first", "x", "--last", "i", "--median", "x", "--unique", "i", "--sum", "i"]
    outs = set()
    for on, memory, most in (("threads:3", "32M", 128), ("threads:2", "4G", 4000), ("serial", "32M", 128)):
        run = subprocess.run([yoke_path, "table", tmp_path / "in.parquet", "--by", "k", *asks, "--on", on, "--memory", memory, "-o", tmp_path / "out.parquet", "-f", "--stats"],
                             capture_output=True, text=True, check=True)
        assert int(run.stderr.split("peak ")[1].split()[0]) < most, (on, memory, run.stderr)
        outs.add(rows_in(tmp_path / "out.parquet"))
    assert len(outs) == 1


def test_what_cannot_be_held_is_said(yoke, tmp_path):
    pq.write_table(pa.table({"k": np.arange(N), "x": np.arange(N) % 10}), tmp_path / "in.parquet")
    for words in (["--by", "k", "--hist", "x", "--bins", 10, "--range", "0:10"], ["--tail", 130_000], ["--sample", 130_000]):
        run = yoke("table", tmp_path / "in.parquet", *words, "--memory", "2M", "--format", "csv")
        assert run.returncode == 1 and "--memory" in run.stderr and run.stdout == "", (words, run.stderr)


def peak(run):
    assert run.returncode == 0, run.stderr
    return int(run.stderr.split("peak ")[1].split()[0])


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Pages of 160 KB in 60 columns."""
    path = tmp_path_factory.mktemp("wide") / "wide.parquet"
    x = np.random.default_rng(11).normal(size=400_060)
    pq.write_table(pa.table({f"c{i}": x[i:i + 400_000] for i in range(60)}), path, use_dictionary=False)
    return path, [x[i:i + 400_000].mean() for i in range(60)]


def test_many_columns_keep_to_the_memory(yoke, plain_build, wide):
    path, means = wide
    asks = [word for i in range(60) for word in ("--mean", f"c{i}")]
    outs = set()
    for on, memory in (("threads:8", 64), ("threads:2", 64), ("threads:2", 32), ("serial", 32), ("processes:3", 64), ("threads:2", 4096)):
        run = yoke("table", path, *asks, "--on", on, "--memory", f"{memory}M", "--stats")
        assert peak(run) <= memory, (on, run.stderr)
        outs.add(run.stdout)
    assert len(outs) == 1
    np.testing.assert_allclose([float(line.split()[-1]) for line in outs.pop().splitlines()], means, atol=1e-12)


def least(run):
    assert run.returncode == 1 and "is held whole" in run.stderr and run.stdout == "", run
    return int(run.stderr.split("give --memory ")[1].split("M")[0])


def test_what_cannot_be_read_within_the_memory_is_said_before(yoke, plain_build, wide, tmp_path):
    asks = [word for i in range(60) for word in ("--mean", f"c{i}")]
    pq.write_table(pa.table({"x": np.random.default_rng(12).random(5_000_000)}), tmp_path / "page.parquet", use_dictionary=False, data_page_size=1 << 30,
                   max_rows_per_page=1 << 30, write_batch_size=1 << 30, row_group_size=5_000_000)  # one page of 40 MB
    for path, words, most in ((wide[0], asks, 32), (tmp_path / "page.parquet", ["--mean", "x"], 90)):
        for on in ("threads:4", "processes:2"):
            told = least(yoke("table", path, *words, "--on", on, "--memory", "16M"))
            assert told <= most
            run = yoke("table", path, *words, "--on", on, "--memory", f"{told}M", "--stats")
            assert peak(run) <= told + 1, (told, run.stderr)


def made_wide(kind, columns, rows):
    """Columns that are parts of one another, but no two the same."""
    rng = np.random.default_rng(13)
    n = rows + columns
    x = {"numbers": lambda: rng.normal(size=n), "few": lambda: rng.integers(0, 1000, n),
         "texts": lambda: pa.array([f"text {i:x} of it" for i in rng.integers(0, 2**40, n)])}[kind]()
    return pa.table({f"c{i}": x[i:i + rows] for i in range(columns)})


@pytest.mark.parametrize("kind, columns, rows, memory", [("numbers", 5, 600_000, 16), ("numbers", 60, 100_000, 32), ("numbers", 300, 20_000, 192), ("few", 5, 600_000, 24),
                                                         ("few", 60, 100_000, 32), ("texts", 5, 300_000, 24), ("texts", 60, 40_000, 80)])
def test_rows_on_their_way_out_keep_to_the_memory(yoke, plain_build, tmp_path, kind, columns, rows, memory):
    """Every way out, with much memory and with little: the same rows, and no more is held than is allowed."""
    table = made_wide(kind, columns, rows)
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=50_000, data_page_size=64 << 10, use_dictionary=kind == "few", write_page_index=True)
    order = np.argsort(table["c1"].to_numpy(), kind="stable") if kind != "texts" else np.array(sorted(range(rows), key=table["c1"].to_pylist().__getitem__))
    texts = {}
    for name, words in (("out.parquet", ["--select", "*"]), ("sorted.parquet", ["--sort", "c1"]), ("out.csv", ["--select", "*"]), ("out.jsonl", ["--select", "*"])):
        for on, mib in (("threads:1", memory), ("threads:2", memory), ("threads:8", 2 * memory), ("threads:2", 4096)):
            run = yoke("table", tmp_path / "in.parquet", *words, "--on", on, "--memory", f"{mib}M", "--stats", "-f", "-o", tmp_path / name)
            assert peak(run) <= mib, (name, on, run.stderr)
            if name.endswith(".parquet"):
                assert pq.read_table(tmp_path / name).equals(table if name == "out.parquet" else table.take(order))
            else:
                assert texts.setdefault(name, (tmp_path / name).read_bytes()) == (tmp_path / name).read_bytes(), (name, on)


def test_rows_that_cannot_be_handed_on_within_the_memory_are_refused(yoke, plain_build, wide, tmp_path):
    for words in (["--select", "*"], ["--sort", "c7 desc"]):
        for on in ("threads:3", "serial"):
            told = least(yoke("table", wide[0], *words, "--on", on, "--memory", "16M", "-o", tmp_path / "out.parquet"))
            assert 16 < told <= 48 and list(tmp_path.iterdir()) == []
        run = yoke("table", wide[0], *words, "--on", "threads:2", "--memory", f"{told}M", "--stats", "-o", tmp_path / "out.parquet", "-f")
        assert peak(run) <= told + 1, (told, run.stderr)
        (tmp_path / "out.parquet").unlink()


def test_rows_of_many_columns_keep_to_the_memory(yoke, plain_build, wide, tmp_path):
    """Tasks are smaller then; the rows are the same, and in order."""
    columns = ", ".join(f"c{i}" for i in range(24))
    for name, on, memory in (("small", "threads:2", 32), ("large", "threads:2", 4096)):
        run = yoke("table", wide[0], "--select", columns, "--on", on, "--memory", f"{memory}M", "--stats", "-o", tmp_path / f"{name}.csv")
        assert peak(run) <= memory, run.stderr
    assert (tmp_path / "small.csv").read_bytes() == (tmp_path / "large.csv").read_bytes()
    x = pq.read_table(wide[0], columns=["c3"])["c3"].to_numpy()
    assert [float(line.split(",")[3]) for line in (tmp_path / "small.csv").read_text().splitlines()[1:]] == x.tolist()
