"""Slurm's half of the job verbs, without a cluster: Slurm's commands are replayed (tests/cluster/fake), and array tasks are
run here, one after another, with the environment that Slurm would give them."""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import time

import pytest

VERSIONS = ["20.11.6", "22.05.8", "25.05.5"]


class Slurm:
    """A folder to work in, in which Slurm seems to be there."""

    def __init__(self, root, path, yoke, version):
        self.path, self.fake = path / "work", path / "fake"
        self.bin = path / "bin"
        for p in (self.path, self.fake, self.bin):
            p.mkdir()
        for name in ("dsq", "dSQ", "dsqa", "dSQAutopsy", "dSQBatch.py", "yoke"):
            (self.bin / name).symlink_to(yoke)
        cluster = root / "tests" / "cluster"
        self.env = {**os.environ, "PATH": f"{self.bin}:{cluster / 'fake'}:{os.environ['PATH']}", "FAKE": str(self.fake),
                    "RECORDED": str(cluster / "recorded" / version), "XDG_STATE_HOME": str(path / "state"), "LC_ALL": "C.UTF-8"}
        for name in list(self.env):
            if name.startswith("SLURM_"):
                del self.env[name]

    def __call__(self, *words, code=0, env=None):
        got = subprocess.run([str(w) for w in words], cwd=self.path, env={**self.env, **(env or {})}, text=True, timeout=60,
                             stdin=subprocess.DEVNULL, capture_output=True)
        assert got.returncode == code, got.stdout + got.stderr
        return got

    def says(self, name, out=None, err=None, status=None):
        for suffix, text in (("", out), (".err", err), (".status", None if status is None else str(status))):
            file = self.fake / (name + suffix)
            if text is None:
                file.unlink(missing_ok=True)
            else:
                file.write_text(text)

    def calls(self, name):
        file = self.fake / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if line.split(" ")[0] == name]

    def jobs(self, lines, name="jobs.txt"):
        (self.path / name).write_text("".join(f"{line}\n" for line in lines))
        return name

    def submit(self, *words):
        got = self("yoke", "submit", *words)
        return sorted(self.path.glob("yoke-*-*"))[-1], got

    def indices(self, script):
        text = re.search(r"^#SBATCH --array[= ](\S+)", script.read_text(), re.M).group(1).split("%")[0]
        for part in text.split(","):
            first, _, last = part.partition("-")
            yield from range(int(first), int(last or first) + 1)

    def task(self, script, index, job=4711, restart=0, **more):
        """Runs one task of a script, as Slurm would: what it prints goes to a file."""
        env = {**self.env, "SLURM_ARRAY_JOB_ID": str(job), "SLURM_ARRAY_TASK_ID": str(index), "SLURMD_NODENAME": "n1", **more}
        if restart:
            env["SLURM_RESTART_COUNT"] = str(restart)
        with open(self.path / f"slurm-{job}_{index}.out", "ab") as out:
            return subprocess.Popen(["bash", script], cwd=self.path, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)

    def run_tasks(self, script, job=4711, **more):
        return [self.task(script, i, job, **more).wait(timeout=60) for i in self.indices(script)]

    def queue(self, *rows):
        self.says("squeue", "".join(f"{r}\n" for r in rows))

    def asked_long_ago(self, run):
        (run / "asked").unlink(missing_ok=True)


@pytest.fixture
def slurm(root, tmp_path, yoke_path):
    return Slurm(root, tmp_path, yoke_path, "22.05.8")


# ---- yoke submit

@pytest.mark.parametrize("version", VERSIONS)
def test_submit_names_the_job_and_what_to_type_next(root, tmp_path, yoke_path, version):
    slurm = Slurm(root, tmp_path, yoke_path, version)
    slurm.jobs(["echo a", "# no job", "", "echo b", "echo c"])
    run, got = slurm.submit("jobs.txt", "-p", "short", "--mem=4g", "--comment", 'say "hi" $x', "-t", "5")
    assert got.stdout == "4711\n"
    assert "yoke report 4711" in got.stderr and "yoke cancel 4711" in got.stderr
    script = (run / "batch-1.sh").read_text()
    head = [line for line in script.splitlines() if line.startswith("#SBATCH")]
    assert head == ["#SBATCH --array=0,3-4", "#SBATCH --job-name=jobs", f"#SBATCH --output={run}/slurm-%A_%a.out", "#SBATCH --open-mode=append",
                    "#SBATCH --requeue", "#SBATCH -p short", "#SBATCH --mem=4g", '#SBATCH --comment "say \\"hi\\" $x"', "#SBATCH -t 5"]
    assert slurm.calls("sbatch") == [f"sbatch <--parsable> <{run}/batch-1.sh>"]
    assert (run / "jobs").read_text() == (slurm.path / "jobs.txt").read_text()


def test_what_the_user_says_is_not_said_again(slurm):
    slurm.jobs(["true"])
    run, _ = slurm.submit("-Jname", "--no-requeue", "--open-mode=truncate", "-o", "x-%a.out", "jobs.txt")
    head = [line for line in (run / "batch-1.sh").read_text().splitlines() if line.startswith("#SBATCH")]
    assert head == ["#SBATCH --array=0", "#SBATCH -Jname", "#SBATCH --no-requeue", "#SBATCH --open-mode=truncate", "#SBATCH -o x-%a.out"]


def test_dry_run_submits_nothing(slurm):
    slurm.jobs(["true"] * 5)
    run, got = slurm.submit("--dry-run", "jobs.txt", "--mem=1g")
    assert got.stdout == f"{run}/batch-1.sh\n" and "--mem=1g" in got.stderr and f"sbatch {run}/batch-1.sh" in got.stderr
    assert slurm.calls("sbatch") == []


@pytest.mark.parametrize("version,lines,words,array,pack", [
    ("22.05.8", 1001, [], "0-1000", 0),
    ("22.05.8", 1002, [], "0-500", 2),
    ("22.05.8", 100000, [], "0-999", 100),
    ("25.05.5", 501, [], "0-250", 2),             # max_array_tasks=500
    ("22.05.8", 1000, ["--pack", "42"], "0-23", 42),
    ("22.05.8", 1000, ["--pack=auto"], "0-5", 167),  # 6 processors, a task for each
    ("22.05.8", 1000, ["--pack", "auto", "-c", "2"], "0-2", 334),
    ("25.05.5", 1000, ["--pack", "auto", "--partition=debug"], "0-62", 16),
    ("22.05.8", 5000, ["--pack", "1"], "0-999", 5),  # no more tasks than the site allows
    ("22.05.8", 100, ["--array=3,90-200%7"], "3,90-99%7", 0),
])
def test_lines_are_packed(root, tmp_path, yoke_path, version, lines, words, array, pack):
    slurm = Slurm(root, tmp_path, yoke_path, version)
    slurm.jobs(["true"] * lines)
    run, got = slurm.submit("jobs.txt", *words)
    assert f"#SBATCH --array={array}\n" in (run / "batch-1.sh").read_text()
    assert f" pack {pack} " in (run / "slurm").read_text()
    assert len(slurm.calls("sbatch")) == 1
    assert ("--pack says" in got.stderr) == (lines == 5000)


@pytest.mark.parametrize("words,text", [
    (["nosuch.txt"], "nosuch.txt"),
    (["empty.txt"], "no jobs"),
    (["after.txt"], "yoke run"),
    ([], "which job file"),
    (["jobs.txt", "more.txt"], "one word too many"),
    (["jobs.txt", "--pack", "0"], "whole number"),
    (["jobs.txt", "--array", "9-x"], "no list of array indices"),
    (["jobs.txt", "--array=7"], "none of the lines"),
    (["--resume", "nosuch"], "neither a job id nor a run folder"),
    (["--resume", "99999"], "no run of yours"),
    (["jobs.txt", "--comment", "a\nb"], "line break"),
    (["--task", "x"], "SLURM_ARRAY_JOB_ID"),
])
def test_wrong_calls_get_a_sentence(slurm, words, text):
    slurm.jobs(["true"])
    slurm.jobs(["", "# nothing"], "empty.txt")
    slurm.jobs(["true", "true #yoke after=0"], "after.txt")
    got = subprocess.run(["yoke", "submit", *words], cwd=slurm.path, env=slurm.env, text=True, capture_output=True)
    assert got.returncode in (1, 2) and text in got.stderr and got.stdout == ""
    assert slurm.calls("sbatch") == []
    assert list(slurm.path.glob("yoke-*")) == []


def test_slurms_own_sentence_is_passed_on_with_advice(slurm):
    slurm.jobs(["true"])
    slurm.says("sbatch", "", "sbatch: error: invalid partition specified: nope\n"
               "sbatch: error: Batch job submission failed: Invalid partition name specified\n", 1)
    got = slurm("yoke", "submit", "jobs.txt", "-p", "nope", code=1)
    assert got.stderr == ("yoke submit: sbatch: Batch job submission failed: Invalid partition name specified; `sinfo -s` lists the partitions; "
                          "name one with -p\n")
    assert list(slurm.path.glob("yoke-*")) == []


def test_a_limit_on_queued_tasks_packs_more_lines(slurm):
    slurm.jobs(["true"] * 2000)
    (slurm.bin / "sbatch").write_text("""#!/bin/bash
last=$(sed -n 's/^#SBATCH --array=0-//p' "${@: -1}")
[ "$last" -lt 300 ] && { echo 4711; exit; }
echo 'sbatch: error: QOSMaxSubmitJobPerUserLimit' >&2
echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)" >&2
exit 1
""")
    (slurm.bin / "sbatch").chmod(0o755)
    run, got = slurm.submit("jobs.txt")
    assert got.stdout == "4711\n" and "2000 lines in 250 tasks of up to 8 lines" in got.stderr
    slurm.queue("4711|0-249|PENDING|Priority|")
    assert "PENDING     2000   0-1999\n" in slurm("yoke", "report", "4711").stderr
    slurm.jobs(["true"] * 1000)
    got = slurm("yoke", "submit", "jobs.txt", "--pack", "2", code=1)  # what the user says is not changed
    assert "job submit limit" in got.stderr and "--pack more" in got.stderr


def test_no_slurm_here(slurm, yoke_path):
    slurm.jobs(["true"])
    for words in (["submit", "jobs.txt"], ["cancel", "7"], ["report", "7"]):
        got = subprocess.run([yoke_path, *words], cwd=slurm.path, env={**slurm.env, "PATH": "/nowhere"}, text=True, capture_output=True)
        assert got.returncode == 1 and "there is no Slurm here" in got.stderr and "yoke run" in got.stderr
    assert list(slurm.path.glob("yoke-*")) == []


# ---- what tasks do

def test_every_line_is_run_and_reported(slurm):
    slurm.jobs(["echo one", "# x", "echo two >&2; exit 3", "kill -SEGV $$", "echo $PWD"])
    run, _ = slurm.submit("jobs.txt")
    assert slurm.run_tasks(run / "batch-1.sh") == [0, 3, 128 + signal.SIGSEGV, 0]
    slurm.queue("4711|0|COMPLETED|None|n1", "4711|2-3|FAILED|NonZeroExitCode|n1", "4711|4|COMPLETED|None|n1")
    got = slurm("yoke", "report", "4711", "--states", "FAILED", code=1)
    assert got.stdout == "echo two >&2; exit 3\nkill -SEGV $$\n"
    assert "COMPLETED      2     0,4\nFAILED         2     2-3\n" in got.stderr
    assert "exit 3           1 line, first 2\n      | two\n" in got.stderr and "signal SEGV" in got.stderr
    assert slurm("yoke", "report", "4711", "--output", "4").stdout == f"{slurm.path}\n"
    assert slurm("yoke", "report", run, "--output", "2").stderr == "two\n"
    assert slurm("yoke", "report", "4711", code=1).stdout == ""  # failed lines are not run again unless asked for
    assert list(slurm.path.glob("slurm-*.out")) == []  # nothing in them, so they are gone
    assert len(list((run / "journal").iterdir())) == 2  # one journal, one store: tasks one after another share them


def test_packed_lines_are_run_once_each(slurm):
    slurm.jobs([f"echo {i} >>ran" if i % 3 else "# comment" for i in range(30)])
    run, _ = slurm.submit("jobs.txt", "--pack", "7")
    assert slurm.run_tasks(run / "batch-1.sh") == [0, 0, 0]
    assert sorted(map(int, (slurm.path / "ran").read_text().split())) == [i for i in range(30) if i % 3]
    slurm.queue("4711|0-2|COMPLETED|None|n1")
    assert "COMPLETED      20    1-2,4-5," in slurm("yoke", "report", "4711").stderr


def test_the_job_file_is_fixed_at_submission(slurm):
    slurm.jobs(["echo old >>ran"] * 3)
    run, _ = slurm.submit("jobs.txt")
    slurm.jobs(["echo new >>ran"] * 3)
    assert slurm.run_tasks(run / "batch-1.sh") == [0, 0, 0]
    assert (slurm.path / "ran").read_text() == "old\n" * 3
    os.chmod(run / "jobs", 0o644)
    (run / "jobs").write_text("echo tampered >>ran\n" * 3)
    assert slurm.task(run / "batch-1.sh", 0).wait() == 1
    assert (slurm.path / "ran").read_text() == "old\n" * 3


def test_output_goes_to_slurms_files_when_asked_for(slurm):
    slurm.jobs([f"echo out {i}; echo err {i} >&2" for i in range(6)])
    run, _ = slurm.submit("jobs.txt", "--pack=3", "-o", "x-%a.out")
    assert slurm.run_tasks(run / "batch-1.sh") == [0, 0]
    assert (slurm.path / "slurm-4711_1.out").read_text() == "".join(f"out {i}\nerr {i}\n" for i in (3, 4, 5))


def wait_until(there, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_task_that_slurm_stops_goes_on_where_it_was(slurm):
    slurm.jobs(["echo 0 >>ran", "exit 5", "echo began >>began; sleep 30; echo 2 >>ran", "echo 3 >>ran"])
    run, _ = slurm.submit("jobs.txt", "--pack", "4")
    task = slurm.task(run / "batch-1.sh", 0)
    wait_until((slurm.path / "began").exists, "the third line")
    time.sleep(0.3)
    task.terminate()
    assert task.wait(timeout=20) == 128 + signal.SIGTERM
    slurm.queue("4711|0|PREEMPTED|None|n1")
    got = slurm("yoke", "report", "4711", code=1)
    assert "PREEMPTED      2     2-3\n" in got.stderr
    assert got.stdout == "echo began >>began; sleep 30; echo 2 >>ran\necho 3 >>ran\n"
    # Slurm starts it again: what ended, well or not, is not run twice.
    slurm.asked_long_ago(run)
    slurm.queue("4711|0|PENDING|BeginTime|")
    got = slurm("yoke", "report", "4711", code=1)
    assert "PENDING        2     2-3\n" in got.stderr and "after a requeue" in got.stderr and got.stdout == ""
    (run / "jobs").chmod(0o644)
    again = slurm.task(run / "batch-1.sh", 0, restart=1)
    wait_until(lambda: (slurm.path / "began").read_text() == "began\nbegan\n", "the second start")
    slurm.asked_long_ago(run)
    slurm.queue("4711|0|RUNNING|None|n2")
    got = slurm("yoke", "report", "4711", code=1)
    assert "RUNNING        1     2\n" in got.stderr and "PENDING        1     3\n" in got.stderr and "behind other lines" in got.stderr
    again.kill()
    again.wait()
    assert (slurm.path / "ran").read_text() == "0\n"


def test_signals_at_the_same_instant_are_no_failure(slurm):
    """Slurm signals the whole process tree: the line may die before the task knows."""
    slurm.jobs(["echo $$ >pid; exec sleep 30"])
    run, _ = slurm.submit("jobs.txt")
    task = slurm.task(run / "batch-1.sh", 0)
    wait_until((slurm.path / "pid").exists, "the line")
    time.sleep(0.1)
    task.send_signal(signal.SIGSTOP)  # so that the line's death is there to be seen first
    os.kill(int((slurm.path / "pid").read_text()), signal.SIGTERM)
    time.sleep(0.1)
    task.send_signal(signal.SIGTERM)
    task.send_signal(signal.SIGCONT)
    task.wait(timeout=20)
    slurm.queue("4711|0|CANCELLED|None|n1")
    assert "CANCELLED      1     0\n" in slurm("yoke", "report", "4711", code=1).stderr


def test_a_killed_task_leaves_a_readable_journal(slurm):
    slurm.jobs(["echo 0 >>ran", "echo began >>began; sleep 30", "echo 2 >>ran"])
    run, _ = slurm.submit("jobs.txt", "--pack", "3")
    task = slurm.task(run / "batch-1.sh", 0)
    wait_until((slurm.path / "began").exists, "the second line")
    task.kill()
    task.wait()
    slurm.queue()  # Slurm has forgotten it, and there is no accounting
    slurm.says("sacct", "", "Slurm accounting storage is disabled\n", 1)
    got = slurm("yoke", "report", "4711", code=1)
    assert "COMPLETED      1     0\nNODE_FAIL      1     1\nCANCELLED      1     2\n" in got.stderr
    # The second start runs the rest.
    (slurm.path / "began").unlink()
    again = slurm.task(run / "batch-1.sh", 0, restart=1)
    wait_until((slurm.path / "began").exists, "the second start")
    again.kill()
    again.wait()
    assert (slurm.path / "ran").read_text() == "0\n"


def test_sacct_is_asked_for_what_squeue_forgot(slurm):
    slurm.jobs(["true"] * 3)
    slurm.submit("jobs.txt")
    slurm.says("squeue", "", "slurm_load_jobs error: Invalid job id specified\n", 1)
    slurm.says("sacct", "4711|FAILED|0:0|None assigned\n4711_0|TIMEOUT|0:15|n1\n4711_1|CANCELLED by 1124|0:15|n1\n4711_2|NODE_FAIL|1:0|n1\n")
    got = slurm("yoke", "report", "4711", code=1)
    assert "TIMEOUT                1     0\nCANCELLED by 1124      1     1\nNODE_FAIL              1     2\n" in got.stderr
    assert got.stdout == "true\ntrue\n"


def test_slurm_is_asked_at_most_twice_a_minute(slurm):
    slurm.jobs(["true"])
    slurm.submit("jobs.txt")
    slurm.queue("4711|0|PENDING|Resources|")
    for _ in range(5):
        assert "waits for free nodes" in slurm("yoke", "report", "4711").stderr
    assert len(slurm.calls("squeue")) == 1


def test_a_busy_controller_does_not_hide_the_journals(slurm):
    slurm.jobs(["true", "true"])
    run, _ = slurm.submit("jobs.txt")
    slurm.task(run / "batch-1.sh", 0).wait()
    slurm.says("squeue", "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", 1)
    got = slurm("yoke", "report", "4711")
    assert "COMPLETED      1     0\n" in got.stderr and "PENDING        1     1\n" in got.stderr and "Slurm could not be asked" in got.stderr


def test_watching_ends_when_all_lines_have(slurm):
    slurm.jobs(["true", "false"])
    run, _ = slurm.submit("jobs.txt")
    slurm.run_tasks(run / "batch-1.sh")
    slurm.queue("4711|0-1|COMPLETED|None|n1")
    assert "FAILED         1     1\n" in slurm("yoke", "report", "--watch", run, code=1).stderr


# ---- resuming and cancelling

def test_resume_submits_what_has_not_ended(slurm):
    slurm.jobs(["echo 0 >>ran", "echo 1 >>ran; exit 1", "echo 2 >>ran", "echo 3 >>ran"])
    run, _ = slurm.submit("jobs.txt", "--mem=1g")
    for i in (0, 1):
        slurm.task(run / "batch-1.sh", i).wait()
    slurm.queue("4711|2-3|RUNNING|None|n1")
    assert "still wait or run" in slurm("yoke", "submit", "--resume", "4711", code=1).stderr
    slurm.queue("4711|2-3|TIMEOUT|TimeLimit|n1")
    slurm.says("sbatch", "4712\n")
    assert slurm("yoke", "submit", "--resume", run, "--time=9").stdout == "4712\n"
    script = run / "batch-2.sh"
    assert "--array=2-3\n" in script.read_text() and "#SBATCH --mem=1g\n#SBATCH --time=9\n" in script.read_text()
    assert slurm.run_tasks(script, job=4712) == [0, 0]
    assert (slurm.path / "ran").read_text() == "0\n1\n2\n3\n"
    slurm.queue("4712|2-3|COMPLETED|None|n1")
    slurm.asked_long_ago(run)
    assert "COMPLETED      3     0,2-3\n" in slurm("yoke", "report", "4712", code=1).stderr
    assert "nothing is left" in slurm("yoke", "submit", "--resume", "4712").stderr
    slurm.says("sbatch", "4713\n")
    assert slurm("yoke", "submit", "--resume-failed", "4712").stdout == "4713\n"
    assert "--array=1\n" in (run / "batch-3.sh").read_text()


def test_cancel(slurm):
    slurm.jobs([f"echo {i} >>ran" for i in range(10)])
    run, _ = slurm.submit("jobs.txt", "--pack", "3")
    slurm("yoke", "cancel", "4711", "1,3-5,9")
    assert slurm.calls("scancel") == ["scancel <4711_[1,3]>"]  # tasks that have no other lines
    slurm.task(run / "batch-1.sh", 0).wait()
    assert (slurm.path / "ran").read_text() == "0\n2\n"
    slurm.queue("4711|0|COMPLETED|None|n1", "4711|2|PENDING|Priority|")
    got = slurm("yoke", "report", "4711", code=1)
    assert "CANCELLED      5     1,3-5,9\n" in got.stderr and "PENDING        3     6-8\n" in got.stderr
    slurm("yoke", "cancel", run)
    assert slurm.calls("scancel")[-1] == "scancel <4711>"
    assert "none of the lines" in slurm("yoke", "cancel", "4711", "77", code=2).stderr
    slurm("yoke", "cancel", "99", "4-5")
    assert slurm.calls("scancel")[-1] == "scancel <99_[4-5]>"
    slurm.says("scancel", "", "scancel: error: Kill job error on job id 99: Access/permission denied\n", 1)
    assert "not yours" in slurm("yoke", "cancel", "99", code=1).stderr


def test_cancel_ends_a_running_line_among_others(slurm):
    slurm.jobs(["echo began >>began; sleep 30", "echo 1 >>ran"])
    run, _ = slurm.submit("jobs.txt", "--pack", "2")
    task = slurm.task(run / "batch-1.sh", 0)
    wait_until((slurm.path / "began").exists, "the first line")
    slurm("yoke", "cancel", "4711", "0")
    task.wait(timeout=20)
    assert (slurm.path / "ran").read_text() == "1\n"
    slurm.queue("4711|0|FAILED|NonZeroExitCode|n1")
    assert "CANCELLED      1     0\n" in slurm("yoke", "report", "4711", code=1).stderr


# ---- dsq and dsqa, against files made from the rules of the original

def today():
    return time.strftime("%Y-%m-%d")


def snapshot(slurm, text):
    files = [f for f in slurm.path.glob(".dsq-*") if f.read_bytes().decode() == text]
    assert len(files) == 1
    return files[0]


def test_dsq_writes_the_script(slurm):
    slurm.jobs(["# a comment", "one", "two  ", "", "three\r"], "joblist.txt")
    got = slurm("dsq", "--job-file", "joblist.txt", "--mem-per-cpu", "4g", "-t", "10:00", "--mail-type=ALL")
    file = f"dsq-joblist-{today()}.sh"
    assert got.stdout == f"Batch script generated. To submit your jobs, run:\n sbatch {file}\n" and got.stderr == ""
    copy = snapshot(slurm, (slurm.path / "joblist.txt").read_bytes().decode())
    assert (slurm.path / file).read_text() == f"""#!/bin/bash
#SBATCH --output dsq-joblist-%A_%1a-%N.out
#SBATCH --array 1-2,4
#SBATCH --job-name dsq-joblist
#SBATCH --mem-per-cpu "4g" -t "10:00" --mail-type "ALL"

# DO NOT EDIT LINE BELOW
{slurm.bin}/dSQBatch.py --job-file {copy} --status-dir {slurm.path}

"""
    assert slurm.calls("sbatch") == []


@pytest.mark.parametrize("words,lines", [
    (["--jobfile", "j.txt", "--batch-file", "x.sh"], {"array": "0-11", "output": "dsq-j-%A_%2a-%N.out", "job-name": "dsq-j"}),
    (["--taskfile=j.txt", "-J", "n", "--max-jobs", "3", "--batch-file=x.sh"], {"array": "0-11%3", "job-name": "n"}),
    (["--job-fi", "j.txt", "-oo-%a", "--array", "1-4", "--batch-f", "x.sh"], {"array": "1-4", "output": "o-%a"}),
    (["--job-file", "j.txt", "-a1,3", "--max=2", "--batch-file", "x.sh"], {"array": "1,3%2", "output": "dsq-j-%A_%2a-%N.out"}),
])
def test_dsqs_options(slurm, words, lines):
    slurm.jobs(["true"] * 12, "j.txt")
    slurm("dSQ", *words)
    script = (slurm.path / "x.sh").read_text()
    for name, value in lines.items():
        assert f"#SBATCH --{name} {value}\n" in script


def test_dsq_prints_the_script(slurm):
    slurm.jobs(["true"], "j.txt")
    got = slurm("dsq", "--job-file", "j.txt", "--stdout", "--suppress-stats-file", "--export=A=1,B=2", "--batch=haswell")
    assert got.stdout.startswith("#!/bin/bash\n#SBATCH --output dsq-j-%A_%1a-%N.out\n#SBATCH --array 0\n#SBATCH --job-name dsq-j\n"
                                 '#SBATCH --export "A=1,B=2" --batch "haswell"\n')
    assert got.stdout.endswith(" --suppress-stats-file\n\n")
    assert list(slurm.path.glob("*.sh")) == []


def test_dsq_submits(slurm):
    slurm.jobs(["true"], "my jobs.txt")
    slurm.says("sbatch", "Submitted batch job 77\n", None, 3)
    got = slurm("dsq", "--job-file", "my jobs.txt", "--sub", "--comment=x y", code=3)
    first, command, last = got.stdout.splitlines()
    assert (first, last) == ("submitting:", "Submitted batch job 77")
    copy = snapshot(slurm, "true\n")
    words = shlex.split(command)
    assert words == ["sbatch", "--output=dsq-my jobs-%A_%1a-%N.out", "--array=0", "--job-name=dsq-my jobs", "--comment=x y",
                     f"--wrap=exec {slurm.bin}/dSQBatch.py --job-file '{copy}' --status-dir {slurm.path}"]
    assert slurm.calls("sbatch") == [" ".join(["sbatch", *(f"<{w}>" for w in words[1:])])]


@pytest.mark.parametrize("words,code,text", [
    ([], 2, "required: --job-file"),
    (["--job-file"], 2, "expected one argument"),
    (["--job-file", "none.txt"], 1, "none.txt"),
    (["--job-file", "empty.txt"], 1, "No jobs found"),
    (["--job-file", "j.txt", "--status-dir", "nowhere"], 1, "nowhere"),
    (["--job-file", "j.txt", "--batch-file", "nowhere/x.sh"], 1, "nowhere/x.sh"),
    (["--job", "j.txt"], 2, "could be several"),
    (["--job-file", "j.txt", "--max-jobs", "many"], 2, "many"),
])
def test_dsq_says_what_is_wrong(slurm, words, code, text):
    slurm.jobs(["true"], "j.txt")
    slurm.jobs(["# nothing"], "empty.txt")
    got = slurm("dsq", *words, code=code)
    assert text in got.stderr and got.stdout == ""


def test_versions_and_help_need_no_slurm(slurm):
    for name in ("dsq", "dsqa", "dSQBatch.py"):
        for option in ("--version", "--help"):
            got = subprocess.run([slurm.bin / name, option], env={"PATH": "/nowhere"}, text=True, capture_output=True)
            assert got.returncode == 0 and (got.stdout.startswith(f"{name} 1.05") if option == "--version" else name in got.stdout)


def rows(slurm, job):
    return [line.split("\t", 6) for line in (slurm.path / f"job_{job}_status.tsv").read_text().splitlines()]


def test_dsq_batch_writes_a_row_for_each_job_that_ends(slurm):
    slurm.jobs(["  echo hello | cat ", "exit 4", "kill -9 $$", "# x", "false; true\tx", "  # a comment, but a job"], "j.txt")
    slurm("dsq", "--job-file", "j.txt", "--batch-file", "x.sh")
    assert slurm.run_tasks(slurm.path / "x.sh", job=9) == [0, 4, 247, 0, 0]
    got = rows(slurm, 9)
    assert [r[:2] + r[6:] for r in got] == [["0", "0", "echo hello | cat"], ["1", "4", "exit 4"], ["2", "-9", "kill -9 $$"],
                                            ["4", "0", "false; true\tx"], ["5", "0", "# a comment, but a job"]]
    for r in got:
        assert r[2] == os.uname().nodename and re.fullmatch(r"\d+\.\d\d", r[5])
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", t) for t in r[3:5])
    assert (slurm.path / "slurm-9_0.out").read_text() == "hello\n"


def test_dsq_batch_takes_signals_to_the_whole_job(slurm):
    slurm.jobs(["sh -c 'trap \"echo got >>got; exit\" TERM; echo up >up; while :; do sleep 0.1; done' & wait"], "j.txt")
    slurm("dsq", "--job-file", "j.txt", "--batch-file", "x.sh")
    words = (slurm.path / "x.sh").read_text().splitlines()[-2]
    task = subprocess.Popen(shlex.split(words), cwd=slurm.path, env={**slurm.env, "SLURM_ARRAY_JOB_ID": "9", "SLURM_ARRAY_TASK_ID": "0"})
    wait_until((slurm.path / "up").exists, "the job")
    task.terminate()
    assert task.wait(timeout=20) != 0
    wait_until((slurm.path / "got").exists, "the signal")
    assert not (slurm.path / "job_9_status.tsv").exists()  # a job that the cluster ended leaves no row


def test_dsq_batch_says_that_a_line_is_missing(slurm):
    slurm.jobs(["true"], "j.txt")
    env = {"SLURM_ARRAY_JOB_ID": "9", "SLURM_ARRAY_TASK_ID": "5"}
    got = slurm("dSQBatch.py", "--job-file", "j.txt", env=env, code=1)
    assert "no job at line 5" in got.stderr
    assert rows(slurm, 9)[0][:2] == ["5", "1"]


def test_dsq_takes_more_lines_than_an_array(slurm):
    slurm.jobs(["# head", *[f"echo {i}; exit {i % 100 == 7}".replace("True", "1").replace("False", "0") for i in range(2500)]], "j.txt")
    slurm("dsq", "--job-file", "j.txt", "--batch-file", "x.sh")
    script = (slurm.path / "x.sh").read_text()
    assert "#SBATCH --array 0-833\n" in script and " --pack 3\n" in script
    assert [slurm.task(slurm.path / "x.sh", t, job=9).wait() for t in (0, 2, 833)] == [0, 1, 0]
    assert [r[0] for r in rows(slurm, 9)] == ["1", "2", "3", "7", "8", "9", "2500"]
    slurm.says("sacct", "9_0|COMPLETED\n9_1|CANCELLED by 0\n9_2|FAILED\n9_833|COMPLETED\n9_[3-832]|PENDING\n")
    got = slurm("dsqa", "-j", "9", "-f", "j.txt", "-s", "FAILED,CANCELLED")
    assert got.stdout == "echo 3; exit 0\necho 4; exit 0\necho 5; exit 0\necho 7; exit 1\n"
    assert "CANCELLED by 0      3     4-6\n" in got.stderr and "FAILED              1     8\n" in got.stderr


def test_dsqa(slurm):
    slurm.jobs(["# head", "job one", "job two  ", "  job three", "job four", "", "job six"], "j.txt")
    slurm.says("sacct", "77_1|COMPLETED\n77_2|CANCELLED by 1124\n77_3|NODE_FAIL\n77_4|FAILED\n77_6|COMPLETED\n")
    got = slurm("dsqa", "-j", "77", "-f", "j.txt")
    assert got.stderr == """State Summary for Array 77
State               Num_Jobs Indices
-----               -------- -------
COMPLETED              2     1,6
CANCELLED by 1124      1     2
NODE_FAIL              1     3
FAILED                 1     4
"""
    assert got.stdout == "job two\n  job three\n"
    assert slurm("dSQAutopsy", "--job-id=77", "--job-file", "j.txt", "--states", "FAILED,COMPLETED").stdout == "job one\njob four\njob six\n"
    assert slurm("dsqa", "--job-id", "77").stdout == ""


@pytest.mark.parametrize("form,indices", [
    ("77_[0-10:2%4]", "0,2,4,6,8,10"), ("77_[1-3,5-6]", "1-3,5-6"), ("77_[0-4,9,1...", "0-4,9..."), ("77_7", "7"), ("77_[4%1]", "4"),
])
def test_dsqa_reads_every_form_of_index(slurm, form, indices):
    slurm.says("sacct", f"{form}|PENDING\n")
    assert slurm("dsqa", "-j", "77").stderr.splitlines()[-1].split()[-1] == indices


def test_dsqa_without_accounting(slurm):
    slurm.jobs([f"job {i}" for i in range(6)], "j.txt")
    slurm.says("sacct", "", "Slurm accounting storage is disabled\n", 1)
    slurm.queue("77|4-5%2|PENDING|Resources|", "77|3|CANCELLED|None|n1")
    (slurm.path / "job_77_status.tsv").write_text(
        "0\t1\tn1\tx\tx\t0.01\tjob 0\n1\t0\tn1\tx\tx\t0.01\tjob 1\n0\t0\tn1\tx\tx\t0.01\tjob 0\n2\t-9\tn1\tx\tx\t0.01\tjob 2\n")
    got = slurm("dsqa", "-j", "77", "-f", "j.txt")
    assert {tuple(line.split()) for line in got.stderr.splitlines()[3:]} == {
        ("PENDING", "2", "4-5"), ("COMPLETED", "2", "0-1"), ("FAILED", "1", "2"), ("CANCELLED", "1", "3")}
    assert got.stdout == "job 3\n"
    assert slurm("yoke", "report", "77", "-f", "j.txt", "--states=FAILED").stdout == "job 2\n"


def test_dsqa_says_what_is_wrong(slurm):
    got = slurm("dsqa", "-j", "77", "-s", "FAILED,LOST", code=1)
    assert got.stderr.startswith("Unknown state: LOST.\nChoose from BOOT_FAIL, CANCELLED, COMPLETED, ")
    assert "required" in slurm("dsqa", code=2).stderr
    assert "no job id" in slurm("dsqa", "-j", "7x", code=2).stderr
    assert "no array job 77" in slurm("dsqa", "-j", "77", code=1).stderr
    assert "j.txt" in slurm("dsqa", "-j", "77", "-f", "j.txt", code=1).stderr
