"""Random expressions on random columns: tests/expr_eval against the same tree computed with NumPy in Python.

Each case prints its seed; YOKE_STRESS=N runs N times as many. Plain and dictionary-coded columns, several block sizes and all
instruction sets must give the same bits.
"""

import math
import os

import numpy as np
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
        self.valid = ~np.isnan(data) if kind == "real" else (np.ones(ROWS, bool) if valid is None else valid)

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


class Maker:
    """Makes (text, Value) pairs of a wanted kind."""

    def __init__(self, rng, columns):
        self.rng = rng
        self.columns = {n: (c.kind, column_value(c)) for n, c in columns.items()}

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def leaf(self, kind):
        names = [n for n, (k, _) in self.columns.items() if k == kind]
        if self.rng.random() < 0.75:
            name = self.pick(*names)
            return name, self.columns[name][1]
        if kind == "real":
            v = float(self.pick(0.0, 1.0, 2.5, 0.1, 1e10, 3.0))
            return repr(v), Value("real", np.full(ROWS, v))
        if kind == "int":
            v = int(self.rng.integers(0, 10))
            return str(v), Value("int", np.full(ROWS, v, np.int64))
        if kind == "text":
            v = self.pick("a", "zz top", "ÄÖ", "it's")
            return "'" + v.replace("'", "''") + "'", Value("text", np.full(ROWS, v, object))
        v = bool(self.rng.integers(2))
        return str(v).lower(), Value("bool", np.full(ROWS, v))

    def make(self, kind, depth):
        if depth == 0 or self.rng.random() < 0.1:
            return self.leaf(kind)
        return getattr(self, "make_" + kind)(depth - 1)

    def number(self, depth):
        return self.make(self.pick("real", "real", "int", "bool"), depth)

    def make_real(self, d):
        how = self.rng.integers(9)
        if how < 4:
            (ta, a), (tb, b) = self.make("real", d), self.number(d)
            if self.rng.random() < 0.3:
                ta, a, tb, b = tb, b, ta, a
            op = self.pick("+", "-", "*", "/")
            f = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}[op]
            return f"({ta} {op} {tb})", Value("real", f(a.real(), b.real()))
        if how == 4:
            t, a = self.make("real", d)
            name = self.pick("abs", "sqrt", "floor", "ceil", "round")
            f = {"round": np.rint}.get(name) or getattr(np, name)
            return f"{name}({t})", Value("real", f(a.data))
        if how == 5:
            (ta, a), (tb, b) = self.make("real", d), self.make("real", d)
            name = self.pick("min", "max")
            r = (np.minimum if name == "min" else np.maximum)(a.data, b.data)
            both = (a.data == 0) & (b.data == 0)
            zero = np.signbit(a.data) | np.signbit(b.data) if name == "min" else np.signbit(a.data) & np.signbit(b.data)
            return f"{name}({ta}, {tb})", Value("real", np.where(both, np.where(zero, -0.0, 0.0), r))
        if how == 6:
            (tc, c), (ta, a), (tb, b) = self.make("bool", d), self.make("real", d), self.make("real", d)
            if self.rng.random() < 0.5:
                return f"where({tc}, {ta}, {tb})", Value("real", np.where(c.truth(), a.data, b.data))
            return f"(case when {tc} then {ta} else {tb} end)", Value("real", np.where(c.truth(), a.data, b.data))
        if how == 7:
            (ta, a), (tb, b) = self.make("real", d), self.make("real", d)
            return f"coalesce({ta}, {tb})", Value("real", np.where(np.isnan(a.data), b.data, a.data))
        (ta, a), (tb, b) = self.make("real", d), self.make("real", d)
        op = self.pick("//", "%")
        f = np.floor_divide if op == "//" else np.remainder
        return f"({ta} {op} {tb})", Value("real", f(a.data, b.data))

    def make_int(self, d):
        how = self.rng.integers(7)
        if how < 3:
            (ta, a), (tb, b) = self.make("int", min(d, 1)), self.make("int", min(d, 1))
            op = self.pick("+", "-", "//", "%")
            valid = a.valid & b.valid
            if op in ("//", "%"):
                valid = valid & (b.data != 0)
                f = np.floor_divide if op == "//" else np.remainder
                data = f(a.data, np.where(b.data == 0, 1, b.data))
            else:
                data = a.data + b.data if op == "+" else a.data - b.data
            return f"({ta} {op} {tb})", Value("int", np.where(valid, data, 0), valid)
        if how == 3:
            (tc, c), (ta, a), (tb, b) = self.make("bool", d), self.make("int", d), self.make("int", d)
            t = c.truth()
            return f"where({tc}, {ta}, {tb})", Value("int", np.where(t, a.data, b.data), np.where(t, a.valid, b.valid))
        if how == 4:
            t, a = self.make("text", d)
            return f"len({t})", Value("int", np.array([len(v) for v in a.data]), a.valid)
        if how == 5:
            t, a = self.make("int", d)
            return f"abs({t})", Value("int", np.abs(a.data), a.valid)
        t, a = self.make("bool", d)
        return f"cast({t} as int)", Value("int", a.data.astype(np.int64), a.valid)

    def make_bool(self, d):
        how = self.rng.integers(9)
        if how < 3:
            (ta, a), (tb, b) = self.number(d), self.number(d)
            op = self.pick("<", "<=", "==", "!=", ">=", ">")
            x, y = (a.data, b.data) if a.kind == b.kind == "int" else (a.real(), b.real())
            f = {"<": np.less, "<=": np.less_equal, "==": np.equal, "!=": np.not_equal, ">=": np.greater_equal, ">": np.greater}[op]
            return f"({ta} {op} {tb})", Value("bool", f(x, y) & a.valid & b.valid)
        if how == 3:
            t, a = self.make("bool", d)
            return f"({self.pick('not ', '!')}{t})", Value("bool", ~a.truth())
        if how < 6:
            (ta, a), (tb, b) = self.make("bool", d), self.make("bool", d)
            op = self.pick("and", "or", "&&", "||", "&", "|")
            f = np.logical_and if op in ("and", "&&", "&") else np.logical_or
            return f"({ta} {op} {tb})", Value("bool", f(a.truth(), b.truth()))
        if how == 6:
            t, a = self.make(self.pick("real", "int", "text", "bool"), d)
            return f"isnull({t})", Value("bool", ~a.valid)
        if how == 7:
            t, a = self.make("int", d)
            values = self.rng.integers(-5, 6, 3)
            return f"({t} in ({', '.join(map(str, values))}))", Value("bool", np.isin(a.data, values) & a.valid)
        (ta, a), (tb, b) = self.make("text", d), self.make("text", d)
        op = self.pick("<", "==", "!=", ">")
        f = {"<": lambda x, y: x < y, "==": lambda x, y: x == y, "!=": lambda x, y: x != y, ">": lambda x, y: x > y}[op]
        data = np.array([f(x.encode(), y.encode()) for x, y in zip(a.data, b.data)])
        return f"({ta} {op} {tb})", Value("bool", data & a.valid & b.valid)

    def make_text(self, d):
        how = self.rng.integers(3)
        if how == 0:
            t, a = self.make("text", d)
            name = self.pick("lower", "upper")
            fix = lambda v: "".join(c if c == "ß" else (c.lower() if name == "lower" else c.upper()) for c in v)
            return f"{name}({t})", Value("text", np.array([fix(v) for v in a.data], dtype=object), a.valid)
        (tc, c), (ta, a), (tb, b) = self.make("bool", d), self.make("text", d), self.make("text", d)
        if how == 1:
            t = c.truth()
            return f"where({tc}, {ta}, {tb})", Value("text", np.where(t, a.data, b.data), np.where(t, a.valid, b.valid))
        return f"coalesce({ta}, {tb})", Value("text", np.where(a.valid, a.data, b.data), a.valid | b.valid)


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


@pytest.mark.parametrize("seed", range(8 * STRESS))
def test_random_expressions(program, tmp_path, seed):
    rng = np.random.default_rng(seed)
    columns = make_columns(rng)
    maker = Maker(rng, columns)
    with np.errstate(all="ignore"):
        cases = [(kind, *maker.make(kind, int(rng.integers(1, 6)))) for kind in ["real", "int", "bool", "text"] * 60]
    ev = Evaluator(program, columns, tmp_path)
    texts = [t for _, t, _ in cases]
    for (kind, text, want), answer in zip(cases, ev.many(texts)):
        assert not isinstance(answer, Error), f"seed {seed}: {text}: {answer}"
        assert same(kind, answer[1], want), f"seed {seed}: {text}: {[(g, w) for g, w in zip(answer[1], want.data)][:20]}"


@pytest.mark.parametrize("seed", range(3 * STRESS))
def test_same_bits_however_stored_and_cut(program, tmp_path, seed):
    rng = np.random.default_rng(1000 + seed)
    columns = make_columns(rng)
    maker = Maker(rng, columns)
    with np.errstate(all="ignore"):
        texts = [maker.make(kind, int(rng.integers(1, 6)))[0] for kind in ["real", "int", "bool", "text"] * 20]
    texts += ["exp(p)", "log(abs(p))", "log10(abs(q))", "log1p(q)", "p ** w", "sin(p)", "cos(q)", "tan(p)", "tanh(p)", "pow(abs(p), 0.3)", "sin(k * k * k * 1.0)"]
    want = Evaluator(program, columns, tmp_path).raw(texts)
    for block in (1, 63, 64, 65):
        assert Evaluator(program, columns, tmp_path, block=block).raw(texts) == want, f"seed {seed}, block {block}"
    for isa in ("baseline", "avx2", "avx512"):
        assert Evaluator(program, columns, tmp_path, env={"YOKE_ISA": isa}).raw(texts) == want, f"seed {seed}, {isa}"
    for c in columns.values():
        c.coded = not c.coded and c.kind != "bool"
    assert Evaluator(program, columns, tmp_path).raw(texts) == want, f"seed {seed}, stored otherwise"
