"""yoke run and yoke report, whole: what runs, what is written down, what is printed, what is refused."""

import json
import os
import pathlib
import pty
import re
import shlex
import signal
import subprocess
import time

import pytest


@pytest.fixture
def run(yoke, tmp_path):
    """run('line\\nline', '--option') in a folder of its own."""

    def call(text, *options, **more):
        (tmp_path / "jobs").write_text(text)
        return yoke("run", *options, "jobs", cwd=tmp_path, **more)

    return call


def records(yoke, tmp_path, run="jobs.yoke"):
    out = yoke("report", run, "--format", "jsonl", cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    return [json.loads(line) for line in out.stdout.splitlines()]


def test_lines_do_what_the_shell_does(run, yoke, tmp_path):
    lines = [
        "echo a 'b  c' \"d\"", "printf '%s|' x 'y z'", "A=1; echo $A", "echo $((1+2))", "echo a | tr a b", "ls /nonexistent",
        "no-such-program", "exit 4", "true", "false", "/bin/echo '$HOME' \\$x", "cd / && pwd", "echo \"it's\"", "! true",
        "echo ~", "echo {1,2}", "sh -c 'exit 9'", "expr 1 + 1", "test -d /", "kill -TERM $$", "FOO=bar env | grep FOO", "echo é",
        "./script", "echo a#b # c",
    ]
    (tmp_path / "script").write_text("echo no hash-bang $0\n")
    (tmp_path / "script").chmod(0o755)
    got = run("\n".join(lines) + "\n", "--order", "-j2")
    out, err, codes = "", "", []
    for line in lines:
        p = subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, capture_output=True, text=True)
        out, err = out + p.stdout, err + p.stderr
        codes.append(p.returncode)
    assert got.stdout == out
    assert got.stderr.startswith(err)
    rows = sorted(records(yoke, tmp_path), key=lambda r: r["line"])
    assert [-r["signal"] or r["exit"] for r in rows] == codes


def test_records_hold_what_was_used(run, yoke, tmp_path):
    (tmp_path / "burn.py").write_text("x = bytearray(80 << 20)\nimport time\nwhile time.process_time() < 0.3: pass\n")
    before = time.time()
    run("python3 burn.py\nsleep 0.3\necho out; echo one >&2; echo two >&2; exit 7\n", "-j1")
    heavy, slow, bad = records(yoke, tmp_path)
    assert 0.25 < heavy["user"] + heavy["system"] < 5 and heavy["peak_kib"] > 80 * 1024
    assert 0.3 <= slow["wall"] < 30 and slow["user"] < 0.2 and slow["peak_kib"] < 40 * 1024
    assert before <= heavy["start"] <= heavy["end"] <= slow["start"] <= slow["end"] <= time.time()
    assert bad["cause"] == "exit 7" and bad["exit"] == 7 and bad["stderr_tail"] == "one\ntwo\n"
    assert bad["stdout_bytes"] == 4 and bad["stderr_bytes"] == 8 and bad["command"].startswith("echo out;")
    assert bad["host"] == os.uname().nodename and bad["attempt"] == 1 and bad["line"] == 2


def test_names_are_line_numbers(run, yoke, tmp_path):
    got = run("# head\n\necho $YOKE_JOB $YOKE_SEQ $YOKE_ATTEMPT\r\n  # indented\n#c\necho $YOKE_JOB $YOKE_SEQ", "--order", "--tag", "-j1")
    assert got.stdout == "2\t2 1 1\n5\t5 3\n"


def test_report_formats(run, yoke, tmp_path):
    run("echo hi\nexit 3\nkill -9 $$\n", "-j1")
    log = yoke("report", "jobs.yoke", "--format", "joblog", cwd=tmp_path).stdout.splitlines()
    assert log[0] == "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand"
    rows = [x.split("\t") for x in log[1:]]
    assert [(r[0], r[5], r[6], r[7], r[8]) for r in rows] == [("1", "3", "0", "0", "echo hi"), ("2", "0", "3", "0", "exit 3"),
                                                               ("3", "0", "0", "9", "kill -9 $$")]
    assert all(abs(float(r[2]) - time.time()) < 60 and float(r[3]) >= 0 for r in rows)
    tsv = [x.split("\t", 6) for x in yoke("report", "jobs.yoke", "--format", "tsv", cwd=tmp_path).stdout.splitlines()]
    assert [(r[0], r[1], r[6]) for r in tsv] == [("0", "0", "echo hi"), ("1", "3", "exit 3"), ("2", "-9", "kill -9 $$")]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", r[3]) and re.fullmatch(r"\d+\.\d\d", r[5]) for r in tsv)
    trace = json.loads(yoke("report", "jobs.yoke", "--format", "trace", cwd=tmp_path).stdout)["traceEvents"]
    assert [e["name"] for e in trace] == ["echo hi", "exit 3", "kill -9 $$"] and all(e["ph"] == "X" and e["dur"] > 0 for e in trace)


def test_parallel_reads_the_joblog(run, yoke, tmp_path):
    """GNU parallel, given our log, resumes with what is not in it."""
    if subprocess.run(["which", "parallel"], capture_output=True).returncode:
        pytest.skip("GNU parallel is not installed")
    run("echo 1\necho 2\n", "-j1")
    (tmp_path / "log").write_text(yoke("report", "jobs.yoke", "--format", "joblog", cwd=tmp_path).stdout)
    out = subprocess.run(["parallel", "--will-cite", "-j1", "--resume", "--joblog", "log", "echo", ":::", "1", "2", "3"], cwd=tmp_path,
                         capture_output=True, text=True)
    assert out.stdout == "3\n", out.stderr


def test_output_is_whole_ordered_and_found_again(run, yoke, tmp_path):
    text = "".join(f"for i in 1 2 3 4 5 6 7 8; do echo {n}-$i; sleep 0.00{n % 4}; done\n" for n in range(24))
    want = [[f"{n}-{i}\n" for i in range(1, 9)] for n in range(24)]
    assert run(text, "-j6", "--order").stdout == "".join(sum(want, []))
    got = yoke("run", "jobs", "-j6", cwd=tmp_path).stdout.splitlines(keepends=True)
    blocks = [got[i:i + 8] for i in range(0, len(got), 8)]
    assert sorted(blocks) == sorted(want) and (tmp_path / "jobs.yoke.2").is_dir()
    assert yoke("run", "jobs", "-j6", "-q", cwd=tmp_path).stdout == ""
    for r in ("jobs.yoke", "jobs.yoke.2", "jobs.yoke.3"):
        assert yoke("report", r, "--output", "17", cwd=tmp_path).stdout == "".join(want[17])
    assert yoke("report", "jobs.yoke", "--grep", "^1[0-2]-8$", cwd=tmp_path).stdout.split() == ["10:10-8", "11:11-8", "12:12-8"] or \
        sorted(yoke("report", "jobs.yoke", "--grep", "^1[0-2]-8$", cwd=tmp_path).stdout.split()) == ["10:10-8", "11:11-8", "12:12-8"]
    assert len(list((tmp_path / "jobs.yoke").iterdir())) == 3, "few files, however many jobs"
    yoke("run", "jobs", "--output-dir", "o", "-q", cwd=tmp_path)
    assert (tmp_path / "o" / "17.out").read_text() == "".join(want[17])


def test_large_output_is_not_held_in_memory(run, yoke, tmp_path, yoke_path, plain_build):
    (tmp_path / "jobs").write_text("head -c 300000000 /dev/zero\n")
    out = subprocess.run(["/usr/bin/env", "bash", "-c", f"ulimit -v 250000; exec {shlex.quote(str(yoke_path))} run jobs | sha256sum"], cwd=tmp_path,
                         capture_output=True, text=True)
    want = subprocess.run("head -c 300000000 /dev/zero | sha256sum", shell=True, capture_output=True, text=True).stdout
    assert out.stdout == want, out.stderr


def test_resume_goes_by_text(run, yoke, tmp_path):
    log = tmp_path / "log"
    line = lambda n: f"echo {n} >> {log}\n"
    run(line(1) + line(2) + "exit 1\n" + line(2), "-j1")
    assert log.read_text() == "1\n2\n2\n"
    # lines moved, one new, one gone; the failed one is done; of three equal ones two have run
    (tmp_path / "jobs").write_text("# new head\n" + line(3) + line(2) + line(2) + line(2) + "exit 1\n")
    got = yoke("run", "jobs", "--resume", "-j1", cwd=tmp_path)
    assert log.read_text() == "1\n2\n2\n3\n2\n"
    assert got.returncode == 1 and "3 had ended before, 1 of them failed" in got.stderr, "what failed stays so until it is run again"
    got = yoke("report", "jobs.yoke", cwd=tmp_path)
    assert re.search(r"COMPLETED +4\n", got.stderr) and re.search(r"FAILED +1\n", got.stderr) and "first: line 5" in got.stderr
    got = yoke("run", "jobs", "--resume-failed", "-j1", cwd=tmp_path)
    assert log.read_text() == "1\n2\n2\n3\n2\n" and got.returncode == 1 and "0 of 1 jobs ok" in got.stderr
    assert yoke("report", "jobs.yoke", "--states", "FAILED", cwd=tmp_path).stdout == "exit 1\n"


def test_retries(run, yoke, tmp_path):
    got = run("test $YOKE_ATTEMPT = 3\nexit 5\nexit 6\nkill -SEGV $$\n", "--retries", "2", "--retry-on", "1,5,SEGV", "-j2")
    attempts = {}
    for r in records(yoke, tmp_path):
        attempts.setdefault(r["line"], []).append((r["attempt"], r["cause"], r["last"]))
    assert attempts[0] == [(1, "exit 1", False), (2, "exit 1", False), (3, "ok", True)]
    assert attempts[1] == [(1, "exit 5", False), (2, "exit 5", False), (3, "exit 5", True)]
    assert attempts[2] == [(1, "exit 6", True)] and len(attempts[3]) == 3
    assert "1 of 4 jobs ok, 3 failed" in got.stderr and got.returncode == 1


def alive(mark):
    return subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True).stdout.split()


def test_timeouts_reach_the_whole_group(run, yoke, tmp_path):
    begun = time.time()
    run("sleep 98.71 & sleep 98.71; true\n(trap '' TERM; sleep 98.72; sleep 98.72)\ntrue\n", "--timeout", "300ms", "-j3")
    assert time.time() - begun < 60
    assert [r["cause"] for r in sorted(records(yoke, tmp_path), key=lambda r: r["line"])] == ["timed out", "timed out", "ok"]
    assert not alive("sleep 98.7[12]")


def test_halt(run, yoke, tmp_path):
    got = run("exit 1\n" * 3 + "true\n" * 20, "-j1", "--halt", "soon,2")
    assert got.returncode == 1 and len(records(yoke, tmp_path)) == 2 and "--resume" in got.stderr
    assert yoke("run", "jobs", "--resume", "-j2", cwd=tmp_path).returncode == 1
    assert len(records(yoke, tmp_path)) == 23
    begun = time.time()
    run("sleep 60\nexit 1\n", "-j2", "--halt", "now")
    assert time.time() - begun < 40
    assert {r["line"]: r["cause"] for r in records(yoke, tmp_path, "jobs.yoke.2")} == {0: "cancelled", 1: "exit 1"}
    run("true\n" * 8 + "exit 1\n" * 20, "-j1", "--halt", "soon,30%")
    assert len(records(yoke, tmp_path, "jobs.yoke.3")) == 12


def test_dependencies(run, yoke, tmp_path):
    got = run("echo last #yoke after=1,2\nsleep 0.2; echo one\necho two #yoke after=1\nexit 1\n#yoke after=3\necho never\necho nor this #yoke after=5\n",
              "-j4")
    assert got.stdout == "one\ntwo\nlast\n"
    causes = {r["line"]: r["cause"] for r in records(yoke, tmp_path)}
    assert causes == {0: "ok", 1: "ok", 2: "ok", 3: "exit 1", 5: "cancelled", 6: "cancelled"}
    (tmp_path / "jobs").write_text((tmp_path / "jobs").read_text().replace("exit 1", "true"))
    assert yoke("run", "jobs", "--resume", cwd=tmp_path).stdout == "never\nnor this\n"


def test_memory_limits(run, yoke, tmp_path):
    (tmp_path / "eat.py").write_text("import time\nx = []\nfor i in range(80):\n    x.append(bytearray(b'x' * (5 << 20)))\n    time.sleep(0.01)\n")
    run("python3 eat.py\necho small\nsh -c 'python3 eat.py; exit $?'\n", "--memory", "100M", "-j2")
    assert {r["line"]: r["cause"] for r in records(yoke, tmp_path)} == {0: "out of memory", 1: "ok", 2: "out of memory"}


def test_held_back_by_load_and_memory(run, yoke, tmp_path, yoke_path):
    (tmp_path / "jobs").write_text("true\n")
    p = subprocess.Popen([yoke_path, "run", "jobs", "--min-free-memory", "900T"], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    time.sleep(0.4)
    p.send_signal(signal.SIGINT)
    _, err = p.communicate(timeout=10)
    assert "no new jobs for now" in err and p.returncode == 130


def test_delay_and_nice(run, yoke, tmp_path):
    run("nice\nnice\nnice\n", "--delay", "200ms", "--nice", "7", "-j3")
    rows = records(yoke, tmp_path)
    starts = sorted(r["start"] for r in rows)
    assert all(b - a > 0.19 for a, b in zip(starts, starts[1:]))
    assert yoke("report", "jobs.yoke", "--output", "0", cwd=tmp_path).stdout == "7\n"


def start(yoke_path, tmp_path, text, *options):
    (tmp_path / "jobs").write_text(text)
    p = subprocess.Popen([yoke_path, "run", "jobs", *options], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         start_new_session=True)
    time.sleep(0.4)
    return p


def test_one_interrupt_drains_two_stop(yoke_path, yoke, tmp_path):
    p = start(yoke_path, tmp_path, "sleep 1; echo a\necho b\n", "-j1")
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=10)
    assert out == "a\n" and p.returncode == 130 and "to go on: yoke run --resume jobs" in err
    assert yoke("run", "jobs", "--resume", cwd=tmp_path).stdout == "b\n"
    p = start(yoke_path, tmp_path, "sleep 31.5\n", "-j1")
    p.send_signal(signal.SIGINT)
    time.sleep(0.2)
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=10)
    assert p.returncode == 130 and [r["cause"] for r in records(yoke, tmp_path, "jobs.yoke.2")] == ["cancelled"]
    assert not alive("sleep 31[.]5")


def test_a_hangup_is_noted_and_survived(yoke_path, yoke, tmp_path):
    p = start(yoke_path, tmp_path, "sleep 0.7; echo a\necho b\n", "-j1")
    p.send_signal(signal.SIGHUP)
    out, _ = p.communicate(timeout=10)
    assert p.returncode == 0 and out == "a\nb\n"
    assert "the terminal hung up" in yoke("report", "jobs.yoke", cwd=tmp_path).stderr


def test_a_terminal_that_goes_away(yoke_path, yoke, tmp_path):
    (tmp_path / "jobs").write_text("sleep 0.8; echo 1\necho 2\necho 3\necho 4\n")
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(yoke_path, [str(yoke_path), "run", "jobs", "-j1"])
    time.sleep(0.4)
    os.close(fd)
    assert os.waitpid(pid, 0)[1] == 0
    assert [r["cause"] for r in records(yoke, tmp_path)] == ["ok"] * 4, "all have run"
    assert "hung up" in yoke("report", "jobs.yoke", cwd=tmp_path).stderr and yoke("report", "jobs.yoke", "--output", 3, cwd=tmp_path).stdout == "4\n"


def test_a_reader_that_goes_away_ends_it_in_order(yoke_path, yoke, tmp_path):
    (tmp_path / "jobs").write_text("".join(f"echo {i}\n" for i in range(400)))
    subprocess.run(f"{shlex.quote(str(yoke_path))} run jobs -j1 | head -n 2", shell=True, cwd=tmp_path, capture_output=True)
    assert 2 <= len(records(yoke, tmp_path)) < 400
    yoke("run", "jobs", "--resume", cwd=tmp_path)
    assert sorted(r["line"] for r in records(yoke, tmp_path)) == list(range(400))


def test_strays_of_a_killed_run_are_ended(yoke_path, yoke, tmp_path):
    p = start(yoke_path, tmp_path, "sleep 32.25; echo late\n", "-j1")
    p.kill()
    p.wait()
    assert alive("sleep 32[.]25")
    (tmp_path / "jobs").write_text("sleep 0.25; echo late\nsleep 32.25; echo late\n")
    got = subprocess.Popen([yoke_path, "run", "jobs", "--resume", "-j2"], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(0.6)
    assert len(alive("^sleep 32[.]25")) == 1, "the stray is gone, the job runs anew"
    got.send_signal(signal.SIGTERM)
    _, err = got.communicate(timeout=10)
    assert "were still there" in err


def test_two_at_once_in_one_folder_are_refused(yoke_path, yoke, tmp_path):
    p = start(yoke_path, tmp_path, "sleep 1\n", "--run", "r")
    got = yoke("run", "jobs", "--run", "r", "--resume", cwd=tmp_path)
    assert got.returncode == 1 and "another yoke" in got.stderr
    p.communicate(timeout=10)
    got = yoke("run", "jobs", "--run", "r", cwd=tmp_path)
    assert got.returncode == 1 and "holds a run already" in got.stderr


def test_environment_and_folder_are_kept(run, tmp_path):
    got = run("pwd; echo $MARK; cat; ps -o pgid= $$ | tr -d ' '; echo $$\n", env={"MARK": "m n"}, input="not for jobs")
    where, mark, group, pid = got.stdout.split("\n")[:4]
    assert pathlib.Path(where) == tmp_path and mark == "m n" and group == pid


def test_background_processes_do_not_hold_a_job(run, yoke, tmp_path):
    begun = time.time()
    got = run("sleep 30 & echo on\n")
    assert got.stdout == "on\n" and time.time() - begun < 20


def test_standard_input_dry_runs_and_parts(yoke, tmp_path):
    assert yoke("run", "-", "--order", input="echo 1\necho 2\n", cwd=tmp_path).stdout == "1\n2\n"
    (tmp_path / "jobs").write_text("#c\necho 1\n\necho 2\n")
    assert yoke("run", "jobs", "--dry-run", cwd=tmp_path).stdout == "echo 1\necho 2\n"
    assert not (tmp_path / "jobs.yoke").exists()
    assert yoke("run", "jobs", "--lines", "3-9", cwd=tmp_path).stdout == "2\n"
    assert yoke("run", "jobs", "--resume", cwd=tmp_path).stdout == "1\n"
    empty = yoke("run", "-", input="# none\n", cwd=tmp_path)
    assert empty.returncode == 0 and "no jobs" in empty.stderr and not (tmp_path / "stdin.yoke.2").exists()


@pytest.mark.parametrize("words, says", [
    ((), "which job file"), (("nowhere",), "nowhere"), (("jobs", "jobs"), "one word too many"), (("jobs", "-j", "0"), "--jobs"),
    (("jobs", "--timeout", "soon"), "--timeout takes a time"), (("jobs", "--halt", "later"), "--halt takes"),
    (("jobs", "--memory", "big"), "--memory takes a size"), (("jobs", "--retry-on", "often"), "--retry-on takes"),
    (("jobs", "--lines", "a"), "line numbers"), (("jobs", "--load", "-1"), "--load"), (("jobs", "--halt", "now,0"), "--halt takes"),
])
def test_wrong_calls_are_refused(yoke, tmp_path, words, says):
    (tmp_path / "jobs").write_text("true\n")
    got = yoke("run", *words, cwd=tmp_path)
    assert got.returncode in (1, 2) and says in got.stderr and not list(tmp_path.glob("*.yoke*"))


def test_the_summary_names_causes_and_what_to_type(run, tmp_path):
    got = run("echo boom >&2; exit 3\nexit 3\nkill -SEGV $$\ntrue\n", "-j1")
    assert re.search(r"exit 3 +2   first: line 0: echo boom >&2; exit 3\n +boom\n", got.stderr)
    assert re.search(r"signal SEGV +1   first: line 2", got.stderr)
    assert "1 of 4 jobs ok, 3 failed" in got.stderr and "yoke run --resume-failed -j1 jobs" in got.stderr


def commands_said(text):
    return {why.strip(): shlex.split(command) for why, _, command in (line.partition(": yoke ") for line in text.splitlines()) if command}


def test_what_is_said_at_the_end_works_when_it_is_typed(run, yoke, tmp_path):
    """Whatever the names are, wherever the list came from."""
    folder = tmp_path / "a dir's"
    folder.mkdir()
    (folder / "my jobs").write_text("test -e mended\necho other\nsleep 0.1; echo $YOKE_ATTEMPT\n")
    said = yoke("run", "my jobs", "-j1", "--halt", "soon,1", "--run", "../r x", cwd=folder)
    assert "0 of 3 jobs ok, 1 failed, 2 not run" in said.stderr
    again = commands_said(said.stderr)
    dry = yoke(*again["to go on"], "--dry-run", cwd=folder).stdout.splitlines()
    assert dry == ["echo other", "sleep 0.1; echo $YOKE_ATTEMPT"], "a dry run shows what would run"
    (folder / "mended").write_text("")
    said = yoke(*again["to run again what failed"], cwd=folder)
    assert said.returncode == 0 and said.stdout == "other\n1\n" and "3 of 3 jobs ok" in said.stderr

    said = yoke("run", "-", "-j1", input="test -e more\n", cwd=folder)
    (folder / "more").write_text("")
    assert yoke(*commands_said(said.stderr)["to run again what failed"], cwd=folder).returncode == 0
    said = yoke("report", "stdin.yoke", cwd=folder)
    assert said.returncode == 0 and "COMPLETED               1" in said.stderr


def test_the_report_says_how_to_go_on(run, yoke, tmp_path):
    run("true\nfalse\ntrue\n", "-j1", "--halt", "soon,1")
    said = yoke("report", "jobs.yoke", cwd=tmp_path).stderr
    line = next(x for x in said.splitlines() if "to go on" in x)
    assert line.split(": ", 1)[1] == f"cd {tmp_path} && yoke run --resume -j1 --halt soon,1 jobs"
    assert "to run again what failed: cd " in said


def test_a_full_disk_loses_nothing(yoke, yoke_path, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if os.getuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small]).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        (tmp_path / "jobs").write_text("head -c 20000 /dev/zero\n" * 8)
        said = yoke("run", "jobs", "-j2", "-q", "--run", "small/r", cwd=tmp_path)
        assert said.returncode == 1 and "No space left on device" in said.stderr
        done = [r["line"] for r in records(yoke, tmp_path, "small/r") if r["cause"] == "ok"]
        assert 1 <= len(done) < 8
        subprocess.run(["mount", "-o", "remount,size=8M", small], check=True)
        said = yoke(*commands_said(said.stderr)["when that is mended, to go on"], cwd=tmp_path)
        assert said.returncode == 0 and f"{len(done)} had ended before" in said.stderr
        assert all(len(yoke("report", "small/r", "--output", n, cwd=tmp_path).stdout) == 20000 for n in range(8))
    finally:
        subprocess.run(["umount", small], check=True)


def test_more_slots_than_files_may_be_open(yoke_path, tmp_path):
    """Jobs that cannot be started for want of files wait until others have ended; they are not failures."""
    (tmp_path / "jobs").write_text("sleep 0.2; ulimit -n\n" * 60)
    limited = lambda limit: subprocess.run(["bash", "-c", f'{limit}; exec "$0" run jobs -j60', yoke_path], cwd=tmp_path, capture_output=True, text=True)
    got = limited("ulimit -n 64")
    assert got.returncode == 0 and "60 of 60 jobs ok" in got.stderr and "ulimit -n" in got.stderr
    got = limited("ulimit -Sn 64")
    assert got.stdout == "64\n" * 60 and "ulimit -n" not in got.stderr, "yoke takes what it needs, jobs keep their limit"


def test_an_orphan_that_nobody_collects_holds_up_nothing(yoke_path, tmp_path):
    """In a container without init, what a killed shell leaves stays as a zombie of its group."""
    (tmp_path / "jobs").write_text("sleep 30; echo late\nsleep 30; echo late\n")
    parent = "import ctypes, subprocess, sys, time\nctypes.CDLL(None).prctl(36, 1)\n" \
             "p = subprocess.Popen([sys.argv[1], 'run', 'jobs', '-j2'], stderr=-3)\ntime.sleep(0.5)\np.terminate()\nt = time.time()\np.wait()\nprint(time.time() - t)"
    got = subprocess.run(["python3", "-c", parent, yoke_path], cwd=tmp_path, capture_output=True, text=True)
    assert float(got.stdout) < 1.9, got.stderr # after 2 s it would be killed, and not go even then
