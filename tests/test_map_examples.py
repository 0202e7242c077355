# SPDX-License-Identifier: BSD-3-Clause
"""The example programs say the same on every executor, and it is what it should be."""
import math
import os
import pathlib
import subprocess

import pytest

EVERYWHERE = ["serial", "threads:1", "threads:3", "processes:2"]


def run(name, on):
    yoke = pathlib.Path(os.environ.get("YOKE", "build/src/yoke")).resolve()
    program = yoke.parent.parent / "examples" / f"example-{name}"
    if not program.exists():
        pytest.skip(f"{program.name} was not built")
    done = subprocess.run([program], env={**os.environ, "YOKE_ON": on}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("on", EVERYWHERE)
def test_answers(on):
    assert run("graph", on) == f"30 over 15 is {math.comb(30, 15)}\n"
    assert run("for", on) == "1 1000000 999998000001\n"
    assert [line.split()[1] for line in run("imap", on).splitlines()] == ["2^13", "2^17", "2^19", "2^31"]
    assert run("submit", on) == "27: 111 steps\n97: 118 steps\n0: 0 never reaches 1\n871: 178 steps\n"
    assert run("starmap", on).count(": zero\n") == 6
    total = sum(i * i for i in range(1000))
    for language in ("cpp", "f90"):
        assert run(f"squares-{language}", on) == f"{total}\n"


def test_same_bits_everywhere():
    for name in ("map", "reduce"):
        assert len({run(name, on) for on in EVERYWHERE}) == 1
    assert abs(float(run("reduce", "serial")) - math.pi) < 1e-6
    lines = run("map", "serial").splitlines()
    assert lines[6] == "-1 steps: a walk cannot have -1 steps"
    assert lines[8] == "1 of 8 tasks failed; the first: task 6 of map: a walk cannot have -1 steps"
