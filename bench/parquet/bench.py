#!/usr/bin/env python3
"""Decoding Parquet on one thread: million rows per second, and how many times PyArrow and DuckDB.

    bench/parquet/bench.py [ROWS] [ROUNDS]      default 20,000,000 rows, best of 5; needs build/tests/bench_parquet (ninja -C build tests/bench_parquet)

The file is one row group of taxi-like columns, Snappy, as PyArrow writes it. "blocks": the reader's own blocks, codes as codes. "values": each
value in a register once. "count": dictionary codes counted. "pages": read and decompressed, no more. PyArrow makes an Arrow array of the column; DuckDB sums it (text: the sum of lengths).
"""

import os
import pathlib
import platform
import subprocess
import sys
import tempfile
import time

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROWS, ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000, int(sys.argv[2]) if len(sys.argv) > 2 else 5


def make(path):
    r = np.random.default_rng(1)
    fare = np.round(np.clip(r.lognormal(2.5, 0.6, ROWS), -5, 200) * 2) / 2
    table = pa.table({
        "fare": fare, "tip": np.round(np.clip(fare * r.choice([0, 0.15, 0.2, 0.25], ROWS) + r.normal(0, 0.3, ROWS), 0, 99), 2),
        "passengers_8pc_null": pa.array(r.integers(0, 7, ROWS).astype(float), mask=r.random(ROWS) < 0.08), "distance_plain": r.lognormal(0.8, 0.9, ROWS),
        "pickup_sorted": pa.array(np.sort(1640995200000000 + r.integers(0, 2678400, ROWS) * 1000000), pa.timestamp("us")),
        "zone_text": pa.array([f"zone {i}" for i in range(265)]).take(pa.array(r.integers(0, 265, ROWS)))})
    pq.write_table(table, path, compression="snappy", row_group_size=ROWS)
    return table.column_names


def best(call):
    seconds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        call()
        seconds.append(time.process_time() - began)
    return min(seconds)


def main():
    tool = ROOT / "build" / "tests" / "bench_parquet"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "taxi.parquet"
        names = make(path)
        ours = dict((line.split("\t")[0], [float(s) for s in line.split("\t")[1:]])
                    for line in subprocess.run([tool, path, str(ROUNDS)], check=True, capture_output=True, text=True).stdout.splitlines())
        pa.set_cpu_count(1)
        con = duckdb.connect(config={"threads": 1})
        print(f"{ROWS:,} rows, one row group, {path.stat().st_size / 1e6:.0f} MB; 1 thread each, seconds of processor time, best of {ROUNDS}; PyArrow {pa.__version__}, DuckDB {duckdb.__version__}, "
              f"{platform.machine()}, ISA {os.environ.get('YOKE_ISA', 'best')}, load {os.getloadavg()[0]:.1f}")
        print(f"{'column':22}{'blocks':>9}{'values':>9}{'count':>9}{'pages':>9}{'PyArrow':>9}{'DuckDB':>9}   M rows/s; values (text: blocks) are x PyArrow, x DuckDB")
        for name in names:
            arrow = best(lambda: pq.read_table(path, columns=[name], use_threads=False))
            measure = f"sum(length({name}))" if "text" in name else f"sum(epoch_us({name}))" if "sorted" in name else f"sum({name})"
            duck = best(lambda: con.execute(f"select {measure} from '{path}'").fetchall())
            mine = ours[name]
            full = mine[1] or mine[0]
            rate = ["%9.0f" % (ROWS / s / 1e6) if s > 0 else "%9s" % "-" for s in [*mine, arrow, duck]]
            print(f"{name:22}{''.join(rate)}   x{arrow / full:.1f}  x{duck / full:.1f}")


main()
