"""Reads what tests/parquet_dump.c prints, and what PyArrow makes of the same file, into the same form."""

import os
import pathlib
import subprocess

import numpy as np
import pyarrow as pa

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = ["null", "bool", "int", "uint", "real", "text", "data", "time", "date", "span", "decimal"]
DTYPE = {"bool": np.uint8, "int": np.int64, "uint": np.uint64, "real": np.float64, "time": np.int64, "date": np.int64, "span": np.int64}
UNITS = ["s", "ms", "us", "ns"]


def dump_path():
    yoke = pathlib.Path(os.environ.get("YOKE", ROOT / "build" / "src" / "yoke")).resolve()
    return yoke.parent.parent / "tests" / "parquet_dump"


class Column:
    def __init__(self, name, kind, unit, is_utc, scale, physical, logical, wrong, n):
        self.name, self.kind, self.unit, self.is_utc, self.scale = name, KINDS[int(kind)], UNITS[int(unit)], is_utc == "1", int(scale)
        self.physical, self.logical, self.wrong, self.n = physical, logical, wrong, int(n)
        self.valid = self.values = None


def run(path, *words, env=None):
    return subprocess.run([str(dump_path()), str(path), *map(str, words)], capture_output=True, timeout=120, env={**os.environ, **(env or {})})


def parse(out):
    columns, at = [], 0

    def take(dtype, n):
        nonlocal at
        a = np.frombuffer(out, dtype, n, at)
        at += a.nbytes
        return a

    while at < len(out):
        end = out.index(b"\n", at)
        c = Column(*out[at:end].decode("utf-8", "surrogateescape").split("\t"))
        at = end + 1
        columns.append(c)
        if c.wrong:
            continue
        c.valid = take(np.uint8, c.n).astype(bool)
        if c.kind in ("text", "data"):
            lengths = take(np.uint64, c.n)
            ends = np.cumsum(lengths.astype(np.int64)) + at
            starts = ends - lengths.astype(np.int64)
            c.values = [out[s:e] for s, e in zip(starts.tolist(), ends.tolist())]
            at = int(ends[-1]) if c.n else at
        elif c.kind == "decimal":
            raw = take(np.uint64, 2 * c.n)
            c.values = [lo | hi << 64 for lo, hi in zip(raw[0::2].tolist(), raw[1::2].astype(np.int64).tolist())]
        elif c.kind == "null":
            c.values = []
        else:
            c.values = take(DTYPE[c.kind], c.n)
    return columns


def dump(path, *words, env=None):
    """The columns of a file; RuntimeError with the sentence when it cannot be opened."""
    done = run(path, *words, env=env)
    if done.returncode:
        assert done.returncode == 1 and done.stderr.count(b"\n") == 1, done
        raise RuntimeError(done.stderr.decode().strip())
    return parse(done.stdout)


def of_arrow(kind, array):
    """(valid, values) of an Arrow array, as Column has them for a column of that kind."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    valid = np.array(array.is_valid())
    t = array.type
    if kind in ("text", "data"):
        array = array.cast(pa.large_binary()) if not pa.types.is_fixed_size_binary(t) else array
        return valid, [v or b"" for v in array.to_pylist()]
    if kind == "decimal":
        return valid, [0 if v is None else int(v.scaleb(t.scale, __import__("decimal").Context(prec=80))) for v in array.to_pylist()]
    if kind == "null":
        return valid, []
    if kind == "bool":
        return valid, np.array(array.fill_null(False)).astype(np.uint8)
    if kind == "real":
        return valid, np.array(array.cast(pa.float64()).fill_null(0.0)) if array.null_count else np.array(array.cast(pa.float64()))
    if pa.types.is_date32(t) or pa.types.is_time32(t):
        array = array.cast(pa.int32())
    if kind in ("time", "date", "span"):
        array = array.cast(pa.int64())
    target = pa.uint64() if kind == "uint" else pa.int64()
    return valid, np.array(array.cast(target).fill_null(0))


def same(kind, valid, values, other_valid, other_values):
    """What differs between two columns, or None."""
    if len(valid) != len(other_valid):
        return f"{len(valid)} rows against {len(other_valid)}"
    if not np.array_equal(valid, other_valid):
        return f"missing rows differ, first at {np.flatnonzero(valid != other_valid)[0]}"
    if kind == "null":
        return None
    if kind in ("text", "data", "decimal"):
        for i, (a, b) in enumerate(zip(values, other_values)):
            if valid[i] and a != b:
                return f"row {i}: {a!r} against {b!r}"
        return None
    a, b = values[valid], other_values[valid]
    if kind == "real":
        both_nan = np.isnan(a) & np.isnan(b)
        differ = ~both_nan & ((a != b) | (np.signbit(a) != np.signbit(b)))
    else:
        differ = a != b
    if differ.any():
        i = np.flatnonzero(differ)[0]
        return f"{differ.sum()} values differ, the first: {a[i]!r} against {b[i]!r}"
    return None


def leaf(table, name):
    """The column of a dotted name in an Arrow table; structs that are missing make their leaves missing."""
    if name in table.column_names:
        return table[name]
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        head = ".".join(parts[:k])
        if head in table.column_names:
            array = table[head].combine_chunks()
            if isinstance(array, pa.ChunkedArray):
                array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
            for p in parts[k:]:
                array = pa.compute.struct_field(array, p) if pa.types.is_struct(array.type) else None
                if array is None:
                    return None
            return array
    return None
