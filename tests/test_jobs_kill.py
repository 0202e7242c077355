"""kill -9 of `yoke run` and of its jobs at random moments, then --resume: nothing lost, nothing recorded done run again.

YOKE_STRESS is how many kills there are (default 20).
"""

import collections
import json
import os
import random
import signal
import subprocess
import time

KILLS = int(os.environ.get("YOKE_STRESS", "20"))
LINES = 40


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(x) for x in f.read().split()]
    except OSError:
        return []


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def records(yoke, run):
    out = yoke("report", run, "--format", "jsonl")
    assert out.returncode == 0, out.stderr
    return [json.loads(line) for line in out.stdout.splitlines()]


def check_order(rows):
    """Once a job has a record that it ended well, no later attempt of it exists."""
    ended = {}
    for r in sorted(rows, key=lambda r: r["start"]):
        assert r["line"] not in ended, f"line {r['line']} was done and was run again"
        if r["cause"] == "ok":
            ended[r["line"]] = r
    return ended


def one_run(yoke_path, yoke, folder, rng, kills_left):
    log = folder / "log"
    jobs = folder / "jobs"
    jobs.write_text("".join(f"sleep 0.0{i % 3}; echo {i} >> {log}; echo out {i}\n" for i in range(LINES)))
    kills = 0
    while True:
        p = subprocess.Popen([yoke_path, "run", jobs, "-j", "4", "--run", folder / "run", "--resume-failed"], cwd=folder,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        if kills < kills_left:
            time.sleep(rng.random() * 0.12)
            for pid in children(p.pid):
                if rng.random() < 0.3:
                    kill(pid)
            if rng.random() < 0.9:
                kill(p.pid)
            kills += 1
        code = p.wait(60)
        if (folder / "run" / "journal").exists():
            before = check_order(records(yoke, folder / "run"))
        if code == 0:
            break
    assert len(before) == LINES
    done = collections.Counter(int(x) for x in log.read_text().split())
    assert set(done) == set(range(LINES)), "every line has run to its end"
    for i in range(LINES):
        assert yoke("report", folder / "run", "--output", i).stdout == f"out {i}\n"
    return kills


def test_killed_at_random(yoke_path, yoke, tmp_path):
    rng = random.Random(5)
    kills = runs = 0
    while kills < KILLS:
        folder = tmp_path / str(runs)
        folder.mkdir()
        kills += one_run(yoke_path, yoke, folder, rng, KILLS - kills)
        runs += 1


def test_the_journal_reads_when_cut_at_any_byte(yoke, tmp_path):
    (tmp_path / "jobs").write_text("echo a\nexit 3\ntrue 'x y'\n")
    yoke("run", "jobs", "-j1", cwd=tmp_path)
    whole = (tmp_path / "jobs.yoke" / "journal").read_bytes()
    full = records(yoke, tmp_path / "jobs.yoke")
    step = 1 if KILLS > 20 else 7
    for n in range(0, len(whole), step):
        cut = tmp_path / "cut"
        cut.write_bytes(whole[:n])
        got = [r for r in records(yoke, cut) if r["cause"] not in ("running", "interrupted")]
        assert got == full[: len(got)]


def test_resumed_after_a_power_cut(yoke, tmp_path):
    """The end of the journal is lost, is zeros, or is garbage: what still reads as done is not run again, all else is."""
    rng = random.Random(11)
    (tmp_path / "jobs").write_text("".join(f"echo {i} >>log; echo out {i}; test {i % 4} -ne 3\n" for i in range(12)))
    yoke("run", "jobs", "-j2", cwd=tmp_path)
    journal, log = tmp_path / "jobs.yoke" / "journal", tmp_path / "log"
    whole = journal.read_bytes()
    for _ in range(max(12, KILLS // 4)):
        at = rng.randrange(len(whole))
        tail = {"cut": b"", "zeros": bytes(rng.randrange(5000)), "garbage": rng.randbytes(rng.randrange(300)),
                "page": bytes(min(64, len(whole) - at)) + whole[at + 64:]}[rng.choice(["cut", "zeros", "garbage", "page"])]
        journal.write_bytes(whole[:at] + tail if at >= 8 else whole[:at])
        log.write_text("")
        done = {r["line"] for r in records(yoke, tmp_path / "jobs.yoke") if r["cause"] not in ("running", "interrupted")}
        again = yoke("run", "jobs", "-j2", "-q", "--resume", cwd=tmp_path)
        assert sorted(map(int, log.read_text().split())) == sorted(set(range(12)) - done), (at, again.stderr)
        assert {r["line"] for r in records(yoke, tmp_path / "jobs.yoke") if r["cause"] == "ok"} == {i for i in range(12) if i % 4 != 3}
