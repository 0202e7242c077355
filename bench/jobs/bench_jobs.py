"""How many commands a second: yoke run, journal on, beside a bare posix_spawn loop, xargs, make -j and GNU parallel; and what a
list of a million lines costs. Best of several rounds, all in turns, so that a busy machine is unfair to nobody.

    python bench/jobs/bench_jobs.py [yoke] [--jobs 2000] [--rounds 5] [--million]
"""

import argparse
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def seconds(words, **more):
    begun = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **more)
    return time.perf_counter() - begun


def version(*words):
    try:
        return subprocess.run(words, capture_output=True, text=True).stdout.splitlines()[0]
    except (OSError, IndexError):
        return "absent"


def rates(yoke, folder, n, rounds, slots):
    true = shutil.which("true")
    bare = folder / "bare"
    subprocess.run(["cc", "-O2", HERE / "bare.c", "-o", bare], check=True)
    (folder / "jobs").write_text(f"{true}\n" * n)
    (folder / "input").write_text("x\n" * n)
    targets = " ".join(f"t{i}" for i in range(n))
    (folder / "Makefile").write_text(f"all: {targets}\n{targets}:\n\t@{true}\n.PHONY: all {targets}\n")

    def run_yoke():
        shutil.rmtree(folder / "run", ignore_errors=True)
        return seconds([yoke, "run", "jobs", "-j", str(slots), "--run", "run"], cwd=folder)

    ways = {
        "bare posix_spawn loop": (lambda: seconds([bare, str(slots), str(n), true]), n),
        "yoke run, journal on": (run_yoke, n),
        "xargs -P": (lambda: seconds(["xargs", "-P", str(slots), "-n1", true], stdin=open(folder / "input")), n),
        "make -j": (lambda: seconds(["make", "-s", "-j", str(slots)], cwd=folder), n),
    }
    few = max(100, n // 4)
    if shutil.which("parallel"):
        (folder / "few").write_text(f"{true}\n" * few)
        ways["GNU parallel --joblog"] = (lambda: seconds(["parallel", "--will-cite", "-j", str(slots), "--joblog", folder / "log", "-a", folder / "few"]), few)
    best = {name: 0.0 for name in ways}
    for _ in range(rounds):
        for name, (way, count) in ways.items():
            best[name] = max(best[name], count / way())
    return best


def record(payload):
    head = struct.pack("<I", len(payload))
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


def done_journal(path, lines):
    """A journal that says all of these ended well, as journal.h lays it out."""
    text = lambda s: struct.pack("<I", len(s)) + s
    with open(path, "wb") as f:
        f.write(b"yokejnl1")
        f.write(record(b"H" + struct.pack("<BBQQIQQi", 1, 0, 0, 1, 2, len(lines), 1, 1) + text(b"host") + text(b"/") + text(b"") + text(b"")))
        for i, line in enumerate(lines):
            f.write(record(b"S" + struct.pack("<QQIIiQ", i, i + 1, 1, 1, 1, 0) + text(line)))
            f.write(record(b"E" + struct.pack("<QQQQQiiBBQQQ", i, 1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0) + text(b"")))


def first_job(yoke, folder, *options):
    """Seconds until the first job of the list runs, and the peak memory of yoke then, in MiB."""
    mark = folder / "mark"
    mark.unlink(missing_ok=True)
    begun = time.perf_counter()
    p = subprocess.Popen([yoke, "run", "jobs", "-j", "1", "--run", "run", *options], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not mark.exists() and p.poll() is None:
        time.sleep(0.002)
    took = time.perf_counter() - begun
    status = pathlib.Path(f"/proc/{p.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    p.terminate()
    p.wait()
    return took, peak


def million(yoke, folder):
    n = 1_000_000
    lines = [b"touch mark; sleep 100 # line %d" % i for i in range(n)]
    (folder / "jobs").write_bytes(b"\n".join(lines) + b"\n")
    fresh = min(first_job(yoke, folder) for _ in range(3) if not shutil.rmtree(folder / "run", ignore_errors=True))
    shutil.rmtree(folder / "run")
    (folder / "run").mkdir()
    done_journal(folder / "run" / "journal", lines[: n * 9 // 10])
    again = first_job(yoke, folder, "--resume")
    return fresh, again


FLOORS = [("bare posix_spawn loop", 0.95), ("xargs -P", 1.0), ("GNU parallel --joblog", 6.0)]


def say_floor(what, is_held):
    print(f"floor: {what}: {'held' if is_held else 'MISSED'}")
    return is_held


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("yoke", nargs="?", default=ROOT / "build" / "src" / "yoke")
    ask.add_argument("--jobs", type=int, default=2000)
    ask.add_argument("--rounds", type=int, default=5)
    ask.add_argument("--slots", type=int, default=len(os.sched_getaffinity(0)))
    ask.add_argument("--million", action="store_true")
    a = ask.parse_args()
    yoke = pathlib.Path(a.yoke).resolve()
    print(version(yoke, "--version"), version("xargs", "--version"), version("make", "--version"), version("parallel", "--version"), sep="; ")
    print(f"{a.slots} slots, {a.jobs} x true, best of {a.rounds}; load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory(prefix="yoke-bench-") as name:
        folder = pathlib.Path(name)
        best = rates(yoke, folder, a.jobs, a.rounds, a.slots)
        ours = best["yoke run, journal on"]
        print(f"{'':24} jobs/s   us/job   yoke is")
        for name, rate in best.items():
            print(f"{name:24} {rate:6.0f} {1e6 / rate:8.0f} {ours / rate:8.2f} x")
        held = [say_floor(f"{least} x {name}", ours >= least * best[name]) for name, least in FLOORS if name in best]
        if a.million:
            fresh, again = million(yoke, folder)
            print(f"\n1,000,000 lines: the first job runs after {fresh[0]:.2f} s, {fresh[1]:.1f} MiB; resumed when 900,000 are done: "
                  f"{again[0]:.2f} s, {again[1]:.1f} MiB")
            held.append(say_floor("the first job within 1 s, resumed within 2 s", fresh[0] <= 1 and again[0] <= 2))
            held.append(say_floor("150 bytes of memory for each job", max(fresh[1], again[1]) * 2**20 <= 150e6))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
