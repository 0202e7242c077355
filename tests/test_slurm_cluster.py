"""Job files through a real Slurm of three nodes on this machine (tests/cluster/slurm-cluster). Skipped where its packages, or
the right to start it, lack. MaxArraySize is small here so that packing past it needs few tasks."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

pytestmark = pytest.mark.skipif(os.environ.get("YOKE_CLUSTER_TESTS") == "0", reason="YOKE_CLUSTER_TESTS=0")


class Cluster:
    def __init__(self, root, base, yoke, *words):
        self.script, self.base, self.yoke = root / "tests" / "cluster" / "slurm-cluster", base, yoke
        self.home = pathlib.Path(f"/tmp/yoke-cluster-{os.getpid()}-{base.name[:8]}")  # a short path: sockets
        self.env = {**os.environ, "YOKE_CLUSTER": str(self.home), "XDG_STATE_HOME": str(base / "state"), "LC_ALL": "C.UTF-8"}
        up = self.call("up", *words, check=False)
        if up.returncode == 77:
            pytest.skip(up.stderr.strip())
        assert up.returncode == 0, up.stderr

    def call(self, *words, cwd=None, check=True, timeout=120):
        got = subprocess.run([str(self.script), *map(str, words)], cwd=cwd, env=self.env, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
                             capture_output=True)
        assert not check or got.returncode == 0, got.stdout + got.stderr
        return got

    def folder(self, name):
        path = self.base / name
        path.mkdir()
        return path

    def __call__(self, *words, cwd, check=True):
        return self.call("exec", *words, cwd=cwd, check=check)

    def submit(self, cwd, lines, *words):
        (cwd / "jobs.txt").write_text("".join(f"{line}\n" for line in lines))
        job = self("env", f"PATH={os.environ['PATH']}", self.yoke, "submit", "jobs.txt", *words, cwd=cwd).stdout.strip()
        return job, sorted(cwd.glob("yoke-*"))[-1]

    def report(self, run, *words):
        (run / "asked").unlink(missing_ok=True)  # tests do not wait half a minute to ask again
        got = self(self.yoke, "report", run, *words, cwd=run, check=False)
        table = dict(re.findall(r"^([A-Z_]+(?: by \d+)?) +\d+ +([-\d,]+)$", got.stderr, re.M))
        return {state.split(" ")[0]: lines for state, lines in table.items()}, got

    def wait(self, run, seconds=40, until=lambda t: not {"PENDING", "RUNNING"} & set(t)):
        deadline = time.monotonic() + seconds
        while True:
            table, got = self.report(run)
            if table and until(table):
                return table, got
            assert time.monotonic() < deadline, got.stderr + self("squeue", cwd=run).stdout
            time.sleep(0.2)


@pytest.fixture(scope="module")
def cluster(root, yoke_path, tmp_path_factory):
    c = Cluster(root, tmp_path_factory.mktemp("cluster"), yoke_path, "--conf", "MaxArraySize=21")
    yield c
    c.call("down")


@pytest.fixture(scope="module")
def out_of_time(cluster):
    """A run whose --time runs out while the other tests work: Slurm looks every 30 s."""
    at = cluster.folder("time")
    job, run = cluster.submit(at, ["echo 0 >>ran", "sleep 300", "echo 2 >>ran"], "--pack", "3", "--time=1", "--mem=10")
    cluster.wait(run, until=lambda t: "RUNNING" in t)
    cluster("scontrol", "update", f"JobId={job}_0", "EndTime=now+2", cwd=at)
    return job, run


def causes(cluster, run):
    """What every attempt at every line came to: {line: ["preempted", "ok"], …}."""
    rows = map(json.loads, cluster(cluster.yoke, "report", run, "--format", "jsonl", cwd=run).stdout.splitlines())
    by_line = {}
    for r in sorted(rows, key=lambda r: r["attempt"]):
        by_line.setdefault(r["line"], []).append(r["cause"])
    return by_line


def ran(at):
    return sorted(map(int, (at / "ran").read_text().split())) if (at / "ran").exists() else []


def test_lines_run_and_are_reported(cluster, out_of_time):
    at = cluster.folder("plain")
    job, run = cluster.submit(at, [f"echo {i} >>ran; hostname; exit $(({i} == 7))" for i in range(20)], "--mem=10", "--comment", 'a "b" $c')
    table, got = cluster.wait(run)
    assert table == {"COMPLETED": "0-6,8-19", "FAILED": "7"} and "exit 1           1 line, first 7" in got.stderr
    assert ran(at) == list(range(20))
    hosts = {cluster(cluster.yoke, "report", job, "--output", i, cwd=at).stdout for i in range(20)}
    assert len(hosts) > 1 or "yk1\n" not in hosts  # without namespaces all nodes have the machine's name
    assert cluster.report(run, "--states", "FAILED")[1].stdout == "echo 7 >>ran; hostname; exit $((7 == 7))\n"
    assert list(run.glob("slurm-*.out")) == []


def test_packing_past_the_limit(cluster):
    at = cluster.folder("packed")
    got = subprocess.run([cluster.script, "exec", "sbatch", "--array=0-21", "--wrap=true"], env=cluster.env, text=True, capture_output=True, cwd=at)
    assert "Invalid job array specification" in got.stderr  # the limit is there
    job, run = cluster.submit(at, [f"echo {i} >>ran" for i in range(1000)], "--mem=10")
    assert cluster.wait(run)[0] == {"COMPLETED": "0-999"}
    assert ran(at) == list(range(1000))
    assert len(list((run / "journal").iterdir())) <= 2 * 6  # one journal and store for each processor, whatever the lines


def test_a_node_that_dies(cluster):
    at = cluster.folder("crash")
    job, run = cluster.submit(at, [f"sleep 0.4; echo {i} >>ran" for i in range(60)], "--pack", "10", "--mem=10")
    cluster.wait(run, until=lambda t: len(ran(at)) >= 9)
    lost = cluster("squeue", "-h", "-j", job, "-w", "yk2", "-t", "R", "-o", "%K", cwd=at).stdout.split()
    assert lost
    cluster.call("crash", "yk2")
    cluster("scontrol", "update", "nodename=yk2", "state=down", "reason=test", cwd=at)
    table, got = cluster.report(run)
    before = [i for part in table["COMPLETED"].split(",") for i in range(int(part.split("-")[0]), int(part.split("-")[-1]) + 1)]
    assert "PENDING" in table and "FAILED" not in table and "NODE_FAIL" not in table
    cluster.call("boot", "yk2")
    table, got = cluster.wait(run)
    assert table == {"COMPLETED": "0-59"} and got.stdout == ""
    assert sorted(set(ran(at))) == list(range(60))
    ends = causes(cluster, run)
    assert all(x in (["ok"], ["node lost", "ok"]) for x in ends.values()) and ["node lost", "ok"] in ends.values()
    assert all(ran(at).count(i) == 1 for i in before)  # nothing that was known to have ended ran twice


def test_requeue(cluster):
    at = cluster.folder("requeue")
    job, run = cluster.submit(at, ["echo 0 >>ran", "echo 1 >>ran; exit 1", "echo x >>began; sleep $((2 - 2 * $(wc -l <began) / 2)); echo 2 >>ran",
                                   "echo 3 >>ran"], "--pack", "4", "--mem=10")
    cluster.wait(run, until=lambda t: (at / "began").exists())
    time.sleep(0.3)
    cluster("scontrol", "requeue", f"{job}_0", cwd=at)
    table, got = cluster.wait(run, until=lambda t: "PENDING" in t)
    assert table["COMPLETED"] == "0" and table["FAILED"] == "1"
    table, got = cluster.wait(run)
    assert table == {"COMPLETED": "0,2-3", "FAILED": "1"}
    assert ran(at) == [0, 1, 2, 3] and (at / "began").read_text() == "x\nx\n"
    assert causes(cluster, run) == {0: ["ok"], 1: ["exit 1"], 2: ["preempted", "ok"], 3: ["ok"]}


def test_preemption(root, yoke_path, tmp_path):
    """Work of more weight takes a node: its lines run again, are no failures, and what has ended does not run twice."""
    c = Cluster(root, tmp_path, yoke_path, "--conf", "PreemptType=preempt/partition_prio", "--conf", "PreemptMode=REQUEUE")
    try:
        at = c.folder("preempt")
        c("scontrol", "create", "partition=high", "nodes=ALL", "PriorityTier=100", "State=UP", cwd=at)
        job, run = c.submit(at, [f"sleep {i % 3}; echo {i} >>ran" for i in range(18)], "--pack", "3", "--mem=10")
        c.wait(run, until=lambda t: len(ran(at)) >= 6)
        c("sbatch", "-p", "high", "--exclusive", "-w", "yk1", "-o", "/dev/null", "--wrap", "sleep 1", cwd=at)
        c.wait(run, until=lambda t: "PENDING" in t and "RUNNING" not in t or len(ran(at)) == 18)
        table, got = c.wait(run)
        assert table == {"COMPLETED": "0-17"} and ran(at) == list(range(18)), got.stderr
        ends = causes(c, run)
        assert all(x[-1] == "ok" and set(x[:-1]) <= {"preempted"} for x in ends.values()) and any(len(x) > 1 for x in ends.values())
    finally:
        c.call("down")


def test_cancelling_lines_and_all(cluster):
    at = cluster.folder("cancel")
    job, run = cluster.submit(at, [f"echo {i} >>began; sleep 60" for i in range(20)], "--mem=10")
    cluster.wait(run, until=lambda t: (at / "began").exists() and "RUNNING" in t)
    cluster(cluster.yoke, "cancel", job, "0,15-19", cwd=at)
    table, _ = cluster.wait(run, until=lambda t: t.get("CANCELLED") == "0,15-19")
    assert cluster("squeue", "-h", "-r", "-j", job, "-t", "PD,R", "-o", "%K", cwd=at).stdout.split() != []
    cluster(cluster.yoke, "cancel", run, cwd=at)
    table, got = cluster.wait(run)
    assert table == {"CANCELLED": "0-19"} and len(got.stdout.splitlines()) == 20


def test_wrong_options_get_slurms_sentence(cluster):
    at = cluster.folder("wrong")
    (at / "jobs.txt").write_text("true\n")
    for words, text in ((["-p", "nope"], "Invalid partition name specified; `sinfo -s`"), (["--nosuch"], "unrecognized option '--nosuch'"),
                        (["--mem=999999"], "ask for less"), (["-t", "soon"], "MINUTES")):
        got = cluster(cluster.yoke, "submit", "jobs.txt", *words, cwd=at, check=False)
        assert got.returncode == 1 and text in got.stderr and got.stdout == ""


def test_a_missing_output_folder_is_named(cluster):
    at = cluster.folder("output")
    job, run = cluster.submit(at, ["true"], "-o", "nowhere/x.out", "--mem=10")
    table, got = cluster.wait(run, until=lambda t: not {"PENDING", "RUNNING"} & set(t) or "held" in cluster.report(run)[1].stderr)
    assert "COMPLETED" not in table


def test_photographs(cluster, shared, yoke_path):
    at = cluster.folder("photos")
    if subprocess.run([yoke_path, "help", "image"], capture_output=True).returncode:
        pytest.skip("this build has no yoke image")
    photos = sorted((shared / "images" / "tutorial").glob("*.jpg"))
    assert len(photos) == 10
    _, run = cluster.submit(at, [f"{yoke_path} image {p} --rotate 180 --to pdf -o turned --suffix _flipped" for p in photos], "--mem=100")
    assert cluster.wait(run)[0] == {"COMPLETED": "0-9"}
    assert sorted(p.name for p in (at / "turned").iterdir()) == [f"{p.stem}_flipped.pdf" for p in photos]


def test_dsq_on_the_cluster(cluster, yoke_path):
    at, bin_dir = cluster.folder("dsq"), cluster.folder("bin")
    for name in ("dsq", "dSQBatch.py", "dsqa"):
        (bin_dir / name).symlink_to(yoke_path)
    (at / "my jobs.txt").write_text("# head\necho a\nexit 3\nkill -9 $$\n")
    cluster(bin_dir / "dsq", "--job-file", "my jobs.txt", "--mem", "10", "--export=ALL,A=1", cwd=at)
    script = next(at.glob("*.sh"))
    job = cluster("sbatch", "--parsable", script, cwd=at).stdout.strip()
    tsv = at / f"job_{job}_status.tsv"
    deadline = time.monotonic() + 20
    while not tsv.exists() or len(tsv.read_text().splitlines()) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert sorted(r.split("\t")[:2] for r in tsv.read_text().splitlines()) == [["1", "0"], ["2", "3"], ["3", "-9"]]
    time.sleep(1)
    got = cluster(bin_dir / "dsqa", "-j", job, "-f", "my jobs.txt", "-s", "FAILED", cwd=at)
    assert got.stdout == "exit 3\nkill -9 $$\n" and "COMPLETED      1     1\n" in got.stderr


def test_the_time_limit_leaves_a_run_to_go_on_with(cluster, out_of_time):
    job, run = out_of_time
    table, got = cluster.wait(run, seconds=90)
    assert table == {"COMPLETED": "0", "TIMEOUT": "1-2"}
    (run.parent / "jobs.txt").write_text("echo changed >>ran\n")  # what was submitted counts
    again = cluster(cluster.yoke, "submit", "--resume", run, "--array=9", cwd=run.parent, check=False)
    assert again.returncode == 2
    job = cluster(cluster.yoke, "submit", "--resume", run, "--pack", "1", cwd=run.parent).stdout.strip()
    table, _ = cluster.wait(run, until=lambda t: t.get("COMPLETED") == "0,2")
    assert table["RUNNING"] == "1" and ran(run.parent) == [0, 2]
    cluster(cluster.yoke, "cancel", job, cwd=run.parent)
    assert cluster.wait(run)[0] == {"COMPLETED": "0,2", "CANCELLED": "1"}


def test_accounting(root, yoke_path, tmp_path):
    if not shutil.which("mariadbd"):
        pytest.skip("mariadbd is missing: apt-get install slurmdbd slurm-wlm-mysql-plugin mariadb-server-core mariadb-client-core")
    c = Cluster(root, tmp_path, yoke_path, "--accounting", "--conf", "MinJobAge=2")
    try:
        at = c.folder("at")
        job, run = c.submit(at, ["echo 0 >>ran", "sleep 60", "exit 2"], "--mem=10")
        c.wait(run, until=lambda t: t.get("RUNNING") == "1" and len(t) == 3)
        c("scancel", f"{job}_1", cwd=at)
        deadline = time.monotonic() + 40
        while c("squeue", "-h", "-t", "all", "-j", job, cwd=at, check=False).returncode == 0:  # until only accounting knows
            assert time.monotonic() < deadline
            time.sleep(0.5)
        table, got = c.wait(run, until=lambda t: "CANCELLED" in t)
        assert table == {"COMPLETED": "0", "FAILED": "2", "CANCELLED": "1"} and got.stdout == "sleep 60\n"
        assert "CANCELLED by 0" in got.stderr or os.getuid() != 0
    finally:
        c.call("down")
