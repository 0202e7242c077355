"""Sorting whole tables: random keys of every kind against Python's own stable sort, with runs that fit the memory and runs that go to
temporary files. The seed is in the test's name; YOKE_STRESS sets how many."""

import decimal
import json
import os
import re
import subprocess

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import rows_in

ROWS = 300_000  # three tasks: three runs


def texts(rng, distinct):
    long = "a common beginning that is longer than any image of it, "
    makers = [lambda i: f"t{i}", lambda i: "x" * int(rng.integers(0, 30)), lambda i: long + str(i), lambda i: long[:int(rng.integers(0, 40))],
              lambda i: "n\0" * int(rng.integers(0, 9)), lambda i: "żółw"[:int(rng.integers(0, 5))] + str(i % 7), lambda i: ""]
    return [makers[int(rng.integers(len(makers)))](i) for i in range(min(distinct, 20000))]


def values(rng, kind, distinct):
    """Python's values of a kind; every one of them orders as the table should."""
    whole = lambda lo, hi: [int(v) for v in rng.integers(lo, hi, min(distinct, 50000))]
    if kind == "text":
        return texts(rng, distinct)
    if kind == "bool":
        return [False, True]
    if kind == "real":
        return [*np.round(rng.normal(0, 1e3, distinct), 2).tolist(), 0.0, -0.0, float("inf"), float("-inf"), float("nan"), -float("nan"), 5e-324]
    if kind == "decimal":
        scale = int(rng.choice([1, 10**9, 10**22]))
        return [decimal.Decimal(v * scale).scaleb(-2, decimal.Context(prec=40)) for v in whole(-10**9, 10**9)]
    if kind == "unsigned":
        return [*whole(0, 1000), 2**64 - 1, 2**63, 2**63 - 1]
    return {"int": whole(-2**62, 2**62), "small": whole(-3, 4), "time": whole(-10**15, 10**15), "date": whole(-10**5, 10**5),
            "span": whole(-10**12, 10**12)}[kind]


TYPES = {"text": pa.string(), "bool": pa.bool_(), "real": pa.float64(), "decimal": pa.decimal128(38, 2), "unsigned": pa.uint64(), "int": pa.int64(),
         "small": pa.int8(), "time": pa.timestamp("us"), "date": pa.date32(), "span": pa.duration("us")}


def column(rng, kind, n):
    """The column, and what Python sorts by: None where a value is missing."""
    pool = values(rng, kind, int(rng.choice([1, 5, 300, 50000])))
    picked = rng.integers(0, len(pool), n)
    missing = rng.random(n) < rng.choice([0, 0, 0.05, 0.9])
    keys = [None if m or pool[i] != pool[i] else pool[i] for i, m in zip(picked.tolist(), missing.tolist())]
    if kind == "text":
        keys = [None if k is None else k.encode() for k in keys]
    array = pa.array(pool, TYPES[kind] if kind not in ("time", "span", "date") else pa.int64())
    if kind in ("time", "span", "date"):
        array = (array.cast(pa.int32()) if kind == "date" else array).cast(TYPES[kind])
    return array.take(pa.array(picked, mask=missing)), keys


def stable(order, keys, descending):
    there = sorted((i for i in order if keys[i] is not None), key=keys.__getitem__, reverse=descending)
    return there + [i for i in order if keys[i] is None]


def write(rng, table, path):
    spans = [f.name for f in table.schema if pa.types.is_duration(f.type)]  # Parquet has none; yoke reads their difference
    assert not spans
    pq.write_table(table, path, row_group_size=int(rng.integers(1000, len(table) + 1)), use_dictionary=bool(rng.integers(2)))


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 8))))
def test_random_keys(yoke, tmp_path, seed):
    rng = np.random.default_rng(seed)
    kinds = [str(k) for k in rng.choice([k for k in TYPES if k != "span"], rng.integers(1, 4))]
    made = [column(rng, kind, ROWS) for kind in kinds]
    descending = [bool(d) for d in rng.integers(0, 2, len(kinds))]
    table = pa.table({"row": np.arange(ROWS), **{f"k{i}": array for i, (array, _) in enumerate(made)}})
    write(rng, table, tmp_path / "in.parquet")
    order = list(range(ROWS))
    for (_, keys), down in reversed(list(zip(made, descending))):
        order = stable(order, keys, down)
    sort = ", ".join(f"k{i}{' desc' * down}" for i, down in enumerate(descending))
    for words in (["--on", "threads:2"], ["--memory", "1M", "--on", "threads:3"], ["--memory", "1M", "--on", "processes:2"]):
        run = yoke("table", tmp_path / "in.parquet", "--select", "row", "--sort", sort, "-o", tmp_path / "out.parquet", "-f", *words)
        assert run.returncode == 0, run.stderr
        got = pq.read_table(tmp_path / "out.parquet")
        assert got.column_names == ["row"]
        assert got["row"].to_pylist() == order, (seed, kinds, sort, words)
    whole = yoke("table", tmp_path / "in.parquet", "--sort", sort, "-o", tmp_path / "whole.parquet", "--memory", "1M")
    assert whole.returncode == 0, whole.stderr
    want, got = table.take(pa.array(order)), pq.read_table(tmp_path / "whole.parquet")
    for name in table.column_names:
        same = want[name].combine_chunks().cast(got[name].type) if name != "row" else want[name]
        a, b = got[name].to_pylist(), same.to_pylist()
        assert all(x == y or (x is None and y != y) for x, y in zip(a, b)), (seed, name)


def test_codes_are_the_values_they_stand_for(yoke, tmp_path):
    """Every row group has a dictionary of its own; the columns differ in how these come together."""
    rng = np.random.default_rng(5)
    n, groups = 160_000, 8
    per = n // groups
    wide = np.concatenate([g * 12_000 + rng.integers(0, 12_000, per) for g in range(groups)])  # more values than there are codes
    real = np.where(rng.random(n) < 0.5, rng.choice([0.0, -0.0, np.nan, np.inf, 1.5], n), np.round(rng.normal(0, 9, n), 1))
    some = wide % 5000
    late = np.concatenate([rng.integers(0, 9, n - per), rng.integers(-2**60, 2**60, per)])  # plain values at the end
    table = pa.table({
        "row": np.arange(n), "key": pa.array(some, mask=rng.random(n) < 0.1), "wide": wide, "real": pa.array(real, mask=rng.random(n) < 0.1), "late": late,
        "text": pa.array([f"name {i}" * (i % 3) for i in some], mask=rng.random(n) < 0.1), "long": pa.array([f"a long beginning of a text, {i}" for i in wide]),
        "none": pa.array([None] * n, pa.float64()), "time": pa.array(some, pa.timestamp("us")), "half": pa.array(some > 2000),
    })
    pq.write_table(table, tmp_path / "in.parquet", row_group_size=per)
    for sort, key in (("key desc", [-np.inf if k is None else k for k in table["key"].to_pylist()]), ("text", None), ("wide", wide)):
        if key is None:
            texts = table["text"].to_pylist()
            order = np.array(sorted(range(n), key=lambda i: (texts[i] is None, texts[i] or "")))
        else:
            order = np.argsort(-np.array(key) if "desc" in sort else key, kind="stable")
        outs = set()
        for on, memory, name in (("threads:2", "1G", "a.parquet"), ("threads:3", "1M", "b.parquet"), ("processes:2", "1M", "c.parquet"), ("serial", "1G", "d.csv"),
                                 ("threads:2", "1M", "e.csv")):
            run = yoke("table", tmp_path / "in.parquet", "--sort", sort, "--on", on, "--memory", memory, "-o", tmp_path / name)
            assert run.returncode == 0, run.stderr
            outs.add(rows_in(tmp_path / name) if name.endswith(".parquet") else (tmp_path / name).read_bytes())
            if name.endswith(".parquet"):
                got = pq.read_table(tmp_path / name)
                for column in table.column_names:
                    want, mine = table[column].take(pa.array(order)).combine_chunks(), got[column].combine_chunks()
                    if column == "real":  # to the bit, except that what is NaN there is missing here
                        want = pa.array(want.to_numpy(zero_copy_only=False), from_pandas=True)
                        bits = lambda a: np.where(a.is_null(), 0, a.fill_null(0).to_numpy().view(np.int64))
                        assert (bits(want) == bits(mine)).all()
                    assert want.cast(mine.type).equals(mine), (sort, column)
        assert len(outs) == 2
        for name in "abcde":
            for path in tmp_path.glob(f"{name}.*"):
                path.unlink()


def test_same_bytes_whatever_pulls_and_fits(yoke, tmp_path):
    rng = np.random.default_rng(1)
    table = pa.table({"x": np.round(rng.normal(0, 5, ROWS), 1), "s": pa.array([f"name {i}" for i in rng.integers(0, 99999, ROWS)]), "row": np.arange(ROWS)})
    pq.write_table(table, tmp_path / "in.parquet")
    outputs = set()
    for i, (on, memory) in enumerate([("serial", "1G"), ("threads:3", "1G"), ("threads:7", "1M"), ("processes:2", "3M"), ("serial", "1M")]):
        for name in (f"{i}.parquet", f"{i}.csv"):
            run = yoke("table", tmp_path / "in.parquet", "--sort", "x desc", "--on", on, "--memory", memory, "-o", tmp_path / name)
            assert run.returncode == 0, run.stderr
        outputs.add((rows_in(tmp_path / f"{i}.parquet"), (tmp_path / f"{i}.csv").read_bytes()))
    assert len(outputs) == 1


@pytest.mark.parametrize("words, slice_", [(["--head", 5], slice(5)), (["--head", 100000], slice(100000)), (["--tail", 7], slice(-7, None)),
                                           (["--tail", 150000], slice(-150000, None)), (["--head", 999999], slice(None)), (["--tail", 999999], slice(None))])
@pytest.mark.parametrize("memory", ["1M", "1G"])
def test_ends_of_a_sort(yoke, tmp_path, words, slice_, memory):
    rng = np.random.default_rng(2)
    k = rng.integers(0, 1000, ROWS)
    pq.write_table(pa.table({"k": pa.array(k, mask=k % 10 == 3), "row": np.arange(ROWS)}), tmp_path / "in.parquet")
    run = yoke("table", tmp_path / "in.parquet", "--select", "row", "--sort", "k desc", *words, "--memory", memory, "-o", tmp_path / "out.parquet")
    assert run.returncode == 0, run.stderr
    order = np.lexsort((np.arange(ROWS), np.where(k % 10 == 3, 1, -k)))
    assert pq.read_table(tmp_path / "out.parquet")["row"].to_pylist() == order[slice_].tolist()


ROWS_LEFT_OUT = 700_000  # six tasks: what one has found the others leave out unread


@pytest.fixture(scope="module")
def much(tmp_path_factory):
    """Keys with ties and missing values, falling and rising: some tasks hold the first of the order, others nothing of it."""
    rng = np.random.default_rng(4)
    n = np.arange(ROWS_LEFT_OUT)
    keys = {"ties": rng.integers(0, 50, n.size).astype(float), "falling": (n.size - n) / 10 + rng.integers(0, 100, n.size), "mixed": rng.normal(0, 1, n.size)}
    keys["mixed"][::3] = np.nan
    keys["mixed"][:200_000] = np.nan
    keys["text"] = np.char.add(np.where(n % 3 == 0, "a", "a common beginning "), (rng.integers(0, 999, n.size)).astype(str)).astype(object)
    keys["text"][::5] = None
    frame = pd.DataFrame(keys | {"row": n, "big": np.where(n % 100_000 == 99_999, 2**62, 1)})
    path = tmp_path_factory.mktemp("much") / "in.parquet"
    pq.write_table(pa.Table.from_pandas(frame), path, row_group_size=250_000)
    return path, frame


@pytest.mark.parametrize("key", ["ties", "falling", "mixed", "text"])
@pytest.mark.parametrize("rows", [1, 12, 3000, 70_000])
def test_the_first_of_a_sort_over_many_tasks(yoke, much, key, rows):
    path, frame = much
    for descending in (False, True):
        want = frame.sort_values(key, ascending=not descending, kind="stable")["row"].head(rows).tolist()
        for on in ("serial", "threads:3", "processes:2"):
            run = yoke("table", path, "--select", f"row,{key}", "--sort", f"{key}{' desc' if descending else ''}", "--head", rows, "--on", on, "--format", "csv")
            assert [int(line.split(",")[0]) for line in run.stdout.splitlines()[1:]] == want, run.stderr


def test_a_filter_and_a_second_key(yoke, much):
    path, frame = much
    run = yoke("table", path, "--where", "row % 7 == 2", "--select", "row", "--sort", "ties desc,mixed", "--head", 500, "--format", "csv")
    want = frame[frame["row"] % 7 == 2].sort_values(["ties", "mixed"], ascending=[False, True], kind="stable")["row"].head(500)
    assert run.stdout.split()[1:] == [str(v) for v in want]


def write_somehow(rng, yoke, table, path):
    """Bounds of one writer or another, or none; of row groups, and of pages or not."""
    import duckdb

    writer, size = str(rng.choice(["arrow", "arrow", "duckdb", "yoke"])), int(rng.integers(1000, 20_000))
    if writer == "duckdb":
        con = duckdb.connect()
        con.execute("set threads = 1; set preserve_insertion_order = true")
        con.register("t", table)
        con.execute(f"copy (select * from t) to '{path}' (format parquet, row_group_size {size})")
        return
    pq.write_table(table, path, row_group_size=size, write_statistics=bool(rng.random() < 0.9), write_page_index=bool(rng.integers(2)),
                   data_page_size=int(rng.choice([500, 10_000, 1 << 20])), use_dictionary=bool(rng.integers(2)),
                   data_page_version=str(rng.choice(["1.0", "2.0"])))
    if writer == "yoke":  # which shortens bounds of long texts
        run = yoke("table", path, "--memory", "16M", "-o", path.with_suffix(".own.parquet"))
        assert run.returncode == 0, run.stderr
        os.replace(path.with_suffix(".own.parquet"), path)


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 24))))
def test_nothing_is_missed_where_bounds_leave_out(yoke, tmp_path, seed):
    """Keys that lie together in some row groups and pages, with ties across them: the first rows are those of a stable sort."""
    rng = np.random.default_rng([7, seed])
    n = int(rng.integers(30_000, 90_000))
    kind = [k for k in TYPES if k != "span"][seed % (len(TYPES) - 1)]
    array, keys = column(rng, kind, n)
    rank = np.empty(n)
    rank[stable(range(n), keys, bool(rng.integers(2)))] = np.arange(n)
    rank = np.where([k is None for k in keys], rng.integers(0, n, n), rank)
    place = np.argsort(rank + rng.normal(0, n * rng.choice([0, 0.01, 0.1, 9]), n), kind="stable")
    keys = [keys[i] for i in place]
    part = rng.integers(0, 5, n)
    table = pa.table({"row": np.arange(n), "k": array.take(pa.array(place)), "part": part, "real": rng.random(n)})
    (tmp_path / "d").mkdir()
    ends = [0, *sorted(rng.integers(0, n, int(rng.integers(0, 3))).tolist()), n]
    for i, (start, stop) in enumerate(zip(ends, ends[1:])):
        write_somehow(rng, yoke, table.slice(start, stop - start), tmp_path / "d" / f"{i}.parquet")
    for down in (False, True):
        head = int(rng.choice([1, 10, 700, 20_000]))
        where = bool(rng.integers(2))
        want = stable([i for i in range(n) if not where or part[i] == 3], keys, down)[:head]
        select = str(rng.choice(["row", "row, real * 2 as twice", "*"]))
        for on in (*rng.choice(["threads:1", "threads:2", "threads:3", "threads:7"], 2, replace=False), "serial", "processes:2"):
            words = ["--select", select, "--sort", f"k{' desc' * down}", "--head", head, "--on", on, "--json", *(["--where", "part == 3"] * where)]
            run = yoke("table", tmp_path / "d", *words)
            assert run.returncode == 0, run.stderr
            assert [json.loads(line)["row"] for line in run.stdout.splitlines()] == want, (seed, kind, words)


def test_what_bounds_leave_out(yoke, tmp_path):
    """Counted: the same whatever pulls, and as the plan says, where bounds alone tell."""
    n, size, on = 200_000, 20_000, ("serial", "threads:1", "threads:7", "processes:3")
    whole = np.arange(n) // 3
    names = [None if i % 11 == 0 else f"a beginning of more than sixty-four bytes, which all of these texts have {v:09}" for i, v in enumerate(whole)]
    table = pa.table({"row": np.arange(n), "whole": whole, "text": names, "real": whole / 2, "same": np.zeros(n), "decimal": pa.array(whole).cast(pa.decimal128(20, 0))})
    for paged in (False, True):
        pq.write_table(table, tmp_path / "t.parquet", row_group_size=size, write_page_index=paged, data_page_size=4096, use_dictionary=False)
        for key, head, most in (("whole", 5, 8192 if paged else 2 * size + 2048), ("whole", size, size * 3 + 2048), ("text", 100, 8192 if paged else 2 * size + 2048),
                                ("decimal", 5, 8192 if paged else 2 * size + 2048), ("real", 5, 6 * size + 2048), ("same", 5, n), ("whole", n, n)):
            for down in (False, True):
                words = "table", tmp_path / "t.parquet", "--select", "row", "--sort", f"{key}{' desc' * down}", "--head", head
                plan = yoke(*words, "--explain").stdout
                left_out = int(re.search(r"of which (\d+) are left out", plan)[1])
                assert n - left_out <= most and ("the statistics of " + key in plan) == (key != "same" and head < n), (plan, words)
                for o in on if key == "whole" else on[:1]:
                    run = yoke(*words, "--on", o, "--stats")
                    read, skipped, scans = map(int, re.search(rf"(\d+) rows of {n} read \((\d+) skipped.* in (\d) scan", run.stderr).groups())
                    assert read + skipped == n * scans and skipped >= left_out, (words, o)
    words = "table", tmp_path / "t.parquet", "--sort", "whole", "--head", 5
    for more in (["--distinct"], ["--where", "row >= 0"], ["--select", "row + 1 as r"]):  # groups; rows that may not pass; what can fail
        assert "of which 0 are left out" in yoke(*words, *more, "--explain").stdout
    run = yoke("table", tmp_path / "t.parquet", "--select", "row", "--sort", "same desc", "--head", 20, "--on", "serial", "--format", "csv", "--stats")
    assert run.stdout.split() == ["row", *map(str, range(20))] and f"({n - 131072} skipped" in run.stderr  # ties come later
    for key in ("whole", "text", "text, whole"):
        run = yoke("table", tmp_path / "t.parquet", "--sort", key, "--head", 20, "--where", "real >= 0", "--on", "serial", "--stats")
        assert int(re.search(r"\((\d+) skipped", run.stderr)[1]) == n - 131072  # the first task finds enough for the others


@pytest.mark.parametrize("beginning", [b"", b"1234567", b"12345678", b"x" * 255, b"x" * 256, b"x" * 300, b"\xff" * 300, b"\0" * 9, b"a" + b"\xff" * 255])
def test_long_texts_that_begin_alike(yoke, tmp_path, beginning):
    rng = np.random.default_rng(23)
    n = 150_000
    number = np.arange(n) // 3 + rng.integers(0, 3000, n)
    text = [None if i % 13 == 0 else beginning[:256] if i % 4999 == 7 else beginning + b"%06d" % i for i in number.tolist()]
    table = pa.table({"row": np.arange(n), "k": pa.array(text, pa.binary()), "part": rng.integers(0, 3, n)})
    pq.write_table(table, tmp_path / "t.parquet", row_group_size=50_000)
    passes = table["part"].to_numpy() > 0
    for down in (False, True):
        want = stable(np.flatnonzero(passes).tolist(), text, down)
        for head, more in ((100, ""), (100, ", row desc"), (3000, "")):
            rows = want[:head] if not more else stable(sorted(want, reverse=True), text, down)[:head]
            for on in ("serial", str(rng.choice(["threads:1", "threads:2", "threads:3", "threads:7", "processes:3"]))):
                run = yoke("table", tmp_path / "t.parquet", "--select", "row", "--where", "part > 0", "--sort", f"k{' desc' * down}{more}", "--head", head, "--on", on, "--format", "csv")
                assert [int(line) for line in run.stdout.split()[1:]] == rows, (down, head, more, on)


def test_the_best_row_groups_are_looked_at_first(yoke, tmp_path):
    """Those with the first rows come last: a glance at them tells that no others need be read, unless a filter leaves too few of their rows."""
    rng = np.random.default_rng(17)
    n = 2_200_000
    up = np.arange(n) // 7 + rng.integers(0, 10_000, n)
    real = np.where(rng.random(n) < 0.01, np.nan, up / 4)
    part = rng.integers(0, 10, n)
    part[up > up.max() - 80_000] //= 2
    texts = pa.array(up).cast(pa.string()).to_numpy(zero_copy_only=False).astype("U9")
    texts = np.char.add("all texts begin like this ", np.char.zfill(texts, 9))
    table = pa.table({"row": np.arange(n), "up": up, "real": pa.array(real, mask=rng.random(n) < 0.01), "text": texts, "part": part})
    pq.write_table(table.slice(0, n // 2), tmp_path / "a.parquet", row_group_size=100_000)
    pq.write_table(table.slice(n // 2), tmp_path / "b.parquet", row_group_size=100_000)
    real = table["real"].to_numpy(zero_copy_only=False)
    for key, values, where, passes, is_found in (("up", up, "part == 3", part == 3, True), ("text", up, "part == 3", part == 3, True), ("real", real, None, ~np.isnan(real), True),
                                                 ("up", up, "part / 1 == 7", part == 7, False), ("text", up, "row < 1000000 and part == 3", (np.arange(n) < 10**6) & (part == 3), True)):
        rows = np.flatnonzero(passes)
        want = rows[np.argsort(-values[rows], kind="stable")[:100]].tolist()
        for on in ("serial", "threads:1", "threads:2", "threads:3", "threads:7", "processes:2"):
            words = ["--select", "row", "--sort", f"{key} desc", "--head", 100, "--on", on, "--format", "csv", "--stats", *(["--where", where] if where else [])]
            run = yoke("table", tmp_path / "a.parquet", tmp_path / "b.parquet", *words)
            assert [int(line) for line in run.stdout.split()[1:]] == want, (key, where, on)
            assert "in 3 scans" in run.stderr and (int(re.search(r"^(\d+) rows", run.stderr)[1]) < n // 2) == is_found, run.stderr
        plan = yoke("table", tmp_path / "a.parquet", tmp_path / "b.parquet", *words[:words.index("--on")], *words[words.index("--stats") + 1:], "--explain").stdout
        assert re.search(r"^sort +rows \d+ to \d+ are read before all", plan, re.M), plan


def test_first_rows_are_found_by_their_keys_alone(yoke, tmp_path):
    """Of many rows the keys are read first, and of other columns what lies beside the rows found: the same rows as of a stable sort."""
    rng = np.random.default_rng(29)
    n, head = 400_000, 24
    key = np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, n // 4, n).astype(float))
    table = pa.table({"row": np.arange(n), "key": pa.array(key, from_pandas=True), "part": rng.integers(0, 50, n),
                      "wide": pa.array(rng.integers(0, 10**9, n)).cast(pa.string())})
    pq.write_table(table.slice(0, n // 3), tmp_path / "a.parquet", row_group_size=70_000, data_page_size=20_000)
    pq.write_table(table.slice(n // 3), tmp_path / "b.parquet", row_group_size=70_000, data_page_size=20_000)
    (tmp_path / "names.csv").write_text("part,name\n" + "".join(f"{i},name {i}\n" for i in range(0, 50, 2)))
    frame = table.to_pandas()
    for sort, of, more in (("key", frame.sort_values("key", kind="stable"), []), ("key desc", frame.sort_values("key", ascending=False, kind="stable"), []),
                           ("part, key desc", frame.sort_values(["part", "key"], ascending=[True, False], kind="stable"), []),
                           ("key", frame[frame.part == 7].sort_values("key", kind="stable"), ["--where", "part == 7"]),
                           ("key * 2", frame[frame.row < 9].sort_values("key", kind="stable"), ["--where", "row < 9"]),
                           ("key", frame[frame.row < 0], ["--where", "row < 0"]),
                           ("part desc, key", frame.sort_values(["part", "key"], ascending=[False, True], kind="stable"), ["--join", tmp_path / "names.csv", "--key", "part"])):
        words = ["table", tmp_path / "a.parquet", tmp_path / "b.parquet", *more, "--sort", sort, "--head", head]
        for on in ("serial", "threads:2", "threads:7", "processes:3"):
            run = yoke(*words, "--on", on, "--format", "csv", "--stats")
            rows = [line.split(",") for line in run.stdout.splitlines()[1:]]
            assert [r[0] for r in rows] == of.row[:head].astype(str).tolist() and [r[3] for r in rows] == of.wide[:head].tolist(), (sort, more, on)
            assert more[:1] != ["--join"] or [r[4] for r in rows] == ["" if part % 2 else f"name {part}" for part in of.part[:head]]
            assert " in 2 scans" in run.stderr, run.stderr
        plan = "the first rows are found by their keys"
        assert plan in yoke(*words, "--explain").stdout and plan not in yoke(*words[:-1], head + 1, "--explain").stdout
    for select, is_so in (("key", False), ("key,part", True), ("key,row + 1 as r", False), ("key,row / 2 as r", True)):  # nothing but keys; what can fail
        assert (plan in yoke("table", tmp_path / "a.parquet", tmp_path / "b.parquet", "--select", select, "--sort", "key", "--head", head, "--explain").stdout) == is_so


def sample_keys(n, seed):
    """Steele, Lea, Flood 2014: the mixing function of SplitMix64, twice, of seed and row."""
    u = np.uint64
    with np.errstate(over="ignore"):
        z = u(seed) * u(0x9E3779B97F4A7C15) + (np.arange(n, dtype=u) + u(1)) * u(0xBF58476D1CE4E5B9)
        for _ in range(2):
            z = (z ^ z >> u(30)) * u(0xBF58476D1CE4E5B9)
            z = (z ^ z >> u(27)) * u(0x94D049BB133111EB)
            z ^= z >> u(31)
    return z


def test_few_rows_are_read_alone(yoke, tmp_path):
    """Of many rows a sample's and those at the ends: nothing else of their columns is read."""
    rng = np.random.default_rng(31)
    n = 500_000
    table = pa.table({"row": np.arange(n), "part": rng.integers(0, 50, n), "real": rng.random(n), "wide": pa.array(rng.integers(0, 10**9, n)).cast(pa.string())})
    for name, rows in (("a", table.slice(0, 200_001)), ("b", table.slice(200_001))):
        pq.write_table(rows, tmp_path / f"{name}.parquet", row_group_size=70_000, data_page_size=20_000, use_dictionary=False)
    size = sum((tmp_path / f"{name}.parquet").stat().st_size for name in "ab")
    part, keys = table["part"].to_numpy(), sample_keys(n, 9)
    by_key = np.argsort(keys, kind="stable")
    for words, want in ((["--sample", 20, "--seed", 9], np.sort(by_key[:20])), (["--sample", 30, "--seed", 9, "--where", "part == 7"], np.sort(by_key[part[by_key] == 7][:30])),
                        (["--sample", 9, "--seed", 9, "--where", "row == 400000"], [400000]), (["--sample", 5, "--where", "row < 0"], []),
                        (["--sample", 20, "--seed", 9, "--sort", "row desc"], np.sort(by_key[:20])[::-1]), (["--head", 3], [0, 1, 2]), (["--head", 200_003], np.arange(200_003)),
                        (["--tail", 3], [n - 3, n - 2, n - 1]), (["--tail", 300_001], np.arange(n - 300_001, n)), (["--head", n + 1], np.arange(n)), (["--tail", n + 1], np.arange(n))):
        for on in ("serial", "threads:2", "threads:7", "processes:3"):
            run = yoke("table", tmp_path / "a.parquet", tmp_path / "b.parquet", *words, "--on", on, "--format", "csv", "--stats")
            got = [line.split(",") for line in run.stdout.splitlines()[1:]]
            assert [int(r[0]) for r in got] == list(want) and [r[3] for r in got] == table["wide"].take(pa.array(want, pa.int64())).to_pylist(), (words, on)
            read = float(re.search(r"([\d.]+) MB in", run.stderr)[1]) * 1e6
            assert len(want) > 1000 or read < size / 2, (words, on, run.stderr)


def test_errors_are_found_in_rows_that_are_not_wanted(yoke, much):
    for on in ("serial", "threads:3"):
        run = yoke("table", much[0], "--select", "big * 4 as b", "--sort", "falling", "--head", 2, "--on", on)
        assert run.returncode == 1 and "does not fit" in run.stderr


@pytest.mark.parametrize("rows", [1, 100, 5000, 66_000])
def test_a_sample_is_the_same_whatever_pulls(yoke, much, rows):
    """Those of the rows whose keys come first, by the SplitMix64 of seed and row number."""
    path, frame = much
    mask = (1 << 64) - 1
    z = (np.uint64(9 * 0x9E3779B97F4A7C15 & mask) + (np.arange(ROWS_LEFT_OUT, dtype=np.uint64) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9))
    for _ in range(2):
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    want = np.sort(np.argsort(z, kind="stable")[:rows]).tolist()
    for on in ("serial", "threads:3", "processes:2"):
        run = yoke("table", path, "--select", "row", "--sample", rows, "--seed", 9, "--on", on, "--format", "csv")
        assert [int(v) for v in run.stdout.split()[1:]] == want, run.stderr
        # sorted once it is taken, whether or not the key is shown
        for key in ("row desc", "0 - row"):
            run = yoke("table", path, "--select", "row", "--sample", rows, "--seed", 9, "--sort", key, "--on", on, "--format", "csv")
            assert [int(v) for v in run.stdout.split()[1:]] == want[::-1], run.stderr


def test_no_rows_and_one(yoke, tmp_path):
    pq.write_table(pa.table({"k": [3], "s": ["x"]}), tmp_path / "in.parquet")
    for where, want in (("k > 5", "k,s\n"), ("k > 2", "k,s\n3,x\n")):
        run = yoke("table", tmp_path / "in.parquet", "--where", where, "--sort", "k", "--format", "csv")
        assert (run.returncode, run.stdout) == (0, want)


def test_memory_is_kept_to(yoke_path, plain_build, tmp_path):
    n = 1_500_000
    rng = np.random.default_rng(3)
    pq.write_table(pa.table({f"c{i}": rng.random(n) for i in range(6)}), tmp_path / "in.parquet", row_group_size=100_000)  # 81 MB in memory
    for memory, most in (("1M", 24), ("24M", 24), ("64M", 64), ("2G", 500)):
        run = subprocess.run(["/usr/bin/env", "YOKE_ON=threads:2", yoke_path, "table", tmp_path / "in.parquet", "--sort", "c0", "--memory", memory, "-o",
                              tmp_path / "out.parquet", "-f", "--stats"], capture_output=True, text=True, check=True)
        assert int(run.stderr.split("peak ")[1].split()[0]) < most, run.stderr


def test_memory_is_kept_to_by_codes(yoke_path, plain_build, tmp_path):
    n = 3_000_000
    rng = np.random.default_rng(6)
    pq.write_table(pa.table({f"c{i}": rng.integers(0, 1000, n) for i in range(9)}), tmp_path / "in.parquet")  # 243 MB as values
    for on, memory, most in (("threads:1", "32M", 32), ("threads:2", "32M", 32), ("threads:8", "64M", 64), ("threads:2", "2G", 260)):
        run = subprocess.run([yoke_path, "table", tmp_path / "in.parquet", "--sort", "c0", "--on", on, "--memory", memory, "-o", tmp_path / "out.parquet", "-f", "--stats"],
                             capture_output=True, text=True, check=True)
        assert int(run.stderr.split("peak ")[1].split()[0]) < most, (on, memory, run.stderr)


def test_a_full_file_system(yoke_path, plain_build, tmp_path):
    """A small one, full while a sort or groups are written to it: a sentence, and nothing is left of it."""
    rng = np.random.default_rng(8)
    pq.write_table(pa.table({"k": rng.integers(0, 2**60, 2 * ROWS), "x": rng.random(2 * ROWS)}), tmp_path / "in.parquet")
    small = tmp_path / "small"
    small.mkdir()
    shell = f"mount -t tmpfs -o size=1m none {small} && df --output=avail {small} && "
    if subprocess.run(["unshare", "--map-root-user", "-m", "sh", "-c", shell + "true"], capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    for words in (["--sort", "k"], ["--by", "k", "--sum", "x"], ["--distinct"]):
        for on in ("threads:2", "processes:2", "serial"):
            call = f"TMPDIR={small} {yoke_path} table {tmp_path}/in.parquet {' '.join(words)} --on {on} --memory 8M -o {tmp_path}/out.parquet; code=$?"
            run = subprocess.run(["unshare", "--map-root-user", "-m", "sh", "-c", f"{shell} {call}; df --output=avail {small}; ls -A {small}; exit $code"],
                                 capture_output=True, text=True)
            assert run.returncode == 1 and "No space left" in run.stderr and "TMPDIR" in run.stderr and "--memory" in run.stderr, run
            room = [line for line in run.stdout.split() if line != "Avail"]
            assert len(room) == 2 and room[0] == room[1], run.stdout
            assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet", "small"]


def test_a_full_disk_is_said(yoke_path, plain_build, tmp_path):
    rng = np.random.default_rng(4)
    pq.write_table(pa.table({f"c{i}": rng.random(ROWS) for i in range(6)}), tmp_path / "in.parquet")
    run = subprocess.run(["bash", "-c", f"ulimit -f 2000; trap '' XFSZ; exec {yoke_path} table {tmp_path}/in.parquet --sort c0 --memory 1M --select c1 --format csv"],
                         capture_output=True, text=True)
    assert run.returncode == 1 and "TMPDIR" in run.stderr and "--memory" in run.stderr and "temporary file" in run.stderr
    run = subprocess.run([yoke_path, "table", tmp_path / "in.parquet", "--sort", "c0", "--memory", "20M", "--format", "csv"], capture_output=True, text=True,
                         env={**os.environ, "TMPDIR": str(tmp_path / "nowhere")})
    assert run.returncode == 1 and "nowhere" in run.stderr and "No such file" in run.stderr
