"""Different rows of a table in which hardly two are the same, which is large enough that rows that repeat an earlier one are looked for by hashes, against pandas."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from test_table import ok

ROWS = 2_300_000  # as many as that needs, and some


def make(rng, n_repeats):
    """Rows of which some repeat an earlier one: in values that are written otherwise (-0 and 0, NaN and null), near it or far from it."""
    d = pd.DataFrame({"id": rng.permutation(ROWS) // 2, "x": np.round(rng.normal(size=ROWS), 3), "t": rng.choice(np.array(["", "a", "bc", None], object), ROWS),
                      "w": rng.integers(0, 50, ROWS) * 3_600_000_001})
    d.loc[rng.integers(0, ROWS, 2000), "x"] = 0.0
    d.loc[rng.integers(0, ROWS, 2000), "x"] = np.nan
    to, of = rng.integers(0, ROWS, (2, n_repeats))
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
    few, many = make(rng, 3000), make(rng, 900_000)
    late = pd.concat([few[:1_300_000], few[:1_000_000]], ignore_index=True)
    cut = 1_500_000
    (folder / "two").mkdir()
    write(few[:cut], folder / "two" / "a.parquet", row_group_size=100_000, use_dictionary=False)
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


@pytest.mark.parametrize("name, ways", [("few", ["serial", "threads:2", "threads:3", "threads:7", "processes:2"]), ("two files", ["threads:3"]),
                                        ("csv", ["threads:2"]), ("many", ["threads:2"]), ("late", ["threads:3"])])
def test_each_different_row_once(yoke, tables, tmp_path, name, ways):
    files, d = tables[name]
    want = d.drop_duplicates()
    assert len(want) < ROWS
    for on in ways:
        check(yoke, files, want, tmp_path, "--on", on)
    check(yoke, files, want, tmp_path, "--memory", "48M")


@pytest.mark.parametrize("name", ["few", "two files"])
def test_with_filters_sorts_and_cuts(yoke, tables, tmp_path, name):
    files, d = tables[name]
    some = d[(d.id % 3 != 0) & (d.x < 1.5)].drop_duplicates()
    filters = ["--where", "id % 3 != 0 and x < 1.5"]
    check(yoke, files, some, tmp_path, *filters)
    check(yoke, files, some.head(700_000), tmp_path, *filters, "--head", 700_000)
    check(yoke, files, some.tail(700_000), tmp_path, *filters, "--tail", 700_000)
    for head in (20, 400_000):
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
