"""Random questions about random files, Parquet and CSV, against DuckDB: the same expression is written once for each. The seed is in the test's name; a failure
shrinks to few rows in one file, which is kept with the call. YOKE_STRESS sets how many."""

import gzip
import io
import json
import math
import os
import pathlib
import shlex
import shutil
import tempfile

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

WORDS = ["", "a", "Ab", "aB%", "straße", "ÄÖ", "x_y", "zz top", "abcabc", "b'c"]
EXECUTORS = ["serial", "threads:2", "threads:3", "processes:2"]

# What DuckDB has to be told: comparisons are two-valued, NaN is missing, // and % are Python's.
MACROS = """
create macro nn(x) as case when isnan(x) then null else x end;
create macro fdiv(a, b) as case when b = 0 then null else (a // b) - (case when a % b <> 0 and ((a < 0) <> (b < 0)) then 1 else 0 end) end;
create macro fmod2(a, b) as a - b * fdiv(a, b);
create macro least2(a, b) as case when a is null or b is null then null else least(a, b) end;
create macro greatest2(a, b) as case when a is null or b is null then null else greatest(a, b) end;
set timezone = 'UTC';
"""


# ---- tables

def make_column(r, kind, n):
    """Values from few or many; nulls nowhere, here and there, in runs, or everywhere."""
    few = int(r.choice([1, 3, 40, 5000]))
    how = r.choice(["none", "none", "some", "runs", "all"], p=[0.3, 0.2, 0.3, 0.15, 0.05])
    missing = {"none": np.zeros(n, bool), "some": r.random(n) < 0.3, "runs": np.repeat(r.random(n // 300 + 1) < 0.4, 300)[:n], "all": np.ones(n, bool)}[how]
    pick = lambda values: values[r.integers(0, len(values), n)] if r.random() < 0.7 else np.sort(values)[np.sort(r.integers(0, len(values), n))]
    if kind == "text":
        return pa.array(pick(np.array(WORDS[:max(1, min(few, len(WORDS)))], object)), pa.string(), mask=missing)
    if kind == "bool":
        return pa.array(r.random(n) < r.choice([0.1, 0.5, 1]), mask=missing)
    if kind == "date":
        return pa.array(pick(r.integers(-30000, 30000, few)).astype("datetime64[D]"), mask=missing)
    if kind == "time":
        unit = str(r.choice(["ms", "us", "ns"]))
        return pa.array(pick(r.integers(-10**9, 2 * 10**9, few) * 1000 + r.integers(0, 1000, few)).astype("int64") * (10**6 if unit == "ns" else 1000 if unit == "us" else 1),
                        pa.timestamp(unit, r.choice([None, "UTC"])), mask=missing)
    if kind == "decimal":
        return pa.array([None if m else v for v, m in zip(pick(r.integers(-10**6, 10**6, few)).tolist(), missing)], pa.int64()).cast(pa.decimal128(19, 0)).cast(
            pa.decimal128(24, 2))
    if kind in ("float32", "float64"):
        values = pick(np.round(r.normal(0, 30, few), 2)).astype(kind)
        values = np.where(r.random(n) < r.choice([0, 0.05]), np.nan, values)
        return pa.array(values.astype(kind), mask=missing)
    low = 0 if kind[0] == "u" else -20
    return pa.array(pick(r.integers(low, 21, few)), getattr(pa, kind)(), mask=missing)


KINDS = {"int": ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"], "real": ["float32", "float64", "decimal", "uint64"], "text": ["text"],
         "bool": ["bool"], "date": ["date"], "time": ["time"]}


def make_table(r):
    n = int(r.choice([1, 50, 2100, 9000, 140000], p=[0.1, 0.2, 0.3, 0.35, 0.05])) # 131072 are a task
    kinds = ["int", "int", "real", "real", "text", "bool", "date", "time", "time"]
    columns = {f"c{i}": (kind, str(r.choice(KINDS[kind]))) for i, kind in enumerate(kinds)}
    return pa.table({name: make_column(r, exact, n) for name, (_, exact) in columns.items()}), {name: kind for name, (kind, _) in columns.items()}


def write_files(r, table, folder):
    """Over a few files: each is written in its own way, some without a column that has no value in their rows, some with narrower numbers."""
    n = len(table)
    cuts = [0, *sorted(r.integers(0, n + 1, r.integers(0, 4)).tolist()), n]
    folder.mkdir()
    for i, (a, b) in enumerate(zip(cuts, cuts[1:])):
        part = table.slice(a, b - a)
        for name in table.column_names:
            column = part[name]
            if column.null_count == len(column) and r.random() < 0.5 and part.num_columns > 1 and i > 0:
                part = part.drop_columns([name])
            elif str(column.type) == "int64" and r.random() < 0.3:
                part = part.set_column(part.column_names.index(name), name, column.cast(pa.int32()))
        pq.write_table(part, folder / f"{i}.parquet", row_group_size=int(r.choice([max(1, n), n // 3 + 1, 700])), data_page_size=int(r.choice([100, 4000, 1 << 20])),
                       use_dictionary=[c for c in part.column_names if r.random() < 0.6] or False, compression=str(r.choice(["none", "snappy", "gzip", "zstd", "lz4", "brotli"])),
                       data_page_version=str(r.choice(["1.0", "2.0"])), write_page_index=bool(r.integers(2)), write_statistics=bool(r.integers(2)),
                       dictionary_pagesize_limit=int(r.choice([300, 1 << 20])), version="2.6")


def write_csv(r, table, folder):
    """Over a few files, with whole lines; packed now and then. An empty text is a missing one there, so that the table has none."""
    columns = [pc.if_else(pc.equal(c, ""), None, c) if pa.types.is_string(c.type) else c.cast(pa.float64()) if c.type == pa.float32() else c for c in table.columns]
    table = pa.table(columns, names=table.column_names)
    cuts = [0, *sorted(r.integers(0, len(table) + 1, r.integers(0, 3)).tolist()), len(table)]
    folder.mkdir()
    for i, (a, b) in enumerate(zip(cuts, cuts[1:])):
        text = io.BytesIO()
        pa.csv.write_csv(table.slice(a, b - a), text, pa.csv.WriteOptions(quoting_style=str(r.choice(["needed", "all_valid"])), delimiter=str(r.choice(list(",;\t")))))
        text = text.getvalue().replace(b"\n", b"\r\n") if r.random() < 0.2 else text.getvalue()
        packed = r.random() < 0.2
        (folder / f"{i}.csv{'.gz' * packed}").write_bytes(gzip.compress(text) if packed else text)
    return table


def make_other(r, path):
    """A second table with unique keys, some of them beyond those of the first; its columns and the words that join it."""
    by_text = r.random() < 0.3
    key = pa.array(r.permutation([*WORDS[1:], "no such"])[:7].tolist()) if by_text else pa.array(r.permutation(np.arange(-25, 25))[:30], r.choice([pa.int64(), pa.float64(), pa.int16()]))
    other = pa.table({"key": key, **{f"j{i}": make_column(r, kind, len(key)) for i, kind in enumerate(["text", "int32", "float64", "time"])}})
    pq.write_table(other, path)
    return other, ["--join", path, "--key", "c4=key" if by_text else "c0=key"]


def for_duckdb(table):
    """Missing is NULL, numbers that compute as reals are doubles, times have no zone; rid is the number of the row."""
    columns = []
    for c in table.columns:
        if pa.types.is_decimal(c.type) or pa.types.is_floating(c.type) or c.type == pa.uint64():
            c = pa.chunked_array([pa.array(c.cast(pa.float64()).to_numpy(zero_copy_only=False), from_pandas=True)])
        elif pa.types.is_integer(c.type):
            c = c.cast(pa.int64())
        elif pa.types.is_timestamp(c.type):
            c = c.cast(pa.timestamp("ns"))
        columns.append(c)
    return pa.table([*columns, pa.array(range(len(table)))], names=[*table.column_names, "rid"])


def make_case(r, folder):
    """A table in files, the kinds of its columns, and now and then another that joins it."""
    table, kinds = make_table(r)
    if r.random() < 0.25:
        table = write_csv(r, table, folder / "files")
    else:
        write_files(r, table, folder / "files")
    other = make_other(r, folder / "other.parquet") if r.random() < 0.3 else None
    return table, kinds | ({"j0": "text", "j1": "int", "j2": "real", "j3": "time"} if other else {}), other


# ---- expressions: (kind, how Yoke writes it, how DuckDB does)

class Maker:
    def __init__(self, r, kinds):
        self.r, self.kinds = r, kinds

    def pick(self, *choices):
        return choices[int(self.r.integers(0, len(choices)))]

    def make(self, kind, depth):
        if depth == 0 or self.r.random() < 0.15:
            return self.leaf(kind)
        return getattr(self, kind)(depth - 1)

    def leaf(self, kind):
        names = [c for c, k in self.kinds.items() if k == kind]
        if names and self.r.random() < 0.75:
            name = str(self.r.choice(names))
            return name, name
        if kind == "int":
            v = int(self.r.integers(-4, 10))
            return (f"({v})" if v < 0 else str(v),) * 2
        if kind == "real":
            v = f"{float(np.round(self.r.normal(0, 20), 1))!r}"
            return f"({v})", f"({v}::double)"
        if kind == "text":
            v = str(self.r.choice(WORDS)).replace("'", "''")
            return f"'{v}'", f"'{v}'"
        if kind == "bool":
            return self.pick(("true", "true"), ("false", "false"))
        v = str(np.datetime64(int(self.r.integers(-20000, 20000)), "D"))
        return (f"cast('{v}' as date)", f"date '{v}'") if kind == "date" else (f"cast('{v} 12:30' as timestamp)", f"timestamp_ns '{v} 12:30:00'")

    def int(self, d):
        (a, x), (b, y) = self.make("int", d), self.make("int", d)
        which = self.r.integers(0, 13)
        if which < 3:
            op = "+-*"[which]
            return f"({a} {op} {b})", f"({x} {op} {y})"
        if which == 3:
            return f"({a} // {b})", f"fdiv({x}, {y})"
        if which == 4:
            return f"({a} % {b})", f"fmod2({x}, {y})"
        if which == 5:
            return self.pick((f"abs({a})", f"abs({x})"), (f"min({a}, {b})", f"least2({x}, {y})"), (f"max({a}, {b})", f"greatest2({x}, {y})"))
        if which == 6:
            t, s = self.make("text", d)
            return f"len({t})", f"length({s})"
        if which == 7:
            t, s = self.make(self.pick("date", "time"), d)
            part = self.pick("year", "month", "day", "weekday")
            return f"{part}({t})", f"(isodow({s}) - 1)" if part == "weekday" else f"{part}({s})"
        if which == 8:
            t, s = self.make("time", d)
            part = self.pick("hour", "minute", "second")
            return f"{part}({t})", f"{part}({s})"
        if which == 9:
            t, s = self.make("real", d)
            return f"cast(case when abs({t}) < 1000000 then {t} end as int)", f"trunc(case when abs({s}) < 1000000 then {s} end)::bigint"
        return self.choice("int", d)

    def real(self, d):
        (a, x), (b, y) = self.make(self.pick("real", "real", "int"), d), self.make("real", d)
        x = f"({x})::double"
        which = self.r.integers(0, 11)
        if which < 4:
            op = "+-*/"[which]
            return f"({a} {op} {b})", f"nn({x} {op} {y})"
        if which == 4:
            f = self.pick("floor", "ceil", "abs")
            return f"{f}(({b}))", f"{f}(({y}))"
        if which == 5:
            return f"round({b})", f"round_even({y}, 0)"
        if which == 6:
            return f"sqrt(abs({b}))", f"sqrt(abs({y}))"
        if which == 7:
            (s, u), (t, v) = self.make("time", d), self.make("time", d)
            return f"minutes({s} - {t})", f"((epoch_ns({u}) - epoch_ns({v})) / 60e9::double)"
        if which == 8:
            return f"cast({a} as real)", x
        return self.choice("real", d)

    def text(self, d):
        a, x = self.make("text", d)
        which = self.r.integers(0, 5)
        if which < 2:
            f = self.pick("lower", "upper")
            return f"{f}({a})", f"replace({f}({x}), 'ẞ', 'ß')" if f == "upper" else f"{f}({x})"
        if which == 2:
            b, y = self.make("int", d)
            return f"cast({b} as text)", f"({y})::varchar"
        return self.choice("text", d)

    def date(self, d):
        return self.choice("date", d)

    def time(self, d):
        a, x = self.make("time", d)
        if self.r.random() < 0.6:
            return self.choice("time", d)
        (text, ns), (op, way) = self.length(), self.pick(("+", 1), ("-", -1))
        return f"({a} {op} {text})", f"make_timestamp_ns(epoch_ns({x}) + {way * ns})"

    def length(self):
        """A duration as it is written, and in nanoseconds."""
        n, minutes = int(self.r.integers(0, 100)), int(self.r.integers(0, 1440))
        word, seconds = self.pick(("second", 1), ("minutes", 60), ("hours", 3600), ("day", 86400))
        clock = f"{minutes // 60:02}:{minutes % 60:02}"
        return self.pick((f"'{n} {word}'", n * seconds * 10**9), (f"'{clock}'", minutes * 60 * 10**9), (f"'-{n} days {clock}:00.5'", -(n * 86400 + minutes * 60) * 10**9 - 5 * 10**8))

    def choice(self, kind, d):
        (a, x), (b, y), (c, z) = self.make(kind, d), self.make(kind, d), self.make("bool", d)
        return self.pick((f"coalesce({a}, {b})", f"coalesce({x}, {y})"), (f"where({c}, {a}, {b})", f"case when {z} then {x} else {y} end"),
                         (f"case when {c} then {a} end", f"case when {z} then {x} end"),
                         (f"case when {c} then {a} when not {c} then {b} end", f"case when {z} then {x} when not coalesce({z}, false) then {y} end"))

    def bool(self, d):
        which = self.r.integers(0, 10)
        if which == 9:
            (a, x), (b, y), (text, ns) = self.make("time", d), self.make("time", d), self.length()
            op = self.pick("<", "<=", "!=", ">=", ">")
            return f"({a} - {b} {op} {text})", f"coalesce(epoch_ns({x}) - epoch_ns({y}) {op} {ns}, false)"
        if which < 4:
            kind = self.pick("int", "real", "text", "date", "time", "int")
            (a, x), (b, y) = self.make(kind, d), self.make(kind, d)
            if kind in ("int", "real") and self.r.random() < 0.2:
                b, y = self.make("real", d)
            op = self.pick("<", "<=", "==", "!=", ">=", ">")
            return f"({a} {op} {b})", f"coalesce({x} {op} {y}, false)"
        if which == 4:
            (a, x), (b, y) = self.make("bool", d), self.make("bool", d)
            op = self.pick("and", "or")
            return f"({a} {op} {b})", f"(coalesce({x}, false) {op} coalesce({y}, false))"
        if which == 5:
            a, x = self.make("bool", d)
            return f"(not {a})", f"(not coalesce({x}, false))"
        if which == 6:
            a, x = self.make(self.pick("int", "real", "text", "date", "time", "bool"), d)
            return self.pick((f"isnull({a})", f"({x} is null)"), (f"({a} is not null)", f"({x} is not null)"))
        if which == 7:
            a, x = self.make("text", d)
            p = self.pick("%", "a%", "%b%", "_b%", "%ß%", "", "__", "%p", "x_y", r"x\_y", r"%\%", r"\%%", r"%\__").replace("'", "''")
            no = self.pick("", "not ")
            return f"({a} {no}like '{p}')", f"({no}coalesce({x} like '{p}' escape '\\', false))"
        kind = self.pick("int", "text")
        (a, x), some = self.make(kind, d), [self.leaf(kind) for _ in range(int(self.r.integers(1, 4)))]
        some = [(p, q) for p, q in some if p[0] in "'(0123456789"] or [("3", "3") if kind == "int" else ("'a'", "'a'")]
        no = self.pick("", "not ")
        return f"({a} {no}in ({', '.join(p for p, _ in some)}))", f"({no}coalesce({x} in ({', '.join(q for _, q in some)}), false))"


# ---- questions: Yoke's words, DuckDB's query, and what kind each column of the answer is

def shown(kind, sql):
    """As it is compared: times as nanoseconds, dates as text."""
    return f"epoch_ns({sql})" if kind == "time" else f"({sql})::varchar" if kind == "date" else sql


def ask(m, kind, what):
    """An aggregate of a random expression of that kind: the option, its value, the SQL, the kind of the result."""
    e, s = m.make(kind, int(m.r.integers(0, 3)))
    q = round(float(m.r.random()), 2)
    sql = {"sum": f"coalesce(sum({s}), 0)", "mean": f"avg({s})", "min": f"min({s})", "max": f"max({s})", "std": f"stddev_samp({s})", "median": f"median(({s})::double)",
           "quantile": f"quantile_cont(({s})::double, {q})", "unique": f"count(distinct {s})", "first": f"first({s} order by rid) filter (({s}) is not null)", "last": f"last({s} order by rid) filter (({s}) is not null)"}[what]
    kind = "int" if what == "unique" else "near" if what in ("sum", "mean", "std") else "near" if what in ("median", "quantile") else kind
    return [f"--{what}", f"{q}:{e}" if what == "quantile" else e], shown(kind, sql), kind


def asks(m, of_groups):
    words, select, kinds = ["--count"], ["count(*)"], ["int"]
    for _ in range(int(m.r.integers(1, 5))):
        what = m.pick("sum", "mean", "min", "max", "std", "median", "quantile", "unique", *(["first", "last"] if of_groups else []))
        kind = m.pick("int", "real") if what in ("sum", "mean", "std", "median", "quantile") else m.pick("int", "real", "text", "date", "time")
        w, s, k = ask(m, kind, what)
        words, select, kinds = words + [w[0], f"{w[1]} as r{len(kinds)}"], select + [s], kinds + [k]
    return words, select, kinds


def make_histogram(m, words, where):
    """Of each group; the bins' edges are halves, so that both agree about what lies on one."""
    (k, t), (e, s) = m.make("int", 1), m.make(m.pick("int", "real"), 1)
    rows = f"select {t} as k, floor(({s})::double / 2.5) as bin, ({s})::double as v from t {where}"
    sql = (f"select k, i * 2.5::double, i * 2.5::double + 2.5, (select count(*) from r where r.k is not distinct from g.k and (bin = i or (v = 10 and i = 3))) "
           f"from (select distinct k from r) g, (select unnest([-2, -1, 0, 1, 2, 3]) as i) order by k nulls last, i")
    return words + ["--by", f"{k} as k", "--hist", f"{e} as h", "--range", "-5:10", "--bins", "6"], f"with r as materialized ({rows}) {sql}", ["int", "real", "real", "int"]


def make_question(r, kinds):
    m = Maker(r, kinds)
    words, where = [], ""
    if r.random() < 0.6:
        e, s = m.make("bool", int(r.integers(1, 3)))
        words, where = ["--where", e], f"where {s}"
    shape = m.pick("asks", "groups", "groups", "hist", "sort", "distinct", "rows")
    if shape == "hist":
        return make_histogram(m, words, where)
    if shape == "asks":
        more, select, kinds_out = asks(m, False)
        return words + more, f"select {', '.join(select)} from t {where}", kinds_out
    if shape == "groups":
        keys = [(k, *m.make(k, int(r.integers(0, 2)))) for k in (m.pick("int", "text", "bool", "date", "real") for _ in range(int(r.integers(1, 3))))]
        more, select, kinds_out = asks(m, True)
        by = ", ".join(f"{e} as k{i}" for i, (_, e, _) in enumerate(keys))
        rows = f"select *, {', '.join(f'{s} as k{i}' for i, (_, _, s) in enumerate(keys))} from t {where}"
        select = [shown(k, f"k{i}") for i, (k, _, _) in enumerate(keys)] + select
        order = ", ".join(f"k{i} nulls last" for i in range(len(keys)))
        return words + ["--by", by, *more], f"select {', '.join(select)} from ({rows}) group by {order.replace(' nulls last', '')} order by {order}", [k for k, _, _ in keys] + kinds_out
    out = [(k, *m.make(k, int(r.integers(0, 3)))) for k in (m.pick("int", "real", "text", "bool", "date", "time") for _ in range(int(r.integers(1, 4))))]
    select = ", ".join(f"{e} as v{i}" for i, (_, e, _) in enumerate(out))
    sql = [shown(k, s) for k, _, s in out]
    kinds_out = [k for k, _, _ in out]
    if shape == "rows":
        if m.r.random() < 0.2:
            last = f"select *, row_number() over (order by rid desc) as back from t {where}"
            return words + ["--select", select, "--tail", "50"], f"select {', '.join(sql)} from ({last}) where back <= 50 order by rid", kinds_out
        return words + ["--select", select, *m.pick([], ["--head", "70"])], f"select {', '.join(sql)} from t {where} order by rid", kinds_out
    if shape == "distinct":
        return words + ["--select", select, "--distinct"], f"select * exclude (rid) from (select {', '.join(f'{s} as v{i}' for i, s in enumerate(sql))}, min(rid) as rid from t {where} group by all having count(*) > 0) order by rid", kinds_out
    keys = [(m.make(m.pick("int", "real", "text", "date", "time"), 1), m.pick("", " desc")) for _ in range(int(r.integers(1, 3)))]
    sort = ", ".join(f"{e}{way}" for (e, _), way in keys)
    rows = f"select *, {', '.join(f'{s} as k{i}' for i, ((_, s), _) in enumerate(keys))} from t {where}"
    order = ", ".join(f"k{i}{way} nulls last" for i, (_, way) in enumerate(keys))
    return words + ["--select", select, "--sort", sort, *m.pick([], ["--head", "40"])], f"select {', '.join(sql)} from ({rows}) order by {order}, rid", kinds_out


# ---- answers

def plain(kind, v):
    if v is None or (isinstance(v, float) and math.isnan(v)):
        return None
    if kind == "time":
        return pd.Timestamp(v.rstrip("Z")).as_unit("ns").value if isinstance(v, str) else int(v)
    return float(v) if kind in ("real", "near", "int") else v


def same(kind, got, want):
    got, want = plain(kind, got), plain(kind, want)
    if kind in ("real", "near") and want is not None and math.isinf(want):
        return got is None  # JSON has none
    if kind in ("real", "near") and got is not None and want is not None:
        return abs(got - want) <= (1e-9 if kind == "near" else 1e-13) * max(abs(want), 1)
    return got == want


def differ(call, folder, table, question, on, other=None):
    """What is wrong, or None."""
    words, sql, kinds = question
    con = duckdb.connect()
    con.execute(MACROS)
    con.register("arrow", for_duckdb(table))
    if other:
        con.register("other", for_duckdb(other[0]).drop_columns("rid"))
        con.execute(f"create table t as select a.*, o.* from arrow a left join other o on a.{other[1][3].replace('=', ' = o.')}")
        words = [*other[1], *words]
    else:
        con.execute("create table t as select * from arrow")
    want = con.execute(sql).fetchall()
    run = call("table", folder, *words, "--json", "--on", on)
    if run.returncode:
        return f"it failed: {run.stderr}"
    if "--by" in words or "--select" in words:
        got = [list(json.loads(line).values()) for line in run.stdout.splitlines()]
    else:
        got = [list(json.loads(run.stdout).values())]
    want = want[:int(words[words.index("--head") + 1])] if "--head" in words else want
    if len(got) != len(want):
        return f"{len(got)} rows instead of {len(want)}"
    for i, (g, w) in enumerate(zip(got, want)):
        for j, kind in enumerate(kinds):
            if not same(kind, g[j], w[j]):
                return f"row {i}, column {j} ({kind}): {g[j]!r} instead of {w[j]!r}"
    return None


def shrink(table, fails):
    step = len(table) // 2
    while step:
        parts = [pa.concat_tables([table.slice(0, at), table.slice(at + step)]) for at in range(0, len(table), step)]
        smaller = next((t for t in parts if len(t) and fails(t)), None)
        table, step = (smaller, step) if smaller is not None else (table, step // 2)
    return table


def keep(call, table, question, on, seed, other=None):
    """The smallest single file found that still fails, else nothing."""
    folder = pathlib.Path(tempfile.gettempdir()) / f"yoke-question-seed-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()

    def fails(t):
        pq.write_table(t, folder / "t.parquet")
        return differ(call, folder / "t.parquet", t, question, on, other) is not None

    if not fails(table):
        return None
    fails(small := shrink(table, fails))
    if other:
        pq.write_table(other[0], folder / "other.parquet")
    joined = ["--join", "other.parquet", *other[1][2:]] if other else []
    (folder / "call.sh").write_text(f"yoke table t.parquet {shlex.join([*joined, *question[0]])}\n# {question[1]}\n")
    return folder, len(small)


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 25))))
def test_random_questions(yoke, tmp_path, seed):
    r = np.random.default_rng(seed)
    table, kinds, other = make_case(r, tmp_path)
    for _ in range(4):
        question, on = make_question(r, kinds), str(r.choice(EXECUTORS))
        wrong = differ(yoke, tmp_path / "files", table, question, on, other)
        if wrong:
            kept = keep(yoke, table, question, on, seed, other)
            raise AssertionError(f"seed {seed}: {wrong}\nyoke table {tmp_path / 'files'} {shlex.join(map(str, [*(other[1] if other else []), *question[0]]))} --on {on}\n"
                                 f"{question[1]}\n{f'{kept[1]} rows kept in {kept[0]}' if kept else 'one plain file is right'}")


def test_failures_shrink(yoke, tmp_path):
    """To the row that does it; the call and the file are kept."""
    table = pa.table({"a": pa.array([7 if i == 612 else 0 for i in range(1000)], pa.int64())})
    right = ["--count", "--sum", "a"], "select count(*), sum(a) from t", ["int", "int"]
    wrong = ["--count", "--sum", "a"], "select count(*), sum(a) + max(a) from t", ["int", "int"]
    assert keep(yoke, table, right, "serial", "none") is None
    folder, n = keep(yoke, table, wrong, "serial", "none")
    assert n == 1 and pq.read_table(folder / "t.parquet").to_pydict() == {"a": [7]} and "--sum a" in (folder / "call.sh").read_text()
    shutil.rmtree(folder)
