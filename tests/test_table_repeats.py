"""Different rows of a table in which hardly two are the same, which is large enough that rows that repeat an earlier one are looked for by hashes, against pandas."""

import io
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from test_table import ok

ROWS, GROUPED = 290_000, 560_000  # as many as that needs, and groups of one row each, and some
WAYS = int(os.environ.get("YOKE_STRESS", 5))  # of running, at most


def make(rng, n_repeats, n=ROWS):
    """Rows of which some repeat an earlier one: in values that are written otherwise (-0 and 0, NaN and null), near it or far from it."""
    d = pd.DataFrame({"id": rng.permutation(n) // 2, "x": np.round(rng.normal(size=n), 3), "t": rng.choice(np.array(["", "a", "bc", None], object), n),
                      "w": rng.integers(0, 50, n) * 3_600_000_001})
    d.loc[rng.integers(0, n, 300), "x"] = 0.0
    d.loc[rng.integers(0, n, 300), "x"] = np.nan
    to, of = rng.integers(0, n, (2, n_repeats))
    of[: n_repeats // 2] = np.maximum(to[: n_repeats // 2] - 1, 0)
    of[: n_repeats // 8] = of[0]
    d.iloc[to] = d.iloc[of].to_numpy()
    return d.astype({"id": "int64", "x": "float64", "w": "int64"})


def write(d, path, **how):
    x = d.x.to_numpy()
    x = np.where((x == 0) & (np.arange(len(x)) % 2 == 0), -0.0, x)
    table = pa.table({"id": pa.array(d.id), "x": pa.array(x, mask=np.isnan(x) & (np.arange(len(x)) % 3 == 0)), "t": pa.array(d.t, pa.string()),
                      "w": pa.array(d.w).cast(pa.timestamp("us"))})
    pq.write_table(table, path, **how)
    return path


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("repeats"), np.random.default_rng(11)
    few, many = make(rng, 500), make(rng, 110_000)
    late = pd.concat([few[:160_000], few[:130_000]], ignore_index=True)
    cut = 190_000
    (folder / "two").mkdir()
    write(few[:cut], folder / "two" / "a.parquet", row_group_size=30_000, use_dictionary=False)
    write(few[cut:], folder / "two" / "b.parquet", data_page_size=20_000)
    few.assign(w=pd.to_datetime(few.w, unit="us")).to_csv(folder / "few.csv", index=False)
    return {"few": ([write(few, folder / "few.parquet")], few), "two files": ([folder / "two"], few), "csv": ([folder / "few.csv"], few.assign(t=few.t.replace("", None))),
            "many": ([write(many, folder / "many.parquet")], many), "late": ([write(late, folder / "late.parquet")], late)}


def check(yoke, files, want, folder, *words):
    """The rows that are written are these: missing ones and NaN are one, and so are zeros of either sign."""
    out = folder / "out.parquet"
    ok(yoke("table", *files, "--distinct", *words, "-o", out, "-f"))
    got = pq.read_table(out)
    assert got.column_names == list(want.columns) and got.num_rows == len(want)
    for name in got.column_names:
        have = got[name].combine_chunks()
        if name == "t":
            assert have.equals(pa.array(want.t, have.type, from_pandas=True))
        else:
            have = have.cast(pa.int64()) if name == "w" else have
            assert np.array_equal(have.to_numpy(zero_copy_only=False), want[name].to_numpy(), equal_nan=name == "x")


@pytest.mark.parametrize("name, ways", [("few", ["threads:3", "serial", "threads:2", "threads:7", "processes:2"]), ("two files", ["threads:3"]),
                                        ("csv", ["threads:2"]), ("many", ["threads:2"]), ("late", ["threads:3"])])
def test_each_different_row_once(yoke, tables, tmp_path, name, ways):
    files, d = tables[name]
    want = d.drop_duplicates()
    assert len(want) < ROWS
    for on in ways[:WAYS]:
        check(yoke, files, want, tmp_path, "--on", on)
    check(yoke, files, want, tmp_path, "--memory", "48M")


@pytest.mark.parametrize("name", ["few", "two files"])
def test_with_filters_sorts_and_cuts(yoke, tables, tmp_path, name):
    files, d = tables[name]
    some = d[(d.id % 3 != 0) & (d.x < 1.5)].drop_duplicates()
    filters = ["--where", "id % 3 != 0 and x < 1.5"]
    check(yoke, files, some, tmp_path, *filters)
    check(yoke, files, some.head(90_000), tmp_path, *filters, "--head", 90_000)
    check(yoke, files, some.tail(90_000), tmp_path, *filters, "--tail", 90_000)
    for head in (20, 70_000):
        want = some.sort_values(["x", "id"], ascending=[False, True], kind="stable").head(head)
        check(yoke, files, want, tmp_path, *filters, "--sort", "x desc, id", "--head", head)
    for kept in (["id", "x"], ["x", "t", "id"]):
        check(yoke, files, d[kept].drop_duplicates(), tmp_path, "--select", ",".join(kept))


def test_the_first_in_print_and_what_is_refused(yoke, tables):
    (path,), d = tables["few"]
    shown = pd.read_csv(io.StringIO(ok(yoke("table", path, "--distinct", "--select", "id, x", "--head", 5, "--format", "csv"))))
    assert shown.id.tolist() == d[["id", "x"]].drop_duplicates().id.head(5).tolist()
    run = yoke("table", path, "--distinct", "--select", "id, x", "--sort", "t")
    assert run.returncode == 1 and "the result has no column 't' to sort by" in run.stderr


@pytest.mark.parametrize("name, scans", [("few", 5), ("many", 2), ("late", 4)])
def test_rows_are_tried_before_all_are_hashed(yoke, tables, tmp_path, name, scans):
    """Few, some, all, those that may be the same, the different ones; of many that are the same: few, and then all as groups; of rows that
    are repeated late: few, some, all, and then all as groups."""
    run = yoke("table", *tables[name][0], "--distinct", "--stats", "-o", tmp_path / "out.parquet")
    assert f"in {scans} scans" in run.stderr
    assert "a hash of each" in ok(yoke("table", *tables[name][0], "--distinct", "--explain"))


def by(d, keys):
    """What pandas says of each group, by key: integers and reals that are added up without rounding, so that their order is no matter."""
    g = d.groupby(keys, dropna=False, sort=False)
    want = pd.DataFrame({"count": g.size(), "sum(n)": g["n"].sum(), "mean(n)": g["n"].mean(), "sum(v)": g["v"].sum(), "mean(v)": g["v"].mean(), "min(v)": g["v"].min(),
                         "max(n)": g["n"].max(), "first(v)": g["v"].first(), "last(n)": g["n"].last()}).reset_index()
    return want.sort_values(keys, na_position="last", kind="stable").reset_index(drop=True)


ASKS = ["--count", "--sum", "n", "--mean", "n", "--sum", "v", "--mean", "v", "--min", "v", "--max", "n", "--first", "v", "--last", "n"]


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    """Rows with two keys, of which some have company, and values that may be missing."""
    folder, rng = tmp_path_factory.mktemp("grouped"), np.random.default_rng(5)
    few = make(rng, 800, GROUPED)
    made = {}
    for name, d in ("few", few), ("late", pd.concat([few[:300_000], few[: GROUPED - 300_000]], ignore_index=True)):
        d = d[["id", "x"]].copy()
        d["n"] = rng.integers(-1000, 1000, GROUPED)
        d["v"] = v = np.where(rng.random(GROUPED) < 0.1, np.nan, rng.integers(-40, 40, GROUPED) / 4)
        path = folder / f"{name}.parquet"
        v = np.where((v == 0) & (np.arange(GROUPED) % 2 == 0), -0.0, v)
        pq.write_table(pa.table({"id": d.id, "x": d.x, "n": d.n, "v": pa.array(v, from_pandas=True)}), path, row_group_size=70_000)
        made[name] = path, d
    return made


def groups_of(yoke, path, out, *words):
    run = yoke("table", path, *words, "--stats", "-o", out, "-f")
    ok(run)
    return pq.read_table(out), int(run.stderr.split(" scan")[0].split()[-1])


def compare(got, want):
    assert got.num_rows == len(want) and got.column_names == list(want.columns)
    for name in got.column_names:
        have, expected = got[name].combine_chunks(), want[name]
        have = have.to_numpy(zero_copy_only=False).astype(float)
        assert np.array_equal(have, expected.to_numpy(float), equal_nan=True), name
        assert name in ("x", "min(v)", "first(v)") or not np.signbit(have[have == 0]).any(), name  # sums begin with 0


@pytest.mark.parametrize("name, scans", [("few", 6), ("late", 5)])
def test_groups_of_one_row_each(yoke, grouped, tmp_path, name, scans):
    """The first task, few rows, some, all, those with company, those without; where too many have company all are grouped instead."""
    path, d = grouped[name]
    words = ["--by", "id,x", *ASKS]
    first, n = groups_of(yoke, path, tmp_path / "a.parquet", *words)
    assert n == scans
    compare(first, by(d, ["id", "x"]))
    for on in ["serial", "threads:3", "threads:7", "processes:2"][:WAYS] if name == "few" else ["serial"]:
        assert groups_of(yoke, path, tmp_path / "b.parquet", *words, "--on", on)[0].equals(first)
    assert groups_of(yoke, path, tmp_path / "b.parquet", *words, "--memory", "64M")[0].equals(first)


def test_groups_of_one_row_each_cut_and_in_other_orders(yoke, grouped, tmp_path):
    path, d = grouped["few"]
    some = d[(d.id % 5 != 1) & (d.x < 1)]
    want = by(some, ["id", "x"])
    words = ["--where", "id % 5 != 1 and x < 1", "--by", "id,x", *ASKS]
    compare(groups_of(yoke, path, tmp_path / "a.parquet", *words)[0], want)
    for n in (10, 70_000):
        compare(groups_of(yoke, path, tmp_path / "a.parquet", *words, "--head", n)[0], want.head(n))
        compare(groups_of(yoke, path, tmp_path / "a.parquet", *words, "--tail", n)[0], want.tail(n))
        top = want.sort_values("count", ascending=False, kind="stable").head(n)
        compare(groups_of(yoke, path, tmp_path / "a.parquet", *words, "--top", n)[0], top)
        order = want.sort_values(["sum(v)", "max(n)"], ascending=[False, True], na_position="last", kind="stable").head(n)
        compare(groups_of(yoke, path, tmp_path / "a.parquet", *words, "--sort", "sum(v) desc, max(n)", "--head", n)[0], order)


def test_groups_of_one_row_each_in_a_csv_whose_types_show_late(yoke, grouped, tmp_path):
    """A key and a value are integers but for a row each, neither among the first nor among those that have company."""
    d = grouped["few"][1].drop(columns="x").astype({"id": str, "n": str})
    d["k"] = (np.arange(GROUPED) // 3 * 2).astype(str)
    d.loc[500_000, "k"], d.loc[520_000, "n"] = "7.5", "0.25"
    d.to_csv(tmp_path / "late.csv", index=False)
    d = d.astype({"k": float, "n": float, "id": int})
    got, scans = groups_of(yoke, tmp_path / "late.csv", tmp_path / "a.parquet", "--by", "k,id", "--count", "--sum", "n", "--max", "n")
    g = d.groupby(["k", "id"], sort=False)["n"]
    assert scans > 3
    compare(got, pd.DataFrame({"count": g.size(), "sum(n)": g.sum(), "max(n)": g.max()}).reset_index().sort_values(["k", "id"]).reset_index(drop=True))


def test_what_is_no_expression_of_one_row_is_grouped(yoke, tables, grouped, tmp_path):
    path, d = grouped["few"]
    g = d.groupby(["id", "x"], dropna=False, sort=False)["v"]
    want = pd.DataFrame({"median(v)": g.median(), "std(v)": g.std()}).reset_index().sort_values(["id", "x"], na_position="last").reset_index(drop=True)
    got, scans = groups_of(yoke, path, tmp_path / "a.parquet", "--by", "id,x", "--median", "v", "--std", "v")
    assert scans == 1 and got.num_rows == len(want)
    np.testing.assert_allclose(got["std(v)"].to_numpy(), want["std(v)"].to_numpy(), rtol=1e-12, atol=1e-300)
    assert np.array_equal(got["median(v)"].to_numpy(), want["median(v)"].to_numpy(), equal_nan=True)
    texts = tables["few"][1]
    g = texts.groupby(["id", "x"], dropna=False, sort=False)["t"]
    want = pd.DataFrame({"max(t)": g.max(), "first(t)": g.first()}).reset_index().sort_values(["id", "x"], na_position="last").reset_index(drop=True)
    got, _ = groups_of(yoke, tables["few"][0][0], tmp_path / "a.parquet", "--by", "id,x", "--max", "t", "--first", "t")
    for name in ("max(t)", "first(t)"):
        assert got[name].combine_chunks().equals(pa.array(want[name], got[name].type, from_pandas=True))
