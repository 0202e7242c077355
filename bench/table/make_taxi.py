#!/usr/bin/env python3
"""Writes taxi-like tables of any size, for benchmarks: each column is drawn, with a fixed seed, from the values of a real month.

    make_taxi.py SOURCE.parquet OUT FOLDER [--rows 20000000]

Columns are those of the yellow months of 2022. Values come from the real distributions by drawing whole source rows (so that tip
goes with fare) and are written as those months were: Snappy, dictionary pages, the whole table in one row group. Files made:
one.parquet (one row group), twenty.parquet (twenty), part.csv (1 GB or so, the first rows of it), zones.csv, and many.parquet: tips beside
integers of which there are up to 10^5, 10^6 and 10^7, to group by.
"""

import argparse
import pathlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

GROUPS = {"one": 1, "twenty": 20}
CSV_ROWS = 18_000_000  # about a gigabyte


def draw(source, rows):
    """A table of `rows` rows of the source, drawn with replacement, pick-up times spread over the month in order."""
    rng = np.random.default_rng(2022)
    table = source.take(pa.array(rng.integers(0, source.num_rows, rows)))
    start = np.datetime64("2022-01-01T00:00:00", "us")
    pickup = start + np.sort(rng.integers(0, 31 * 86400, rows)).astype("timedelta64[s]")
    for name in ("tpep_pickup_datetime", "lpep_pickup_datetime"):
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, pa.array(pickup))
    return table


def columns_of(source):
    """The source's columns that benchmarks use, under the names of the yellow months."""
    wanted = ["tpep_pickup_datetime", "passenger_count", "trip_distance", "PULocationID", "DOLocationID", "payment_type",
              "fare_amount", "tip_amount", "total_amount"]
    names = [n.replace("lpep_", "tpep_") for n in source.column_names]
    source = source.rename_columns(names)
    return source.select([n for n in wanted if n in names])


def with_many(tips):
    """Tips, and columns of many different integers in no order."""
    rng = np.random.default_rng(2023)
    many = {f"one_of_1e{e}": rng.integers(0, 10**e, len(tips)) for e in (5, 6, 7)}
    return pa.table({**many, "tip_amount": tips})


def main():
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("source", type=pathlib.Path)
    words.add_argument("out", type=pathlib.Path)
    words.add_argument("--rows", type=int, default=20_000_000)
    args = words.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    table = draw(columns_of(pq.read_table(args.source)), args.rows)
    for name, groups in GROUPS.items():
        pq.write_table(table, args.out / f"{name}.parquet", compression="snappy", row_group_size=-(-args.rows // groups), data_page_size=1 << 20)
    pq.write_table(with_many(table["tip_amount"]), args.out / "many.parquet", compression="snappy", row_group_size=-(-args.rows // 20), data_page_size=1 << 20)
    pa.csv.write_csv(table.slice(0, min(CSV_ROWS, args.rows)), args.out / "part.csv")
    zones = pc.unique(table["PULocationID"]).sort()
    borough = pa.array([f"borough {i % 7}" for i in range(len(zones))])
    pa.csv.write_csv(pa.table({"LocationID": zones, "Borough": borough}), args.out / "zones.csv")


if __name__ == "__main__":
    main()
