"""Many groups: hardly two rows of a task are of one, so that they are kept as they are and grouped part by part. pandas' numbers, and the same
rows to the bit whoever pulls and however much memory there is. YOKE_STRESS=N asks N random questions."""

import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import rows_in

N = 300_000  # three tasks; the rows of the second are of few groups
ON = [("serial", "1G"), ("threads:1", "1G"), ("threads:2", "8M"), ("threads:3", "1G"), ("threads:7", "64M"), ("processes:2", "16M")]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    rng = np.random.default_rng(21)
    missing = lambda: rng.random(N) < 0.02
    k = rng.integers(-60_000, 60_000, N)
    k[1 << 17:1 << 18] %= 700
    real = np.where(rng.random(N) < 0.01, np.nan, np.where(rng.random(N) < 0.01, -0.0, k / 7))
    table = pa.table({
        "k": k, "near": pa.array(k, mask=missing()), "moved": pa.array(k + 10**6 * (np.arange(N) >> 17), mask=missing()), "some": pa.array(k * 1_000_003, mask=missing()), "real": pa.array(real, mask=missing()),
        "text": pa.array([f"group {i}" * (i % 4) for i in k], mask=missing()), "few": rng.integers(0, 3, N),
        "x": pa.array(np.where(rng.random(N) < 0.05, np.nan, rng.normal(0, 1e6, N)), mask=missing()),
        "i": pa.array(rng.integers(-2**40, 2**40, N), mask=missing()), "small": rng.integers(0, 5, N),
        "flag": pa.array(rng.random(N) < 0.5, mask=missing()), "t": pa.array(rng.integers(0, 10**15, N), pa.timestamp("us"), mask=missing()),
        "late": rng.integers(0, 8000, N) + np.arange(N) // 50_000 * 500, "row": np.arange(N),
    })
    path = tmp_path_factory.mktemp("groups") / "in.parquet"
    pq.write_table(table, path, row_group_size=70_000)
    return path, table.to_pandas()


ASKS = ["--count", "--sum", "x", "--mean", "x", "--std", "x", "--sum", "i", "--min", "t", "--max", "x", "--first", "i", "--last", "x", "--max", "flag"]
MORE = ["--median", "x", "--unique", "small"]  # what keeps more of a group than one number


def ask(yoke, path, *words):
    outs = set()
    for on, memory in ON:
        run = yoke("table", path, *words, "--on", on, "--memory", memory, "-o", path.with_name("out.parquet"), "-f")
        assert run.returncode == 0, run.stderr
        outs.add(rows_in(path.with_name("out.parquet")))
    assert len(outs) == 1
    return pq.read_table(path.with_name("out.parquet")).to_pandas()


@pytest.mark.parametrize("keys", [["k"], ["near"], ["moved"], ["some"], ["real"], ["text"], ["k", "few"], ["text", "some"]], ids="-".join)
@pytest.mark.parametrize("where", [None, "i > 0 and row % 5 != 0"], ids=["all", "some"])
def test_many_groups(yoke, rows, keys, where):
    path, df = rows
    got = ask(yoke, path, "--by", ",".join(keys), *ASKS, *(["--where", where] if where else MORE))
    if where:
        df = df[(df.i > 0) & (df.row % 5 != 0)]
    df = df.assign(real=df.real + 0.0)
    want = df.groupby(keys, dropna=False, sort=True).agg(
        n=("row", "size"), sum=("x", "sum"), mean=("x", "mean"), std=("x", "std"), i=("i", "sum"), t=("t", "min"), max=("x", "max"),
        first=("i", "first"), last=("x", "last"), median=("x", "median"), unique=("small", "nunique"), flag=("flag", "max")).reset_index()
    assert len(got) == len(want) and len(got.columns) == len(keys) + 10 + (0 if where else 2)
    for key in keys:
        assert (got[key].isna() == want[key].isna()).all() and (got[key].dropna() == want[key].dropna()).all()
    for mine, theirs in (("count", "n"), ("sum(i)", "i"), ("unique(small)", "unique")):
        assert mine not in got or (got[mine] == want[theirs]).all(), mine
    for mine, theirs in (("min(t)", "t"), ("max(x)", "max"), ("first(i)", "first"), ("last(x)", "last"), ("max(flag)", "flag")):
        assert (got[mine].isna() == want[theirs].isna()).all() and (got[mine].dropna() == want[theirs].dropna()).all(), mine
    for mine, theirs in (("sum(x)", "sum"), ("mean(x)", "mean"), ("std(x)", "std"), ("median(x)", "median")):
        if mine not in got:
            continue
        np.testing.assert_allclose(got[mine].astype(float), want[theirs].astype(float), rtol=1e-9, atol=1e-3, err_msg=mine)


@pytest.mark.parametrize("columns", [["some", "few"], ["late", "few"], ["late"], ["text"]], ids="-".join)
def test_different_rows_in_the_order_in_which_they_came(yoke, rows, columns):
    path, df = rows
    got = ask(yoke, path, "--distinct", "--select", ",".join(columns))
    want = df[columns].drop_duplicates()
    assert len(got) == len(want)
    for c in columns:
        assert (got[c].isna().to_numpy() == want[c].isna().to_numpy()).all() and (got[c].dropna().to_numpy() == want[c].dropna().to_numpy()).all()


def test_how_many_different_values(yoke, rows):
    """Missing ones and NaN are none; with little memory they are counted part by part."""
    path, df = rows
    columns = ["late", "text", "k", "near", "moved", "some", "real", "row", "x", "t"]
    asks = [w for c in columns + ["late / 7.0"] for w in ("--unique", c)]
    want = [df[c].nunique() for c in columns + ["late"]]
    for on, memory in ON:
        run = yoke("table", path, *asks, "--on", on, "--memory", memory)
        assert [int(line.split()[-1]) for line in run.stdout.splitlines()] == want, (on, memory)


def test_sums_of_integers_that_do_not_fit(yoke, tmp_path):
    k = np.arange(200_000) % 190_000
    pq.write_table(pa.table({"k": k, "i": np.where(k == 5, 2**62, 1)}), tmp_path / "in.parquet")
    run = yoke("table", tmp_path / "in.parquet", "--by", "k", "--sum", "i", "--head", 3)
    assert run.returncode == 1 and "does not fit an integer" in run.stderr


KEYS = {"none": lambda rng, n: np.zeros(n, int), "few": lambda rng, n: rng.integers(0, 7, n), "skewed": lambda rng, n: np.where(rng.random(n) < 0.97, 0, rng.integers(1, 900, n)),
        "some": lambda rng, n: rng.integers(0, 5000, n), "many": lambda rng, n: rng.integers(0, n, n), "text": lambda rng, n: np.char.add("group ", rng.integers(0, 60, n).astype(str))}


def values(rng, n):
    """A column of what a rank or a difference can go wrong with: what repeats, two zeros, NaN, infinities, missing ones."""
    x = np.concatenate([rng.normal(0, 1, n), np.round(rng.gamma(2, 3, n), 1), np.full(n, 7.5), np.arange(n) / 3.0, -np.arange(n) % 5.0])
    x = x.reshape(5, n)[rng.integers(5)] if rng.random() < 0.5 else rng.choice(x, n)
    for odd in (np.nan, np.inf, -np.inf, -0.0, 0.0):
        x = np.where(rng.random(n) < rng.choice([0, 0.01, 0.3]), odd, x)
    return pa.array(x, mask=rng.random(n) < rng.choice([0, 0.1]))


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 8))))
def test_quantiles_and_different_values_of_groups(yoke, tmp_path, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([1, 50, 5000, 140_000, 280_000]))
    names = [str(k) for k in rng.choice(list(KEYS), rng.integers(1, 3), replace=False)]
    table = pa.table({k: pa.array(KEYS[k](rng, n), mask=rng.random(n) < rng.choice([0, 0.1])) for k in names} | {
        "x": values(rng, n), "i": pa.array(rng.integers(-50, 50, n), mask=rng.random(n) < 0.05), "flag": rng.random(n) < 0.5, "s": pa.array(rng.choice(["a", "b", "ccc"], n)),
        "t": pa.array(rng.integers(0, 9, n) * 10**9, pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=int(rng.choice([1000, 70_000, 1 << 20])), use_dictionary=bool(rng.integers(2)))
    where, df = ([], table.to_pandas()) if rng.random() < 0.5 else (["--where", "i > -20"], table.to_pandas().query("i > -20"))
    q = [0, 0.25, 0.5, 0.9, 1][:rng.integers(2, 6)]
    got = ask(yoke, tmp_path / "in.parquet", "--by", ",".join(names), "--quantile", ",".join(map(str, q)) + ":x", "--median", "i", *[w for c in ("x", "i", "flag", "s", "t") for w in ("--unique", c)],
              *where)
    groups = df.groupby(names, dropna=False, sort=True)
    assert len(got) == len(groups)
    number = groups.ngroup().to_numpy()
    order = np.argsort(number, kind="stable")
    begin = np.searchsorted(number[order], np.arange(len(groups) + 1))
    for place in rng.choice(len(groups), min(len(groups), 500), replace=False):
        x = df.x.to_numpy(float)[order[begin[place]:begin[place + 1]]]
        x = np.sort(x[~np.isnan(x)])
        for p, column in zip(q, got.columns[len(names):]):
            at, low, high = p * (len(x) - 1), int(p * (len(x) - 1)), min(int(p * (len(x) - 1)) + 1, len(x) - 1)
            if len(x) and at > low and x[low] != x[high] and np.isinf(x[[low, high]]).any():
                continue  # between a number and an infinity there is none
            want = np.quantile(x[[low, high]], at - low) if len(x) and x[low] != x[high] and at > low else x[low] if len(x) else np.nan
            assert got[column].iloc[place] == want or (np.isnan(want) and np.isnan(got[column].iloc[place])), (seed, place, p)
    assert np.array_equal(got["median(i)"].to_numpy(float), groups.i.median().to_numpy(float), equal_nan=True), seed
    for c in ("x", "i", "flag", "s", "t"):
        assert (got[f"unique({c})"].to_numpy() == groups[c].nunique().to_numpy()).all(), (seed, c)


@pytest.mark.parametrize("on,memory", ON)
def test_different_values_of_dictionaries(yoke, tmp_path, on, memory):
    """Values that come as codes: both zeros are one, missing ones and NaN are none, each row group has a dictionary of its own, a later part
    of the rows has none, and computed from one column they are codes too."""
    rng = np.random.default_rng(23)
    values = np.concatenate([[0.0, -0.0, np.nan, np.inf, -np.inf], rng.normal(0, 50, 3000)])
    x = rng.choice(values, N)
    x[250_000:] = rng.normal(0, 50, N - 250_000)
    df = pd.DataFrame({"g": rng.integers(0, 300, N), "x": x, "i": rng.integers(-900, 900, N), "late": np.arange(N) // 40_000 * 500 + rng.integers(0, 700, N)})
    table = pa.table({"g": pa.array(df.g, mask=rng.random(N) < 0.01), "x": pa.array(x, mask=rng.random(N) < 0.05), "i": pa.array(df.i, mask=rng.random(N) < 0.05), "late": df.late})
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=60_000, dictionary_pagesize_limit=1 << 17)
    df = table.to_pandas()
    df["x"] += 0.0  # pandas tells the zeros apart by their bits
    df["half"] = (df.x * 0.5).round()
    for where, rows in (([], df), (["--where", "late % 3 = 0"], df[df.late % 3 == 0])):
        asks = [w for e in ("x", "i", "late", "round(x * 0.5)", "i + late") for w in ("--unique", e)]
        run = yoke("table", tmp_path / "in.parquet", *where, "--by", "g", *asks, "-o", tmp_path / "out.parquet", "--force", "--on", on, "--memory", memory)
        assert run.returncode == 0, run.stderr
        got = pq.read_table(tmp_path / "out.parquet").to_pandas()
        groups = rows.assign(sum=rows.i + rows.late).groupby("g", dropna=False)
        for k, name in enumerate(("x", "i", "late", "half", "sum")):
            want = groups[name].nunique()
            assert (got.iloc[:, k + 1].to_numpy() == want.reindex(got.g.to_numpy()).to_numpy()).all(), name


def combinations(rng, n, most):
    return pa.table({"a": pa.array([f"city {i}" for i in rng.integers(0, 90, n)], mask=rng.random(n) < 0.02), "flag": pa.array(rng.random(n) < 0.5, mask=rng.random(n) < 0.1),
                     "i": pa.array(rng.integers(-most, most, n), mask=rng.random(n) < 0.05), "x": pa.array(rng.normal(0, 1e6, n), mask=rng.random(n) < 0.05),
                     "t": pa.array(rng.integers(0, 10**15, n), pa.timestamp("us")), "who": pa.array([f"driver {i}" for i in rng.integers(0, 40_000, n)], mask=rng.random(n) < 0.01),
                     "far": rng.integers(0, 30_000, n) * 2**40})


def check_combinations(got, df, keys):
    want = df.groupby(keys, dropna=False, sort=True).agg(n=("t", "size"), sum=("x", "sum"), std=("x", "std"), t=("t", "min"), last=("x", "last")).reset_index()
    assert (got["count"] == want.n).all() and (got["min(t)"] == want.t).all() and (got["last(x)"].dropna() == want["last"].dropna()).all()
    for key in keys:
        assert (got[key].isna() == want[key].isna()).all() and (got[key].dropna() == want[key].dropna()).all()
    for mine, theirs in (("sum(x)", "sum"), ("std(x)", "std")):
        np.testing.assert_allclose(got[mine].astype(float), want[theirs].astype(float), rtol=1e-9, atol=1e-3)


@pytest.mark.parametrize("keys", ["a,flag,i", "i,a", "a", "who", "flag,far"])
def test_groups_that_workers_keep(yoke, tmp_path, keys):
    """Many combinations of few keys, or so many groups that each task meets most of them: a worker keeps its groups from task to task and names
    them by number. Whatever dictionaries, pages and files the rows lie in, the bits are the same."""
    table = combinations(np.random.default_rng(5), 300_000, 500)
    (tmp_path / "files").mkdir()
    pq.write_table(table, tmp_path / "coded.parquet", row_group_size=90_000)
    pq.write_table(table, tmp_path / "plain.parquet", row_group_size=150_000, use_dictionary=False)
    for i in range(5):
        pq.write_table(table.slice(i * 60_000, 60_000), tmp_path / "files" / f"{i}.parquet", use_dictionary=i % 2 == 0)
    outs = set()
    for path in ("coded.parquet", "plain.parquet", "files"):
        got = ask(yoke, tmp_path / path, "--by", keys, "--count", "--sum", "x", "--std", "x", "--min", "t", "--last", "x")
        outs.add(rows_in(tmp_path / "out.parquet"))
        check_combinations(got, table.to_pandas(), keys.split(","))
    assert len(outs) == 1


def test_kept_groups_and_loose_rows_in_turn(yoke, tmp_path):
    """Groups that workers keep, rows that are hardly two of one group, which make the fold keep all results for later, then such groups again."""
    rng = np.random.default_rng(6)
    table = pa.concat_tables([combinations(rng, 500_000, 900), combinations(rng, 160_000, 2**40), combinations(rng, 400_000, 900)])
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=200_000)
    got = ask(yoke, tmp_path / "in.parquet", "--by", "a,i", "--count", "--sum", "x", "--std", "x", "--min", "t", "--last", "x")
    check_combinations(got, table.to_pandas(), ["a", "i"])
    first = ask(yoke, tmp_path / "in.parquet", "--select", "a,i", "--distinct")
    assert first.equals(table.select(["a", "i"]).to_pandas().drop_duplicates().reset_index(drop=True))
