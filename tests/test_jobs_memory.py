"""--memory in control groups of version 2, on a kernel of its own: User Mode Linux (Debian's user-mode-linux), with this machine's files.

Version 1, or watching, whichever this machine has, is in test_jobs_run.py.
"""

import json
import shutil
import subprocess

import pytest

BOOT_S = 60
SCRIPT = """#!/bin/bash
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t cgroup2 none /sys/fs/cgroup 
cd {folder}
top=/sys/fs/cgroup
go() {{ # NAME GROUP: yoke in that group
    {yoke} run jobs -j2 --memory 40M --run $1 --progress none >$1.out 2>&1
    {yoke} report $1 --format jsonl >$1.jsonl
}}
go root
echo +memory >$top/cgroup.subtree_control
mkdir -p $top/alone $top/shared
bash -c 'echo $$ >'$top/alone/cgroup.procs'; exec {yoke} run jobs -j2 --memory 40M --run alone --progress none' >alone.out 2>&1
{yoke} report alone --format jsonl >alone.jsonl
bash -c 'echo $$ >'$top/shared/cgroup.procs'; {yoke} run jobs -j2 --memory 40M --run shared --progress none; true' >shared.out 2>&1
{yoke} report shared --format jsonl >shared.jsonl
find $top -name 'yoke*' >left
touch finished
poweroff -f
"""
EAT = "python3 -c 'x=bytearray(80<<20); print(len(x))'"


@pytest.fixture(scope="module")
def booted(yoke_path, tmp_path_factory, plain_build):
    linux = shutil.which("linux.uml")
    if not linux:
        pytest.skip("User Mode Linux (linux.uml) is not installed")
    folder = tmp_path_factory.mktemp("uml")
    # Within a group all of a job dies together; where sizes are watched, the job alone is ended.
    (folder / "jobs").write_text(f"{EAT}\necho small; cat /proc/self/cgroup\nsh -c \"{EAT}; true\"; sleep 1\n")
    script = folder / "init"
    script.write_text(SCRIPT.format(folder=folder, yoke=yoke_path))
    script.chmod(0o755)
    words = [linux, "mem=256M", "root=/dev/root", "rootfstype=hostfs", "hostfs=/", "rw", f"init={script}", "quiet", "con=null", "con0=null,fd:1"]
    try:
        out = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=BOOT_S).stdout
    except subprocess.TimeoutExpired:
        pytest.skip(f"User Mode Linux does not come up within {BOOT_S} s")
    if not (folder / "finished").exists():
        pytest.skip(f"User Mode Linux does not run here: {out[-300:]}")
    return folder


def causes(folder, run):
    return {r["line"]: r["cause"] for r in map(json.loads, (folder / f"{run}.jsonl").read_text().splitlines())}


@pytest.mark.parametrize("run", ["root", "alone", "shared"])
def test_no_job_takes_more(booted, run):
    assert causes(booted, run) == {0: "out of memory", 1: "ok", 2: "out of memory"}, (booted / f"{run}.out").read_text()


@pytest.mark.parametrize("run, group", [("root", "0::/yoke-"), ("alone", "0::/alone/yoke-"), ("shared", "0::/shared\n")])
def test_which_group_a_job_is_in(booted, run, group):
    """Groups are made at the root, and by a yoke that is alone in its group; beside other processes sizes are watched."""
    assert group in (booted / f"{run}.out").read_text()


def test_no_group_is_left(booted):
    assert (booted / "left").read_text() == ""
