"""yoke map FILE.c:function: what goes in and what comes out, against Python and NumPy."""

import json
import math
import os
import subprocess

import numpy as np
import pytest

FUNCTIONS = r"""
#include <yoke/yoke.h>
#include <math.h>
#include <string.h>
#define ECHO(name, type) type name(type x) { return x; } YOKE_FUNCTION(type, name, type);
ECHO(echo_bool, bool) ECHO(echo_i8, int8_t) ECHO(echo_i16, short) ECHO(echo_i32, int) ECHO(echo_i64, int64_t)
ECHO(echo_u8, uint8_t) ECHO(echo_u16, unsigned short) ECHO(echo_u32, unsigned) ECHO(echo_u64, unsigned long)
ECHO(echo_f32, float) ECHO(echo_f64, double) ECHO(echo_ll, long long) ECHO(echo_char, char)
ECHO(echo_text, const char *) ECHO(echo_doubles, yoke_doubles) ECHO(echo_int64s, yoke_int64s)
double weigh(int a, double b, const char *s, uint8_t c) { return a + b * 10 + (double)strlen(s) * 100 + c * 1000; }
YOKE_FUNCTION(double, weigh, int, double, const char *, uint8_t);
double eight(double a, double b, double c, double d, double e, double f, double g, double h)
{ return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h; }
YOKE_FUNCTION(double, eight, double, double, double, double, double, double, double, double);
int64_t number(yoke_task *t) { return (int64_t)yoke_task_index(t) * 10; }
YOKE_FUNCTION(int64_t, number, yoke_task *);
void three(double x, double *twice, int *whole, bool *is_large) { *twice = 2 * x; *whole = (int)floor(x); *is_large = x > 5; }
YOKE_FUNCTION(void, three, double, double *, int *, bool *);
double both(double x, double *minus) { *minus = -x; return x; }
YOKE_FUNCTION(double, both, double, double *);
double first_word(yoke_task *t) { yoke_random r = yoke_random_task(t); uint32_t w; yoke_random_words(&r, &w, 1); return w; }
YOKE_FUNCTION(double, first_word, yoke_task *);
"""


@pytest.fixture(scope="module")
def f(tmp_path_factory):
    path = tmp_path_factory.mktemp("functions") / "f.c"
    path.write_text(FUNCTIONS)
    return path


@pytest.fixture
def run(yoke, f, tmp_path):
    def call(function, *words, **more):
        done = yoke("map", f"{f}:{function}", *words, cwd=tmp_path, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return call


@pytest.mark.parametrize("name,dtype", [("i8", "i1"), ("i16", "i2"), ("i32", "i4"), ("i64", "i8"), ("u8", "u1"), ("u16", "u2"),
                                        ("u32", "u4"), ("u64", "u8"), ("ll", "i8"), ("char", "i1")])
def test_whole_numbers_of_every_width(run, yoke, f, name, dtype):
    info = np.iinfo(dtype)
    values = sorted({int(info.min), 0, 1, 17, int(info.max)})
    assert run(f"echo_{name}", "--", *values) == [str(v) for v in values]
    for outside in (int(info.min) - 1, int(info.max) + 1):
        wrong = yoke("map", f"{f}:echo_{name}", 1, outside)
        assert wrong.returncode == 2 and wrong.stdout == ""
        assert f"'{outside}' is out of its range" in wrong.stderr and wrong.stderr.startswith("yoke map: item 1: ")


def test_reals_read_back_exactly(run):
    x = np.concatenate([np.random.default_rng(1).standard_normal(500) * 10.0 ** np.arange(-250, 250), [0.1, 1e300, -0.0, 5e-324]])
    out = run("echo_f64", "--", *[repr(float(v)) for v in x])
    assert [float(v) for v in out] == list(x)
    assert all(len(v) <= len(repr(float(w))) + 2 for v, w in zip(out, x))
    y = x[230:280].astype(np.float32)
    assert [np.float32(v) for v in run("echo_f32", "--", *[repr(float(v)) for v in y])] == list(y)
    assert run("echo_f64", "nan", "inf", "--", "-inf", "0x1p-3", "1e3") == ["nan", "inf", "-inf", "0.125", "1000"]


def test_ranges_are_pythons(run):
    assert run("echo_i64", "0..9") == [str(i) for i in range(10)]
    assert run("echo_i64", "0..100..7") == [str(i) for i in range(0, 101, 7)]
    assert run("echo_i64", "--", "5..-5..-3", "-2") == ["5", "2", "-1", "-4", "-2"]
    assert run("echo_f64", "0..1..0.1") == [repr(i / 10).removesuffix(".0") for i in range(11)]


def test_items_from_files_and_pipes(run, tmp_path):
    text = "3\n1\r\n\n4"
    (tmp_path / "items").write_text(text)
    assert run("echo_i64", "-a", "items") == run("echo_i64", "-", input=text) == ["3", "1", "4"]
    (tmp_path / "zero").write_bytes(b"a b\0c\nd\0")
    assert run("echo_text", "-0", "-a", "zero", "--json") and run("echo_text", "-0", "-a", "zero") == ["a b", "c", "d"]
    many = [str(i) for i in range(50000)]
    assert run("echo_i64", "-", input="\n".join(many)) == many
    assert run("echo_text", "-", input="\n".join(many)) == many


def test_lists_combine(run):
    assert run("both", ":::", "1", "2") == ["1\t-1", "2\t-2"]
    got = run("weigh", ":::", "1", "2", ":::", "0.5", ":::", "a", "bb", ":::+", "7", "8")
    assert got == [repr(a + 0.5 * 10 + len(s) * 100 + c * 1000).removesuffix(".0") for a in (1, 2) for s, c in (("a", 7), ("bb", 8))]
    assert run("eight", "1,2,3,4,5,6,7,8", "8 7 6 5 4 3 2 1") == ["204", "120"]


def test_tables(run, tmp_path):
    (tmp_path / "t.csv").write_text('n,text,x\n1,"a, ""b""",0.5\n2,\"two\nlines\",1.5\n')
    got = run("echo_text", "--csv", "-a", "t.csv", "--columns", "text", "--json")
    assert [json.loads(line)["value"] for line in got] == ['a, "b"', "two\nlines"]
    assert run("echo_doubles", "--csv", "-a", "t.csv", "--columns", "x,1") == ["0.5 1", "1.5 2"]
    (tmp_path / "blanks.csv").write_text("a, b\n 1,\t2 \n3, 4e0\n")
    assert run("both", "--csv", "-a", "blanks.csv", "--columns", "2") == ["2\t-2", "4\t-4"]
    assert run("echo_i64", " 7 ", "\t-8") == ["7", "-8"]
    (tmp_path / "t.tsv").write_text("a\tb\n1\t2\n")
    assert run("both", "--tsv", "-a", "t.tsv", "--columns", "b") == ["2\t-2"]


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8", "?"])
def test_npy_vectors(run, tmp_path, dtype):
    x = (np.random.default_rng(2).integers(0, 2, 1000) if dtype == "?" else
         np.random.default_rng(2).integers(0, 100, 1000) if dtype[0] in "iu" else
         np.random.default_rng(2).standard_normal(1000)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    assert [float(v) for v in run("echo_f64", "x.npy")] == [float(v) for v in x]
    name = {"?": "bool", "f4": "f32", "f8": "f64"}.get(dtype, dtype[0] + str(8 * int(dtype[-1])) if dtype != "?" else "")
    run(f"echo_{name}", "x.npy", "-o", "y.npy")
    y = np.load(tmp_path / "y.npy")
    assert y.dtype == x.dtype and np.array_equal(x, y)


@pytest.mark.parametrize("dtype", ["i2", "u4", "f4", "f8", "i8"])
@pytest.mark.parametrize("on", ["threads:3", "processes:2"])
def test_npy_rows_in_and_out(run, tmp_path, dtype, on):
    x = (np.arange(60) * 1.5).astype(dtype).reshape(12, 5)
    np.save(tmp_path / "x.npy", x)
    run("echo_doubles", "x.npy", "-o", "y.npy", "--on", on)
    assert np.array_equal(np.load(tmp_path / "y.npy"), x.astype("f8"))
    if dtype[0] != "f":
        run("echo_int64s", "x.npy", "-o", "z.npy", "--on", on)
        assert np.array_equal(np.load(tmp_path / "z.npy"), x)


def test_tuples(run, tmp_path):
    assert run("three", "1.5", "6") == ["3\t1\t0", "12\t6\t1"]
    assert [json.loads(line)["value"] for line in run("three", "1.5", "6", "--json")] == [[3, 1, 0], [12, 6, 1]]
    run("three", "1.5", "6", "-o", "three.npy")
    assert np.array_equal(np.load(tmp_path / "three.npy"), [[3, 1, 0], [12, 6, 1]])
    run("both", "1.5", "6", "-o", "both.npy")
    assert np.array_equal(np.load(tmp_path / "both.npy"), [[1.5, -1.5], [6, -6]])
    np.save(tmp_path / "rows.npy", np.array([[1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1]]))
    assert run("eight", "rows.npy") == ["204", "120"]


def test_no_items_give_no_results(run, tmp_path):
    assert run("echo_f64", "-a", "/dev/null") == []
    run("echo_f64", "-a", "/dev/null", "-o", "none.npy")
    assert np.load(tmp_path / "none.npy").shape == (0,)
    assert run("echo_f64", "-a", "/dev/null", "--reduce", "sum") == ["0"]


def test_task_knows_its_index_and_stream(run):
    assert run("number", "a", "b", "c") == ["0", "10", "20"]
    assert len(set(run("first_word", "0..99"))) > 95


def test_json_and_workers(run):
    rows = [json.loads(line) for line in run("echo_f64", "1", "nan", "2", "--json", "--show-workers", "--on", "processes:2")]
    assert [r["value"] for r in rows] == [1, "nan", 2] and [r["index"] for r in rows] == [0, 1, 2]
    assert all(r["attempt"] == 1 and r["seconds"] >= 0 and r["worker"] in (0, 1) and r["process"] > 1 for r in rows)
    assert sorted(r["finished"] for r in rows) == [1, 2, 3]
    assert ['"value":false,' in line for line in run("echo_bool", "0", "1", "--json")] == [True, False]
    (line,) = run("echo_text", "--json", os.fsdecode(b"a\xff\xe2\x82"))
    assert json.loads(line)["value"] == "a\ufffd\ufffd\ufffd"
    head, *lines = run("both", "5", "6", "--show-workers")
    assert head.split("\t") == ["result", "item", "worker", "process", "thread", "finished", "seconds"]
    assert [line.split("\t")[:3] for line in lines] == [["5", "-5", "5"], ["6", "-6", "6"]]


def test_unordered_gives_all(run):
    assert sorted(run("echo_i64", "0..999", "--unordered", "-j", "3"), key=int) == [str(i) for i in range(1000)]


def test_folds(run, f):
    x = [math.sin(i) for i in range(1000)]
    words = [repr(v) for v in x]
    assert float(run("echo_f64", "--reduce", "sum", "--", *words)[0]) == pytest.approx(math.fsum(x), abs=1e-12)
    assert run("echo_f64", "--reduce", "min", "--", *words) == [repr(min(x))]
    assert run("echo_f64", "--reduce", "max", "--", "1", "nan", "3") == ["nan"]
    big = [str(2**64 - 1)] * 3
    assert run("echo_u64", "--reduce", "sum", *big) == [str(3 * (2**64 - 1))]
    assert run("echo_i64", "--reduce", "sum", "--", "-9223372036854775808", "-9223372036854775808") == [str(-(2**64))]
    assert run("echo_i64", "--reduce", "mean", "1..4") == ["2.5"]
    assert run("echo_i64", "--reduce", "sum", "1..3000000") == [str(3000000 * 3000001 // 2)]


def test_own_fold_is_in_order(run, tmp_path):
    (tmp_path / "c.c").write_text('#include <yoke/yoke.h>\nint64_t join(int64_t a, int64_t b) { int64_t p = 10; while (p <= b) p *= 10; '
                                  "return a * p + b; }\nYOKE_FUNCTION(int64_t, join, int64_t, int64_t);\n")
    for on in ("serial", "threads:3", "processes:2"):
        assert run("echo_i64", "1..9", "42", "7", "--reduce", "c.c:join", "--on", on, "--chunk", "2") == ["123456789427"]


def test_shared_library(run, yoke, f, root, yoke_path, tmp_path):
    include = [f"-I{root}/include", f"-I{yoke_path.parent.parent}/include"]
    subprocess.run(["cc", "-shared", "-fPIC", *include, f, "-o", tmp_path / "f.so"], check=True)
    done = yoke("map", "f.so:both", "3", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "3\t-3\n")
    (tmp_path / "none.c").write_text("#include <yoke/function.h>\nint seven(void) { return 7; }\nYOKE_FUNCTION(int, seven);\n"
                                     "void put(int x, double *y) { *y = x; }\nYOKE_FUNCTION(void, put, int, double *);\n")
    for standard in ("c11", "c17", "c2x"):
        subprocess.run(["cc", f"-std={standard}", "-pedantic-errors", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", *include, tmp_path / "none.c",
                        "-o", tmp_path / f"{standard}.so"], check=True)
        assert yoke("map", f"{standard}.so:seven", "1", cwd=tmp_path).stdout == "7\n"
        assert yoke("map", f"{standard}.so:put", "4", cwd=tmp_path).stdout == "4\n"


@pytest.mark.parametrize("words", [["pi.c:pi", "0..3"], ["words.c:shout", "hello"], ["rows.c:area", ":::", "1..3", ":::", "0.5", "1.5"],
                                   ["rows.c:powers", "2,4", "3,4"], ["solve.c:kepler", ":::", "0..3.1..0.1", ":::", "0.1", "0.5", "0.9"]])
def test_examples(yoke, root, words):
    done = yoke("map", *words, cwd=root / "examples")
    assert done.returncode == 0 and done.stderr == "" and done.stdout


def test_examples_are_right(yoke, root, tmp_path):
    where = root / "examples"
    assert yoke("map", "words.c:shout", "hello", cwd=where).stdout == "HELLO!\n"
    assert yoke("map", "words.c:count", "to be or not", cwd=where).stdout == "4\t9\n"
    assert yoke("map", "rows.c:powers", "2,4", cwd=where).stdout == "1 2 4 8\n"
    x = np.random.default_rng(3).standard_normal((50, 30))
    np.save(tmp_path / "m.npy", x)
    assert yoke("map", "rows.c:summary", tmp_path / "m.npy", "-o", tmp_path / "s.npy", cwd=where).returncode == 0
    want = np.stack([x.mean(1), x.std(1), x.min(1), x.max(1)], axis=1)
    assert np.allclose(np.load(tmp_path / "s.npy"), want, rtol=1e-13)
    for line, (m, e) in zip(yoke("map", "solve.c:kepler", ":::", "1..3", ":::", "0.1", "0.9", cwd=where).stdout.split(),
                            [(m, e) for m in (1, 2, 3) for e in (0.1, 0.9)]):
        E = float(line)
        assert abs(E - e * math.sin(E) - m) < 1e-14
    assert yoke("map", "solve.c:collatz", "1..10000", "--reduce", "max", cwd=where).stdout == "261\n"
