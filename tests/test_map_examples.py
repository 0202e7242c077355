# SPDX-License-Identifier: BSD-3-Clause
"""The example programs say the same on every executor, and it is what it should be."""
import math
import os
import pathlib
import re
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
    assert run("workers", on) == ("12, attempt 1: 2 2 3\n97, attempt 2: 97\n65536, attempt 1:" + " 2" * 16 + "\n"
                                  "99999, attempt 2: 3 3 41 271\n0, attempt 2: failed: 0 is not from 1 to 100000\n")
    roots = [0]  # of 987654321, digit by digit from the last
    for k in range(1, 10):
        roots = [r + d * 10 ** (k - 1) for r in roots for d in range(10) if (r + d * 10 ** (k - 1)) ** 2 % 10**k == 987654321 % 10**k]
    assert run("cancel", on) == f"{min(roots)} squared is {min(roots) ** 2}\n"
    is_prime = bytearray(b"\1") * 300000
    for p in range(2, 548):
        is_prime[p * p::p] = bytes(len(range(p * p, 300000, p)))
    assert run("poll", on) == "".join(f"{sum(is_prime[2:n])} primes below {n}\n" for n in (300000, 1000, 200000, 10, 100000, 30000))
    assert run("starmap", on) == "".join(f"{n:4} points, {k} periods: zero\n" for n, k in
                                         [(n, k) for n in (10, 100, 1000) for k in (1, 7)] + [(10, 5), (100, 2), (1000, 4)])
    words = "hannah saw otto level a rotor on the deck at noon while bob did refer to a kayak".split()
    assert run("unordered", on) == f"{sum(w == w[::-1] for w in words)} of {len(words)} words read the same backwards\n"
    where = 0.5
    for _ in range(100):
        where = math.cos(where)
    assert run("rounds", on) == f"{where:.10f} after 10 rounds\n"
    perfect = [n for n in range(2, 2000) if sum(d for d in range(1, n) if n % d == 0) == n]
    assert run("limits", on) == ("".join(f"{sum(p < n for p in perfect)} below {n}\n" for n in (10, 100, 1000, 2000)) +
                                 "task 2 timed out, attempt 2\n")
    total = sum(i * i for i in range(1000))
    for language in ("cpp", "f90"):
        assert run(f"squares-{language}", on) == f"{total}\n"


def test_each_is_listed(root):
    """Under its own name in examples/README.md."""
    listed = (root / "examples/README.md").read_text()
    programs = sorted(p.name for p in (root / "examples").iterdir() if p.suffix in (".c", ".cpp", ".f90"))
    assert sorted(re.findall(r"\| \[(\S+)\]\(\1\) \|", listed)) == programs


def test_same_bits_everywhere():
    for name in ("map", "reduce"):
        assert len({run(name, on) for on in EVERYWHERE}) == 1
    assert abs(float(run("reduce", "serial")) - math.pi) < 1e-6
    lines = run("map", "serial").splitlines()
    assert lines[6] == "-1 steps: a walk cannot have -1 steps"
    assert lines[8] == "1 of 8 tasks failed; the first: task 6 of map: a walk cannot have -1 steps"
