"""Which rows come out, and in which order: a filter, different rows or groups, a sort, and the first, the last or a sample of them, in every combination, against
pandas. The seed is in the test's name; YOKE_STRESS=N asks N questions."""

import io
import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 60_000
COLUMNS = ["row", "a", "b", "c", "e"]
FILTERS = {"a > 3": lambda d: d.a > 3, "b < 0": lambda d: d.b < 0, "c == 'x'": lambda d: d.c == "x", "row < 10": lambda d: d.row < 10,
           "isnull(b) and a > 0": lambda d: d.b.isna() & (d.a > 0), "row < 0": lambda d: d.row < 0}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same rows as Parquet, as CSV, where an empty text is a missing one, and in folders whose names are a column, by which they are in order then."""
    folder = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(7)
    d = pd.DataFrame({"row": np.arange(ROWS), "a": rng.integers(-5, 9, ROWS), "b": np.where(rng.random(ROWS) < 0.2, np.nan, np.round(rng.normal(size=ROWS), 2)),
                      "c": rng.choice(np.array(["x", "y", "", "zz", None], object), ROWS), "e": rng.integers(0, 1000, ROWS)})
    pq.write_table(pa.Table.from_pandas(d, preserve_index=False), folder / "a.parquet", row_group_size=7_000)
    d.to_csv(folder / "a.csv", index=False)
    parts = []
    for a in sorted(d.a.unique(), key=lambda a: f"a={a}"):
        parts.append(d[d.a == a])
        (folder / "parts" / f"a={a}").mkdir(parents=True)
        pq.write_table(pa.Table.from_pandas(parts[-1].drop(columns="a"), preserve_index=False), folder / "parts" / f"a={a}" / "p.parquet", row_group_size=1_500)
    return {folder / "a.parquet": d, folder / "a.csv": d.assign(c=d.c.replace("", None)), folder / "parts": pd.concat(parts)}


def question(r, d):
    """The command's words, the rows that are wanted but for a cut (all columns), those shown, and the cut."""
    words, kind = [], r.choice(["rows", "rows", "rows", "distinct", "by"])
    if r.random() < 0.7:
        where = r.choice(list(FILTERS))
        words += ["--where", where]
        d = d[FILTERS[where](d).fillna(False).astype(bool)]
    if kind == "rows":
        shown = r.choice(COLUMNS, r.integers(1, 6), replace=False).tolist()
        words += ["--select", ",".join(shown)]
    elif kind == "distinct":
        shown = r.choice(["a", "b", "c"], r.integers(1, 3), replace=False).tolist()
        words += ["--select", ",".join(shown), "--distinct"]
        d = d[shown].drop_duplicates()
    else:
        shown = [r.choice(["a", "e"]), "count"]
        words += ["--by", shown[0], "--count"]
        d = d.groupby(shown[0], as_index=False).size().rename(columns={"size": "count"})
    order = {}
    if r.random() < 0.6:
        order = {key: bool(r.random() < 0.5) for key in r.choice(COLUMNS if kind == "rows" else shown, r.integers(1, 3))}
        words += ["--sort", ", ".join(key + " desc" * falls for key, falls in order.items())]
    cut = r.choice(["", "head", "tail", "sample"][:4 if kind == "rows" else 3])
    return words, d, shown, order, cut, int(r.choice([1, 2, 10, 1000, 20_000, 70_000]))


def sort(d, order):
    for key, falls in reversed(order.items()):
        d = d.sort_values(key, ascending=not falls, kind="stable", na_position="last")
    return d


def cells(d, shown):
    """Reals as such: which of its zeros stands for both is nobody's business."""
    return [["" if v is None or v != v or v == "" else float(v) if c == "b" else str(v) for v in d[c]] for c in shown]


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 60))))
def test_rows_are_those_of_pandas(yoke, files, seed):
    r = np.random.default_rng(seed)
    path = list(files)[seed % 3]
    words, want, shown, order, cut, n = question(r, files[path])
    how = ["--on", r.choice(["serial", "threads:2", "threads:3", "processes:2"]), "--format", "csv"] + ["--memory", "16M"] * (r.random() < 0.3)
    if cut == "sample": # which rows it is, an unsorted call says
        run = yoke("table", path, *words[:words.index("--select")], "--select", "row", "--sample", n, *how)
        rows = [int(v) for v in run.stdout.split()[1:]]
        assert len(rows) == len(set(rows)) == min(n, len(want)), run.stderr
        want = want[want.row.isin(rows)]
        assert want.row.tolist() == rows
    want = sort(want, order)
    want = want.head(n) if cut == "head" else want.tail(n) if cut == "tail" else want
    run = yoke("table", path, *words, *([f"--{cut}", n] if cut else []), *how)
    got = pd.read_csv(io.StringIO(run.stdout), keep_default_na=False, dtype=str, skip_blank_lines=False)
    assert list(got.columns) == shown and cells(got, shown) == cells(want, shown), (words, run.stderr)
