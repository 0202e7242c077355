"""yoke table against pandas, NumPy, PyArrow and DuckDB, on real files and on made ones."""

import json
import math
import subprocess

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

EXECUTORS = ["serial", "threads:1", "threads:2", "threads:3", "threads:7", "processes:2"]


def ok(run):
    assert run.returncode == 0, run.stderr
    return run.stdout


def answers(run):
    """JSON answers as a dict."""
    return json.loads(ok(run))


def rows(run):
    return [json.loads(line) for line in ok(run).splitlines()]


def near(got, want, digits=11):
    assert math.isclose(got, want, rel_tol=10.0 ** -digits), (got, want)


def green(shared):
    return sorted((shared / "taxi/tlc").glob("green_tripdata_2022-0*.parquet"))


@pytest.fixture(scope="module")
def taxi(shared):
    """Six green months: the pattern for yoke, the frame for pandas."""
    return shared / "taxi/tlc/green_tripdata_2022-0*.parquet", pd.concat([pd.read_parquet(f) for f in green(shared)], ignore_index=True)


@pytest.fixture
def made(tmp_path):
    """A small table with everything in it: nulls, NaN, infinities, text, times; over two row groups."""
    rng = np.random.default_rng(7)
    n = 10000
    t = pa.table({
        "i": pa.array(rng.integers(-1000, 1000, n), pa.int64(), mask=rng.random(n) < 0.1),
        "x": pa.array(np.where(rng.random(n) < 0.05, np.nan, rng.normal(10, 3, n)), mask=rng.random(n) < 0.1),
        "s": pa.array(rng.choice(["red", "green", "blue", "été"], n), mask=rng.random(n) < 0.1),
        "t": pa.array(rng.integers(0, 10**15, n), pa.timestamp("us")),
        "b": pa.array(rng.random(n) < 0.3, mask=rng.random(n) < 0.1),
        "k": pa.array(rng.integers(0, 20, n), pa.int32()),
    })
    pq.write_table(t, tmp_path / "made.parquet", row_group_size=7000)
    return tmp_path / "made.parquet", t.to_pandas()


def test_numbers_on_real_months(yoke, taxi):
    path, df = taxi
    paid = df[df.fare_amount > 0]
    share = paid.tip_amount / paid.fare_amount
    got = answers(yoke("table", path, "--where", "fare_amount > 0", "--count", "--mean", "tip_amount / fare_amount", "--sum", "tip_amount",
                       "--min", "fare_amount", "--max", "trip_distance", "--std", "fare_amount", "--var", "tip_amount",
                       "--median", "tip_amount / fare_amount", "--quantile", "0.1,0.9:trip_distance", "--unique", "PULocationID", "--json"))
    assert got["count"] == len(paid)
    near(got["mean(tip_amount / fare_amount)"], share.mean())
    near(got["sum(tip_amount)"], paid.tip_amount.sum())
    assert got["min(fare_amount)"] == paid.fare_amount.min()
    assert got["max(trip_distance)"] == paid.trip_distance.max()
    near(got["std(fare_amount)"], paid.fare_amount.std())
    near(got["var(tip_amount)"], paid.tip_amount.var())
    assert got["median(tip_amount / fare_amount)"] == share.median()
    assert got["quantile(trip_distance, 0.1)"] == paid.trip_distance.quantile(0.1)
    assert got["quantile(trip_distance, 0.9)"] == paid.trip_distance.quantile(0.9)
    assert got["unique(PULocationID)"] == paid.PULocationID.nunique()


def test_histogram_is_numpys(yoke, taxi):
    path, df = taxi
    paid = df[df.fare_amount > 0]
    want, edges = np.histogram(paid.tip_amount / paid.fare_amount, 200, (0.01, 2))
    got = answers(yoke("table", path, "--where", "fare_amount > 0", "--hist", "tip_amount / fare_amount", "--bins", 200, "--range", "0.01:2", "--json"))
    got = got["hist(tip_amount / fare_amount)"]
    assert got["counts"] == want.tolist()
    assert got["edges"] == edges.tolist()


def test_histogram_with_given_and_with_found_edges(yoke, taxi, tmp_path):
    path, df = taxi
    want, _ = np.histogram(df.trip_distance, [0, 1, 2.5, 10, 1000])
    got = answers(yoke("table", path, "--hist", "trip_distance", "--edges", "0,1,2.5,10,1000", "--json"))
    assert got["hist(trip_distance)"]["counts"] == want.tolist()
    want, edges = np.histogram(df.tip_amount, 17)
    got = answers(yoke("table", path, "--hist", "tip_amount", "--bins", 17, "--json"))["hist(tip_amount)"]
    assert (got["counts"], got["edges"]) == (want.tolist(), edges.tolist())
    ok(yoke("table", path, "--hist", "tip_amount", "--bins", 17, "-o", tmp_path / "tips.csv"))
    saved = pd.read_csv(tmp_path / "tips.csv")
    assert saved["count"].tolist() == want.tolist() and saved["lo"].tolist() == edges[:-1].tolist()
    again = yoke("table", path, "--hist", "tip_amount", "-o", tmp_path / "tips.csv")
    assert again.returncode == 1 and "tips.csv" in again.stderr


@pytest.mark.parametrize("asks", [["--mean", "tip_amount / fare_amount", "--sum", "total_amount", "--std", "tip_amount", "--hist", "tip_amount", "--range", "0:20"],
                                  ["--by", "PULocationID", "--mean", "tip_amount", "--std", "fare_amount", "--median", "trip_distance"],
                                  ["--sample", "50", "--seed", "3"], ["--sort", "tip_amount desc", "--head", "40"]])
def test_same_bits_whatever_pulls(yoke, taxi, asks):
    path, _ = taxi
    outs = [ok(yoke("table", path, "--where", "fare_amount > 0", *asks, "--json", "--on", on)) for on in EXECUTORS]
    assert all(o == outs[0] for o in outs)


def test_same_bits_however_rows_are_split(yoke, taxi, shared, tmp_path):
    path, _ = taxi
    t = pa.concat_tables([pq.read_table(f, columns=["tip_amount", "fare_amount", "PULocationID"]) for f in green(shared)])
    asks = ["--where", "fare_amount > 0", "--mean", "tip_amount / fare_amount", "--std", "tip_amount", "--sum", "fare_amount", "--json"]
    by = ["--by", "PULocationID", "--mean", "tip_amount", "--sum", "fare_amount", "--json"]
    want, want_by = ok(yoke("table", path, *asks)), ok(yoke("table", path, *by))
    rng = np.random.default_rng(1)
    for case in range(4):
        folder = tmp_path / str(case)
        folder.mkdir()
        cuts = [0, *sorted(rng.integers(0, len(t), rng.integers(0, 12))), len(t)]
        for i, (a, b) in enumerate(zip(cuts, cuts[1:])):
            pq.write_table(t.slice(a, b - a), folder / f"{i:03}.parquet", row_group_size=int(rng.integers(500, 200000)),
                           use_dictionary=bool(rng.integers(2)), compression=["snappy", "zstd", "gzip", "none"][rng.integers(4)])
        assert ok(yoke("table", folder, *asks)) == want, cuts
        assert ok(yoke("table", folder, *by)) == want_by, cuts


def test_groups_are_pandas(yoke, made):
    path, df = made
    got = rows(yoke("table", path, "--by", "s,k", "--count", "--sum", "i", "--mean", "x", "--std", "x", "--min", "t", "--max", "s",
                    "--first", "i", "--last", "x", "--median", "x", "--unique", "b", "--json"))
    groups = df.groupby(["s", "k"], dropna=False, sort=True)
    want = groups.agg(count=("k", "size"), sum=("i", "sum"), mean=("x", "mean"), std=("x", "std"), tmin=("t", "min"), first=("i", "first"),
                      last=("x", "last"), median=("x", "median"), unique=("b", "nunique")).reset_index()
    assert len(got) == len(want)
    for g, w in zip(got, want.itertuples()):
        assert g["s"] == (None if pd.isna(w.s) else w.s) and g["k"] == w.k
        assert (g["count"], g["sum(i)"], g["first(i)"], g["unique(b)"]) == (w.count, w.sum, w.first, w.unique)
        near(g["mean(x)"], w.mean)
        near(g["std(x)"], w.std)
        assert g["median(x)"] == w.median and g["last(x)"] == w.last
        assert pd.Timestamp(g["min(t)"]) == w.tmin
        assert g["max(s)"] == g["s"]


def test_rows_sorted_and_cut(yoke, made):
    path, df = made
    got = rows(yoke("table", path, "--select", "i, x * 2 as y, s", "--sort", "s, i desc", "--head", 50, "--json"))
    df = df.assign(y=df.x * 2)
    want = df.sort_values(["s", "i"], ascending=[True, False], kind="stable", na_position="last").head(50)
    assert [r["i"] for r in got] == [None if pd.isna(v) else v for v in want.i]
    assert [r["y"] for r in got] == [None if pd.isna(v) else v for v in want.y]
    head = rows(yoke("table", path, "--where", "b", "--head", 7, "--json"))
    assert [r["k"] for r in head] == df[df.b.fillna(False).astype(bool)].k.head(7).tolist()
    tail = rows(yoke("table", path, "--tail", 9, "--json"))
    assert [r["k"] for r in tail] == df.k.tail(9).tolist()
    assert rows(yoke("table", path, "--sample", 20, "--json")) == rows(yoke("table", path, "--sample", 20, "--json"))
    different = rows(yoke("table", path, "--distinct", "--select", "s, b", "--json"))
    want = df[["s", "b"]].drop_duplicates()
    assert [(r["s"], r["b"]) for r in different] == [tuple(None if pd.isna(v) else v for v in w) for w in want.itertuples(index=False)]


def test_integers_are_exact(yoke, tmp_path):
    big = [2**62, 2**62, 2**62, -1, None]
    pq.write_table(pa.table({"n": pa.array(big, pa.int64())}), tmp_path / "big.parquet")
    got = ok(yoke("table", tmp_path / "big.parquet", "--sum", "n", "--min", "n", "--max", "n")).split()
    assert got[1::2] == [str(3 * 2**62 - 1), "-1", str(2**62)]


def test_sums_of_groups_that_do_not_fit_are_an_error(yoke, tmp_path):
    """Never a number that wrapped around."""
    pq.write_table(pa.table({"k": [0, 0, 1, 1, 1], "n": [2**63 - 1, 1, 2**63 - 1, 1, -5]}), tmp_path / "n.parquet")
    run = yoke("table", tmp_path / "n.parquet", "--by", "k", "--sum", "n")
    assert run.returncode == 1 and "the sum of 'n' in a group does not fit an integer; cast(… as real)" in run.stderr and run.stdout == ""
    assert rows(yoke("table", tmp_path / "n.parquet", "--by", "k", "--sum", "n", "--where", "k == 1", "--json")) == [{"k": 1, "sum(n)": 2**63 - 5}]
    assert [r["s"] for r in rows(yoke("table", tmp_path / "n.parquet", "--by", "k", "--sum", "cast(n as real) as s", "--json"))] == [2.0**63] * 2
    assert ok(yoke("table", tmp_path / "n.parquet", "--sum", "n")) == f"{2**64 - 5}\n"


def test_ranges_of_unsigned_and_decimals_are_exact(yoke, tmp_path):
    """Which are read as what they are: as reals, 2**64 - 1 and 38 digits would be rounded."""
    from decimal import Decimal

    most, few = 2**64 - 1, [Decimal("-99999999999999999999999999999999999.99"), Decimal("0.07"), None, Decimal("0.01")]
    t = pa.table({"u": pa.array([2**63, most, 7, None] * 1500, pa.uint64()), "d": pa.array(few * 1500, pa.decimal128(38, 2)), "k": [0, 0, 1, 1] * 1500})
    pq.write_table(t, tmp_path / "coded.parquet")
    pq.write_table(t, tmp_path / "plain.parquet", use_dictionary=False, write_statistics=False)
    for name in ("coded", "plain"):
        for where, want in [([], ["7", most, few[0], few[1]]), (["--where", "k == 1"], ["7", "7", few[3], few[3]]), (["--where", "k > 1"], ["missing"] * 4)]:
            for more in ([], ["--mean", "u", "--std", "d", "--count"]):
                got = ok(yoke("table", tmp_path / f"{name}.parquet", *where, "--min", "u", "--max", "u", "--min", "d", "--max", "d", *more)).split()
                assert got[1:8:2] == list(map(str, want)), (name, where)
        by = rows(yoke("table", tmp_path / f"{name}.parquet", "--by", "k", "--max", "u", "--count", "--json"))
        assert by == [{"k": 0, "max(u)": most, "count": 3000}, {"k": 1, "max(u)": 7, "count": 3000}]


def test_types_that_drift_are_widened(yoke, tmp_path):
    pq.write_table(pa.table({"a": pa.array([1, 2], pa.int32()), "b": ["x", "y"]}), tmp_path / "1.parquet")
    pq.write_table(pa.table({"b": ["z"], "a": pa.array([0.5])}), tmp_path / "2.parquet")
    pq.write_table(pa.table({"a": pa.nulls(1), "b": ["w"], "c": [1]}), tmp_path / "3.parquet")
    assert ok(yoke("table", tmp_path, "--sum", "a")) == "3.5\n"
    assert [r["a"] for r in rows(yoke("table", tmp_path, "--select", "a", "--json"))] == [1, 2, 0.5, None]
    assert ok(yoke("table", tmp_path, "--sum", "c")) == "1\n"
    run = yoke("table", tmp_path, "--mean", "b")
    assert run.returncode == 2 and "text" in run.stderr
    assert "3" in ok(yoke("table", tmp_path, "--columns"))


def test_pages_are_skipped_by_what_files_say(yoke, tmp_path):
    n = 1 << 20
    pq.write_table(pa.table({"i": np.arange(n), "x": np.arange(n) * 0.5}), tmp_path / "i.parquet", row_group_size=n // 4, write_page_index=True)
    run = yoke("table", tmp_path / "i.parquet", "--where", f"i >= {n - 1000}", "--sum", "x", "--stats")
    assert float(ok(run)) == sum(0.5 * i for i in range(n - 1000, n))
    skipped = int(run.stderr.split("(")[1].split()[0])
    assert skipped > n * 0.9


def test_hive_folders_give_columns(yoke, tmp_path):
    for year, month in [(2021, 12), (2022, 1), (2022, 2)]:
        folder = tmp_path / f"year={year}" / f"month={month}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [float(month)] * 5}), folder / "part.parquet")
    assert ok(yoke("table", tmp_path, "--where", "year == 2022", "--sum", "x")) == "15\n"
    got = rows(yoke("table", tmp_path, "--by", "year", "--sum", "x", "--json"))
    assert got == [{"year": 2021, "sum(x)": 60}, {"year": 2022, "sum(x)": 15}]


def test_more_files_than_may_be_open(yoke_path, plain_build, tmp_path):
    """Two hundred small files of each kind with fifty descriptors: the soft limit is the hard one here."""
    n = 200
    for i in range(n):
        x = np.arange(i * 10, i * 10 + 10)
        pq.write_table(pa.table({"x": x}), tmp_path / f"a{i:03}.parquet")
        pd.DataFrame({"x": x}).to_csv(tmp_path / f"a{i:03}.csv", index=False)
        np.save(tmp_path / f"a{i:03}.npy", x)
    for ending, column in (("parquet", "x"), ("csv", "x"), ("npy", "c1")):
        for on in ("serial", "threads:3", "processes:2"):
            call = f"ulimit -n 50; exec '{yoke_path}' table '{tmp_path}/*.{ending}' --sum {column} --on {on}"
            run = subprocess.run(["bash", "-c", call], capture_output=True, text=True)
            assert run.stdout == f"{sum(range(10 * n))}\n", (ending, on, run.stderr)


def test_wrong_calls_say_what_to_do(yoke, shared, tmp_path):
    month = shared / "taxi/tlc/green_tripdata_2022-01.parquet"
    (tmp_path / "empty.parquet").write_bytes(b"")
    (tmp_path / "cut.parquet").write_bytes(month.read_bytes()[:50000])
    (tmp_path / "locked.parquet").write_bytes(b"PAR1")
    for words, code, says in [
        ([month, "--mean", "tip_amout"], 1, "tip_amount"),
        ([month, "--mean", "tip_amount +"], 2, "tip_amount +"),
        ([month, "--mean", "store_and_fwd_flag"], 2, "text"),
        ([month, "--where", "fare_amount", "--count"], 2, "real"),
        ([month, "--hist", "tip_amount", "--range", "2:1"], 2, ""),
        ([month, "--hist", "tip_amount", "--bins", "0"], 2, "bins"),
        ([month, "--quantile", "2:tip_amount"], 2, "2"),
        ([month], 2, "--mean"),
        (["--count"], 2, "name the files"),
        ([tmp_path / "absent.parquet", "--count"], 1, "absent.parquet"),
        ([tmp_path / "a*.parquet", "--count"], 1, "a*.parquet"),
        ([tmp_path / "empty.parquet", "--count"], 1, "empty"),
        ([tmp_path / "cut.parquet", "--count"], 1, "cut.parquet"),
        ([tmp_path / "locked.parquet", "--count"], 1, "locked.parquet"),
        ([month, "--count", "--on", "wolves"], 2, "wolves"),
        ([month, "--head", "3", "-o", tmp_path / "no" / "such.csv"], 1, "such.csv"),
    ]:
        run = yoke("table", *words)
        assert (run.returncode in (1, 2)) and run.returncode == code, (words, run)
        assert run.stdout == "" and says in run.stderr, (words, run)
        assert "Traceback" not in run.stderr and len(run.stderr.splitlines()) <= 2


def test_full_disk(yoke_path, shared):
    import subprocess
    month = shared / "taxi/tlc/green_tripdata_2022-01.parquet"
    with open("/dev/full", "w") as full:
        run = subprocess.run([yoke_path, "table", month, "--head", "5"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1 and "No space left" in run.stderr


def test_broken_files_are_named_for_what_they_are(yoke, shared):
    for path in sorted((shared / "taxi/broken").iterdir()):
        run = yoke("table", path, "--count")
        assert run.returncode == 1 and path.name in run.stderr and run.stdout == "", run
        assert ("LFS" in run.stderr) if "lfs" in path.name else ("HTML" in run.stderr or "web page" in run.stderr)


def test_join_with_zones(yoke, taxi, shared):
    path, df = taxi
    zones = pd.read_csv(shared / "taxi/csv/taxi+_zone_lookup.csv")
    both = df.merge(zones, left_on="PULocationID", right_on="LocationID", how="left")
    words = ["table", path, "--join", shared / "taxi/csv/taxi+_zone_lookup.csv", "--key", "PULocationID=LocationID"]
    got = rows(yoke(*words, "--by", "Borough", "--count", "--mean", "tip_amount", "--json"))
    want = both.groupby("Borough", dropna=False).tip_amount.agg(["size", "mean"])
    assert len(got) == len(want)
    for g, (borough, w) in zip(got, want.iterrows()):
        assert (g["Borough"], g["count"]) == (borough, w["size"])
        near(g["mean(tip_amount)"], w["mean"])
    queens = both[(both.Borough == "Queens") & (both.fare_amount > 10)]
    near(float(ok(yoke(*words, "--where", "Borough == 'Queens' and fare_amount > 10", "--sum", "fare_amount"))), queens.fare_amount.sum())
    outs = {ok(yoke(*words, "--by", "Zone", "--mean", "tip_amount", "--on", on)) for on in EXECUTORS}
    assert len(outs) == 1


def test_join_says_what_is_wrong(yoke, tmp_path):
    pq.write_table(pa.table({"k": [1, 2, 3], "x": [1.0, 2.0, 3.0]}), tmp_path / "big.parquet")
    (tmp_path / "two.csv").write_text("k,name\n1,a\n1,b\n")
    (tmp_path / "text.csv").write_text("k,name\none,a\n")
    (tmp_path / "good.csv").write_text("k,x\n3.0,c\n1.0,\n")
    for other, key, says in [("two.csv", "k", "two rows"), ("text.csv", "k", "text"), ("good.csv", "nokey", "nokey"), ("good.csv", "k=nokey", "nokey")]:
        run = yoke("table", tmp_path / "big.parquet", "--join", tmp_path / other, "--key", key, "--count")
        assert run.returncode in (1, 2) and says in run.stderr and run.stdout == "", run
    got = rows(yoke("table", tmp_path / "big.parquet", "--join", tmp_path / "good.csv", "--key", "k", "--select", "k, x, x_2", "--json"))
    assert got == [{"k": 1, "x": 1, "x_2": None}, {"k": 2, "x": 2, "x_2": None}, {"k": 3, "x": 3, "x_2": "c"}]


def test_rows_to_files(yoke, made, tmp_path):
    path, df = made
    for name in ("out.csv", "out.jsonl", "out.parquet"):
        ok(yoke("table", path, "--where", "k < 10", "--select", "i, x, s, t, b, k", "-o", tmp_path / name))
    want = df[df.k < 10].reset_index(drop=True)
    got = pq.read_table(tmp_path / "out.parquet").to_pandas()
    pd.testing.assert_frame_equal(got, want, check_dtype=False)
    csv = pd.read_csv(tmp_path / "out.csv", keep_default_na=False, na_values={"i": [""], "x": [""], "b": [""]})
    assert csv.x.tolist() == pytest.approx(want.x.tolist(), rel=0, abs=0, nan_ok=True)
    assert csv.s.tolist() == want.s.fillna("").tolist()
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [r["i"] for r in lines] == [None if pd.isna(v) else v for v in want.i]
    assert ok(yoke("table", tmp_path / "out.parquet", "--sum", "x")) == ok(yoke("table", tmp_path / "out.csv", "--sum", "x"))
    run = yoke("table", path, "--select", "i", "-o", tmp_path / "out.csv")
    assert run.returncode == 1 and "out.csv" in run.stderr


def test_interrupt_leaves_nothing_behind(yoke_path, tmp_path):
    import signal
    import subprocess
    import time
    n = 4_000_000
    pq.write_table(pa.table({"x": np.arange(n) / 7, "y": np.arange(n)}), tmp_path / "big.parquet")
    run = subprocess.Popen([yoke_path, "table", tmp_path / "big.parquet", "--select", "x, y, x * y as z", "-o", tmp_path / "out.csv"],
                           stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    time.sleep(0.3)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=60)[1]
    if run.returncode == 0:
        pytest.skip("it was done before it could be interrupted")
    assert run.returncode in (130, -signal.SIGINT), said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["big.parquet"]
