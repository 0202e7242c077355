"""What every test of the whole command shares: how to call yoke, and where inputs are.

`--rewrite` makes the golden tests (test_golden.py) write what they got as what they expect.
"""

import os
import pathlib
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT_S = 120  # no single call in a test may take longer: a hang is a failure, not a wait


def pytest_addoption(parser):
    parser.addoption("--rewrite", action="store_true", help="golden tests: take what was printed as what is expected")


def rows_in(path):
    """The rows of a Parquet file to the bit, as PyArrow reads them, however they are cut into row groups and pages."""
    to = pa.BufferOutputStream()
    pq.write_table(pq.read_table(path).combine_chunks(), to, compression="none")
    return to.getvalue().to_pybytes()


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def yoke_path(root):
    path = pathlib.Path(os.environ.get("YOKE", root / "build" / "src" / "yoke")).resolve()
    assert path.exists(), f"{path} is not there: build first, or name the command in $YOKE"
    return path


@pytest.fixture(scope="session")
def yoke(yoke_path):
    """yoke('table', file, '--count') -> CompletedProcess with text stdout and stderr."""

    def call(*words, input=None, cwd=None, env=None, timeout=LIMIT_S):
        return subprocess.run(
            [str(yoke_path), *map(str, words)], input=input, cwd=cwd, env={**os.environ, **(env or {})},
            capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL if input is None else None)

    return call


@pytest.fixture(scope="session")
def shared(root):
    """The folder of real inputs that lies beside a checkout of the project; tests that want it skip without."""
    path = pathlib.Path(os.environ.get("YOKE_SHARED", root.parent / "shared")) / "data"
    if not path.is_dir():
        pytest.skip("the shared inputs are not beside this checkout")
    return path


@pytest.fixture(scope="session")
def plain_build(yoke_path):
    """For tests that load a library of the build into Python, or hold memory and time to figures: not under a sanitizer."""
    if any(word in yoke_path.read_bytes() for word in (b"__asan_init", b"__tsan_init")):
        pytest.skip("a sanitizer's build")
