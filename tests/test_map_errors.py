"""yoke map FILE.c:function: wrong calls, failing and crashing functions, limits, interrupts, the cache of compiled files."""

import json
import os
import pty
import signal
import subprocess
import time

import numpy as np
import pytest

FUNCTIONS = r"""
#include <yoke/yoke.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
double root(yoke_task *t, double x) { if (x < 0) yoke_task_fail(t, "%g has no root", x); return sqrt(x); }
YOKE_FUNCTION(double, root, yoke_task *, double);
double total(yoke_doubles x) { return x.n ? x.values[0] : 0; } YOKE_FUNCTION(double, total, yoke_doubles);
double totals(yoke_doubles x, yoke_doubles y) { return total(x) + total(y); } YOKE_FUNCTION(double, totals, yoke_doubles, yoke_doubles);
int wild(int n) { if (n == 3) abort(); if (n == 4) exit(7); if (n == 5) return *(volatile int *)8; return n; }
YOKE_FUNCTION(int, wild, int);
int nap(int ms) { usleep(ms * 1000); return ms; }
YOKE_FUNCTION(int, nap, int);
int64_t echo(int64_t n) { return n; }
YOKE_FUNCTION(int64_t, echo, int64_t);
const char *text(const char *s) { return *s ? s : NULL; }
YOKE_FUNCTION(const char *, text, const char *);
yoke_doubles ragged(yoke_task *t, int n) { double *p = yoke_task_scratch(t, 8 * n + 8); for (int i = 0; i < n; i++) p[i] = i; return (yoke_doubles){p, n}; }
YOKE_FUNCTION(yoke_doubles, ragged, yoke_task *, int);
double plain(double x) { return x; }
double area(double a, double b) { return a * b; }
YOKE_FUNCTION(double, area, double, double);
int second_time(yoke_task *t) { return yoke_task_attempt(t) < 2 ? yoke_task_fail(t, "not yet") : (int)yoke_task_attempt(t); }
YOKE_FUNCTION(int, second_time, yoke_task *);
float half(float x) { return x / 2; }
YOKE_FUNCTION(float, half, float);
int deep(int n) { volatile char frame[4096]; frame[0] = (char)n; return n == 3 ? deep(n) + frame[0] : n; }
YOKE_FUNCTION(int, deep, int);
int talk(int n) { printf("about %d\n", n); if (n == 2) printf("and "); return n; }
YOKE_FUNCTION(int, talk, int);
void silent(int n) { (void)n; }
YOKE_FUNCTION(void, silent, int);
"""


@pytest.fixture(scope="module")
def f(tmp_path_factory):
    path = tmp_path_factory.mktemp("errors") / "f.c"
    path.write_text(FUNCTIONS.replace("#include <math.h>", "#include <math.h>\n#include <signal.h>"))
    return path


@pytest.mark.parametrize("words,code,says", [
    ([], 2, "what shall be run?"),
    (["f.c:echo"], 2, "on which items?"),
    (["f.c:ecoh", "1"], 1, "'f.c' has no function 'ecoh'; did you mean 'echo'? It has area, deep, echo, half, nap"),
    (["f.c", "1"], 2, "which function of 'f.c'?"),
    (["f.c:", "1"], 2, "which function of 'f.c'?"),
    (["f.c:plain", "1"], 1, "no line YOKE_FUNCTION(…, plain, …)"),
    (["f.c:silent", "1"], 2, "silent gives no result"),
    (["pi.py:pi", "0..9"], 2, "functions are taken from C files and libraries; for a program in Python write a command"),
    (["none.c:echo", "1"], 1, "'none.c': No such file"),
    (["none.so:echo", "1"], 1, "'none.so': No such file"),
    (["text.so:echo", "1"], 1, "'text.so' cannot be loaded"),
    (["dir.c:echo", "1"], 2, "'dir.c' is a directory"),
    (["broken.c:echo", "1"], 1, "'broken.c' line 1 does not compile: expected expression"),
    (["wrong.c:echo", "1"], 1, "'wrong.c' line 3 does not compile: the YOKE_FUNCTION line of echo does not match the function; the"),
    (["odd.c:f", "1"], 1, "'odd.c' line 4 does not compile: yoke map cannot hand over the type struct s; <yoke/function.h> lists those it can; the"),
    (["many.c:f", "1"], 1, "'many.c' line 3 does not compile: the YOKE_FUNCTION line of f has more than eight arguments; the"),
    (["header.c:f", "1"], 1, "'header.c' does not compile; the compiler's own words are above"),
    (["empty.c:echo", "1"], 1, "'empty.c' declares no function"),
    (["unresolved.c:echo", "1"], 1, "undefined symbol: nowhere"),
    (["f.c:echo", "1", "x2", "3"], 2, "item 1: 'x2' is not a number; echo takes int64_t there"),
    (["f.c:echo", "1", "2.5"], 2, "item 1: '2.5' is not a whole number"),
    (["f.c:echo", ""], 2, "item 0: '' is not a number"),
    (["f.c:echo", "0..1..0.5"], 2, "item 1: '0.5' is not a whole number"),
    (["f.c:echo", "-a", "lines"], 2, "'lines' line 3: 'three' is not a number"),
    (["f.c:echo", "--csv", "-a", "t.csv", "--columns", "y"], 2, "'t.csv' line 3, column 'y': 'b' is not a number"),
    (["f.c:echo", "--csv", "-a", "t.csv", "--columns", "z"], 1, "'t.csv' has no column 'z'"),
    (["f.c:echo", "--csv", "-a", "ragged.csv"], 1, "'ragged.csv' line 3 has 1 column, the first line names 2"),
    (["f.c:echo", "--columns", "x", "-a", "t.csv"], 2, "add --csv or --tsv"),
    (["f.c:area", ":::", "1", "2", ":::", "3", "z"], 2, "list 2, item 1: 'z' is not a number"),
    (["f.c:area", "1", "2"], 2, "item 0 has 1 value, area takes 2"),
    (["f.c:area", "t.csv"], 2, "item 0 has 1 value, area takes 2; -a t.csv takes the items from that file"),
    (["f.c:echo", "lines"], 2, "item 0: 'lines' is not a number; echo takes int64_t there; -a lines takes the items from that file"),
    (["f.c:area", "--csv", "t.csv"], 2, "--csv is about files of items, and none is given; name one with -a FILE"),
    (["f.c:echo", "--csv", "--tsv", "-a", "t.csv"], 2, "--csv and --tsv say different things about the same files; give one"),
    (["f.c:echo", "1", "  "], 2, "item 1: '  ' is not a number"),
    (["echo", "-0", "a"], 2, "--null is about files of items"),
    (["f.c:area", ":::", "1", ":::", "2", ":::", "3"], 2, "area takes 2 values, each item has 3"),
    (["f.c:area", ":::", "1", "2", ":::+", "3"], 2, "lists of one length"),
    (["f.c:total", "--csv", "-a", "t.csv"], 2, "'t.csv' line 3, column 'y': 'b' is not a number; total takes doubles there"),
    (["f.c:totals", ":::", "1,2", ":::", "3", "4,x"], 2, "list 2, item 1: 'x' is not a number; totals takes doubles there"),
    (["f.c:echo", "::::"], 2, "no file stands after ::::"),
    (["f.c:echo", ":::", "1", "::::+"], 2, "no file stands after ::::+"),
    (["f.c:echo", "::::", ":::", "1"], 2, "no file stands after ::::"),
    (["f.c:root", "--reduce", "sum", "--", "4", "-1", "-1"], 1, "yoke map: item 1: "),
    (["f.c:root", "--reduce", "sum", "--on", "processes", "--", "4", "-1"], 1, "yoke map: item 1: "),
    (["f.c:echo", "half.npy"], 2, "'half.npy' value 1: '0.5' is not a whole number"),
    (["f.c:echo", "cut.npy"], 1, "'cut.npy' is cut short"),
    (["f.c:echo", "text.npy"], 1, "'text.npy' is not a readable .npy file"),
    (["f.c:echo", "complex.npy"], 1, "'complex.npy' holds values of NumPy type '<c16'"),
    (["f.c:echo", "matrix.npy"], 2, "is a row of several"),
    (["f.c:echo", "absent.npy"], 1, "'absent.npy': No such file"),
    (["f.c:echo", "1", "--on", "thread"], 2, "did you mean 'threads'?"),
    (["f.c:echo", "1", "--on", "threads:2", "-j", "2"], 2, "both say how many"),
    (["f.c:echo", "1", "--on-error", "stop"], 2, "raise, collect or ignore"),
    (["f.c:echo", "1", "--progress", "lots"], 2, "--progress takes auto, bar, line or none"),
    (["f.c:echo", "1", "--reduce", "sums"], 2, "did you mean 'sum'?"),
    (["f.c:text", "a", "--reduce", "sum"], 2, "needs one number from each item; text gives text"),
    (["f.c:echo", "1", "--reduce", "f.c:area"], 2, "area must take two int64_t"),
    (["f.c:echo", "1", "--reduce", "sum", "--json"], 2, "does not go with"),
    (["f.c:root", "-a", "/dev/null", "--reduce", "mean"], 2, "no results to take the mean of"),
    (["f.c:echo", "1", "-o", "x.txt"], 2, "-o writes .npy files"),
    (["f.c:text", "a", "-o", "x.npy"], 2, "text gives text"),
    (["f.c:echo", "1", "-o", "half.npy"], 1, "'half.npy' is already there"),
    (["f.c:echo", "1", "-o", "no/such/x.npy"], 1, "No such file"),
    (["f.c:ragged", "2", "3", "-o", "x.npy"], 2, "item 1 gave 3 values, items before it 2"),
    (["f.c:echo", "1", "-o", "x.npy", "--json"], 2, "-o writes the results alone, in the order of the items; it does not go with --json"),
    (["f.c:echo", "1", "-o", "x.npy", "--unordered"], 2, "does not go with --unordered"),
    (["f.c:echo", "1", "-o", "x.npy", "--on-error", "collect"], 2, "echo gives whole numbers, and none of them says that an item failed"),
    (["f.c:root", "--reduce", "mean", "--on-error", "ignore", "--", "-1"], 1, "there are no results to take the mean of"),
    (["f.c:text", "-a", "nul"], 2, "'nul' line 1: 'a' is only what stands before a NUL byte (is --null missing?)"),
    (["f.c:root", "1e400"], 2, "item 0: '1e400' is out of its range; root takes double there"),
    (["f.c:half", "4e38"], 2, "item 0: '4e38' is out of its range; half takes float there"),
    (["f.c:echo", "1", "--shw-workers"], 2, "did you mean --show-workers?"),
    (["f.c:echo", "1", "--halt", "now"], 2, "--halt is for commands"),
])
def test_one_clear_sentence(yoke, f, tmp_path, words, code, says):
    (tmp_path / "f.c").symlink_to(f)
    (tmp_path / "dir.c").mkdir()
    (tmp_path / "broken.c").write_text("int x = ;\n")
    (tmp_path / "wrong.c").write_text("#include <yoke/yoke.h>\nint echo(int n) { return n; }\nYOKE_FUNCTION(int, echo, double);\n")
    (tmp_path / "odd.c").write_text("#include <yoke/yoke.h>\nstruct s { int a; };\nint f(struct s s) { return s.a; }\nYOKE_FUNCTION(int, f, struct s);\n")
    (tmp_path / "many.c").write_text("#include <yoke/yoke.h>\nint f(int a, int b, int c, int d, int e, int f, int g, int h, int i) { return a; }\n"
                                     "YOKE_FUNCTION(int, f, int, int, int, int, int, int, int, int, int);\n")
    (tmp_path / "header.c").write_text('#include "header.h"\n')
    (tmp_path / "header.h").write_text("\nint x = ;\n")
    (tmp_path / "empty.c").write_text("int x;\n")
    (tmp_path / "unresolved.c").write_text("#include <yoke/yoke.h>\nint nowhere(void);\nint echo(int n) { return nowhere(); }\n"
                                           "YOKE_FUNCTION(int, echo, int);\n")
    (tmp_path / "text.so").write_text("no library")
    (tmp_path / "lines").write_text("1\n\nthree\n")
    (tmp_path / "nul").write_bytes(b"a\0b\0")
    (tmp_path / "t.csv").write_text("x,y\n1,2\n3,b\n")
    (tmp_path / "ragged.csv").write_text("x,y\n1,2\n3\n")
    np.save(tmp_path / "half.npy", [1.0, 0.5])
    np.save(tmp_path / "complex.npy", [1j])
    np.save(tmp_path / "matrix.npy", [[1, 2]])
    (tmp_path / "cut.npy").write_bytes((tmp_path / "half.npy").read_bytes()[:-3])
    (tmp_path / "text.npy").write_text("1 2 3\n")
    before = sorted(os.listdir(tmp_path))
    done = yoke("map", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    ours = [line for line in done.stderr.splitlines() if line.startswith("yoke map: ")]
    assert len(ours) in (1, 2) and (len(ours) == 1 or "yoke help map" in ours[1] or "left out" in ours[0])
    assert sorted(os.listdir(tmp_path)) == before


def test_words_behind_colons_are_items(yoke, f):
    assert yoke("map", "echo {}", ":::", "--help", "-j", "--").stdout == "--help\n-j\n--\n"
    assert "a C function or a command" in yoke("map", "echo {}", "--help").stdout


def test_compilers_own_words_are_shown(yoke, tmp_path):
    (tmp_path / "broken.c").write_text("int x = ;\n")
    assert "broken.c:1:9: error: expected expression" in yoke("map", "broken.c:f", "1", cwd=tmp_path).stderr
    absent = yoke("map", "broken.c:f", "1", cwd=tmp_path, env={"CC": "no-such-compiler"})
    assert absent.returncode == 1 and "there is no compiler 'no-such-compiler'" in absent.stderr


@pytest.mark.parametrize("on", ["serial", "threads:2", "processes:2"])
def test_what_failures_do(yoke, f, on):
    items = ["4", "9", "-1", "16", "-4"]
    raised = yoke("map", f"{f}:root", "--on", on, "--", *items)
    assert (raised.returncode, raised.stdout) == (1, "2\n3\n")
    assert raised.stderr == "yoke map: item 2: -1 has no root\n"
    collected = yoke("map", f"{f}:root", "--on", on, "--on-error", "collect", "--", *items)
    assert (collected.returncode, collected.stdout) == (1, "2\n3\n\n4\n\n")
    assert collected.stderr == "yoke map: item 2: -1 has no root\nyoke map: item 4: -4 has no root\nyoke map: 2 items failed\n"
    ignored = yoke("map", f"{f}:root", "--on", on, "--on-error", "ignore", "--", *items)
    assert (ignored.returncode, ignored.stdout) == (0, "2\n3\n4\n")
    rows = [json.loads(line) for line in yoke("map", f"{f}:root", "--on", on, "--on-error", "collect", "--json", "--", *items).stdout.splitlines()]
    assert [r.get("value") for r in rows] == [2, 3, None, 4, None]
    assert rows[2]["error"] == "-1 has no root" and rows[2]["cause"] == "failed"
    folded = yoke("map", f"{f}:root", "--on", on, "--reduce", "sum", "--on-error", "ignore", "--", *items)
    assert (folded.returncode, folded.stdout) == (0, "9\n")
    assert yoke("map", f"{f}:root", "--on", on, "--reduce", "sum", "--", *items).returncode == 1


@pytest.mark.parametrize("on", ["serial", "threads:2", "processes:2"])
def test_items_that_do_not_fit_fail_alone(yoke, f, on, tmp_path):
    """With --on-error collect and ignore, whether items are known beforehand or come as they are read."""
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,x\n5,6\n")
    (tmp_path / "lines").write_text("1\nx\n3\n")
    call = lambda *words, **more: yoke("map", *words, "--on", on, cwd=tmp_path, **more)
    known = call(f"{f}:echo", "1", "x", "3", "--on-error", "collect")
    assert (known.returncode, known.stdout) == (1, "1\n\n3\n")
    assert known.stderr == "yoke map: item 1: 'x' is not a number; echo takes int64_t there\nyoke map: 1 item failed\n"
    filed = call(f"{f}:echo", "-a", "lines", "--on-error", "ignore", "--json")
    rows = [json.loads(line) for line in filed.stdout.splitlines()]
    assert filed.returncode == 0 and rows[1]["error"] == "'x' is not a number; echo takes int64_t there"
    read = call(f"{f}:echo", "-", "--on-error", "collect", input="1\nx\n3\n")
    assert (read.returncode, read.stdout) == (1, "1\n\n3\n")
    assert read.stderr.startswith("yoke map: item 1: standard input line 2: 'x' is not a number; echo takes int64_t there\n")
    table = call(f"{f}:area", "--csv", "-a", "t.csv", "--on-error", "collect")
    assert (table.returncode, table.stdout) == (1, "2\n\n30\n")
    assert table.stderr.startswith("yoke map: 't.csv' line 3: column 'b': 'x' is not a number; area takes double there\n")
    for words in (["-"], ["-a", "lines"]):
        total = call(f"{f}:echo", *words, "--reduce", "sum", "--on-error", "ignore", input="1\nx\n3\n")
        assert (total.returncode, total.stdout) == (0, "4\n")


def test_failures_in_files_of_results(yoke, f, tmp_path):
    call = ["map", f"{f}:root", "-o", "r.npy", "--", "4", "-1", "9"]
    assert yoke(*call, cwd=tmp_path).returncode == 1 and os.listdir(tmp_path) == []
    assert yoke(*call[:2], "--on-error", "collect", *call[2:], cwd=tmp_path).returncode == 1
    assert np.array_equal(np.load(tmp_path / "r.npy"), [2, np.nan, 3], equal_nan=True)
    assert yoke(*call[:2], "--force", "--on-error", "ignore", *call[2:], cwd=tmp_path).returncode == 0
    assert np.array_equal(np.load(tmp_path / "r.npy"), [2, 3])


def test_a_crash_in_a_process_fails_its_own_item(yoke, f):
    done = yoke("map", f"{f}:wild", "0..8", "--on", "processes:3", "--on-error", "collect", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r.get("value") for r in rows] == [0, 1, 2, None, None, None, 6, 7, 8]
    assert [rows[i]["cause"] for i in (3, 4, 5)] == ["signal ABRT", "exited 7", "signal SEGV"]
    assert done.returncode == 1
    (line,) = yoke("map", f"{f}:deep", "3", "--on", "processes:1", "--on-error", "collect", "--json").stdout.splitlines()
    assert json.loads(line)["cause"] == "signal SEGV"


@pytest.mark.parametrize("on", ["serial", "threads:2"])
def test_a_crash_or_an_exit_elsewhere_ends_all_and_says_so(yoke, f, on, plain_build):
    for function, items, code in (("wild", ["5", "1"], -signal.SIGSEGV), ("deep", ["1", "3"], -signal.SIGSEGV),
                                  ("wild", ["3", "1"], -signal.SIGABRT), ("wild", ["4", "1"], 1)):
        alone = yoke("map", f"{f}:{function}", *items, "--on", on)
        assert alone.returncode == code and alone.stderr.endswith("with --on processes only its item fails\n")


@pytest.mark.parametrize("on", ["serial", "threads:2", "processes:2"])
def test_what_functions_print_is_no_result(yoke, f, on, tmp_path):
    """Whole lines, on standard error; standard output and files have results alone."""
    done = yoke("map", f"{f}:talk", "0..99", "--on", on)
    assert done.stdout == "".join(f"{n}\n" for n in range(100))
    said = done.stderr.replace("and ", "")
    assert sorted(said.splitlines()) == sorted(f"about {n}" for n in range(100))
    assert yoke("map", f"{f}:talk", "0..99", "--on", on, "--reduce", "sum").stdout == "4950\n"
    assert yoke("map", f"{f}:talk", "1", "--on", on, "--json").stdout.startswith('{"index":0,"value":1,')
    assert yoke("map", f"{f}:talk", "0..9", "--on", on, "-o", tmp_path / "x.npy").stdout == ""
    assert np.array_equal(np.load(tmp_path / "x.npy"), np.arange(10))


def test_time_limits_and_retries(yoke, f):
    start = time.monotonic()
    done = yoke("map", f"{f}:nap", "1", "60000", "2", "--timeout", "300ms", "--on-error", "collect")
    assert time.monotonic() - start < 20
    assert (done.returncode, done.stdout) == (1, "1\n\n2\n") and "300 ms" in done.stderr
    assert yoke("map", f"{f}:second_time", "0..4").returncode == 1
    assert yoke("map", f"{f}:second_time", "0..4", "--retries", "1").stdout == "2\n" * 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("on", ["threads:2", "processes:2"])
def test_interrupts(yoke_path, f, on, number):
    def start(*items):
        p = subprocess.Popen([yoke_path, "map", f"{f}:nap", *items, "--on", on, "--chunk", "1"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        return p, p.stdout.readline() # the first result is out

    p, first = start("1", *["800"] * 40)
    p.send_signal(number)
    out, err = p.communicate(timeout=30)
    assert p.returncode == 130 and first == "1\n" and 0 < out.count("800") < 20
    assert err == ("yoke map: interrupted: starting no more, waiting for what runs; once more stops now\n"
                   "yoke map: interrupted; what was done is printed\n")

    p, first = start("1", *["60000"] * 40)
    p.send_signal(number)
    time.sleep(0.2)
    p.send_signal(number)
    assert p.communicate(timeout=20)[0] == "" and p.returncode == 130


@pytest.mark.parametrize("on", ["serial", "threads:2", "threads:7", "processes:2"])
@pytest.mark.parametrize("what", ["text", "echo {}"])
def test_nothing_waits_for_items_that_are_still_to_come(yoke_path, f, on, what):
    """Results are there while the next item is not, of single items and of several that came at once."""
    function = what if " " in what else f"{f}:{what}"
    where = ["-j", "2"] if " " in what else ["--on", on]
    with subprocess.Popen([yoke_path, "map", function, "-", *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as p:
        for items in (["7"], ["8"], ["9", "10", "11"], ["12"]):
            p.stdin.write("".join(f"{i}\n" for i in items))
            p.stdin.flush()
            assert sorted((p.stdout.readline().strip() for _ in items), key=int) == items  # would wait for ever
            time.sleep(0.05)
        p.stdin.close()
        assert p.stdout.read() == "" and p.wait() == 0


@pytest.mark.parametrize("function", ["nap", "text"])
@pytest.mark.parametrize("on", ["serial", "threads:2", "processes:2"])
def test_an_interrupt_ends_the_wait_for_items(yoke_path, f, on, function):
    p = subprocess.Popen([yoke_path, "map", f"{f}:{function}", "-", "--on", on], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    p.stdin.write("7\n12")  # the second item is not complete yet: it is none
    p.stdin.flush()
    time.sleep(1)
    p.send_signal(signal.SIGINT)
    assert p.wait(timeout=20) == 130
    assert p.stdout.read() == "7\n"
    assert p.stderr.read().endswith("interrupted; what was done is printed\n")


def test_what_was_compiled_is_kept_by_content(yoke, tmp_path):
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "CC": str(tmp_path / "cc")}
    (tmp_path / "cc").write_text(f'#!/bin/sh\necho x >>"{tmp_path}/calls"\nexec cc "$@"\n')
    (tmp_path / "cc").chmod(0o755)
    (tmp_path / "own file.h").write_text("#define FACTOR 2\n")
    text = '#include <yoke/yoke.h>\n#include "own file.h"\nint f(int n) { return FACTOR * n; }\nYOKE_FUNCTION(int, f, int);\n'
    (tmp_path / "f.c").write_text(text)

    def call(want, n_compiled):
        done = yoke("map", "f.c:f", "21", cwd=tmp_path, env=env)
        assert (done.stdout, done.stderr, done.returncode) == (want, "", 0)
        assert (tmp_path / "calls").read_text().count("x") == n_compiled

    call("42\n", 1)
    call("42\n", 1)
    (tmp_path / "own file.h").write_text("#define FACTOR 3\n")
    call("63\n", 2)
    (tmp_path / "f.c").write_text(text.replace("FACTOR * n", "n"))
    call("21\n", 3)
    (tmp_path / "f.c").write_text(text)
    call("63\n", 3)
    for kept in (tmp_path / "cache/yoke").iterdir():
        kept.write_bytes(b"")
    call("63\n", 4)
    assert all(p.suffix in (".so", ".deps") for p in (tmp_path / "cache/yoke").iterdir())


def test_a_home_that_cannot_be_written(yoke, f, tmp_path):
    env = {"XDG_CACHE_HOME": "/proc/none", "HOME": "/proc/none", "TMPDIR": str(tmp_path)}
    done = yoke("map", f"{f}:echo", "5", env=env)
    assert (done.stdout, done.returncode) == ("5\n", 0)
    (folder,) = tmp_path.iterdir()
    folder.chmod(0o777) # others could have put a library there
    done = yoke("map", f"{f}:echo", "5", env=env)
    assert (done.stdout, done.returncode) == ("", 1) and "is not this user's alone" in done.stderr


def test_outputs_that_cannot_be_written(yoke_path, f):
    with open("/dev/full", "w") as full:
        p = subprocess.run([yoke_path, "map", f"{f}:echo", "1..5"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert p.returncode == 1 and "No space left" in p.stderr
    p = subprocess.run(f"'{yoke_path}' map '{f}:echo' 0..9999999999 | head -n 2", shell=True, capture_output=True, text=True, timeout=30)
    assert p.stdout == "0\n1\n"


def test_wrong_item_in_a_stream_ends_it(yoke, f):
    done = yoke("map", f"{f}:echo", "-", input="1\n2\nx\n4\n")
    assert (done.returncode, done.stdout) == (2, "1\n2\n") and "standard input line 3: 'x' is not a number" in done.stderr


@pytest.mark.parametrize("words", [["-a"], ["--csv", "-a"]])
@pytest.mark.parametrize("is_command", [False, True])
def test_a_line_without_end_is_ended(yoke, f, words, is_command):
    r = yoke("map", "echo {}" if is_command else f"{f}:text", *words, "/dev/zero")
    assert r.returncode == 1
    assert "'/dev/zero' line 1 is longer than 256 MiB; does it lack its newlines?" in r.stderr


def test_text_streams_in_little_memory(yoke_path, f, plain_build):
    """More text than memory may be had for, on a ring of address space that it goes round several times."""
    n = 3000000
    for on, more in (("serial", []), ("threads:3", ["--unordered"]), ("processes:2", [])):
        limit = f"ulimit -v 600000; seq {n} | '{yoke_path}' map '{f}:text' - --on {on} {' '.join(more)} | sort -n | cksum; seq {n} | cksum"
        p = subprocess.run(["bash", "-c", limit], capture_output=True, text=True, timeout=60)
        assert p.stderr == "" and len(set(p.stdout.splitlines())) == 1
    p = subprocess.run(["bash", "-c", f"yes | '{yoke_path}' map '{f}:text' - | head -n 2"], capture_output=True, text=True, timeout=30)
    assert p.stdout == "y\ny\n"


@pytest.mark.parametrize("is_failing", [False, True])
def test_great_ranges_in_little_memory(yoke_path, f, plain_build, is_failing):
    n = int(os.environ.get("YOKE_STRESS", "3")) * 1000000
    items = ["root", "--on-error", "ignore", "--", "4", f"-{n}..-1"] if is_failing else ["echo", f"1..{n}"]
    p = subprocess.Popen([yoke_path, "map", "--reduce", "sum", "--progress", "none", f"{f}:{items[0]}", *items[1:]], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    peak = 0  # KiB, of its own memory: what wait4 says includes this process's, from before exec
    while p.poll() is None:
        with open(f"/proc/{p.pid}/status") as status:
            peak = max([peak, *(int(line.split()[1]) for line in status if line.startswith("VmHWM"))])
        time.sleep(0.01)
    assert p.stdout.read() == ("2\n" if is_failing else f"{n * (n + 1) // 2}\n")
    assert p.stderr.read() == (f"yoke map: {n} items failed and were left out\n" if is_failing else "")
    assert p.returncode == 0 and 0 < peak < 64 * 1024


def on_terminal(*words):
    """Runs with standard error on a terminal: (standard output, what the terminal got)."""
    mine, its = pty.openpty()
    p = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=its, text=True)
    os.close(its)
    seen = b""
    while True:
        try:
            part = os.read(mine, 4096)
        except OSError: # the other end was closed
            break
        seen += part
    os.close(mine)
    return p.communicate(timeout=30)[0], seen.decode()


def test_progress_on_a_terminal(yoke_path, f):
    words = [yoke_path, "map", f"{f}:nap", *["300"] * 8, "--on", "threads:2", "--chunk", "1"]
    out, seen = on_terminal(*words)
    assert out == "300\n" * 8
    assert " of 8 items (" in seen and seen.endswith("\r\x1b[K")
    assert on_terminal(*words, "--progress", "none")[1] == ""
