"""Every Parquet file among the real inputs: value for value what PyArrow reads, or a refusal that docs/parquet.md lists."""

import pathlib
import re

import pyarrow.parquet as pq
import pytest

import parquet_oracle as oracle

# Refusals that follow from what a column is: the rest of the sentence.
BY_NATURE = ["it is part of a map", "it is a list", "it is encrypted"]
# And those of single files, each listed with its reason in docs/parquet.md.
BY_FILE = {
    "data/int96_from_spark.parquet": "outside the years 1678 to 2261",
    "data/encrypt_columns_plaintext_footer.parquet.encrypted": "outside the years 1678 to 2261",
    "data/datapage_v1-corrupt-checksum.parquet": "its checksum is wrong",
    "data/rle-dict-uncompressed-corrupt-checksum.parquet": "its checksum is wrong",
    "bad_data/PARQUET-1481.parquet": "its type is not one that Parquet defines",
    "bad_data/ARROW-RS-GH-6229-DICTHEADER.parquet": "",
    "bad_data/ARROW-GH-47662.parquet": "it has fewer values than it says",
    "parquet-data/invalid_utf8.parquet": "a value lies outside the bounds",  # read, but what is found by bounds is not
    "bad_data/ARROW-GH-41317.parquet": "",  # damaged or read, but never a crash
    "bad_data/ARROW-GH-41321.parquet": "",
    "bad_data/ARROW-GH-43605.parquet": "",
}
NO_PARQUET = {"403html": "is a web page (HTML)", "lfs-pointer": "is a Git LFS pointer", ".crc": "is not a Parquet file",
              ".encrypted": "is an encrypted Parquet file"}


def files_of(shared):
    found = [p for p in shared.rglob("*") if p.is_file() and re.search(r"\.(parquet|parq)(\.|$)", p.name) and p.suffix != ".json"]
    assert len(found) > 200
    return sorted(found)


def known_reason(path, sentence):
    reasons = BY_NATURE + [why for name, why in BY_FILE.items() if str(path).endswith(name)]
    return any(why in sentence for why in reasons)


def type_differs(c, t):
    """A time's unit and zone, a decimal's scale: without them equal numbers would not be equal values."""
    if c.kind == "time" and (t.unit != c.unit or (t.tz is not None) != c.is_utc):
        return f"timestamp[{c.unit}, UTC: {c.is_utc}], not {t}"
    if c.kind == "decimal" and t.scale != c.scale:
        return f"scale {c.scale}, not {t}"
    return None


def compare(path):
    """What is wrong with our reading of a file, as a list of sentences."""
    mine, wrong = oracle.dump(path), []
    try:
        file = pq.ParquetFile(path)
        leaves = sorted(file.schema.column(i).path for i in range(len(file.schema)))
        if leaves != sorted(c.name for c in mine):
            wrong.append(f"columns {[c.name for c in mine]}, not {leaves}")
        theirs = file.read()
    except Exception as e:
        theirs, why = None, e
    for c in mine:
        if c.wrong:
            if not known_reason(path, c.wrong):
                wrong.append(f"{c.name}: {c.wrong}")
        elif theirs is None:
            if not known_reason(path, "") and "encrypted" not in path.name and "bad_data" not in str(path):
                wrong.append(f"{c.name}: PyArrow cannot read what we read: {why}")
        else:
            array = oracle.leaf(theirs, c.name)
            differ = type_differs(c, array.type) or oracle.same(c.kind, c.valid, c.values, *oracle.of_arrow(c.kind, array)) if array is not None else "not in PyArrow's table"
            if differ:
                wrong.append(f"{c.name} ({c.kind}, {c.physical}, {c.logical}): {differ}")
    return wrong


def test_every_file(shared):
    wrong, opened = [], 0
    for path in files_of(shared):
        try:
            wrong += [f"{path.relative_to(shared)}: {w}" for w in compare(path)]
            opened += 1
        except RuntimeError as e:
            expected = [why for name, why in NO_PARQUET.items() if name in path.name]
            if not expected or expected[0] not in str(e):
                wrong.append(f"{path.relative_to(shared)}: {e}")
    assert not wrong, "\n".join(wrong)
    assert opened > 200


def test_refusals_are_documented(root):
    text = (root / "docs" / "parquet.md").read_text()
    for name in BY_FILE:
        assert pathlib.Path(name).name in text, name


@pytest.mark.parametrize("content, sentence", [
    (b"", "is empty"),
    (b"PAR1", "is cut short"),
    (b"PAR1" + bytes(100), "is cut short"),
    (b"a,b\n1,2\n" * 10, "is a text file, not Parquet"),
    (b"\x1f\x8b\x08" + bytes(50), "is a gzip file"),
    (b"ARROW1\0\0" + bytes(50), "is an Arrow (Feather) file"),
    (bytes(20) + b"\xff\xff\xff\x7fPAR1", "longer than the file"),
    (b"PAR1" + bytes(20) + b"\x04\0\0\0PAR1", "footer is damaged"),
])
def test_no_parquet(tmp_path, content, sentence):
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(RuntimeError, match=re.escape(sentence)):
        oracle.dump(path)


def test_directory_and_absent(tmp_path):
    with pytest.raises(RuntimeError, match="is a directory"):
        oracle.dump(tmp_path)
    with pytest.raises(RuntimeError, match="No such file"):
        oracle.dump(tmp_path / "absent.parquet")


def test_cut_anywhere(root, tmp_path, shared):
    """A file that loses its end, and one whose middle is overwritten, give sentences and nothing worse."""
    whole = (shared / "parquet-testing/apache-parquet-testing/data/alltypes_plain.snappy.parquet").read_bytes()
    path = tmp_path / "cut.parquet"
    for n in range(0, len(whole), 37):
        path.write_bytes(whole[:n])
        with pytest.raises(RuntimeError):
            oracle.dump(path)
    for n in range(4, len(whole) - 8, 61):
        path.write_bytes(whole[:n] + bytes([255] * 8) + whole[n + 8:])
        done = oracle.run(path)
        assert done.returncode in (0, 1), (n, done)


def test_ranges_and_blocks(shared):
    """Any rows, in blocks of any size, with rows left out between them, are the rows of a whole read."""
    names = ["apache-parquet-testing/data/alltypes_tiny_pages.parquet", "apache-parquet-testing/data/delta_byte_array.parquet",
             "apache-parquet-testing/data/int32_with_null_pages.parquet", "apache-parquet-testing/data/byte_stream_split_extended.gzip.parquet",
             "apache-parquet-testing/data/fixed_length_byte_array.parquet"]
    for name in names:
        path = shared / "parquet-testing" / name
        whole = oracle.dump(path)
        rows = whole[0].n
        for block, first, n, skip in [(1, 0, min(rows, 300), 0), (7, 3, rows - 3, 0), (2048, rows // 3, rows // 2, 0), (100, 5, rows - 9, 977), (64, rows, 0, 0)]:
            for a, b in zip(whole, oracle.dump(path, block, first, n, skip)):
                picked = [r for start in range(first, first + n, block + skip) for r in range(start, min(start + block, first + n))]
                assert not b.wrong and b.n == len(picked), (name, b.name, b.wrong)
                values = [a.values[i] for i in picked] if isinstance(a.values, list) else a.values[picked]
                assert oracle.same(b.kind, b.valid, b.values, a.valid[picked], values) is None, (name, b.name, block, first, skip)


@pytest.mark.parametrize("isa", ["baseline", "avx2", "avx512"])
def test_instruction_sets_agree(shared, isa):
    for name in ["apache-parquet-testing/data/alltypes_tiny_pages.parquet", "apache-parquet-testing/data/delta_binary_packed.parquet"]:
        path = shared / "parquet-testing" / name
        assert oracle.run(path, env={"YOKE_ISA": isa}).stdout == oracle.run(path).stdout
