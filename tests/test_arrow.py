"""The Arrow C interfaces: what PyArrow hands in comes out again, as PyArrow reads it, for every type, slice and batch border."""

import ctypes
import datetime
import decimal
import random

import pyarrow as pa
import pytest


def counting_release(stream, on_release):
    """Puts a function before the stream's own release; what is returned must outlive the stream."""
    kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
    slot = ctypes.c_void_p.from_buffer(stream, 24)
    own = kind(slot.value)

    def release(which):
        on_release()
        inner = (ctypes.c_void_p * 5).from_address(which)
        inner[3] = ctypes.cast(own, ctypes.c_void_p).value
        own(which)

    made = kind(release)
    slot.value = ctypes.cast(made, ctypes.c_void_p).value
    return made, own


@pytest.fixture(scope="module")
def echo(yoke_path, plain_build):
    library = ctypes.CDLL(str(yoke_path.parent.parent / "tests" / "libarrow_echo.so"))
    library.arrow_echo.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint, ctypes.c_char_p]

    def call(reader, first=0, step=2048, on_release=None):
        given, taken = ctypes.create_string_buffer(40), ctypes.create_string_buffer(40)
        why = ctypes.create_string_buffer(600)
        reader._export_to_c(ctypes.addressof(given))
        if on_release:
            counted = counting_release(given, on_release)
        if library.arrow_echo(ctypes.addressof(given), ctypes.addressof(taken), first, step, why) < 0:
            raise ValueError(why.value.decode())
        return pa.RecordBatchReader._import_from_c(ctypes.addressof(taken)).read_all()

    return call


def values(kind, n, rng):
    day = datetime.date(1970, 1, 1)
    def one():
        if pa.types.is_boolean(kind): return rng.random() < 0.5
        if pa.types.is_unsigned_integer(kind): return rng.randrange(2 ** kind.bit_width)
        if pa.types.is_integer(kind): return rng.randrange(-2 ** (kind.bit_width - 1), 2 ** (kind.bit_width - 1))
        if kind == pa.float16(): return rng.choice([0.0, -0.0, 1.5, 65504.0, 5.9604645e-08, float("inf"), -0.33325195])
        if kind == pa.float32(): return rng.choice([1.25, -3.5, float("inf"), 1e-40])
        if pa.types.is_floating(kind): return rng.gauss(0, 1e9)
        if pa.types.is_decimal(kind): return decimal.Decimal(rng.randrange(-10 ** 9, 10 ** 9)).scaleb(-kind.scale)
        if pa.types.is_fixed_size_binary(kind): return bytes(rng.randrange(256) for _ in range(kind.byte_width))
        if "binary" in str(kind): return bytes(rng.randrange(256) for _ in range(rng.randrange(30)))
        if "string" in str(kind): return "".join(rng.choice("abcdé雪") for _ in range(rng.randrange(20)))
        if pa.types.is_date(kind): return day + datetime.timedelta(days=rng.randrange(-40000, 40000))
        if pa.types.is_null(kind): return None
        return rng.randrange(0, 86399) if pa.types.is_time32(kind) and kind.unit == "s" else rng.randrange(0, 86399999)
    return [None if rng.random() < 0.2 else one() for _ in range(n)]


KINDS = [pa.null(), pa.bool_(), pa.int8(), pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64(), pa.float16(),
         pa.float32(), pa.float64(), pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.binary(5), pa.date32(), pa.date64(),
         pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns"), pa.timestamp("s"), pa.timestamp("ms", "UTC"), pa.timestamp("us"),
         pa.timestamp("ns", "UTC"), pa.duration("us"), pa.decimal128(12, 3), pa.string_view(), pa.binary_view()]
WIDER = {pa.float16(): pa.float64(), pa.float32(): pa.float64(), pa.date64(): pa.date32(), pa.string(): pa.large_string(),
         pa.string_view(): pa.large_string(), pa.binary(): pa.large_binary(), pa.binary_view(): pa.large_binary(), pa.binary(5): pa.large_binary(),
         pa.decimal128(12, 3): pa.decimal128(38, 3)}


def widened(kind):
    if kind in WIDER:
        return WIDER[kind]
    return pa.int64() if pa.types.is_integer(kind) and kind != pa.uint64() else kind


def expected(column):
    want = widened(column.type)
    return column.cast(want)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("step", [2048, 1, 100])
def test_every_type(echo, kind, step):
    rng = random.Random(str(kind))
    batches = []
    for n in (0, 1, 700, 2500, 3):
        array = pa.array(values(kind, n + 9, rng), kind)
        batches.append(pa.record_batch([array[5:5 + n]], ["c"]))  # a slice: offsets matter
    table = pa.Table.from_batches(batches)
    got = echo(table.to_reader(), step=step)
    got.validate(full=True)
    assert got["c"].combine_chunks().equals(expected(table["c"]).combine_chunks())


def test_no_missing_values_and_a_start_in_the_middle(echo):
    table = pa.table({"a": pa.array(range(5000)), "b": pa.array([i * 0.5 for i in range(5000)])})
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=777))
    assert echo(reader, first=1234).equals(table.slice(1234))


def test_dictionaries(echo):
    words = pa.array(["yellow", None, "green", "yellow", "fhv"] * 500).dictionary_encode()
    got = echo(pa.table({"w": words}).to_reader())
    assert got["w"].to_pylist() == words.to_pylist()


def test_an_empty_table(echo):
    assert echo(pa.table({"a": pa.array([], pa.int32())}).to_reader()).num_rows == 0


def test_refusals(echo):
    with pytest.raises(ValueError, match="'l'.*counterpart"):
        echo(pa.table({"l": pa.array([[1, 2], []])}).rename_columns(["l"]).to_reader())


def test_a_stream_that_fails(echo):
    def batches():
        yield pa.record_batch({"a": [1, 2]})
        raise OSError("the disk went away")
    with pytest.raises(ValueError, match="disk went away"):
        echo(pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), batches()))


def test_a_stream_is_released_once(echo):
    def broken():
        yield pa.record_batch({"a": [1, 2]})
        raise OSError("gone")
    good = pa.table({"a": [1, 2, 3]}).to_reader()
    nested = pa.table({"a": [[1], [2]]}).to_reader()
    for reader, fails in ((good, False), (nested, True), (pa.RecordBatchReader.from_batches(pa.schema({"a": pa.int64()}), broken()), True)):
        released = []
        try:
            assert echo(reader, on_release=lambda: released.append(1)).num_rows == 3 and not fails
        except ValueError:
            assert fails
        assert len(released) == 1


def test_what_polars_and_duckdb_hand_over(echo):
    import duckdb
    import polars as pl
    df = pl.DataFrame({"i": [1, None, 3], "x": [0.5, -0.0, None], "s": ["a", None, "long enough to lie apart from its view"], "b": [True, None, False],
                       "c": pl.Series(["u", "v", "u"], dtype=pl.Categorical)})
    got = echo(pa.RecordBatchReader.from_stream(df))
    assert got.to_pylist() == df.to_dicts()
    assert pl.from_arrow(got)["s"].to_list() == df["s"].to_list()
    ask = "select i, i / 7 as x, 'row ' || i as s, date '2022-01-01' + i::int as d, i::decimal(9, 2) as m, nullif(i % 3, 0) as n from range(5000) t(i)"
    db = duckdb.connect()
    want = db.sql(ask).to_arrow_table()
    got = echo(pa.RecordBatchReader.from_stream(db.sql(ask)))
    assert got.cast(want.schema).equals(want)
    assert db.execute("select sum(i), count(n), max(s) from got").fetchall() == db.execute(f"select sum(i), count(n), max(s) from ({ask})").fetchall()
