"""What the Parquet writer wrote is what PyArrow, DuckDB and our own reader read, with bounds and page index in order."""

import pathlib
import resource
import signal
import subprocess

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parquet_oracle as oracle
from test_parquet_random import make_random, write

SIZES = [[], ["3000", "2048", "777"], ["1000000", "100000", "2048"]]


def copy(source, target, *words):
    tool = oracle.dump_path().parent / "parquet_copy"
    return subprocess.run([str(tool), str(source), str(target), *words], capture_output=True, text=True, timeout=120)


def duck(path):
    return duckdb.connect().sql(f"select * from '{path}'").to_arrow_table()


def compare(original, written, with_duckdb=True):
    before = [c for c in oracle.dump(original) if not c.wrong]
    after = oracle.dump(written)
    tables = {"PyArrow": pq.read_table(written)}
    if with_duckdb:
        tables["DuckDB"] = duck(written)
    assert [c.name for c in before] == [c.name for c in after]
    for a, b in zip(before, after):
        assert not b.wrong, b.wrong
        assert oracle.same(a.kind, a.valid, a.values, b.valid, b.values) is None, a.name
        assert (a.kind, a.unit if a.kind != "time" else "", a.is_utc) == (b.kind, b.unit if b.kind != "time" else "", b.is_utc) or a.unit == "s"
        for reader, table in tables.items():
            # DuckDB tells no null type from integers and keeps its own widths of time
            if table.column_names.count(b.name) == 1 and not (reader == "DuckDB" and a.kind in ("null", "data", "time", "span")):
                differ = oracle.same(a.kind, a.valid, a.values, *oracle.of_arrow(a.kind, table[b.name]))
                assert differ is None, f"{reader}: {b.name} ({b.kind}): {differ}"


@pytest.mark.parametrize("codec, sizes", [("zstd", SIZES[0]), ("snappy", SIZES[1]), ("none", SIZES[2])])
def test_real_files(shared, tmp_path, codec, sizes):
    names = ["taxi/tlc/green_tripdata_2022-01.parquet", "taxi/samples/taxi_zone_lookup.parquet",
             "parquet-testing/apache-parquet-testing/data/alltypes_tiny_pages.parquet", "parquet-testing/apache-parquet-testing/data/byte_array_decimal.parquet",
             "parquet-testing/apache-parquet-testing/data/binary_truncated_min_max.parquet", "parquet-testing/apache-parquet-testing/data/int32_with_null_pages.parquet"]
    for name in names:
        if not (shared / name).exists():
            name = str(next(shared.rglob(pathlib.Path(name).name)))
        written = tmp_path / "copy.parquet"
        assert copy(shared / name, written, codec, *sizes).returncode == 0
        compare(shared / name, written)


@pytest.mark.parametrize("seed", range(1000, 1015))
def test_random_files(tmp_path, seed):
    r = np.random.default_rng(seed)
    write(*make_random(r), tmp_path / "x.parquet")
    done = copy(tmp_path / "x.parquet", tmp_path / "y.parquet", str(r.choice(["zstd", "snappy", "none"])), *SIZES[int(r.integers(0, 3))])
    assert done.returncode == 0, done.stderr
    compare(tmp_path / "x.parquet", tmp_path / "y.parquet", with_duckdb=False)


def test_layout(tmp_path):
    """Groups and pages as asked for, a dictionary where it pays and only there, encodings and bounds as PyArrow reads them."""
    n = 300_000
    r = np.random.default_rng(1)
    t = pa.table({"few": r.integers(0, 300, n) * 0.5, "all": r.normal(size=n), "text": [f"zone {i % 265}" for i in range(n)]})
    pq.write_table(t, tmp_path / "x.parquet")
    assert copy(tmp_path / "x.parquet", tmp_path / "y.parquet", "zstd", "131072", "16384").returncode == 0
    f = pq.ParquetFile(tmp_path / "y.parquet")
    assert [f.metadata.row_group(i).num_rows for i in range(f.metadata.num_row_groups)] == [131072, 131072, n - 2 * 131072]
    few, all_, text = (f.metadata.row_group(0).column(i) for i in range(3))
    assert few.encodings == text.encodings == ("PLAIN", "RLE", "RLE_DICTIONARY")
    assert all_.total_compressed_size < 131072 * 8.2 and few.total_compressed_size < 131072 * 1.3
    assert few.has_offset_index and few.has_column_index and few.compression == "ZSTD"
    first = t.slice(0, 131072)
    for c, name in ((few, "few"), (all_, "all"), (text, "text")):
        assert c.statistics.min == min(first[name].to_pylist()) and c.statistics.max == max(first[name].to_pylist())
        assert c.statistics.null_count == 0
    assert duckdb.connect().execute(f"select count(*) from '{tmp_path}/y.parquet' where few > 100").fetchall()[0][0] == int((np.array(t["few"]) > 100).sum())
    compare(tmp_path / "x.parquet", tmp_path / "y.parquet")


def test_output_is_whole_or_absent(shared, tmp_path):
    broken = shared / "parquet-testing/apache-parquet-testing/data/datapage_v1-corrupt-checksum.parquet"
    done = copy(broken, tmp_path / "y.parquet")
    assert done.returncode == 1 and "checksum" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_full_disk(shared, tmp_path):
    """As full as a limit on the size of files makes it."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    source = next(shared.rglob("green_tripdata_2022-01.parquet"))
    tool = oracle.dump_path().parent / "parquet_copy"
    done = subprocess.run([str(tool), str(source), str(tmp_path / "y.parquet")], capture_output=True, text=True, timeout=120, preexec_fn=limit)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done
    assert list(tmp_path.iterdir()) == []
