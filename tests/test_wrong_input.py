"""Wrong input of every kind, to every verb: one clear sentence on standard error, exit code 1 or 2, nothing on standard output,
nothing left behind, no crash, no hang."""

import os
import shutil

import pytest

SIGNALS = range(128, 160)


def clear_refusal(run, code=(1, 2), most_lines=6):
    assert run.returncode in code, (run.returncode, run.stderr)
    assert run.returncode not in SIGNALS and run.returncode >= 0
    lines = run.stderr.strip().splitlines()
    assert 1 <= len(lines) <= most_lines, run.stderr
    assert lines[0].startswith("yoke "), run.stderr
    assert "Sanitizer" not in run.stderr
    assert run.stdout == ""
    return run.stderr


@pytest.fixture(scope="session")
def month(root):
    found = sorted((root / "data").rglob("green_tripdata_*.parquet"))
    assert found, "data/ holds a green month"
    return found[0]


@pytest.mark.parametrize("verb", ["table", "image", "map"])
@pytest.mark.parametrize("word", ["-j", "--threads", "--workers=4"])
def test_workers_by_another_name(yoke, verb, word):
    if verb != "map" or word != "-j":
        assert "--on threads:N" in clear_refusal(yoke(verb, word, "4"), (2,))


def test_top_has_an_order_of_its_own(yoke, month):
    assert "--sort 'E desc' --head N" in clear_refusal(yoke("table", month, "--by", "VendorID", "--top", "2", "--sort", "VendorID"), (2,))


# ---- tables

def test_broken_taxi_files(yoke, shared):
    for path in sorted((shared / "taxi/broken").iterdir()):
        said = clear_refusal(yoke("table", path, "--count"))
        assert path.name in said


def test_html_and_pointer_are_called_by_name(yoke, shared):
    assert "HTML" in yoke("table", shared / "taxi/broken/yellow_tripdata_2022-01.403html.parquet", "--count").stderr
    assert "LFS" in yoke("table", shared / "taxi/broken/green_tripdata_2022-02.lfs-pointer.parquet", "--count").stderr


def test_bad_parquet_never_crashes(yoke, shared):
    bad = sorted(p for p in (shared / "parquet-testing").rglob("*") if "bad_data" in p.parts and p.is_file() and p.suffix == ".parquet")
    assert len(bad) >= 5
    for path in bad:
        for words in (["--columns"], ["--head", "5"], ["--count"]):
            run = yoke("table", path, *words)
            assert run.returncode in (0, 1, 2), (path, words, run.returncode, run.stderr)
            if run.returncode:
                assert run.stderr.startswith("yoke table: "), run.stderr


@pytest.mark.parametrize("keep", [0, 1, 3, 4, 7, 8, 100, 0.5, 0.9, 0.999])
def test_truncated_parquet(yoke, month, tmp_path, keep):
    data = month.read_bytes()
    path = tmp_path / "cut.parquet"
    path.write_bytes(data[:int(keep * len(data)) if isinstance(keep, float) else keep])
    clear_refusal(yoke("table", path, "--mean", "tip_amount"))


def test_directory_missing_and_unreadable(yoke, month, tmp_path):
    clear_refusal(yoke("table", tmp_path / "nothing.parquet", "--count"))
    (tmp_path / "empty.parquet").mkdir()
    clear_refusal(yoke("table", tmp_path / "empty.parquet", "--count"))
    if os.geteuid() != 0:
        path = tmp_path / "locked.parquet"
        shutil.copy(month, path)
        path.chmod(0)
        clear_refusal(yoke("table", path, "--count"))


def test_a_missing_column_names_file_column_and_near_ones(yoke, month):
    said = clear_refusal(yoke("table", month, "--mean", "tip_amnt"), code=(1, 2))
    assert "tip_amnt" in said and "tip_amount" in said and month.name in said


@pytest.mark.parametrize("expression", ["", "tip_amount +", "tip_amount / / fare_amount", "(tip_amount", "nosuch(tip_amount)", "tip_amount == 'x",
                                        "1..2", "tip_amount fare_amount", "sqrt()", "sqrt(1, 2)", "\x01", "((((", "'a' + 1"])
def test_bad_expressions(yoke, month, expression):
    clear_refusal(yoke("table", month, "--mean", expression))


@pytest.mark.parametrize("words", [["--hist", "tip_amount", "--bins", "0", "--range", "0:1"], ["--hist", "tip_amount", "--bins", "ten", "--range", "0:1"],
                                   ["--hist", "tip_amount", "--bins", "10", "--range", "1:0"], ["--hist", "tip_amount", "--bins", "10", "--range", "0"],
                                   ["--bins", "10"], ["--mean"], ["--maen", "tip_amount"], ["--head", "-3"], ["--count", "--on", "sreial"]])
def test_bad_options_of_table(yoke, month, words):
    clear_refusal(yoke("table", month, *words), code=(2,))


def test_no_files_and_globs_that_match_nothing(yoke, tmp_path):
    clear_refusal(yoke("table", "--count"), code=(2,))
    clear_refusal(yoke("table", tmp_path / "*.parquet", "--count"))


def test_full_disk(yoke, month):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        import subprocess
        run = subprocess.run([os.environ.get("YOKE", "build/src/yoke"), "table", str(month), "--head", "5"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 1 and "space" in run.stderr
    for words in (["help"], ["help", "map"], ["run", "--help"], ["--version"]):
        with open("/dev/full", "w") as full:
            run = subprocess.run([os.environ.get("YOKE", "build/src/yoke"), *words], stdout=full, stderr=subprocess.PIPE, text=True)
        assert run.returncode == 1 and "space" in run.stderr


def test_closed_standard_files(yoke_path, tmp_path):
    """What is printed must not go into a file of ours that was given the number of one that is closed."""
    import subprocess
    (tmp_path / "jobs").write_text("echo out\n")
    (tmp_path / "t.csv").write_text("a\n1\n")
    for words in ("run jobs <&- >&-", "table t.csv --sum a <&- >&-", "table - --sum a <&-", "map 'echo {}' - <&-"):
        run = subprocess.run(f"{yoke_path} {words}", shell=True, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        assert run.returncode == 1 and "Bad file descriptor" in run.stderr, words


# ---- pictures

def test_broken_pngs(yoke, shared, tmp_path):
    broken = sorted((shared / "images/odd/pngsuite").glob("x*.png"))
    assert len(broken) >= 10
    run = yoke("image", *broken, "--to", "jpeg", "-o", tmp_path / "out")
    assert run.returncode == 1
    for path in broken:
        assert path.name in run.stderr
    assert not any((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


@pytest.mark.parametrize("content", [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00", b"not a picture\n", b"\x89PNG\r\n\x1a\n"])
def test_pictures_that_are_none(yoke, tmp_path, content):
    (tmp_path / "p.jpg").write_bytes(content)
    for form in ("pdf", "png"):
        run = yoke("image", tmp_path / "p.jpg", "--to", form, "-o", tmp_path / "out")
        assert run.returncode == 1 and "p.jpg" in run.stderr
        assert not list((tmp_path / "out").iterdir()) if (tmp_path / "out").exists() else True


def test_image_words(yoke, tmp_path):
    clear_refusal(yoke("image"), code=(2,))
    clear_refusal(yoke("image", tmp_path / "a.jpg", "--to", "gfi", "-o", tmp_path), code=(2,))
    clear_refusal(yoke("image", tmp_path / "a.jpg", "--rotate", "ninety", "-o", tmp_path), code=(2,))
    clear_refusal(yoke("image", tmp_path / "a.jpg", "--to", "pdf", "-o", tmp_path), code=(1, 2))


# ---- functions


@pytest.fixture
def pi(root):
    return root / "examples/pi.c"


def test_functions_that_are_not_there(yoke, pi, tmp_path):
    said = clear_refusal(yoke("map", f"{pi}:pi_mt19973", "0..1"))
    assert "pi_mt19937" in said
    clear_refusal(yoke("map", f"{tmp_path}/none.c:f", "0..1"))
    clear_refusal(yoke("map", f"{tmp_path}/none.so:f", "0..1"))


def test_a_file_that_does_not_compile(yoke, tmp_path):
    (tmp_path / "bad.c").write_text("int f(int x) { return x + ; }\n")
    run = yoke("map", f"{tmp_path}/bad.c:f", "0..1")
    assert run.returncode in (1, 2) and "error" in run.stderr and run.stdout == ""


def test_items_that_are_no_numbers(yoke, pi):
    said = clear_refusal(yoke("map", f"{pi}:pi", "1", "two", "3"))
    assert "two" in said
    clear_refusal(yoke("map", f"{pi}:pi", "-a", "/no/such/file"))
    clear_refusal(yoke("map", f"{pi}:pi", "0..9", "--on", "threads:none"), code=(2,))


# ---- plots and job files

def test_plot_words(yoke, tmp_path):
    clear_refusal(yoke("plot"), code=(2,))
    clear_refusal(yoke("plot", tmp_path / "none.csv"))
    (tmp_path / "bad.csv").write_text("a,b\n1,x\n")
    clear_refusal(yoke("plot", tmp_path / "bad.csv"))
    clear_refusal(yoke("plot", tmp_path))


def test_run_words(yoke, tmp_path):
    clear_refusal(yoke("run"), code=(2,))
    clear_refusal(yoke("run", tmp_path / "none.txt"))
    (tmp_path / "empty.txt").write_text("# nothing\n\n")
    assert yoke("run", tmp_path / "empty.txt", cwd=tmp_path).returncode in (0, 1, 2)
