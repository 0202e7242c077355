"""Every command that the help texts, README and docs show runs as it stands there, in a folder that has the files it names."""

import gzip
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from PIL import Image
from test_slurm_fake import VERSIONS, Slurm

ROOT = pathlib.Path(__file__).resolve().parent.parent
FAIL = ["yoke map solve.c:root 4 2 -1 9 --on-error collect"]  # and mean to: the exit code is 1
VERBS = ["table", "map", "run", "submit", "image", "report", "info"]  # the tutorial's two are the whole of test_tutorial.py


def commands(text):
    """The commands among its indented lines, with their continuations."""
    lines = re.findall(r"^ {4}(?:\$ )?((?!#).*\byoke (?:.*\\\n)*.*)$", text, re.M)
    return [" ".join(line.replace("\\\n", " ").split()) for line in lines]


def test_commands_are_found():
    text = "Words\n    # yoke as in a heading\n    yoke table a \\\n        --count\n\n    $ yoke info\nyoke\n    ls | yoke map f -\n"
    assert commands(text) == ["yoke table a --count", "yoke info", "ls | yoke map f -"]


def files(path):
    """What the examples are about."""
    for source in (ROOT / "examples").glob("*.c"):
        shutil.copy(source, path)
    (path / "examples").symlink_to(ROOT / "examples")
    (path / "photos").symlink_to(ROOT / "data/photos")
    (path / "scans").mkdir()
    shutil.copy(ROOT / "data/photos/kodak_03.jpg", path / "a.jpg")
    Image.open(path / "a.jpg").save(path / "scans/one.png")
    for month in ("01", "02"):
        shutil.copy(ROOT / "data/taxi/yellow_tripdata_2022-01_sample.parquet", path / f"yellow_tripdata_2022-{month}.parquet")
    yellow = pq.read_table(path / "yellow_tripdata_2022-01.parquet")
    trips = pa.table({"pickup": yellow["tpep_pickup_datetime"], "distance": yellow["trip_distance"], "fare": yellow["fare_amount"],
                      "tip": yellow["tip_amount"], "payment_type": yellow["payment_type"], "PULocationID": yellow["PULocationID"]})
    pq.write_table(trips, path / "trips.parquet")
    pa.csv.write_csv(trips, path / "trips.csv")
    (path / "trips.csv.gz").write_bytes(gzip.compress((path / "trips.csv").read_bytes()))
    (path / "zones.csv").write_text("LocationID,Borough\n" + "".join(f"{i},borough {i % 5}\n" for i in range(1, 266)))
    for name in ("tip.npy", "fare.npy", "chunk-1.npy", "chunk-2.npy"):
        np.save(path / name, np.arange(1.0, 100.0))
    (path / "boxes.csv").write_text("width,height\n1,2\n3,4\n")
    (path / "spans.csv").write_text("start,end\n1,2\n3,4\n")
    (path / "steps.csv").write_text("name,needs\na,\nb,0\nc,0-1\n")
    np.save(path / "matrix.npy", np.arange(12.0).reshape(3, 4))
    (path / "lines.txt").write_text("a line\nanother one\n")
    (path / "cases.txt").write_text("27\n97\n871\n")
    (path / "jobs.txt").write_text("".join(f"echo {i}\n" for i in range(20)))
    (path / "first.log").write_text("line\n" * 100)
    (path / "one.tif").write_text("not looked at\n")
    return path


def program(path, text="exit 0"):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def there(yoke_path, tmp_path):
    """A folder with those files and stand-ins for the programs; Slurm seems to be there, and to have run jobs.txt as job 324."""
    slurm = Slurm(ROOT, tmp_path, yoke_path, VERSIONS[-1])
    files(slurm.path)
    for name in ("fit", "step"):
        program(slurm.path / name)
    for name in ("convert", "tiffinfo"):
        program(slurm.bin / name)
    slurm.says("sbatch", "324\n")
    folder, _ = slurm.submit("jobs.txt")
    slurm.run_tasks(folder / "batch-1.sh", job=324)
    slurm.queue("324|0-19|COMPLETED|None|n1")
    folder.rename(slurm.path / "yoke-jobs-20260131-093000")
    slurm("yoke", "run", "jobs.txt")
    return slurm


def shown(verb, yoke_path):
    text = subprocess.run([yoke_path, "help", verb], capture_output=True, text=True, check=True).stdout
    return commands(text[text.index("\nExamples:"):])


def run(there, command):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=there.path, env=there.env, capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == (command in FAIL), f"{command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("verb", VERBS)
def test_help(there, yoke_path, verb):
    found = shown(verb, yoke_path)
    assert len(found) >= 2
    for command in found:
        run(there, command)


@pytest.mark.parametrize("page", ["README.md", "docs/tables.md"])
def test_page(there, page):
    found = [c for c in commands((ROOT / page).read_text()) if not c.startswith("yoke table: ")]
    assert len(found) >= 2
    for command in found:
        run(there, command)


@pytest.mark.parametrize("program", ["pi.c", "rows.c", "solve.c", "words.c"])
def test_example_programs(there, program):
    found = re.findall(r"^ \*     (yoke .*?)(?:  .*)?$", (ROOT / "examples" / program).read_text(), re.M)
    assert found
    for command in found:
        run(there, command)
