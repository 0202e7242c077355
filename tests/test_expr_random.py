"""Random expressions on random columns: tests/expr_eval against the same tree computed with NumPy in Python.

A failure shrinks to a small expression on few rows, whose columns are kept, and is printed with its seed; YOKE_STRESS=N runs N times as
many. Plain and dictionary-coded columns, several block sizes and all instruction sets must give the same bits.
"""

import math
import os
import pathlib
import random
import re
import shutil
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expr_tools import Column, Error, Evaluator

STRESS = int(os.environ.get("YOKE_STRESS", "1"))
ROWS = 700
nan = math.nan


@pytest.fixture(scope="module")
def program(yoke_path):
    return yoke_path.parent.parent / "tests" / "expr_eval"


def make_columns(rng):
    def holes(values, share):
        return [None if rng.random() < share else v for v in values]

    reals = rng.choice([0.0, -0.0, 1.0, -1.5, 2.5, 1e-300, 1e300, 3.7, np.inf, -np.inf], ROWS) * rng.choice([1.0, 1.0, 0.3], ROWS)
    words = ["", "a", "Ab", "aB%", "straße", "ÄÖ", "x_y", "zz top", "abcabc"]
    return {
        "p": Column("real", holes((rng.normal(size=ROWS) * 10).tolist(), 0.1)),
        "q": Column("real", holes(np.where(np.isnan(reals), 0.0, reals).tolist(), 0.2), coded=True),
        "w": Column("real", rng.integers(-5, 6, ROWS).astype(float).tolist()),
        "i": Column("int", holes(rng.integers(-20, 21, ROWS).tolist(), 0.1)),
        "j": Column("int", holes(rng.integers(-3, 4, ROWS).tolist(), 0.2), coded=True),
        "k": Column("int", rng.integers(-2**40, 2**40, ROWS).tolist()),
        "b": Column("bool", holes((rng.random(ROWS) < 0.5).tolist(), 0.2)),
        "s": Column("text", holes(rng.choice(words, ROWS).tolist(), 0.1)),
        "z": Column("text", holes(rng.choice(words, ROWS).tolist(), 0.1), coded=True),
    }


class Value:
    """A kind and an array: reals with NaN as missing; integers, booleans and text with a mask of those present."""

    def __init__(self, kind, data, valid=None):
        self.kind, self.data = kind, data
        self.valid = ~np.isnan(data) if kind == "real" else (np.ones(len(data), bool) if valid is None else valid)

    def real(self):
        if self.kind == "real":
            return self.data
        return np.where(self.valid, self.data.astype(float), nan)

    def truth(self):
        return self.data.astype(bool) & self.valid


def column_value(c):
    valid = np.array(c.valid)
    if c.kind == "real":
        return Value("real", np.array([nan if v is None else v for v in c.values]))
    if c.kind == "text":
        return Value("text", np.array(["" if v is None else v for v in c.values], dtype=object), valid)
    dtype = bool if c.kind == "bool" else np.int64
    return Value(c.kind, np.array([0 if v is None else v for v in c.values], dtype=dtype), valid)


class Node:
    """An expression: its text is `form` with the kids' texts in it, its value `fn` of the kids' values (a leaf's, of the columns)."""

    def __init__(self, kind, form, kids, fn):
        self.kind, self.form, self.kids, self.fn = kind, form, kids, fn

    def text(self):
        return self.form.format(*(k.text() for k in self.kids))

    def value(self, columns):
        with np.errstate(all="ignore"):
            return self.fn(*(k.value(columns) for k in self.kids)) if self.kids else self.fn(columns)

    def below(self):
        """All nodes below this one, the nearest first."""
        return [*self.kids, *(n for k in self.kids for n in k.below())]

    def smaller(self):
        """The same with one node replaced by a simpler one of its kind."""
        for n in self.below():
            if n.kind == self.kind:
                yield n
        if self.kids:
            yield CONSTANTS[self.kind]
        for i, k in enumerate(self.kids):
            for other in k.smaller():
                yield Node(self.kind, self.form, [*self.kids[:i], other, *self.kids[i + 1:]], self.fn)


def column(kind, name):
    return Node(kind, name, [], lambda columns: column_value(columns[name]))


def constant(kind, text, v):
    dtype = {"real": float, "int": np.int64, "bool": bool, "text": object}[kind]
    return Node(kind, text, [], lambda columns: Value(kind, np.full(len(next(iter(columns.values())).values), v, dtype)))


CONSTANTS = {"real": constant("real", "1.0", 1.0), "int": constant("int", "1", 1), "bool": constant("bool", "true", True), "text": constant("text", "'a'", "a")}


class Maker:
    """Makes nodes of a wanted kind."""

    def __init__(self, rng, columns):
        self.rng = rng
        self.columns = columns

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def leaf(self, kind):
        if self.rng.random() < 0.75:
            return column(kind, self.pick(*(n for n, c in self.columns.items() if c.kind == kind)))
        if kind == "real":
            v = float(self.pick(0.0, 1.0, 2.5, 0.1, 1e10, 3.0))
            return constant(kind, repr(v), v)
        if kind == "int":
            v = int(self.rng.integers(0, 10))
            return constant(kind, str(v), v)
        if kind == "text":
            v = self.pick("a", "zz top", "ÄÖ", "it's")
            return constant(kind, "'" + v.replace("'", "''") + "'", v)
        v = bool(self.rng.integers(2))
        return constant(kind, str(v).lower(), v)

    def make(self, kind, depth):
        if depth == 0 or self.rng.random() < 0.1:
            return self.leaf(kind)
        return getattr(self, "make_" + kind)(depth - 1)

    def number(self, depth):
        return self.make(self.pick("real", "real", "int", "bool"), depth)

    def choice(self, kind, d, forms, fn):
        c, a, b = self.make("bool", d), self.make(kind, d), self.make(kind, d)
        return Node(kind, self.pick(*forms), [c, a, b], fn)

    def make_real(self, d):
        how = self.rng.integers(9)
        real = lambda form, kids, f: Node("real", form, kids, lambda *v: Value("real", f(*v)))
        if how < 4:
            a, b = self.make("real", d), self.number(d)
            if self.rng.random() < 0.3:
                a, b = b, a
            op = self.pick("+", "-", "*", "/")
            f = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[op]
            return real(f"({{}} {op} {{}})", [a, b], lambda a, b: f(a.real(), b.real()))
        if how == 4:
            name = self.pick("abs", "sqrt", "floor", "ceil", "round")
            f = {"round": np.rint}.get(name) or getattr(np, name)
            return real(f"{name}({{}})", [self.make("real", d)], lambda a: f(a.data))
        if how == 5:
            name = self.pick("min", "max")

            def extreme(a, b):
                r = (np.minimum if name == "min" else np.maximum)(a.data, b.data)
                both = (a.data == 0) & (b.data == 0)
                zero = np.signbit(a.data) | np.signbit(b.data) if name == "min" else np.signbit(a.data) & np.signbit(b.data)
                return np.where(both, np.where(zero, -0.0, 0.0), r)

            return real(f"{name}({{}}, {{}})", [self.make("real", d), self.make("real", d)], extreme)
        if how == 6:
            return self.choice("real", d, ["where({}, {}, {})", "(case when {} then {} else {} end)"],
                               lambda c, a, b: Value("real", np.where(c.truth(), a.data, b.data)))
        if how == 7:
            return real("coalesce({}, {})", [self.make("real", d), self.make("real", d)], lambda a, b: np.where(np.isnan(a.data), b.data, a.data))
        op = self.pick("//", "%")
        f = np.floor_divide if op == "//" else np.remainder
        return real(f"({{}} {op} {{}})", [self.make("real", d), self.make("real", d)], lambda a, b: f(a.data, b.data))

    def make_int(self, d):
        how = self.rng.integers(7)
        if how < 3:
            op = self.pick("+", "-", "//", "%")

            def compute(a, b):
                valid = a.valid & b.valid
                if op in ("//", "%"):
                    valid = valid & (b.data != 0)
                    f = np.floor_divide if op == "//" else np.remainder
                    data = f(a.data, np.where(b.data == 0, 1, b.data))
                else:
                    data = a.data + b.data if op == "+" else a.data - b.data
                return Value("int", np.where(valid, data, 0), valid)

            return Node("int", f"({{}} {op} {{}})", [self.make("int", min(d, 1)), self.make("int", min(d, 1))], compute)
        if how == 3:
            return self.choice("int", d, ["where({}, {}, {})"],
                               lambda c, a, b: Value("int", np.where(c.truth(), a.data, b.data), np.where(c.truth(), a.valid, b.valid)))
        if how == 4:
            return Node("int", "len({})", [self.make("text", d)], lambda a: Value("int", np.array([len(v) for v in a.data], np.int64), a.valid))
        if how == 5:
            return Node("int", "abs({})", [self.make("int", d)], lambda a: Value("int", np.abs(a.data), a.valid))
        return Node("int", "cast({} as int)", [self.make("bool", d)], lambda a: Value("int", a.data.astype(np.int64), a.valid))

    def make_bool(self, d):
        how = self.rng.integers(9)
        boolean = lambda form, kids, f: Node("bool", form, kids, lambda *v: Value("bool", f(*v)))
        if how < 3:
            op = self.pick("<", "<=", "==", "!=", ">=", ">")
            f = {"<": np.less, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal, ">=": np.greater_equal, ">": np.greater}[op]
            wholes = lambda a, b: a.kind == b.kind == "int"
            return boolean(f"({{}} {op} {{}})", [self.number(d), self.number(d)],
                           lambda a, b: (f(a.data, b.data) if wholes(a, b) else f(a.real(), b.real())) & a.valid & b.valid)
        if how == 3:
            return boolean(f"({self.pick('not ', '!')}{{}})", [self.make("bool", d)], lambda a: ~a.truth())
        if how < 6:
            op = self.pick("and", "or", "&&", "||", "&", "|")
            f = np.logical_and if op in ("and", "&&", "&") else np.logical_or
            return boolean(f"({{}} {op} {{}})", [self.make("bool", d), self.make("bool", d)], lambda a, b: f(a.truth(), b.truth()))
        if how == 6:
            return boolean("isnull({})", [self.make(self.pick("real", "int", "text", "bool"), d)], lambda a: ~a.valid)
        if how == 7:
            values = self.rng.integers(-5, 6, 3)
            return boolean(f"({{}} in ({', '.join(map(str, values))}))", [self.make("int", d)], lambda a: np.isin(a.data, values) & a.valid)
        op = self.pick("<", "==", "!=", ">")
        f = {"<": lambda x, y: x < y, "==": lambda x, y: x == y, "!=": lambda x, y: x != y, ">": lambda x, y: x > y}[op]
        return boolean(f"({{}} {op} {{}})", [self.make("text", d), self.make("text", d)],
                       lambda a, b: np.array([f(x.encode(), y.encode()) for x, y in zip(a.data, b.data)], bool) & a.valid & b.valid)

    def make_text(self, d):
        how = self.rng.integers(3)
        if how == 0:
            name = self.pick("lower", "upper")
            fix = lambda v: "".join(c if c == "ß" else (c.lower() if name == "lower" else c.upper()) for c in v)
            return Node("text", f"{name}({{}})", [self.make("text", d)], lambda a: Value("text", np.array([fix(v) for v in a.data], dtype=object), a.valid))
        if how == 1:
            return self.choice("text", d, ["where({}, {}, {})"],
                               lambda c, a, b: Value("text", np.where(c.truth(), a.data, b.data), np.where(c.truth(), a.valid, b.valid)))
        return Node("text", "coalesce({}, {})", [self.make("text", d), self.make("text", d)],
                    lambda a, b: Value("text", np.where(a.valid, a.data, b.data), a.valid | b.valid))


def same(kind, got, want):
    for g, w, there in zip(got, want.data, want.valid):
        if not there:
            if g is not None:
                return False
        elif g is None or type(g) is not {"real": float, "int": int, "bool": bool, "text": str}[kind] or g != w:
            return False
        elif kind == "real" and g == 0 and math.copysign(1, g) != math.copysign(1, w):
            return False
    return len(got) == len(want.data)


# ---- what failed, made small

def some_rows(columns, rows):
    return {name: Column(c.kind, [c.values[i] for i in rows], c.unit, c.coded) for name, c in columns.items()}


def shrink(node, columns, fails):
    """The smallest expression and rows found that still fail: a part of it, or nodes replaced by simpler ones; then halves of the rows left out, down to
    single ones; then the columns that it does not need."""
    def still(n, c):
        try:
            return fails(n, c)
        except KeyError:  # it needs that column
            return False

    smaller = node
    while smaller is not None:
        node = smaller
        smaller = next((n for n in [*node.below(), *node.smaller()] if len(n.text()) < len(node.text()) and still(n, columns)), None)
    step = len(next(iter(columns.values())).values) // 2
    while step:
        rows = range(len(next(iter(columns.values())).values))
        parts = [some_rows(columns, [i for i in rows if not at <= i < at + step]) for at in rows[::step]] if len(rows) > step else []
        smaller = next((part for part in parts if still(node, part)), None)
        columns, step = (smaller, step) if smaller is not None else (columns, step // 2)
    for name in list(columns):
        fewer = {n: c for n, c in columns.items() if n != name}
        if fewer and still(node, fewer):
            columns = fewer
    return node, columns


def complain(seed, node, columns, fails, folder, say):
    """Fails with the smallest case and where its columns are kept."""
    node, columns = shrink(node, columns, fails)
    kept = pathlib.Path(tempfile.gettempdir()) / f"yoke-expr-seed-{seed}.ykx"
    shutil.copy(Evaluator("", columns, folder).file, kept)
    values = {name: c.values for name, c in columns.items()}
    raise AssertionError(f"seed {seed}: {node.text()}, on {values} kept as {kept} (tests/expr_eval {kept}, the expression on standard input): {say(node, columns)}")


def right(program, folder, node, columns):
    """None, or what is wrong with one expression's answer."""
    want = node.value(columns)
    try:
        answer = Evaluator(program, columns, folder).many([node.text()])[0]
    except AssertionError as e:
        return f"crashed: {e}"
    if isinstance(answer, Error):
        return f"{answer}"
    return None if same(node.kind, answer[1], want) else f"{answer[1]} and not {[v if there else None for v, there in zip(want.data, want.valid)]}"


@pytest.mark.parametrize("seed", range(8 * STRESS))
def test_random_expressions(program, tmp_path, seed):
    rng = np.random.default_rng(seed)
    columns = make_columns(rng)
    maker = Maker(rng, columns)
    nodes = [maker.make(kind, int(rng.integers(1, 6))) for kind in ["real", "int", "bool", "text"] * 60]
    try:
        answers = Evaluator(program, columns, tmp_path).many([n.text() for n in nodes])
        suspects = [n for n, a in zip(nodes, answers) if isinstance(a, Error) or not same(n.kind, a[1], n.value(columns))]
    except AssertionError:
        suspects = [n for n in nodes if right(program, tmp_path, n, columns)]
    for node in suspects:
        complain(seed, node, columns, lambda n, c: right(program, tmp_path, n, c) is not None, tmp_path, lambda n, c: right(program, tmp_path, n, c))


def test_failures_shrink(tmp_path):
    """To the node and the row that do it."""
    columns = make_columns(np.random.default_rng(5))
    maker = Maker(np.random.default_rng(6), columns)
    nodes = [maker.make("bool", 5) for _ in range(300)]
    node = max((n for n in nodes if "lower(" in n.text()), key=lambda n: len(n.text()))
    fails = lambda n, c: any("lower(" in m.form and "straße" in m.value(c).data for m in [n, *n.below()])
    if not fails(node, columns):
        columns["s"].values[0], columns["s"].valid[0] = "straße", True
    small, rows = shrink(node, columns, fails)
    assert len(small.text()) < len(node.text()) / 3 and all(len(c.values) <= 1 for c in rows.values()) and len(rows) == 1
    with pytest.raises(AssertionError, match="seed 77: lower"):
        complain(77, small, rows, fails, tmp_path, lambda n, c: "so it is")
    (pathlib.Path(tempfile.gettempdir()) / "yoke-expr-seed-77.ykx").unlink()


def stored_otherwise(columns):
    return {n: Column(c.kind, c.values, c.unit, not c.coded and c.kind != "bool") for n, c in columns.items()}


@pytest.mark.parametrize("seed", range(3 * STRESS))
def test_same_bits_however_stored_and_cut(program, tmp_path, seed):
    rng = np.random.default_rng(1000 + seed)
    columns = make_columns(rng)
    maker = Maker(rng, columns)
    nodes = [maker.make(kind, int(rng.integers(1, 6))) for kind in ["real", "int", "bool", "text"] * 20]
    for text in ["exp(p)", "log(abs(p))", "log10(abs(q))", "log1p(q)", "p ** w", "sin(p)", "cos(q)", "tan(p)", "tanh(p)", "pow(abs(p), 0.3)", "sin(k * k * k * 1.0)"]:
        nodes.append(Node("real", text, [], None))
    ways = {f"block {block}": lambda c, block=block: Evaluator(program, c, tmp_path, block=block) for block in (1, 63, 64, 65)}
    ways |= {isa: lambda c, isa=isa: Evaluator(program, c, tmp_path, env={"YOKE_ISA": isa}) for isa in ("baseline", "avx2", "avx512")}
    ways["stored otherwise"] = lambda c: Evaluator(program, stored_otherwise(c), tmp_path)
    want = Evaluator(program, columns, tmp_path).raw([n.text() for n in nodes])
    for way, evaluator in ways.items():
        if evaluator(columns).raw([n.text() for n in nodes]) == want:
            continue
        differs = lambda n, c: Evaluator(program, c, tmp_path).raw([n.text()]) != evaluator(c).raw([n.text()])
        node = next(n for n in nodes if differs(n, columns))
        complain(1000 + seed, node, columns, differs, tmp_path, lambda n, c: f"{way}: {evaluator(c).raw([n.text()])!r} and not {Evaluator(program, c, tmp_path).raw([n.text()])!r}")


def pattern_as_regex(pattern):
    out, i = "", 0
    while i < len(pattern):
        c = pattern[i]
        if c == "\\" and i + 1 < len(pattern) and pattern[i + 1] in "%_\\":
            out, i = out + re.escape(pattern[i + 1]), i + 1
        else:
            out += ".*" if c == "%" else "." if c == "_" else re.escape(c)
        i += 1
    return re.compile(out, re.DOTALL)


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_like_against_regular_expressions(yoke, tmp_path, isa):
    """Random patterns and texts of few letters, short ones and some longer than any register; sets that a machine lacks fall back."""
    rng = random.Random(7)
    some = lambda letters, n: "".join(rng.choice(letters) for _ in range(n))
    texts = ["", *(some("ab", rng.randrange(40)) for _ in range(300)), *(some("abé%_\\\n🚕", rng.randrange(12)) for _ in range(300)),
             *(some("ab", rng.randrange(60, 200)) + some("abcd", 4) for _ in range(300))]
    pq.write_table(pa.table({"s": texts}), tmp_path / "in.parquet")
    patterns = ["", "%", "%%", "_", "%_", "a%b%a", "\\", "%\\", "%abab%", "%bbbbbb%", "ab%ba", "%cd", "_%_", "%é_%", "%__a%", *(some("aabb%%_é", rng.randrange(1, 9)) for _ in range(40)),
                *("%" + some("ab", rng.randrange(1, 12)) + "%" for _ in range(15)), *(some("a%_\\\\", rng.randrange(1, 6)) for _ in range(15))]
    words = [w for p in patterns for w in ("--sum", f"case when s like '{p}' then 1 else 0 end")]
    run = yoke("table", tmp_path / "in.parquet", *words, "--json", env={"YOKE_ISA": isa})
    assert run.returncode == 0, run.stderr
    got = [int(v) for v in re.findall(r":\s*(\d+)", re.sub(r'"(?:\\.|[^"\\])*"', '""', run.stdout))]
    assert got == [sum(pattern_as_regex(p).fullmatch(t) is not None for t in texts) for p in patterns]
