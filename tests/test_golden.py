"""Golden tests: tests/cli/NAME.sh is run with `yoke` on the PATH in an empty folder, and what it prints (both streams, and
the exit code of each failing command as the script shows it) must equal tests/cli/NAME.out."""

import os
import pathlib
import subprocess

import pytest

SCRIPTS = sorted((pathlib.Path(__file__).parent / "cli").glob("*.sh"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_golden(script, yoke_path, root, tmp_path, request):
    env = {**os.environ, "PATH": f"{yoke_path.parent}:{os.environ['PATH']}", "ROOT": str(root), "LC_ALL": "C.UTF-8"}
    env.pop("YOKE_ON", None)
    got = subprocess.run(["bash", script], cwd=tmp_path, env=env, text=True, timeout=60, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    got = got.replace(str(root), "ROOT").replace(str(tmp_path), "HERE")
    want = script.with_suffix(".out")
    if request.config.getoption("--rewrite"):
        want.write_text(got)
    assert got == want.read_text()
