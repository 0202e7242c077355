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
        if hasattr(reader, "_export_to_c"):
            reader._export_to_c(ctypes.addressof(given))
        else:
            given = reader
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
         pa.timestamp("ns", "UTC"), pa.duration("us"), pa.decimal128(12, 3), pa.decimal32(9, 3), pa.decimal64(12, 3), pa.string_view(), pa.binary_view()]
WIDER = {pa.float16(): pa.float64(), pa.float32(): pa.float64(), pa.date64(): pa.date32(), pa.string(): pa.large_string(),
         pa.string_view(): pa.large_string(), pa.binary(): pa.large_binary(), pa.binary_view(): pa.large_binary(), pa.binary(5): pa.large_binary(),
         pa.decimal128(12, 3): pa.decimal128(38, 3), pa.decimal32(9, 3): pa.decimal128(38, 3), pa.decimal64(12, 3): pa.decimal128(38, 3)}


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


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.string_view(), pa.float32(), pa.date32(), pa.bool_(), pa.decimal64(12, 3)], ids=str)
@pytest.mark.parametrize("codes", [pa.int8(), pa.uint16(), pa.int32(), pa.uint64()], ids=str)
def test_dictionaries(echo, kind, codes):
    """Batches with dictionaries of their own, slices of codes and of dictionaries, missing codes and missing dictionary values."""
    rng = random.Random(f"{kind} {codes}")
    batches, want = [], []
    for n in (700, 1, 2500):
        dictionary = pa.array(values(kind, 25, rng), kind)[5:]
        index = pa.array([rng.choice([None, *range(20)]) for _ in range(n + 3)], codes)
        coded = pa.DictionaryArray.from_arrays(index, dictionary)[3:]
        want += [None if i is None else v for i, v in zip(coded.indices.to_pylist(), coded.to_pylist())]
        batches.append(pa.record_batch([coded], ["d"]))
    got = echo(pa.RecordBatchReader.from_batches(batches[0].schema, batches), step=100)
    got.validate(full=True)
    assert got["d"].to_pylist() == want


def test_uuids_stay_what_they_are(echo):
    table = pa.table({"u": pa.array([bytes(range(16)), None, bytes(16)], pa.uuid()), "w": pa.array([b"x" * 16, None, b"y" * 16], pa.binary(16))})
    got = echo(table.to_reader())
    assert got.schema.field("u").type == pa.uuid() and got["u"].equals(table["u"])
    assert got["w"].to_pylist() == table["w"].to_pylist() and got.schema.field("w").type == pa.large_binary()


def test_an_empty_table(echo):
    assert echo(pa.table({"a": pa.array([], pa.int32())}).to_reader()).num_rows == 0


REFUSED = [(pa.array([[1, 2], []]), "it is a list"), (pa.array([[1, 2], [3, 4]], pa.list_(pa.int8(), 2)), "it is a list"), (pa.array([{"x": 1}]), "it is a struct: hand its parts on"),
           (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int8())), "it is a map"), (pa.RunEndEncodedArray.from_arrays([2, 3], [1, 2]), "run-end encoded"),
           (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "months have no fixed length"), (pa.array([decimal.Decimal("1.5")], pa.decimal256(40, 1)), "more than 38 digits"),
           (pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]), "it is a union")]


@pytest.mark.parametrize("array, why", REFUSED, ids=[str(a.type) for a, _ in REFUSED])
def test_refusals(echo, array, why):
    with pytest.raises(ValueError, match=f"column 'c' cannot be read: .*{why}"):
        echo(pa.table({"c": array}).to_reader())


class Schema(ctypes.Structure):
    pass


class Array(ctypes.Structure):
    pass


P, I = ctypes.c_void_p, ctypes.c_int64
Schema._fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", P), ("flags", I), ("n_children", I),
                   ("children", ctypes.POINTER(ctypes.POINTER(Schema))), ("dictionary", ctypes.POINTER(Schema)), ("release", P), ("private_data", P)]
Array._fields_ = [("length", I), ("null_count", I), ("offset", I), ("n_buffers", I), ("n_children", I), ("buffers", ctypes.POINTER(P)),
                  ("children", ctypes.POINTER(ctypes.POINTER(Array))), ("dictionary", ctypes.POINTER(Array)), ("release", P), ("private_data", P)]
KEPT = (ctypes.c_int32 * 4)(0, 5, 3, 3), (ctypes.c_int32 * 3)(0, 7, -1), ctypes.create_string_buffer(b"\x05")


def part(i, field, value):
    """Changes a field of the i-th column, or of the batch or schema itself."""
    return lambda x: setattr(x if i is None else x.children[i].contents, field, value)


def buffer(i, k, at):
    def change(x):
        (x if i is None else x.children[i].contents).buffers[k] = ctypes.addressof(at) if at else None
        x.null_count = 1 if i is None else x.null_count
    return change


MALFORMED = [
    ("schema", part(0, "format", None), "a column has no type"), ("schema", part(None, "format", None), "schema is malformed"),
    ("schema", part(None, "n_children", -1), "schema is malformed"), ("schema", part(0, "format", b"zzz"), "'zzz' has no counterpart"),
    ("schema", part(0, "format", b"w:-1"), "'w:-1' has no counterpart"), ("schema", part(0, "format", b"d:400,3"), "38 digits"),
    ("schema", part(0, "format", b"tsx:"), "'tsx:' has no counterpart"), ("schema", part(2, "format", b"g"), "codes of column 'd' are no integers"),
    ("array", part(0, "length", 1), "'a' has fewer rows than the batch"), ("array", part(0, "n_buffers", 1), "'a' has fewer buffers"),
    ("array", part(1, "n_buffers", 2), "'s' has fewer buffers"), ("array", part(0, "buffers", None), "'a' has fewer buffers"),
    ("array", buffer(0, 1, None), "'a' has no values"), ("array", buffer(1, 1, None), "'s' has no values"), ("array", part(0, "offset", -1), "offset is wrong"),
    ("array", buffer(0, 0, None), "does not say which"), ("array", part(None, "n_children", 2), "2 columns where its schema has 3"),
    ("array", part(2, "dictionary", None), "codes, but no dictionary"), ("array", part(None, "length", -5), "-5 rows"), ("array", part(None, "length", 10), "fewer rows"),
    ("array", buffer(None, 0, KEPT[2]), "missing as a whole"), ("array", buffer(2, 1, KEPT[1]), "a code is not of its dictionary"),
    ("array", buffer(1, 1, KEPT[0]), "ends before it begins"), ("stream", None, "was released before"),
]


@pytest.mark.parametrize("where, change, why", MALFORMED, ids=[f"{w}-{i}" for i, (w, _, _) in enumerate(MALFORMED)])
def test_malformed_structures_are_refused(echo, where, change, why):
    table = pa.table({"a": [1, None, 3], "s": ["x", "y", None], "d": pa.array(["p", "q", "p"]).dictionary_encode()})
    given = []

    def get_schema(stream, out):
        table.schema._export_to_c(out)
        if where == "schema":
            change(ctypes.cast(out, ctypes.POINTER(Schema)).contents)
        return 0

    def get_next(stream, out):
        ctypes.memset(out, 0, ctypes.sizeof(Array))
        if not given:
            table.to_batches()[0]._export_to_c(out)
            if where == "array":
                change(ctypes.cast(out, ctypes.POINTER(Array)).contents)
        given.append(1)
        return 0

    released = []

    def release(stream):
        released.append(1)
        (P * 5).from_address(stream)[3] = None

    calls = [ctypes.CFUNCTYPE(ctypes.c_int, P, P)(get_schema), ctypes.CFUNCTYPE(ctypes.c_int, P, P)(get_next), ctypes.CFUNCTYPE(P, P)(lambda s: None),
             ctypes.CFUNCTYPE(None, P)(release)]
    stream = (P * 5)(*(ctypes.cast(c, P).value for c in calls))
    if where == "stream":
        stream[3] = None
    with pytest.raises((ValueError, OSError), match=why):
        echo(stream)
    assert len(released) == (where != "stream")


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


class Ask(ctypes.Structure):
    _fields_ = [("what", ctypes.c_int), ("expr", ctypes.c_char_p), ("q", ctypes.c_double), ("n_bins", ctypes.c_uint32), ("lo", ctypes.c_double), ("hi", ctypes.c_double),
                ("is_log", ctypes.c_int), ("edges", P), ("n_edges", ctypes.c_size_t)]


class Rows(ctypes.Structure):
    _fields_ = [("select", ctypes.c_char_p), ("by", ctypes.c_char_p), ("asks", P), ("ask_names", P), ("n_asks", ctypes.c_size_t), ("is_distinct", ctypes.c_int),
                ("sort", ctypes.c_char_p), ("head", ctypes.c_uint64), ("tail", ctypes.c_uint64), ("sample", ctypes.c_uint64), ("seed", ctypes.c_uint64)]


COUNT, SUM, DISTINCT = 0, 1, 9


@pytest.fixture(scope="module")
def asked(yoke_path, plain_build):
    """asked(what speaks Arrow, on, by=…, asks=…) -> what PyArrow makes of the answer: through the installed library's own calls."""
    lib = ctypes.CDLL(str(yoke_path.parent / "libyoke.so.0"))
    for name, kinds in (("yoke_open", [ctypes.c_char_p, P]), ("yoke_table_from_arrow", [P, P, P]), ("yoke_table_rows", [P, P, P])):
        getattr(lib, name).restype, getattr(lib, name).argtypes = P, kinds
    lib.yoke_frame_to_arrow.argtypes = [P, P, P]
    lib.yoke_table_close.argtypes = lib.yoke_close.argtypes = [P]

    def call(data, on=b"threads:3", asks=(), **words):
        error, given, taken = ctypes.create_string_buffer(512), ctypes.create_string_buffer(40), ctypes.create_string_buffer(40)
        pa.RecordBatchReader.from_stream(data)._export_to_c(ctypes.addressof(given))
        session = lib.yoke_open(on, error)
        table = lib.yoke_table_from_arrow(session, given, error)
        list_ = (Ask * len(asks))(*(Ask(what=what, expr=expr) for what, expr in asks))
        frame = lib.yoke_table_rows(table, ctypes.byref(Rows(asks=ctypes.cast(list_, P), n_asks=len(asks), **words)), error) if table else None
        assert frame, error.raw[8:].split(b"\0")[0]
        assert lib.yoke_frame_to_arrow(frame, taken, error) == 0
        got = pa.RecordBatchReader._import_from_c(ctypes.addressof(taken)).read_all()
        lib.yoke_table_close(table)
        lib.yoke_close(session)
        return got

    return call


@pytest.mark.parametrize("on", [b"serial", b"threads:3", b"processes:2"])
def test_dictionaries_are_the_values_they_stand_for(asked, on):
    """Groups, different values and sorted rows of columns whose batches have dictionaries of their own, with values twice in them."""
    import pandas as pd
    rng = random.Random(5)
    batches = []
    for n in (3000, 1, 131072, 50000):
        words = [rng.choice(["a", "b", "long enough to lie apart", None, "a", ""]) for _ in range(rng.randrange(3, 9))] + ["z"]
        reals = [rng.choice([0.0, -0.0, 1.5, float("nan"), None]) for _ in range(5)]
        def coded(values, kind):
            return pa.DictionaryArray.from_arrays(pa.array([rng.choice([None, *range(len(values))]) for _ in range(n)], pa.int16()), pa.array(values, kind))
        batches.append(pa.record_batch([coded(words, pa.string()), coded(reals, pa.float64()), pa.array(rng.choices(range(100), k=n))], ["w", "x", "i"]))
    table = pa.Table.from_batches(batches)
    frame = pd.DataFrame({"w": [v for b in batches for v in b["w"].to_pylist()], "x": [v for b in batches for v in b["x"].to_pylist()], "i": table["i"].to_pylist()})
    reader = lambda: pa.RecordBatchReader.from_batches(table.schema, batches)
    got = asked(reader(), on, by=b"w", asks=[(COUNT, None), (SUM, b"x"), (SUM, b"i"), (DISTINCT, b"x")]).to_pandas()
    want = frame.groupby("w", dropna=False).agg(n=("i", "size"), x=("x", "sum"), i=("i", "sum"), u=("x", "nunique")).reset_index()
    assert got.iloc[:, 0].tolist()[:-1] == want["w"].tolist()[:-1] and pd.isna(got.iloc[-1, 0])
    for k, name in enumerate("nxiu"):
        assert got.iloc[:, k + 1].tolist() == want[name].tolist(), name
    got = asked(reader(), on, by=b"x", asks=[(COUNT, None)]).to_pylist()
    assert [r["count"] for r in got] == [int((frame.x == 0).sum()), int((frame.x == 1.5).sum()), int(frame.x.isna().sum())]
    got = asked(reader(), on, select=b"w, i", sort=b"w desc, i").to_pylist()
    want = frame.sort_values(["w", "i"], ascending=[False, True], na_position="last", kind="stable")
    assert [(r["w"], r["i"]) for r in got] == [(None if w is None or w != w else w, i) for w, i in zip(want.w, want.i)]
    assert sorted(filter(None, asked(reader(), on, select=b"w", is_distinct=1)["w"].to_pylist())) == sorted(w for w in set(frame.w.dropna()) if w)


def test_polars_and_duckdb_ask_the_library(asked):
    import duckdb
    import polars as pl
    df = pl.DataFrame({"zone": pl.Series(["u", "v", None, "u"] * 2500, dtype=pl.Categorical), "tip": [1.5, None, 2.0, 3.0] * 2500})
    got = pl.from_arrow(asked(df, by=b"zone", asks=[(SUM, b"tip")]))
    assert got.rows() == df.with_columns(pl.col("zone").cast(str)).group_by("zone").agg(pl.col("tip").sum()).sort("zone", nulls_last=True).rows()
    answer = asked(duckdb.sql("select i % 3 as k, i * 1.5::double as x from range(10000) t(i)"), by=b"k", asks=[(SUM, b"x")])
    assert duckdb.sql("from answer").fetchall() == duckdb.sql("select i % 3 as k, sum(i * 1.5::double) from range(10000) t(i) group by 1 order by 1").fetchall()


@pytest.mark.parametrize("on", [b"threads:3", b"processes:2"])
def test_many_rows_of_which_hardly_two_are_the_same(asked, on):
    """Which are gone through several times, though they came as a stream."""
    import numpy as np
    import polars as pl
    n, rng = 600_000, np.random.default_rng(3)
    i = rng.permutation(n)
    i[rng.integers(0, n, 500)] = i[rng.integers(0, n, 500)]
    df = pl.DataFrame({"i": i, "w": pl.Series(rng.choice(["a", "b", "c"], n), dtype=pl.Categorical), "x": np.arange(n) % 9 / 2})
    got = pl.from_arrow(asked(df, on, select=b"i, w", is_distinct=1))
    assert got.rows() == df.select("i", pl.col("w").cast(str)).unique(maintain_order=True).rows()
    got = pl.from_arrow(asked(df, on, by=b"i", asks=[(COUNT, None), (SUM, b"x")]))
    assert got.rows() == df.group_by("i").agg(pl.len(), pl.col("x").sum()).sort("i").rows()
