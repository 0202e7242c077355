"""CSV files as tables, against pandas and PyArrow: dialects, quotes, types, drifted headers, bad rows, compression."""

import bz2
import csv
import gzip
import io
import json
import lzma
import math
import os
import random
import re
import signal
import string
import subprocess
import threading
import time

import numpy as np
import pandas as pd
import pytest

ROWS_DRIFTING = 400_000


def ok(run):
    assert run.returncode == 0, run.stderr
    return run.stdout


def rows(run):
    return [json.loads(line) for line in ok(run).splitlines()]


def types(yoke, *words):
    return {line.split()[0]: line.split()[1] for line in ok(yoke("table", *words, "--columns")).splitlines()[1:]}


def write(path, text):
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_real_files_are_as_pandas_reads_them(yoke, shared):
    for name in ("narendar_yellow_sample.csv", "reuven_taxi.csv", "gx_yellow/yellow_tripdata_sample_2019-02.csv", "green_tripdata_2020-10.csv.gz"):
        path = shared / "taxi/csv" / name
        df = pd.read_csv(path, low_memory=False)
        numeric = [c for c in df.columns if df[c].dtype.kind in "if" and df[c].notna().any()]
        words = [w for c in numeric for w in ("--sum", c, "--min", c, "--max", c)]
        got = json.loads(ok(yoke("table", path, "--count", *words, "--json")))
        assert got["count"] == len(df)
        for c in numeric:
            assert got[f"min({c})"] == df[c].min() and got[f"max({c})"] == df[c].max(), (name, c)
            assert abs(got[f"sum({c})"] - df[c].sum()) <= 1e-11 * abs(df[c]).sum(), (name, c)


def test_every_cell_of_the_zones(yoke, shared):
    path = shared / "taxi/csv/taxi+_zone_lookup.csv"
    want = pd.read_csv(path, keep_default_na=False)
    got = rows(yoke("table", path, "--head", 1000, "--json"))
    assert [tuple(r.values()) for r in got] == [tuple(None if v == "" else v for v in w) for w in want.itertuples(index=False)]


def test_dialects(yoke, tmp_path):
    for text, sums in [("a,b\n1,2\n3,4\n", (4, 6)), ("a;b\r\n1;2\r\n3;4\r\n", (4, 6)), ("a\tb\n1\t2\n3\t4", (4, 6)), ("a|b\n\n1|2\n\n3|4\n\n", (4, 6)),
                       ("\ufeffa,b\n1,2\n3,4\n", (4, 6)), ("\n\r\na,b\r\n\r\n1,2\r\n\r\n3,4", (4, 6)), ('"a","b"\n"1","2"\n"3","4"\n', (4, 6)),
                       (" a , b \n 1, 2\n3 ,4 \n", (4, 6)), ("a,b\n1,\n,4\n", (1, 4)), ("\ufeff\na,b\n1,2\n3,4", (4, 6)),
                       ("\ufeff\r\n\r\na,b\r\n1,2\r\n3,4\r\n", (4, 6)), ('\ufeff"a",b\n1,2\n3,4\n', (4, 6))]:
        got = json.loads(ok(yoke("table", write(tmp_path / "d.csv", text), "--sum", "a", "--sum", "b", "--json")))
        assert tuple(got.values()) == sums, text
    assert ok(yoke("table", write(tmp_path / "n.csv", "1,2\n3,4\n"), "--sum", "c1")) == "4\n"
    assert ok(yoke("table", write(tmp_path / "h.csv", "1,2\n3,4\n"), "--header", "--count")) == "1\n"
    for text in ("\ufeff1,2\n3,4\n", "\ufeff\n1,2\n3,4", '\ufeff"1",2\n3,4\n'):
        assert ok(yoke("table", write(tmp_path / "m.csv", text), "--sum", "c1")) == "4\n", text
    assert ok(yoke("table", "-", "--sum", "a", input="a\n1\n2\n")) == "3\n"
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=lambda: write(tmp_path / "pipe", "a\n4\n5\n"), daemon=True).start()
    assert ok(yoke("table", tmp_path / "pipe", "--sum", "a", timeout=20)) == "9\n"


def test_quotes(yoke, tmp_path):
    path = write(tmp_path / "q.csv", 'a,b\n"x,y",1\n"say ""hi""",2\n"two\nlines",3\n"",4\nplain,5\n')
    assert [r["a"] for r in rows(yoke("table", path, "--head", 9, "--json"))] == ["x,y", 'say "hi"', "two\nlines", None, "plain"]
    run = yoke("table", write(tmp_path / "s.csv", 'a,b\n1,2\n3"4,5"\n'), "--sum", "b")
    assert run.returncode == 1 and "line 3" in run.stderr
    for field in ('"x"y', '"x" ', '"" x'):
        run = yoke("table", write(tmp_path / "a.csv", f'a,b\n1,2\n{field},5\n'), "--select", "a")
        assert run.returncode == 1 and "line 3: a quote in the middle" in run.stderr, field
    run = yoke("table", write(tmp_path / "u.csv", 'a,b\n1,2\n"3,5\n'), "--sum", "b")
    assert run.returncode == 1 and "never closed" in run.stderr


def test_types_come_from_the_whole_file(yoke, tmp_path):
    n = 300000
    def column(last):
        return "\n".join(["v", *("1" for _ in range(n)), last]) + "\n"
    path = tmp_path / "t.csv"
    for last, kind, total in [("2", "integer", n + 2), ("0.5", "real", n + 0.5), ("", "integer", n), ("9223372036854775808", "real", n + 2.0**63)]:
        write(path, column(last))
        assert types(yoke, path)["v"] == kind
        assert abs(float(ok(yoke("table", path, "--sum", "v"))) - total) <= 1e-15 * total
    run = yoke("table", write(path, column("oops")), "--sum", "v")
    assert run.returncode == 2 and "text" in run.stderr
    text = "d,t,b,n,f\n2020-02-29,2020-02-29 12:30:00,true,1.5,a\n2021-01-01,2021-01-01T00:00:00.25,false,,b\n"
    assert types(yoke, write(path, text)) == {"d": "date", "t": "timestamp[us]", "b": "boolean", "n": "real", "f": "text"}
    assert [r["t"] for r in rows(yoke("table", path, "--select", "t", "--json"))] == ["2020-02-29 12:30:00", "2021-01-01 00:00:00.250000"]


def test_reals_are_rounded_as_python_rounds(yoke, tmp_path):
    rng = random.Random(5)
    texts = [repr(rng.uniform(-1e3, 1e3)) for _ in range(1000)] + [f"{rng.getrandbits(62)}.{rng.getrandbits(10)}" for _ in range(500)]
    texts += [f"{rng.uniform(0, 1):.{rng.randint(1, 25)}f}" for _ in range(1000)] + [f"{rng.random():.17e}" for _ in range(300)]
    texts += ["1e400", "-0.0", "5e-324", "9007199254740993.0", "0.1e1", ".5", "7.", "+3.25", "inf", "1" * 30, "73.954429626464844"]
    for _ in range(4000): # as short as most are: up to ten characters with and without sign and point
        digits = "".join(rng.choice("0123456789") for _ in range(rng.randint(1, 9)))
        at = rng.randint(0, len(digits))
        texts.append(rng.choice(["", "", "-"]) + rng.choice([digits, digits[:at] + "." + digits[at:]]))
    path = write(tmp_path / "r.csv", "x\n" + "\n".join(texts) + "\n0.5\n")
    got = [float(line) for line in ok(yoke("table", path, "--select", "x", "--format", "csv")).splitlines()[1:-1]]
    assert got == [float(t) for t in texts] and [math.copysign(1, g) for g in got] == [math.copysign(1, float(t)) for t in texts]


def test_integers_are_those_of_python(yoke, tmp_path):
    rng = random.Random(6)
    texts = [rng.choice(["", "-", "+"]) + str(rng.randrange(10 ** rng.randint(1, 18))).zfill(rng.randint(1, 9)) for _ in range(5000)]
    path = write(tmp_path / "i.csv", "x\n" + "\n".join(texts) + "\n")
    assert [r["x"] for r in rows(yoke("table", path, "--select", "x", "--json"))] == [int(t) for t in texts]
    for no_integer in ("1-2", "--1", "1e", "12:30", "1/2", "-", "1 2", "0x1"):
        assert rows(yoke("table", write(path, f"x\n7\n{no_integer}\n"), "--select", "x", "--json"))[1]["x"] == no_integer


ODD_FIELDS = ["", "-", ".", "-.", "-5", "-0.5", "-.5", ".5", "5.", "+5", "1-2", "--1", "1.2.3", "1..2", "1e5", "1E-3", "0x1", " 7", "7 ", "nan", "inf",
              "9" * 18, "9" * 19, "-" + "9" * 18, "9" * 30, "1" * 70, "0." + "1" * 70, "12345678.12345678", "-1234567.890123456", "5,5", "a", "é",
              "12:30", "true", "2020-02-30", "2020-02-29", "2020-02-29 23:59:60", "2020-02-29T23:59:59.123456Z", "2020-02-29 1:2:3", "x\ny", 'q"q']


def kind_of(text):
    """What a field can be read as, by Python's own rules."""
    bare = text.strip(" ")
    if text == "":
        return None
    if re.fullmatch("[+-]?[0-9]+", bare) and -2**63 <= int(bare) < 2**63:
        return "integer"
    if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|nan|inf", bare):
        return "real"
    if bare in ("true", "false"):
        return "boolean"
    if re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{6})?Z?)?", bare):
        try:
            pd.Timestamp(bare.replace(":60", ":59"))
            return "timestamp" if len(bare) > 10 else "date"
        except ValueError:
            pass
    return "text"


@pytest.mark.parametrize("shape", ["plain", "crlf", "quoted", "narrow", "bad rows"])
def test_one_odd_field_makes_a_column_what_it_is(yoke, tmp_path, shape):
    """Each column has one field unlike the others, in a row that is not among those looked at first."""
    rng = random.Random(shape)
    usual = {"integer": lambda: str(rng.randint(-10**6, 10**6)), "real": lambda: rng.choice(["%.2f", "%.9f", "%.17g"]) % rng.gauss(0, 99) + "1",
             "date": lambda: "20%02d-0%d-1%d" % (rng.randrange(100), rng.randint(1, 9), rng.randrange(10)),
             "timestamp": lambda: "2021-0%d-11 10:%02d:00" % (rng.randint(1, 9), rng.randrange(60)), "text": lambda: rng.choice("abc")}
    columns = [(kind, odd) for odd in ODD_FIELDS for kind in usual]
    rng.shuffle(columns)
    n = 3000
    for part in [columns[i:i + 30] for i in range(0, len(columns), 30)] if shape == "narrow" else [columns]:
        lines = [[f"c{i}" for i in range(len(part))]] + [[usual[kind]() for kind, _ in part] for _ in range(n)]
        for i, (_, odd) in enumerate(part):
            lines[1 + rng.randrange(600, n)][i] = odd
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n" if shape == "crlf" else "\n", quoting=csv.QUOTE_ALL if shape == "quoted" else csv.QUOTE_MINIMAL)
        writer.writerows(lines)
        text = out.getvalue()
        if shape == "bad rows":
            text += ",".join(["oops"] * (len(part) - 1)) + "\n"
        path = write(tmp_path / "odd.csv", text)
        run = yoke("table", path, "--columns", "--format", "csv", *(["--bad-rows", "skip"] if shape == "bad rows" else []))
        got = [fields[1].split("[")[0] for fields in csv.reader(ok(run).splitlines()[1:])]
        for i, (kind, odd) in enumerate(part):
            met = kind_of(odd)
            want = kind if met in (None, kind) else "real" if {met, kind} == {"integer", "real"} else \
                "timestamp" if {met, kind} == {"date", "timestamp"} else "text"
            assert got[i] == want, (kind, odd)


@pytest.mark.parametrize("odd,is_utc", [("2022-05-01T10:00:00Z", False), ("2022-05-01 10:00+02:00", False), ("2022-05-01T10:00:00", True), ("2022-05-01", True), ("", True)])
@pytest.mark.parametrize("at", [0, 1, 1023, 1024, 5000, 69_999])
def test_times_are_utc_where_each_says_so(yoke, tmp_path, odd, is_utc, at):
    """Wherever the one unlike the others stands, in one file or in one of two."""
    usual = "2022-05-01T12:00:00" + "Z" * is_utc
    rows = [usual] * 70_000
    rows[at] = odd
    want = "timestamp[us, UTC]" if is_utc and not odd else "timestamp[us]"
    whole = write(tmp_path / "whole.csv", "t,n\n" + "".join(f"{t},1\n" for t in rows))
    parts = [write(tmp_path / f"part{i}.csv", "t,n\n" + "".join(f"{t},1\n" for t in part)) for i, part in enumerate((rows[:35_000], rows[35_000:]))]
    for files in ([whole], parts):
        listed = list(csv.reader(ok(yoke("table", *files, "--columns", "--format", "csv")).splitlines()))
        assert listed[1][:2] == ["t", want]
    least = {"2022-05-01": "00:00:00", "2022-05-01 10:00+02:00": "08:00:00", "": "12:00:00"}.get(odd, "10:00:00")
    assert f"2022-05-01 {least}" in ok(yoke("table", whole, "--min", "t"))


def test_headers_that_drift_meet_by_name(yoke, tmp_path):
    write(tmp_path / "1.csv", "Fare Amount,tip\n10,1\n")
    write(tmp_path / "2.csv", " TIP ,fare amount\n2,20\n")
    assert json.loads(ok(yoke("table", tmp_path, "--sum", "`Fare Amount`", "--sum", "tip", "--json"))) == {"sum(`Fare Amount`)": 30, "sum(tip)": 3}


def test_bad_rows(yoke, tmp_path):
    path = write(tmp_path / "b.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n")
    for asked in (["--sum", "a"], ["--count"], ["-o", "-"], ["--where", "1 < 2", "--count"]):
        run = yoke("table", path, *asked)
        assert run.returncode == 1 and "line 3" in run.stderr and run.stdout == "", asked
    (tmp_path / "d/k=1").mkdir(parents=True)
    write(tmp_path / "d/k=1/b.csv", "a,b\n1,2\n3\n")
    run = yoke("table", tmp_path / "d", "--where", "k == 1", "--count")
    assert run.returncode == 1 and "line 3" in run.stderr
    got = json.loads(ok(yoke("table", path, "--sum", "a", "--sum", "b", "--count", "--bad-rows", "skip", "--json")))
    assert list(got.values()) == [8, 10, 2]


def test_what_is_no_csv(yoke, tmp_path):
    for name, content, says in [("e.csv", b"", "empty"), ("w.csv", b"<!DOCTYPE html><html>", "web page"), ("z.csv", b"a,b\0c\n", "zero bytes"),
                                ("l.csv", b"version https://git-lfs.github.com/spec/v1\noid", "LFS"), ("g.csv.gz", gzip.compress(b"a\n1\n" * 999)[:-20], "cut short"),
                                ("x.csv.gz", gzip.compress(os.urandom(9999))[:500] + b"garbage" * 99, ""), ("zip.csv", b"PK\x03\x04\0", "ZIP"), ("p.csv", b"PAR1....", "Parquet"),
                                ("mac.csv", b"a,b\r1,2\r3,4\r", "carriage return"), ("mac2.csv", b"a\r\r\n1\r\r\n", "carriage return"),
                                ("bom.csv", b"\xef\xbb\xbf", "white space"), ("j.json", b'{"a":1}\n', "JSON"), ("k.json", b'[{"a":1}]\n', "JSON"),
                                ("b.csv.bz2", bz2.compress(b"a\n1\n"), "bzip2 -dc"), ("x.csv.xz", lzma.compress(b"a\n1\n"), "xz -dc")]:
        run = yoke("table", write(tmp_path / name, content), "--count")
        assert run.returncode == 1 and says in run.stderr and name in run.stderr and run.stdout == "", run


def test_compressed_and_split_files_give_the_same_bits(yoke, tmp_path):
    rng = np.random.default_rng(11)
    text = "g,x\n" + "".join(f"{g},{x!r}\n" for g, x in zip(rng.integers(0, 9, 200000).tolist(), rng.normal(0, 1, 200000).tolist()))
    write(tmp_path / "a.csv", text)
    write(tmp_path / "b.csv.gz", gzip.compress(text.encode()))
    asks = ["--mean", "x", "--std", "x", "--sum", "x", "--median", "x"]
    want = ok(yoke("table", tmp_path / "a.csv", *asks, "--on", "serial"))
    assert ok(yoke("table", tmp_path / "b.csv.gz", *asks)) == want
    for on in ("threads:3", "processes:2"):
        assert ok(yoke("table", tmp_path / "a.csv", *asks, "--on", on)) == want
    lines = text.splitlines(keepends=True)
    (tmp_path / "s").mkdir()
    for i, (a, b) in enumerate([(1, 5000), (5000, 5001), (5001, 130000), (130000, len(lines))]):
        write(tmp_path / "s" / f"{i}.csv", lines[0] + "".join(lines[a:b]))
    assert ok(yoke("table", tmp_path / "s", *asks)) == want


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 12))))
def test_random_files(yoke, tmp_path, seed):
    """Any text, written by Python's csv module, comes back cell by cell."""
    rng = random.Random(seed)
    n_columns, n_rows = rng.randint(1, 8), rng.choice([0, 1, 5, 3000])
    alphabet = string.ascii_letters + ',;"\n \té' if rng.random() < 0.7 else "0123456789.-"
    def cell():
        return "".join(rng.choice(alphabet) for _ in range(rng.randint(0 if n_columns > 1 else 1, 12)))
    table = [[cell() for _ in range(n_columns)] for _ in range(n_rows)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=rng.choice(["\n", "\r\n"]), quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer.writerow([f"name{i}" for i in range(n_columns)])
    writer.writerows(table)
    path = write(tmp_path / "r.csv", out.getvalue())
    got = rows(yoke("table", path, "--delimiter", ",", "--select", ", ".join(f"cast(name{i} as text) as n{i}" for i in range(n_columns)), "--json",
                    "--on", "threads:2", env={"YOKE_ISA": ("baseline", "avx2", "avx512")[seed % 3]}))
    assert len(got) == n_rows, seed
    kinds = types(yoke, path, "--delimiter", ",")
    for r, w in zip(got, table):
        for i in range(n_columns):
            if kinds[f"name{i}"] == "text":
                assert r[f"n{i}"] == (w[i] or None), (seed, r, w)


def test_names_that_are_empty_or_the_same(yoke, tmp_path):
    """What pandas writes with an index begins with an empty name."""
    frame = pd.DataFrame({"a": ["x", "y"], "b": [1, 2]})
    frame.to_csv(tmp_path / "i.csv")
    assert rows(yoke("table", tmp_path / "i.csv", "--head", 9, "--json")) == [{"c1": 0, "a": "x", "b": 1}, {"c1": 1, "a": "y", "b": 2}]
    assert rows(yoke("table", write(tmp_path / "d.csv", "a,a,,b\n1,2,3,4\n"), "--head", 1, "--json")) == [{"a": 1, "a_2": 2, "c3": 3, "b": 4}]


def test_a_column_that_is_empty_at_first(yoke, tmp_path):
    """Filters and functions are right about values that begin late."""
    n = 5000
    path = write(tmp_path / "s.csv", "i,note,t\n" + "".join(f"{i},{'hello' if i == 4500 else ''},{'2022-01-01 10:00' if i > 4000 else ''}\n" for i in range(n)))
    for where in ("note == 'hello'", "not isnull(note)", "note like 'h%'", "note in ('hello', 'x')", "len(note) > 2"):
        assert rows(yoke("table", path, "--where", where, "--select", "i, hour(t) as h, upper(note) as u", "--json")) == [{"i": 4500, "h": 10, "u": "HELLO"}], where
    assert ok(yoke("table", path, "--where", "isnull(note)", "--count")) == f"{n - 1}\n"
    got = json.loads(ok(yoke("table", path, "--max", "minutes(t - t)", "--count", "--json")))
    assert list(got.values()) == [0, n]
    write(tmp_path / "none.csv", "a\n")
    assert ok(yoke("table", tmp_path / "none.csv", "--select", "len(a), minutes(a - a) as m, year(a) as y, a like 'x' as l", "--format", "csv")) == "len(a),m,y,l\n"


def test_types_that_are_given(yoke, tmp_path):
    path = write(tmp_path / "z.csv", "zip,fare,day\n00123,1,2022-01-01\n04567,2,\n")
    assert rows(yoke("table", path, "--types", "zip=text, fare = real,day=text", "--head", 9, "--json")) == [
        {"zip": "00123", "fare": 1, "day": "2022-01-01"}, {"zip": "04567", "fare": 2, "day": None}]
    assert types(yoke, path, "--types", "zip=text,fare=real") == {"zip": "text", "fare": "real", "day": "date"}
    big = write(tmp_path / "big.csv", "v\n" + "1\n" * 300000 + "x\n1\n")
    for on in ("serial", "threads:3", "processes:2"):
        run = yoke("table", big, "--types", "v=int", "--sum", "v", "--on", on)
        assert run.returncode == 1 and "line 300002: 'x' in column 'v' is no integer" in run.stderr and run.stdout == ""
    for given, says in [("zap=text", "did you mean 'zip'"), ("zip=words", "no type 'words'"), ("zip", "says no type")]:
        run = yoke("table", path, "--types", given, "--count")
        assert run.returncode in (1, 2) and says in run.stderr and run.stdout == ""


def test_what_is_wrong_is_found_by_its_line(yoke, tmp_path):
    for text, says in [('a,b\n1,"x\n2,y\n', "line 2: a quote that is never closed"), ('a,b\n1,2\n3,x"y\n', "line 3: a quote in the middle"),
                       ('\ufeff"a",b\n"1\n",2\n"3"x"",4"\n', "line 4: a quote in the middle")]:
        run = yoke("table", write(tmp_path / "q.csv", text), "--count")
        assert run.returncode == 1 and says in run.stderr, run
    run = yoke("table", write(tmp_path / "b.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n"), "--sum", "a", "--bad-rows", "skip")
    assert run.stdout == "8\n" and "2 rows with a wrong number of fields were passed over" in run.stderr


def test_bytes_that_are_no_utf8_make_no_broken_json(yoke, tmp_path):
    path = write(tmp_path / "u.csv", b"v\n\xff\xfeab\n\xed\xa0\x80\n\xf0\x9f\x9a\x95 ok\n")
    assert [r["v"] for r in rows(yoke("table", path, "--head", 9, "--json"))] == ["\ufffd\ufffdab", "\ufffd\ufffd\ufffd", "🚕 ok"]


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 6))))
def test_random_filters(yoke, tmp_path, seed):
    """Columns that begin late, are sparse or change their type on the way, over one file or several: filters and groups as pandas has them."""
    rng = np.random.default_rng(seed)
    n = int(rng.choice([700, 5000, 20000]))

    def sparse(values):
        begins = int(rng.choice([0, n // 2, n - 5]))
        return [v if i >= begins and keep else "" for i, (v, keep) in enumerate(zip(values, rng.random(n) < rng.choice([0.01, 0.5, 1])))]

    frame = pd.DataFrame({"i": range(n), "x": sparse(rng.integers(0, 5, n) if rng.random() < 0.5 else rng.integers(0, 50, n) / 10),
                          "s": sparse(rng.choice(["red", "green", "blue, dark"], n)), "d": sparse(rng.choice(["2022-01-05", "2022-02-01", "2022-03-09"], n))})
    cuts = [0, *sorted(rng.integers(0, n, rng.integers(0, 3))), n]
    for k, (a, b) in enumerate(zip(cuts, cuts[1:])):
        frame[a:b].to_csv(tmp_path / f"{k}.csv", index=False)
    df = frame.assign(x=pd.to_numeric(frame.x), s=frame.s.replace("", None), d=pd.to_datetime(frame.d))
    filters = {"x == 2": df.x == 2, "x > 1 and s != 'red'": (df.x > 1) & df.s.notna() & (df.s != "red"), "s like '%e%'": df.s.str.contains("e") == True,
               "d >= '2022-02-01'": df.d >= "2022-02-01", "month(d) == 1 or x is null": (df.d.dt.month == 1) | df.x.isna(),
               "s in ('green', 'blue, dark') and not (i % 3 == 0)": df.s.isin(["green", "blue, dark"]) & (df.i % 3 != 0), "d between '2022-01-05' and '2022-02-01'":
               (df.d >= "2022-01-05") & (df.d <= "2022-02-01")}
    on = str(rng.choice(["serial", "threads:2", "threads:3", "processes:2"]))
    for where, keep in filters.items():
        got = rows(yoke("table", tmp_path, "--where", where, "--by", "s", "--count", "--sum", "i", "--max", "x", "--json", "--on", on))
        want = df[keep].groupby("s", dropna=False).agg(count=("i", "size"), sum=("i", "sum"), max=("x", "max"))
        assert [(r["s"], r["count"], r["sum(i)"], r["max(x)"]) for r in got] == [
            (None if pd.isna(s) else s, w["count"], w["sum"], None if pd.isna(w["max"]) else w["max"]) for s, w in want.iterrows()], (seed, where)


@pytest.mark.parametrize("words, want", [
    (["--select", "a", "--where", "b > 1"], lambda i: i == ROWS_DRIFTING - 1),
    (["--select", "a", "--where", "a < 7 or b > 1"], lambda i: i < 7 or i == ROWS_DRIFTING - 1),
    (["--select", "a", "--where", "c == 'x1'"], lambda i: i == ROWS_DRIFTING - 1),
    (["--select", "a + b as a", "--where", "a < 7"], lambda i: i < 7),
    (["--select", "a", "--sort", "b desc,a", "--head", "3"], None)])
def test_types_that_show_late_in_columns_that_rows_are_found_by(yoke, tmp_path, words, want):
    """Rows go on as they come: types of all columns that they take must be known before the first does."""
    lines = [f"{i},1,2,3" for i in range(ROWS_DRIFTING - 1)] + [f"{ROWS_DRIFTING - 1},1.5,x1,y"]
    (tmp_path / "in.csv").write_text("\n".join(["a,b,c,d", *lines]) + "\n")
    for on in ("serial", "threads:3"):
        run = yoke("table", tmp_path / "in.csv", *words, "-o", tmp_path / "out.csv", "--force", "--on", on)
        assert run.returncode == 0, run.stderr
        got = [float(v) for v in (tmp_path / "out.csv").read_text().split()[1:]]
        if want is None:
            assert got == [ROWS_DRIFTING - 1, 0, 1]
        else:
            assert got == [i + (1 if "b as" in words[1] else 0) for i in range(ROWS_DRIFTING) if want(i)]


def interrupted(yoke_path, words, after_s, **how):
    """What a call says that gets Ctrl-C a while after it began."""
    p = subprocess.Popen([str(yoke_path), "table", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)
    if p.stdin:
        p.stdin.write(b"a\n1\n2\n")
        p.stdin.flush()
    time.sleep(after_s)
    if p.poll() == 0:
        raise ProcessLookupError("it had ended before")
    p.send_signal(signal.SIGINT)
    began = time.time()
    p.wait(timeout=60)
    took, said = time.time() - began, p.stderr.read().decode()
    assert p.returncode == 130 and p.stdout.read() == b"", said
    assert took < 5, "whoever waits must be able to go"
    return said


def test_ctrl_c_while_input_is_awaited(yoke_path, tmp_path):
    assert "interrupted after 3 lines of 'standard input'" in interrupted(yoke_path, ["-", "--sum", "a"], 0.5, stdin=subprocess.PIPE)
    os.mkfifo(tmp_path / "f.csv")
    keep = os.open(tmp_path / "f.csv", os.O_RDWR)
    os.write(keep, b"a\n1\n")
    assert "interrupted after 2 lines of" in interrupted(yoke_path, [tmp_path / "f.csv", "--sum", "a"], 0.5)
    os.close(keep)


@pytest.mark.parametrize("words", [["t.csv", "--count"], ["t.csv.gz", "--sum", "a"], ["one.csv", "--join", "t.csv", "--key", "a", "--count"]], ids=str)
def test_ctrl_c_while_rows_are_counted(yoke_path, tmp_path, words):
    """A file so large that the interrupt meets the counting, the unpacking, and the reading of a table that joins."""
    write(tmp_path / "one.csv", "a\n1\n")
    write(tmp_path / "t.csv", "a\n" + "1234567\n" * 30_000_000)
    if words[0].endswith(".gz"):
        with gzip.open(tmp_path / "t.csv.gz", "wb", compresslevel=1) as f:
            f.write((tmp_path / "t.csv").read_bytes())
    for after_s in (0.05, 0.02, 0.1, 0.01):  # the machine may be quick or busy
        try:
            said = interrupted(yoke_path, [*words, "--on", "serial"], after_s, cwd=tmp_path)
        except ProcessLookupError:
            continue
        assert "interrupted after" in said
        break
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted({"one.csv", "t.csv", words[0]})


def test_progress_of_a_pipe(yoke_path):
    """Lines are counted while they come; the pace of the scan is its own."""
    p = subprocess.Popen([str(yoke_path), "table", "-", "--sum", "a", "--progress", "bar"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(b"a\n" + b"1\n" * 999_999)
    p.stdin.flush()
    time.sleep(1.5)
    out, err = p.communicate(b"2\n" * 200_000)
    shown = err.decode().split("\r")
    assert out == b"1399999\n" and any("table: 1,000,000 rows, " in s for s in shown), shown
    assert all(int(left) < 5 for s in shown for left in re.findall(r"(\d+) s left", s)), shown


def test_packed_files_in_several_members(yoke, tmp_path):
    write(tmp_path / "t.csv.gz", gzip.compress(b"a,b\n1,x\n") + gzip.compress(b"") + gzip.compress(b"2,y\n3"))
    with open(tmp_path / "t.csv.gz", "ab") as f:
        f.write(gzip.compress(b",z\n"))
    assert rows(yoke("table", tmp_path / "t.csv.gz", "--select", "*", "--json")) == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, {"a": 3, "b": "z"}]
    piece = b"a\n" + b"1\n" * ((1 << 17) - 1)  # as much as is unpacked at once
    for text in (piece, piece * 2, piece[:-2]):
        write(tmp_path / "t.csv.gz", gzip.compress(text) + gzip.compress(b"2\n"))
        assert ok(yoke("table", tmp_path / "t.csv.gz", "--count", "--types", "a=text")) == f"{text.count(10)}\n"
        write(tmp_path / "t.csv.gz", gzip.compress(text))
        assert ok(yoke("table", tmp_path / "t.csv.gz", "--count", "--types", "a=text")) == f"{text.count(10) - 1}\n"
    whole = gzip.compress(random.Random(1).randbytes(1 << 20).hex().encode())
    for cut in (12, 1000, len(whole) // 2, len(whole) - 1):
        run = yoke("table", write(tmp_path / "cut.csv.gz", whole[:cut]), "--count")
        assert run.returncode == 1 and "the gzip data is cut short" in run.stderr, cut


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 24))))
def test_rows_are_counted_but_for_what_is_wrong(yoke, tmp_path, seed):
    """Megabytes of lines, one of which may be none, too short or long, have a quote in its middle, or a delimiter or line end in quotes."""
    rng = random.Random(seed)
    columns, end, n = rng.randint(1, 7), rng.choice(["\n", "\r\n"]), rng.randint(100_000, 200_000)
    cells = ["5" * rng.randint(1, 30) for _ in range(97)]
    lines = [",".join(cells[(i * 7 + c) % 97] for c in range(columns)) for i in range(n)]
    at, odd = rng.choice([rng.randrange(n), 0, n - 1]), rng.choice(["none", "blank", "short", "long", "stray", "quoted"])
    text = {"none": lines[at], "blank": "", "short": "1" + ",1" * (columns - 2), "long": "1" + ",1" * columns, "stray": '1x"x"' + ",1" * (columns - 1),
            "quoted": f'"a,b{end}"' + ',"x""y"' * (columns - 1)}[odd]
    is_wrong = odd in ("long", "stray") or (odd == "short" and columns > 1)
    path = write(tmp_path / "t.csv", ",".join(f"c{i}" for i in range(columns)) + end + end.join(lines[:at] + [text] + lines[at + 1:]) + end * rng.randint(0, 1))
    run = yoke("table", path, "--count", "--header", "-d", ",", "--on", rng.choice(["serial", "threads:3", "processes:2"]), env={"YOKE_ISA": ("baseline", "avx2", "avx512")[seed % 3]})
    if is_wrong:
        assert run.returncode == 1 and f"line {at + 2}: " in run.stderr and run.stdout == "", (odd, run.stderr)
    else:
        assert ok(run) == f"{n - (odd == 'blank')}\n", odd
    run = yoke("table", path, "--count", "--header", "-d", ",", "--bad-rows", "skip", "--stats")
    if odd != "stray":
        assert ok(run) == f"{n - (odd == 'blank' or is_wrong)}\n", odd
        assert odd == "blank" or ("in 0 scans" in run.stderr) != is_wrong, (odd, run.stderr)


@pytest.mark.parametrize("on", ["serial", "threads:2", "threads:7", "processes:3"])
def test_lines_are_right_in_the_middle_of_a_large_file(yoke, tmp_path, on):
    """Line ends within quotes count as lines of the file; the bad row lies chunks behind the beginning."""
    bad = 400_000
    text = "a,b\r\n" + "".join(f'{i},"li\nne {i}"\r\n' for i in range(bad)) + "5,6,7\r\n" + "".join(f"{i},x\r\n" for i in range(bad))
    path = write(tmp_path / "t.csv", text)
    line = text[:text.index("5,6,7")].count("\n") + 1
    run = yoke("table", path, "--mean", "a", "--on", on)
    assert run.returncode == 1 and f"line {line}: 3 fields where 2 are expected" in run.stderr
    run = yoke("table", path, "--count", "--sum", "a", "--bad-rows", "skip", "--on", on, "--json")
    assert json.loads(ok(run)) == {"count": 2 * bad, "sum(a)": bad * (bad - 1)} and "1 row with a wrong number of fields" in run.stderr


def test_a_full_temporary_folder_is_said(yoke_path, plain_build, tmp_path):
    path = write(tmp_path / "t.csv.gz", gzip.compress(b"a\n" + b"1\n" * 2_000_000))
    limit = f"ulimit -f 1; trap '' XFSZ; exec '{yoke_path}' table '{path}' --count"  # a file of 1 KiB at most
    run = subprocess.run(["bash", "-c", limit], capture_output=True, text=True, env={**os.environ, "TMPDIR": str(tmp_path)})
    assert run.returncode == 1 and f"unpacked to a temporary file in '{tmp_path}': set TMPDIR to a folder with room" in run.stderr


def test_many_columns_that_are_wider_than_they_seem(yoke, tmp_path):
    """Each column turns real, text or a date late, in a row of its own: a few scans find out, not one for each."""
    rng = random.Random(4)
    n, wide = 3000, 300
    late = {c: (rng.randrange(600, n), rng.choice(["1.5", "x", "2022-01-01", "2022-01-01 10:00"])) for c in range(wide)}
    by_row = {}
    for c, (r, value) in late.items():
        by_row.setdefault(r, {})[c] = value
    lines = [",".join(by_row.get(r, {}).get(c, "7") for c in range(wide)) for r in range(n)]
    path = write(tmp_path / "t.csv", ",".join(f"c{c}" for c in range(wide)) + "\n" + "\n".join(lines) + "\n")
    asks = [word for c in range(wide) for word in ("--max", f"c{c}")]
    for on in ("serial", "threads:3", "processes:2"):
        run = yoke("table", path, *asks, "--stats", "--json", "--on", on)
        got = json.loads(ok(run))
        assert [got[f"max(c{c})"] for c in range(wide)] == [7 if v == "1.5" else max("7", v) for _, v in late.values()]
        assert int(re.search(r"in (\d+) scans", run.stderr)[1]) <= 4, run.stderr
    kinds = types(yoke, path)
    assert all(kinds[f"c{c}"] == ("real" if v == "1.5" else "text") for c, (_, v) in late.items())


def test_thousands_of_columns(yoke, tmp_path):
    """As DuckDB sees them: listed, selected, computed with, described, and through Parquet."""
    import duckdb
    wide = 4500
    cells = [[(i * j) % 977 / 4 for i in range(wide)] for j in range(20)]
    path = write(tmp_path / "t.csv", ",".join(f"gene_{i}" for i in range(wide)) + "\n" + "".join(",".join(map(str, row)) + "\n" for row in cells))
    assert len(ok(yoke("table", path, "--columns")).splitlines()) == wide + 1
    got = rows(yoke("table", path, "--select", "*, gene_0 + gene_4499 as both", "--json"))
    assert [list(r.values()) for r in got] == [row + [row[0] + row[-1]] for row in cells]
    ok(yoke("table", path, "-o", tmp_path / "t.parquet"))
    assert [list(r) for r in duckdb.sql(f"from '{tmp_path / 't.parquet'}'").fetchall()] == cells
    described = [json.loads(line) for line in ok(yoke("table", tmp_path / "t.parquet", "--select", ", ".join(f"gene_{i}" for i in range(700)), "--describe", "--json")).splitlines()]
    want = pd.DataFrame(cells)[range(700)].describe()
    assert [d["max"] for d in described] == list(want.loc["max"]) and [d["25%"] for d in described] == list(want.loc["25%"])
    few = "table", tmp_path / "t.parquet", "--select", ", ".join(f"gene_{i}" for i in range(20)), "--describe"
    assert ok(yoke(*few, "--memory", "16M")) == ok(yoke(*few)), "a few columns at a time"


def test_wide_rows(yoke, tmp_path):
    """Rows of which caches hold few: values are read before they are asked for, by the type that they had in the block before."""
    rng = random.Random(3)
    n, columns = 5000, 240
    cells = {"int": lambda i: rng.randrange(-10**6, 10**6), "real": lambda i: rng.gauss(0, 1), "missing": lambda i: rng.choice(["", 7]), "text": lambda i: "t" * (i % 5) + "x",
             "late": lambda i: i if i < 3000 else "x", "quoted": lambda i: rng.choice(['"5"', '"a ""b"" c"']), "day": lambda i: f"2020-02-{i % 28 + 1:02d}"}
    kinds = [list(cells)[c % len(cells)] for c in range(columns)]
    path = write(tmp_path / "t.csv", ",".join(f"c{c}" for c in range(columns)) + "\n" + "".join(",".join(str(cells[k](i)) for k in kinds) + "\n" for i in range(n)))
    want = pd.read_csv(path)
    for on in ("serial", "threads:3", "processes:2"):
        assert yoke("table", path, "-o", tmp_path / "t.parquet", "-f", "--on", on).returncode == 0
        got = pd.read_parquet(tmp_path / "t.parquet")
        for c, kind in enumerate(kinds):
            mine, theirs = got[f"c{c}"], want[f"c{c}"]
            assert (mine.astype(str) == theirs.astype(str)).all() if kind == "day" else (mine.isna() == theirs.isna()).all() and (mine.dropna() == theirs.dropna()).all(), (c, kind)
        some = yoke("table", path, "--where", "c0 > 900000", "--select", "c1,c2,c3,c7", "-o", tmp_path / "some.parquet", "-f", "--on", on)
        assert some.returncode == 0, some.stderr
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "some.parquet"), want[want.c0 > 900000][["c1", "c2", "c3", "c7"]].reset_index(drop=True), check_dtype=False)
