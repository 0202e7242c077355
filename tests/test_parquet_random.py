"""Random tables that PyArrow writes in random ways: we read what was written. YOKE_STRESS says how many (seeds 0 …); a file that
differs is kept, and its name and seed are in the message."""

import decimal
import os
import pathlib
import tempfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import parquet_oracle as oracle

CODECS = ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]
INTS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def random_valid(r, n):
    kind = r.choice(["all", "none", "some", "few", "runs"])
    if kind == "all":
        return np.ones(n, bool)
    if kind == "none":
        return np.zeros(n, bool)
    if kind == "runs":
        return np.repeat(r.random(n // 50 + 1) < 0.5, 50)[:n] if n else np.ones(0, bool)
    return r.random(n) < (0.5 if kind == "some" else 0.98)


def shaped(r, n, make):
    """n values of make(k): all different, or from a few, or in runs, or one."""
    kind = r.choice(["all", "few", "runs", "one"])
    few = make(int(r.choice([1, 2, 5, 300]))) if kind != "all" else make(n)
    if kind == "all":
        return few
    index = r.integers(0, len(few), n) if kind == "few" else np.sort(r.integers(0, len(few), n)) if kind == "runs" else np.zeros(n, int)
    return [few[i] for i in index]


def random_values(r, t, n):
    if pa.types.is_integer(t):
        info = np.iinfo(t.to_pandas_dtype())
        narrow = r.random() < 0.5
        low, high = (max(info.min, -50), min(info.max, 120)) if narrow else (info.min, info.max)
        return lambda k: [int(v) for v in r.integers(low, high, k, dtype=t.to_pandas_dtype(), endpoint=True)]
    if pa.types.is_floating(t):
        return lambda k: [float(v) for v in np.where(r.random(k) < 0.05, r.choice([np.nan, np.inf, -0.0, 0.0], k), r.normal(0, 100, k)).astype(t.to_pandas_dtype())]
    if pa.types.is_boolean(t):
        return lambda k: [bool(v) for v in r.integers(0, 2, k)]
    if pa.types.is_decimal(t):
        most = 10 ** min(t.precision, 18) - 1
        return lambda k: [decimal.Decimal(int(v)).scaleb(-t.scale, decimal.Context(prec=60)) for v in r.integers(-most, most, k)]
    if pa.types.is_fixed_size_binary(t):
        return lambda k: [r.bytes(t.byte_width) for _ in range(k)]
    if pa.types.is_binary(t):
        return lambda k: [r.bytes(int(r.integers(0, 40))) for _ in range(k)]
    if pa.types.is_string(t):
        return lambda k: ["prefix-" * int(r.integers(0, 3)) + chr(int(r.integers(65, 900))) * int(r.integers(0, 9)) for _ in range(k)]
    if pa.types.is_date32(t):
        return lambda k: r.integers(-20000, 40000, k).astype(np.int32).tolist()
    if pa.types.is_time32(t):
        return lambda k: r.integers(0, 86_400_000, k).astype(np.int32).tolist()
    return lambda k: r.integers(0, 86_400_000_000, k).tolist()


def random_type(r):
    precision = int(r.integers(1, 39))
    types = [*map(pa.type_for_alias, INTS), pa.float16(), pa.float32(), pa.float64(), pa.bool_(), pa.decimal128(precision, int(r.integers(0, precision + 1))),
             pa.decimal128(7, 3), pa.binary(int(r.integers(1, 20))), pa.binary(), pa.string(), pa.date32(), pa.time32("ms"), pa.time64("us"), pa.time64("ns"),
             pa.timestamp("ms"), pa.timestamp("us", "UTC"), pa.timestamp("ns"), pa.null()]
    return types[int(r.integers(0, len(types)))]


def random_column(r, n, t):
    if pa.types.is_null(t):
        return pa.nulls(n)
    valid = random_valid(r, n)
    values = shaped(r, n, random_values(r, t, n))
    storage = pa.int32() if pa.types.is_date32(t) or pa.types.is_time32(t) else pa.int64() if pa.types.is_temporal(t) else t
    array = pa.array([v if ok else None for v, ok in zip(values, valid)], storage)
    return array.cast(t) if storage is not t else array


def random_encoding(r, t):
    choice = ["PLAIN"]
    if pa.types.is_integer(t) or pa.types.is_temporal(t):
        choice += ["DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
    if pa.types.is_floating(t) or pa.types.is_fixed_size_binary(t):
        choice += ["BYTE_STREAM_SPLIT"]
    if pa.types.is_string(t) or t == pa.binary():
        choice += ["DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]
    if pa.types.is_fixed_size_binary(t) and not pa.types.is_decimal(t):
        choice += ["DELTA_BYTE_ARRAY"]
    if pa.types.is_boolean(t):
        choice += ["RLE"]
    return str(r.choice(choice))


def make_random(r):
    """A table, and how to write it."""
    n = int(r.choice([0, 1, 7, 100, 2048, 5000, 30000]))
    types = [random_type(r) for _ in range(int(r.integers(1, 7)))]
    columns = [random_column(r, n, t) for t in types]
    fields = [pa.field(f"c{i}", t, nullable=c.null_count > 0 or pa.types.is_null(t) or r.random() < 0.5) for i, (t, c) in enumerate(zip(types, columns))]
    table = pa.table(columns, schema=pa.schema(fields))
    if r.random() < 0.3 and n:
        inner = pa.StructArray.from_arrays(columns[:1], fields=fields[:1], mask=pa.array(~random_valid(r, n)))
        table = table.append_column("s", inner)
    dictionary = [f.name for f in fields if r.random() < 0.6] or False
    encoding = {f.name: random_encoding(r, f.type) for f in fields if not dictionary or f.name not in dictionary}
    if "s" in table.column_names:
        encoding = None
    return table, dict(
        compression=str(r.choice(CODECS)), row_group_size=int(r.choice([n or 1, n // 3 + 1, 1000])), version="2.6" if pa.timestamp("ns") in types else str(r.choice(["1.0", "2.4", "2.6"])),
        data_page_version=str(r.choice(["1.0", "2.0"])), data_page_size=int(r.choice([100, 5000, 1 << 20])), write_batch_size=int(r.choice([10, 1024])),
        use_dictionary=dictionary, column_encoding=encoding, dictionary_pagesize_limit=int(r.choice([200, 1 << 20])), write_page_index=bool(r.random() < 0.5),
        write_page_checksum=bool(r.random() < 0.5), store_schema=False)


def write(table, how, path):
    """As `how` says, as far as the columns are there."""
    how = dict(how)
    if how["use_dictionary"]:
        how["use_dictionary"] = [c for c in how["use_dictionary"] if c in table.column_names] or False
    if how["column_encoding"]:
        how["column_encoding"] = {c: e for c, e in how["column_encoding"].items() if c in table.column_names} or None
    pq.write_table(table, path, **how)


def shrink(table, how, fails):
    """The smallest table found that still fails: columns left out one by one, then halves of the rows."""
    for name in table.column_names:
        if table.num_columns > 1 and fails(table.drop_columns([name]), how):
            table = table.drop_columns([name])
    step = table.num_rows // 2
    while step:
        parts = [pa.concat_tables([table.slice(0, at), table.slice(at + step)]) for at in range(0, table.num_rows, step)]
        smaller = next((t for t in parts if fails(t, how)), None)
        table, step = (smaller, step) if smaller is not None else (table, step // 2)
    return table


def check(path, block, first, n, skip):
    theirs = pq.read_table(path)
    picked = [i for start in range(first, first + n, block + skip) for i in range(start, min(start + block, first + n))]
    for c in oracle.dump(path, block, first, n, skip):
        assert not c.wrong, c.wrong
        valid, values = oracle.of_arrow(c.kind, oracle.leaf(theirs, c.name))
        values = values if c.kind == "null" else [values[i] for i in picked] if isinstance(values, list) else values[picked]
        differ = oracle.same(c.kind, c.valid, c.values, valid[picked], values)
        assert differ is None, f"{c.name} ({c.kind}, {c.physical}, {c.logical}): {differ}"


def holds(table, how, path, block):
    """Whether a whole read of the table, written so, is right."""
    write(table, how, path)
    try:
        check(path, block, 0, len(table), 0)
        return True
    except Exception:
        return False


def test_failures_shrink(tmp_path):
    """To the row and column that does it."""
    table, how = make_random(np.random.default_rng(3))
    table = pa.table({"a": range(1000), "b": [7 if i == 612 else 0 for i in range(1000)], "c": ["x"] * 1000})
    how |= {"use_dictionary": ["b", "c"], "column_encoding": {"a": "PLAIN"}}
    smallest = shrink(table, how, lambda t, h: "b" in t.column_names and 7 in t["b"].to_pylist())
    assert smallest.to_pydict() == {"b": [7]}
    write(smallest, how, tmp_path / "x.parquet")
    assert holds(table, how, tmp_path / "y.parquet", 64)


@pytest.mark.parametrize("seed", range(int(os.environ.get("YOKE_STRESS", 40))))
def test_random_file(seed, tmp_path):
    r = np.random.default_rng(seed)
    path = tmp_path / "x.parquet"
    table, how = make_random(r)
    write(table, how, path)
    n = len(table)
    first = int(r.integers(0, n + 1)) if r.random() < 0.5 else 0
    words = [int(r.choice([1, 64, 1000, 2048])), first, n - first, int(r.choice([0, 0, 3, 5000]))]
    try:
        check(path, *words)
    except Exception as e:
        kept = pathlib.Path(tempfile.gettempdir()) / f"yoke-parquet-seed-{seed}.parquet"
        smallest = shrink(table, how, lambda t, h: not holds(t, h, path, words[0]))
        write(smallest if not holds(smallest, how, path, words[0]) else table, how, kept)
        raise AssertionError(f"seed {seed}, words {words}, {smallest.num_rows} rows of {smallest.column_names} kept as {kept}: {e}") from e
