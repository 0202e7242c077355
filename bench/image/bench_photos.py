#!/usr/bin/env python3
"""The ten photographs turned by 180 degrees into PDFs: yoke beside Pillow, alone and with joblib.

    bench/image/bench_photos.py [--photos DIR] [--yoke build/src/yoke] [--runs 15]

Each call is timed whole (start to finish), and Pillow's work also without the start of Python, as in a notebook where the
workers are up already. Best of several runs, taken in turns; the ratio is to yoke's best.
"""

import argparse
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]

SCRIPT = """
import sys, pathlib
from PIL import Image
def flip(path, out):
    with Image.open(path) as im:
        im.rotate(180).save(pathlib.Path(out) / (pathlib.Path(path).stem + "_flipped.pdf"))
if __name__ == "__main__":
    jobs, out, files = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if jobs == 1:
        for f in files: flip(f, out)
    else:
        from joblib import Parallel, delayed
        Parallel(n_jobs=jobs)(delayed(flip)(f, out) for f in files)
"""


def wall(call):
    t = time.perf_counter()
    call()
    return time.perf_counter() - t


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--photos", type=pathlib.Path)
    p.add_argument("--yoke", type=pathlib.Path, default=ROOT / "build/src/yoke")
    p.add_argument("--runs", type=int, default=15)
    a = p.parse_args()
    shared = pathlib.Path(os.environ.get("YOKE_SHARED", ROOT.parent / "shared")) / "data/images/tutorial"
    photos = a.photos or (shared if shared.is_dir() else ROOT / "data/photos")
    files = sorted(map(str, photos.glob("*.jpg")))[:10]
    cores = len(os.sched_getaffinity(0))
    import joblib
    import PIL
    print(f"{len(files)} photographs from {photos}, {sum(map(os.path.getsize, files)) / 1e6:.2f} MB; {cores} cores; "
          f"Python {platform.python_version()}, Pillow {PIL.__version__}, joblib {joblib.__version__}")

    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryDirectory() as code:
        (pathlib.Path(code) / "flip.py").write_text(SCRIPT)
        sys.path.insert(0, code)
        import flip as mod
        flip = mod.flip

        def yoke(*more):
            subprocess.run([a.yoke, "image", *files, "--rotate", "180", "--to", "pdf", "-o", out, "--suffix", "_flipped", "--force",
                            *more], check=True, stdout=subprocess.DEVNULL)

        def python(jobs):
            subprocess.run([sys.executable, code + "/flip.py", str(jobs), out, *files], check=True)

        pool = joblib.Parallel(n_jobs=cores)

        def warm():
            pool(joblib.delayed(flip)(f, out) for f in files)

        calls = {
            "yoke image (all cores)": yoke,
            "yoke image --on serial": lambda: yoke("--on", "serial"),
            "Pillow in warm joblib workers": warm,
            "Pillow in one warm process": lambda: [flip(f, out) for f in files],
            "python flip.py, joblib": lambda: python(cores),
            "python flip.py, serial": lambda: python(1),
        }
        best = dict.fromkeys(calls, float("inf"))
        for _ in range(a.runs):
            for name, call in calls.items():
                best[name] = min(best[name], wall(call))
    floor = best["yoke image (all cores)"]
    for name, t in best.items():
        print(f"{name:32} {t * 1e3:9.2f} ms {t / floor:8.1f} x")
    for name in ("Pillow in warm joblib workers", "python flip.py, joblib"):
        print(f"yoke is {best[name] / floor:.0f} times as fast as {name!r}")


if __name__ == "__main__":
    main()
