#!/usr/bin/env python3
"""The tutorial's Example 3 at full size: a year of yellow cabs (39.7 M rows) and of ride-share (212 M rows), 24 Parquet files. Tip
over fare of both fleets where the fare is above zero: two histograms, two means, one picture.

    year.py make FOLDER SOURCE.parquet     writes the files once: SOURCE is a real month, from which make_taxi.py draws the cabs
    year.py FOLDER [--threads 1,2] [--runs 3] [--peers duckdb,polars,dask]

Ride-share rows are made from distributions like the real ones: fares in cents, four of five rides without a tip. Every file is one
row group, Snappy, dictionary pages, as the real ones are, with more columns than the work needs.

Printed: Yoke from start to picture (three processes: two tables, one plot); what reading and decompressing the pages that the work needs takes
by itself, on one thread (build/tests/bench_parquet); and the peers, warm, without a picture. Ratios are peer / yoke.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from bench import best, cache_by_reading
from make_taxi import columns_of, draw

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
YOKE = os.environ.get("YOKE", str(BUILD / "src/yoke"))
# rows of each month of 2022, in thousands
YELLOW = [2464, 2979, 3628, 3600, 3588, 3558, 3174, 3153, 3184, 3675, 3253, 3400]
RIDES = [14752, 16019, 18454, 17753, 18157, 17780, 17465, 17186, 17794, 19306, 18086, 19666]
FLEETS = {"yellow": ("tip_amount", "fare_amount"), "fhvhv": ("tips", "base_passenger_fare")}
LO, HI, BINS = 0.01, 2, 200


def rides(rows, seed):
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    miles = np.round(np.clip(rng.lognormal(1.1, 0.8, rows), 0, 200), 2)
    fare = np.round(np.clip(6 + 2.6 * miles + rng.normal(0, 4, rows), 0, 500), 2)
    share = rng.choice([0.0, 0.1, 0.15, 0.2, 0.25], rows, p=[0.8, 0.04, 0.07, 0.06, 0.03])
    pickup = np.datetime64("2022-01-01T00:00:00", "us") + np.sort(rng.integers(0, 31 * 86400, rows)).astype("timedelta64[s]")
    return pa.table({"pickup_datetime": pickup, "PULocationID": rng.integers(1, 266, rows), "DOLocationID": rng.integers(1, 266, rows),
                     "trip_miles": miles, "base_passenger_fare": fare, "tips": np.round(fare * share * rng.uniform(0.9, 1.1, rows), 2)})


def make(folder, source):
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    source = columns_of(pq.read_table(source))
    for month, (cabs, shares) in enumerate(zip(YELLOW, RIDES), 1):
        for name, table in (("yellow", lambda: draw(source, cabs * 1000)), ("fhvhv", lambda: rides(shares * 1000, month))):
            path = folder / f"{name}_tripdata_2022-{month:02}.parquet"
            if not path.exists():
                made = table()
                pq.write_table(made, path.with_suffix(".part"), compression="snappy", row_group_size=made.num_rows, data_page_size=1 << 20)
                path.with_suffix(".part").rename(path)
                print(path, flush=True)


def yoke(folder, out, threads):
    on = ["--on", f"threads:{threads}"]
    results = {}
    for name, (tip, fare) in FLEETS.items():
        words = [YOKE, "table", f"{folder}/{name}_tripdata_*.parquet", "--where", f"{fare} > 0", "--mean", f"{tip} / {fare}", "--hist", f"{tip} / {fare}",
                 "--bins", str(BINS), "--range", f"{LO}:{HI}", "-o", f"{out}/{name}.csv", "--force", "--stats", *on]
        run = subprocess.run(words, capture_output=True, text=True, check=True)
        results[name] = (float(run.stdout), run.stderr.strip().splitlines()[-1])
    subprocess.run([YOKE, "plot", f"{out}/yellow.csv", f"{out}/fhvhv.csv", "--log-y", "--label", "yellow", "--label", "ride-share", "-o", f"{out}/tips.png",
                    "--force"], check=True, stdout=subprocess.DEVNULL)
    return results


# ---- peers: for each fleet a mean and the counts of a histogram

def duckdb_call(folder, threads):
    import duckdb

    db = duckdb.connect(config={"threads": threads})

    def call():
        got = {}
        for name, (tip, fare) in FLEETS.items():
            rows = f"(select {tip} / {fare} r from '{folder}/{name}_tripdata_*.parquet' where {fare} > 0)"
            mean = db.execute(f"select avg(r) from {rows}").fetchone()[0]
            db.execute(f"select least(floor((r - {LO}) / {(HI - LO) / BINS}), {BINS - 1}) b, count(*) from {rows} where r >= {LO} and r <= {HI} "
                       f"group by b order by b").fetchall()
            got[name] = mean
        return got

    return duckdb.__version__, call


def polars_call(folder, threads):
    os.environ["POLARS_MAX_THREADS"] = str(threads)
    import polars as pl

    def call():
        got = {}
        for name, (tip, fare) in FLEETS.items():
            r = pl.scan_parquet(f"{folder}/{name}_tripdata_*.parquet").filter(pl.col(fare) > 0).select((pl.col(tip) / pl.col(fare)).alias("r"))
            counted = r.filter(pl.col("r").is_between(LO, HI)).group_by(((pl.col("r") - LO) / ((HI - LO) / BINS)).floor()).len()
            mean, _ = pl.collect_all([r.mean(), counted])
            got[name] = mean.item()
        return got

    return pl.__version__, call


def dask_call(folder, threads):
    import dask
    import dask.array as da
    import dask.dataframe as dd

    dask.config.set(scheduler="threads", num_workers=threads)

    def call():
        got = {}
        for name, (tip, fare) in FLEETS.items():
            t = dd.read_parquet(f"{folder}/{name}_tripdata_*.parquet", columns=[tip, fare])
            t = t[t[fare] > 0]
            r = t[tip] / t[fare]
            got[name] = float(dask.compute(r.mean(), da.histogram(r.to_dask_array(), BINS, (LO, HI))[0])[0])
        return got

    return dask.__version__, call


def pages_seconds(folder):
    """Reading and decompressing the pages of the four columns, on one thread; 0 where the tool was not built."""
    tool, total = BUILD / "tests" / "bench_parquet", 0.0
    if not tool.exists():
        return 0.0
    for name, columns in FLEETS.items():
        for path in sorted(folder.glob(f"{name}_tripdata_*.parquet")):
            for line in subprocess.run([tool, path, "2", *columns], check=True, capture_output=True, text=True).stdout.splitlines():
                total += float(line.split("\t")[4])
    return total


def main():
    if sys.argv[1:2] == ["make"]:
        return make(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("folder", type=pathlib.Path)
    words.add_argument("--threads", default="1,2")
    words.add_argument("--runs", type=int, default=3)
    words.add_argument("--peers", default="duckdb,polars")
    words.add_argument("--peer", help=argparse.SUPPRESS)
    args = words.parse_args()
    if args.peer:
        version, call = globals()[f"{args.peer}_call"](args.folder, int(args.threads))
        json.dump((version, *best(call, args.runs)), sys.stdout)
        return None
    cache_by_reading(args.folder)
    pages = pages_seconds(args.folder)
    print(f"pages of the four columns read and decompressed, nothing more, 1 thread: {pages:.3f} s" if pages else
          "no build/tests/bench_parquet: ninja -C build tests/bench_parquet")
    for threads in map(int, args.threads.split(",")):
        with tempfile.TemporaryDirectory() as out:
            mine, results = best(lambda: yoke(args.folder, out, threads), args.runs)
        print(f"\n{threads} thread{'s' * (threads > 1)}\n{'yoke':24}{mine:8.3f} s" + (f"   {mine * threads / pages:.1f} x the pages' time, in core seconds" if pages else ""))
        for name, (mean, stats) in results.items():
            print(f"    {name:8} mean {mean:.6f}   {stats}")
        for peer in filter(None, args.peers.split(",")):
            run = subprocess.run([sys.executable, __file__, str(args.folder), "--peer", peer, "--threads", str(threads), "--runs", str(args.runs)],
                                 capture_output=True, text=True)
            if run.returncode:
                print(f"{peer:24} failed: {(run.stderr.strip().splitlines() or ['?'])[-1]}")
                continue
            version, seconds, got = json.loads(run.stdout)
            wrong = [n for n in FLEETS if abs(got[n] - results[n][0]) > 1e-9 * abs(got[n])]
            print(f"{peer + ' ' + version:24}{seconds:8.3f} s   {seconds / mine:.1f} x yoke's" + ("   ANSWERS DIFFER" if wrong else ""), flush=True)
    return None


if __name__ == "__main__":
    main()
