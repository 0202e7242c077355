"""yoke map 'command {}': replacement strings and quoting, held to GNU parallel itself, and what is ours."""

import shutil
import subprocess
import time

import pytest

parallel = pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")

ITEMS = ["plain", "a/b/c.tar.gz", "/abs/file.txt", "no.ext/file", ".bashrc", "dir/", "with blank", "quo'te", 'dou"ble', "dollar$HOME", "back`tick`",
         "back\\slash", "semi;colon & more", "*", "~", "-n", "#hash", "a=b", "é ü", "tab\there", "{}", "{2}", "!", "x.", "..", "a//b", "(x)", "[y]", "<z>"]


def gp(*words, **more):
    return subprocess.run(["parallel", "--will-cite", "-k", "-j1", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, **more).stdout


@parallel
@pytest.mark.parametrize("string", ["{}", "{.}", "{/}", "{//}", "{/.}", "{#}", "{1}", "{1.}", "{1/}", "{1//}", "{1/.}", "{#}-{}-{.}"])
def test_each_string_on_each_item(yoke, string):
    command, items = "printf '%s\\n' " + string, [":::"] + ITEMS
    assert yoke("map", command, *items).stdout == gp(command, *items)


@parallel
@pytest.mark.parametrize("words", [
    ["echo {1} {2}", ":::", "a", "b", ":::", "1", "2", "3"],
    ["echo {2}-{1}", ":::", "a", "b", ":::+", "1", "2"],
    ["echo {}", ":::", "a b", "c", ":::", "d e"],
    ["echo", ":::", "a b", "c"],
    ["echo", ":::", "a", "b", ":::", "c"],
    ["echo {1} {3}", ":::", "a", "b", ":::+", "1", "2", ":::", "x", "y"],
    ["echo {%}", ":::", "a", "b"],
    ["echo {1.}_{2/}", ":::", "a.b", ":::", "c/d"],
    ["awk 'BEGIN {print \"x\"}' {}", ":::", "a"],
    ["echo {foo} {}", ":::", "a"],
    ["echo {} | tr a-z A-Z; echo {}", ":::", "a b"],
    ["printf '<%s>\\n' {}", ":::", "-n", "--tag", "-j9", "--"],
    ["echo {1} {2}", "::::", "l1", "l2"],
    ["echo {1} {2}", "::::", "l1", ":::", "A", "-B"],
    ["echo {1} {2}", "::::", "l1", "::::+", "l2"],
    ["echo {1} {2}", ":::", "x", "y", "::::+", "l2"],
    ["--colsep", ",", "--header", ":", "echo {b}={a}", "::::", "table"],
])
def test_sources_and_templates(yoke, tmp_path, words):
    (tmp_path / "l1").write_text("1\n2\n")
    (tmp_path / "l2").write_text("a a\nb\n")
    (tmp_path / "table").write_text("a,b\n1,2\n3,4\n")
    assert yoke("map", "-j1", *words, cwd=tmp_path).stdout == gp(*words, cwd=tmp_path)


@parallel
def test_files_columns_and_headers(yoke, tmp_path):
    (tmp_path / "t.csv").write_text("name,size\nan a,1\nb'b,2\n")
    (tmp_path / "f").write_text("one\ntwo words\n")
    (tmp_path / "z").write_bytes(b"a\nb\0c\0")
    for ours, theirs in [
        (["echo {2} {1}", "--colsep", ",", "-a", "t.csv"], ["-a", "t.csv", "--colsep", ",", "echo {2} {1}"]),
        (["echo {size}:{name}", "--colsep", ",", "--header", "-a", "t.csv"], ["-a", "t.csv", "--colsep", ",", "--header", ":", "echo {size}:{name}"]),
        (["echo {}", "-a", "f"], ["-a", "f", "echo {}"]),
        (["echo {}", "-0", "-a", "z"], ["-0", "-a", "z", "echo {}"]),
        (["echo {1}.{2}", "--colsep", " ", "-a", "f"], None),
    ]:
        got = yoke("map", *ours, cwd=tmp_path)
        if theirs:
            assert got.stdout == gp(*theirs, cwd=tmp_path), got.stderr
        else:
            assert got.returncode != 0 and "{2}" in got.stderr or "columns" in got.stderr


@parallel
def test_tags(yoke):
    assert yoke("map", "echo x; echo y", "--tag", ":::", "a b", "c").stdout != ""
    assert yoke("map", "echo x{}; echo y", "--tag", ":::", "a b", "c").stdout == gp("--tag", "echo x{}; echo y", ":::", "a b", "c")


def test_a_table(yoke, tmp_path):
    (tmp_path / "t.csv").write_text('name,size\n"a, b",1\nc,2\n')
    assert yoke("map", "echo {size}:{name}", "--csv", "-a", "t.csv", cwd=tmp_path).stdout == "1:a, b\n2:c\n"


@pytest.mark.parametrize("template", ["printf '%s\\0' {}", "printf '%s\\0' \"{}\"", "printf '%s\\0' '{}'"])
def test_any_bytes_reach_the_command(yoke, template):
    items = ITEMS + ["new\nline", "\n", "\x01\x7f", "$(touch /tmp/never)", "'; false; '", '"; false; "', "\\'", "end\\"]
    got = yoke("map", template, "-0", "-", input="".join(i + "\0" for i in items))
    assert got.stdout.split("\0")[:-1] == items


def test_ranges_stream_in_order(yoke):
    assert yoke("map", "echo {}", "0..99", "-j4").stdout == "".join(f"{i}\n" for i in range(100))
    assert sorted(yoke("map", "echo {}", "0..99", "-j4", "--unordered").stdout.split()) == sorted(map(str, range(100)))


def test_infinite_input_and_a_reader_that_goes_away(yoke_path):
    begun = time.time()
    out = subprocess.run(f"yes | {yoke_path} map 'echo {{#}}' - -j2 | head -n 3", shell=True, capture_output=True, text=True, timeout=30)
    assert out.stdout == "1\n2\n3\n" and time.time() - begun < 20


def test_failures_are_told(yoke):
    got = yoke("map", "test {} != 3", "1..5", "-j2")
    assert got.returncode == 1 and "4 of 5 jobs ok, 1 failed" in got.stderr and "line 2: test 3 != 3" in got.stderr


def test_a_journalled_map_is_resumed(yoke, tmp_path):
    (tmp_path / "log").write_text("")
    words = ["map", "echo {1}{2} {%} >> log; test {1}{2} != b2", "--run", "r", "-j1"]
    assert yoke(*words, ":::", "a", "b", ":::", "1", "2", cwd=tmp_path).returncode == 1
    assert yoke(*words, ":::", "a", "b", ":::", "1", "2", cwd=tmp_path).returncode == 1, "a folder that holds a run is not taken again"
    got = yoke(*words, "--resume", ":::", "a", "b", "c", ":::", "1", "2", cwd=tmp_path)
    assert got.returncode == 1 and "2 of 2 jobs ok, 0 failed" in got.stderr and "1 of them failed" in got.stderr
    assert (tmp_path / "log").read_text() == "".join(f"{x} 1\n" for x in ["a1", "a2", "b1", "b2", "c1", "c2"])
    assert yoke("report", "r", "--states", "FAILED", cwd=tmp_path).stdout.startswith("echo b2 $YOKE_SLOT >> log")


@pytest.mark.parametrize("words, says", [
    (("echo {3}", ":::", "a"), "asks for {3}"), (("echo", "--resume", ":::", "a"), "--run"), (("echo", "--colsep", "(", "-a", "/dev/null"), "colsep"),
    (("echo", "--reduce", "sum", ":::", "a"), "--reduce"),
])
def test_wrong_calls(yoke, words, says):
    got = yoke("map", *words)
    assert got.returncode == 2 and says in got.stderr


def test_a_column_of_dependencies(yoke, tmp_path):
    (tmp_path / "steps.csv").write_text('name,needs\nlast,"1,2"\nfirst,\nmiddle,1\nbad,\nnever,3\n')
    words = ["map", "echo {name} >>log; test {name} != bad", "--csv", "-a", "steps.csv", "--after", "needs", "-j4"]
    assert "--run" in yoke(*words, cwd=tmp_path).stderr
    got = yoke(*words, "--run", "r", cwd=tmp_path)
    ran = (tmp_path / "log").read_text().split()
    assert sorted(ran) == ["bad", "first", "last", "middle"] and [x for x in ran if x != "bad"] == ["first", "middle", "last"]
    assert got.returncode == 1 and "cancelled               1   first: line 4" in got.stderr
    assert "no column 'need'" in yoke("map", "echo {1}", "--csv", "-a", "steps.csv", "--after", "need", "--run", "s", cwd=tmp_path).stderr
    (tmp_path / "odd.csv").write_text("name,needs\na,\nb,9\nc,\n")
    odd = yoke("map", "echo {1}", "--csv", "-a", "odd.csv", "--after", "needs", "--run", "odd", cwd=tmp_path)
    assert odd.stderr == "yoke map: item 1 waits for item 9, which is no job; the first is item 0\n" and not (tmp_path / "odd").exists()
    (tmp_path / "odd.csv").write_text("name,needs\na,1\nb,0\n")
    odd = yoke("map", "echo {1}", "--csv", "-a", "odd.csv", "--after", "needs", "--run", "odd", cwd=tmp_path)
    assert odd.stderr == "yoke map: item 0 and item 1 wait for each other, in a circle\n"
    assert yoke("run", "-", input="true #yoke after=7\n", cwd=tmp_path).stderr == \
        "yoke run: standard input line 0 waits for line 7, which is no job; the first is line 0\n"
    assert "column 'name' holds 'last'" in yoke("map", "echo {1}", "--csv", "-a", "steps.csv", "--after", "name", "--run", "s", cwd=tmp_path).stderr
    assert "#yoke" in yoke("map", "echo {}", "--run", "s", ":::", "a #yoke b", cwd=tmp_path).stderr and not (tmp_path / "s").exists()


def test_what_came_from_a_pipe_is_run_again(yoke, tmp_path):
    said = yoke("map", "test -e {}", "-", "--run", "r", input="f\n", cwd=tmp_path).stderr
    command = next(line.split(": ", 1)[1] for line in said.splitlines() if "run again" in line)
    (tmp_path / "f").write_text("")
    assert yoke(*command.split()[1:], cwd=tmp_path).returncode == 0
