"""The language's rules, one by one, on a few rows: tests/expr_eval against answers written out by hand."""

import math

import pytest

from expr_tools import Column, Error, Evaluator

inf = math.inf
BIG = 2**63 - 1
# 2022-02-01 12:30:15 and 2022-02-01 13:00:45 are a Tuesday
T0, T1 = 1643718615, 1643720445


@pytest.fixture(scope="module")
def program(root, yoke_path):
    return yoke_path.parent.parent / "tests" / "expr_eval"


@pytest.fixture(scope="module", params=["plain", "coded", "one row at a time"])
def ev(request, program, tmp_path_factory):
    coded = request.param == "coded"
    columns = {
        "r": Column("real", [1.5, -2.5, None, 0.0, inf], coded=coded),
        "fare": Column("real", [10.0, 0.0, 5.0, None, 2.0], coded=coded),
        "i": Column("int", [7, -7, None, 0, 2**40], coded=coded),
        "big": Column("int", [1, 2, 3, 4, BIG], coded=coded),
        "u": Column("uint", [0, 1, 2**63, 2**64 - 1, None]),
        "b": Column("bool", [True, False, None, True, False]),
        "s": Column("text", ["Yes", "no", None, "", "Ähm"], coded=coded),
        "t": Column("time", [T0 * 10**6, T1 * 10**6, None, -1, 0], unit="us", coded=coded),
        "t2": Column("time", [T1, T0, 5, 5, 5], unit="s"),
        "d": Column("date", [19024, 0, -1, None, 19782], coded=coded),
        "a b": Column("int", [1, 2, 3, 4, 5]),
        "x.y": Column("int", [1, 2, 3, 4, 5]),
    }
    return Evaluator(program, columns, tmp_path_factory.mktemp("expr"), block=1 if "one" in request.param else None)


RULES = {
    # arithmetic
    "r + 1": [2.5, -1.5, None, 1.0, inf],
    "r / fare": [0.15, -inf, None, None, inf],
    "i / 2": [3.5, -3.5, None, 0.0, 2.0**39],
    "i // 2": [3, -4, None, 0, 2**39],
    "i % 3": [1, 2, None, 0, 2**40 % 3],
    "i // 0": [None] * 5,
    "r // 1": [1.0, -3.0, None, 0.0, None],
    "r % 1": [0.5, 0.5, None, 0.0, None],
    "-i": [-7, 7, None, 0, -(2**40)],
    "abs(i)": [7, 7, None, 0, 2**40],
    "abs(r)": [1.5, 2.5, None, 0.0, inf],
    "2 ** 3 ** 2": [512.0] * 5,
    "-2 ** 2": [-4.0] * 5,
    "r ** 2": [2.25, 6.25, None, 0.0, inf],
    "1 + 2 * 3 - 4": [3] * 5,
    "7 / 2": [3.5] * 5,
    "i + r": [8.5, -9.5, None, 0.0, inf],
    "u + 0": [0.0, 1.0, 2.0**63, 2.0**64, None],
    "b + 1": [2, 1, None, 2, 1],
    "floor(r)": [1.0, -3.0, None, 0.0, inf],
    "ceil(r)": [2.0, -2.0, None, 0.0, inf],
    "round(r)": [2.0, -2.0, None, 0.0, inf],
    "round(r * 1.05, 1)": [1.6, -2.6, None, 0.0, inf],
    "round(i)": [7, -7, None, 0, 2**40],
    "min(r, 1)": [1.0, -2.5, None, 0.0, 1.0],
    "max(i, 3, 8)": [8, 8, None, 8, 2**40],
    "sqrt(fare * fare)": [10.0, 0.0, 5.0, None, 2.0],
    "log(r - r)": [-inf, -inf, None, -inf, None],
    "sqrt(r)": [math.sqrt(1.5), None, None, 0.0, inf],
    # comparisons and conditions
    "r > 0": [True, False, False, False, True],
    "r != 0": [True, True, False, False, True],
    "not r > 0": [False, True, True, True, False],
    "!(r > 0) && fare < 6": [False, True, True, False, False],
    "r > 0 | fare == 5": [True, False, True, False, True],
    "r > 0 & fare > 5": [True, False, False, False, False],
    "0 < i < 10": [True, False, False, False, False],
    "-10 < i <= 0 < 1 != 2": [False, True, False, True, False],
    "i == 7.0": [True, False, False, False, False],
    "i < 6.5": [False, True, False, True, False],
    "7 <= i": [True, False, False, False, True],
    "big > 9223372036854775806": [False, False, False, False, True],
    "u > 1": [False, False, True, True, False],
    "u > -1": [True, True, True, True, False],
    "u == 18446744073709551615": [False, False, False, True, False],
    "u == 18446744073709551614": [False] * 5,
    "u <= 9223372036854775809": [True, True, True, False, False],
    "9223372036854775807 < u": [False, False, True, True, False],
    "u in (9223372036854775807, 9223372036854775809, 18446744073709551615)": [False, False, False, True, False],
    "u == 9.223372036854775808e18": [False, False, True, False, False],
    "u < 1e300": [True, True, True, True, False],
    "u == 18446744073709551616": [False] * 5,
    "u < 18446744073709551616": [True, True, True, True, False],
    "big < 9223372036854775808": [True] * 5,
    "big == 9223372036854775808": [False] * 5,
    "big in (9223372036854775808, 2)": [False, True, False, False, False],
    "-9223372036854775808 - big * 0 >= -9.223372036854775808e18": [True] * 5,
    "-9223372036854775807 - big * 0 == -9.223372036854775808e18": [False] * 5,
    "u - 9223372036854775808": [-(2.0**63), -(2.0**63), 0.0, 2.0**63, None],
    "-9223372036854775808 - i * 0": [-(2**63), -(2**63), None, -(2**63), -(2**63)],
    "-9223372036854775809 + 0": [-(2.0**63)] * 5,
    "18446744073709551615": [2**64 - 1] * 5,
    "where(isnull(u), 18446744073709551615, u)": [0, 1, 2**63, 2**64 - 1, 2**64 - 1],
    "b": [True, False, None, True, False],
    "not b": [False, True, True, False, True],
    "b and i > 0": [True, False, False, False, False],
    "b == true": [True, False, False, True, False],
    "true": [True] * 5,
    "null": [None] * 5,
    "i == null": [False] * 5,
    "i in (7, 0, 3)": [True, False, False, True, False],
    "i not in (7, 0)": [False, True, True, False, True],
    "r in (1.5, 0)": [True, False, False, True, False],
    "i in (r + 5.5, 0)": [True, False, False, True, False],
    "i in ()": [False] * 5,
    # missing
    "isnull(r)": [False, False, True, False, False],
    "isnull(i)": [False, False, True, False, False],
    "isnull(s)": [False, False, True, False, False],
    "r is null": [False, False, True, False, False],
    "not r is not null": [False, False, True, False, False],
    "r between -2.5 and 1.5": [True, True, False, True, False],
    "r not between 0 and 2": [False, True, True, False, True],
    "r between 0 and 1 and b": [False, False, False, True, False],
    "t between '2022-02-01' and '2022-02-02' or r is null": [True, True, True, False, False],
    "isfinite(r)": [True, True, False, True, False],
    "coalesce(r, fare)": [1.5, -2.5, 5.0, 0.0, inf],
    "coalesce(i, -1)": [7, -7, -1, 0, 2**40],
    "coalesce(s, 'none')": ["Yes", "no", "none", "", "Ähm"],
    "coalesce(b, false)": [True, False, False, True, False],
    "where(r > 0, i, 0)": [7, 0, 0, 0, 2**40],
    "where(b, 'y', s)": ["y", "no", None, "y", "Ähm"],
    "where(i > 0, 1, 2.5)": [1.0, 2.5, 2.5, 2.5, 1.0],
    "case when i > 0 then 'up' when i < 0 then 'down' end": ["up", "down", None, None, "up"],
    "case when r > 0 then r else -r end": [1.5, 2.5, None, -0.0, inf],
    # text
    "s == 'Yes'": [True, False, False, False, False],
    "s != 'Yes'": [False, True, False, True, True],
    "s < 'Z'": [True, False, False, True, False],
    "s in ('no', '', 'x')": [False, True, False, True, False],
    "s like '%e%'": [True, False, False, False, False],
    "s like '_h_'": [False, False, False, False, True],
    "'100% of a_b' like '100\\% of a\\__'": [True] * 5,
    "'100 of' like '100\\%%' or 'axb' like 'a\\_b' or 'a\\b' like 'a\\_b'": [False] * 5,
    "'a\\b' like 'a\\\\b' and 'a\\b' like 'a\\b' and 'a%%b' like '%\\%b' and '\\' like '\\'": [True] * 5,
    "lower(s)": ["yes", "no", None, "", "ähm"],
    "upper(s)": ["YES", "NO", None, "", "ÄHM"],
    "len(s)": [3, 2, None, 0, 3],
    "'it''s'": ["it's"] * 5,
    # times
    "year(t)": [2022, 2022, None, 1969, 1970],
    "month(t)": [2, 2, None, 12, 1],
    "day(t)": [1, 1, None, 31, 1],
    "hour(t)": [12, 13, None, 23, 0],
    "minute(t)": [30, 0, None, 59, 0],
    "second(t)": [15, 45, None, 59, 0],
    "weekday(t)": [1, 1, None, 2, 3],
    "weekday(d)": [1, 3, 2, None, 3],
    "year(d)": [2022, 1970, 1969, None, 2024],
    "day(d)": [1, 1, 31, None, 29],
    "t > '2022-02-01 12:45'": [False, True, False, False, False],
    "t >= '2022-02-01T12:30:15Z'": [True, True, False, False, False],
    "t < '1970-01-01'": [False, False, False, True, False],
    "t == '1970-01-01 00:00:00'": [False, False, False, False, True],
    "t2 == '2022-02-01 12:30:15.5'": [False] * 5,
    "d == '2024-02-29'": [False, False, False, False, True],
    "d < '1970-01-01 12:00'": [False, True, True, False, False],
    "minutes(t2 - t)": [30.5, -30.5, None, 5 / 60 + 1e-6 / 60, 5 / 60],
    "seconds(t - d)": [45015.0, T1 + 0.0, None, None, -1709164800.0],
    "t2 - t > t - t": [True, False, False, True, True],
    "hours(d - d)": [0.0, 0.0, 0.0, None, 0.0],
    "t2 == t": [False] * 5,
    "t2 - t > '00:30'": [True, False, False, False, False],
    "t2 - t == '5 seconds'": [False, False, False, False, True],
    "t2 - t between '-1 day' and '00:00:05.000000'": [False, True, False, False, True],
    "t2 - t in ('-00:30:30', '00:30:30')": [True, True, False, False, False],
    "cast(t + '1 hour' as text)": ["2022-02-01 13:30:15", "2022-02-01 14:00:45", None, "1970-01-01 00:59:59.999999", "1970-01-01 01:00:00"],
    "cast(d - '2 days 12:00' as text)": ["2022-01-29 12:00:00", "1969-12-29 12:00:00", "1969-12-28 12:00:00", None, "2024-02-26 12:00:00"],
    "days(d - '2022-01-01')": [31.0, -18993.0, -18994.0, None, 789.0],
    "minutes('2022-02-01 12:31:15' - t)": [1.0, -29.5, None, 27395311.25 + 1e-6 / 60, 27395311.25],
    "t + (t2 - t) == t2": [True, True, False, True, True],
    # casts
    "cast(r as int)": [1, -2, None, 0, None],
    "cast(i as real)": [7.0, -7.0, None, 0.0, 2.0**40],
    "cast(i as text)": ["7", "-7", None, "0", "1099511627776"],
    "cast(r as text)": ["1.5", "-2.5", None, "0", "inf"],
    "cast('12' as int) + 1": [13] * 5,
    "cast(s as int)": [None] * 5,
    "cast('2.5' as real)": [2.5] * 5,
    "cast(t as date) == d": [True, False, False, False, False],
    "cast(d as timestamp) <= t": [True, True, False, False, False],
    "cast(t as text)": ["2022-02-01 12:30:15", "2022-02-01 13:00:45", None, "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00"],
    "cast(b as int)": [1, 0, None, 1, 0],
    "cast(i as bool)": [True, True, False, False, True],
    # names
    "`a b` + x.y": [2, 4, 6, 8, 10],
    '"a b"': [1, 2, 3, 4, 5],
    "r as ratio": [1.5, -2.5, None, 0.0, inf],
}


@pytest.mark.parametrize("text", RULES)
def test_rule(ev, text):
    got = ev.one(text)
    want = RULES[text]
    assert len(got) == len(want)
    for g, w in zip(got, want):
        if isinstance(w, float) and g is not None:
            assert g == pytest.approx(w, rel=1e-15, abs=0) and type(g) is float
        else:
            assert g == w and type(g) is type(w)


ERRORS = {
    "r +": "at the end of the expression",
    "r ++* 2": "at character 5 of the expression, near '* 2'",
    "(r": "expected ')' to close the parenthesis",
    "fair > 0": "there is no column 'fair'; did you mean 'fare'?",
    "sqr(r)": "there is no function 'sqr'; did you mean 'sqrt'?",
    "sqrt(s)": "'sqrt' takes numbers, but s is text; cast(… as real) makes it one, at character 1",
    "s + 1": "s is text",
    "r and b": "'and' takes conditions, but r is real; compare it with something",
    "t > 5": "t is timestamp[us], 5 is integer",
    "t > 'noon'": "'noon' is no date or time",
    "s == \"Yes\"": "text goes into single quotes: 'Yes'",
    "sqrt(r, r)": "sqrt() takes 1 argument, here it has 2",
    "'open": "the closing ' is missing",
    "3x": "this is no number",
    "r # 2": "unexpected character, at character 3",
    "r ^ 2": "a power is written **",
    "r is 3": "expected 'null' after 'is'",
    "r between 3": "expected 'and'",
    "r not 3": "'in' or 'between' after 'not'",
    "if(b, 1, 2)": "here it is called where",
    "mean(r)": "asked as a result of its own",
    "r == '1'": "a number is written without quotes",
    "big + 1": "9223372036854775807 + 1 does not fit an integer",
    "big * 2": "does not fit an integer",
    "cast(r as colour)": "there is no type 'colour'",
    "minutes(t)": "takes a duration",
    "t2 - t > 'ten minutes'": "write it as '00:10:00', '10 minutes' or '2 days 12:00'",
    "t2 - t > 10": "make a duration a number",
    "t + '2022-01-01'": "'2022-01-01' is timestamp[s]",
    "t + 'x'": "'x' is text",
    "case r end": "a case is written: case when x == 1 then y else z end",
    "1 + case r when 1 then 2 end": "a case is written: case when",
    "r r": "expected an operator or the end",
    "": "an expression is empty",
    "-" * 2000 + "r": "nested more than",
    "(" * 2000 + "r": "nested more than",
    "+".join(["r"] * 2000): "nested more than",
}


@pytest.mark.parametrize("text", ERRORS, ids=lambda t: t[:20])
def test_error(ev, text):
    with pytest.raises(Error, match="."):
        ev.one(text)
    answer = ev.many([text])[0]
    assert ERRORS[text] in str(answer)


def test_chains_within_chains_stay_small(ev):
    text = "i"
    for _ in range(40):
        text = f"0 < ({text}) < 5"
    assert len(ev.raw([text]).split("\n")[0]) < 1000


def test_long_lists(ev):
    assert ev.one("i in (" + ", ".join(map(str, range(5, 9000))) + ")") == [True, False, False, False, False]


def test_canonical_text(ev):
    for text, canonical in {
        "a.b*( c+d )": None, "(r+1)*2": "(r + 1) * 2", "r+(1*2)": "r + 1 * 2", "(r-1)-1": "r - 1 - 1", "r-(1-1)": "r - (1 - 1)",
        "R>1 && !b" : None, "r>1 && !b": "r > 1 and not b", "`a b`*1.50": "`a b` * 1.5", "-(r)": "-r", "(-2)**2": "(-2) ** 2",
        "not(b or b)": "not (b or b)", "r<>1": "r != 1", "case when b then 1 end": "case when b then 1 else null end",
        "0<r<=1": "0 < r <= 1", "(0<r)<1": "(0 < r) < 1", "0<(r<1)": "0 < (r < 1)",
    }.items():
        if canonical:
            assert ev.raw([text]).split("\n")[0].split("\t")[1] == canonical
