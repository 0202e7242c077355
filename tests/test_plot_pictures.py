"""yoke plot: pictures whose lines are where the data is, labels that stay text, drawings in the terminal."""

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import numpy as np
import pytest

needs_gnuplot = pytest.mark.skipif(not shutil.which("gnuplot"), reason="gnuplot is not installed")
SVG = "{http://www.w3.org/2000/svg}"


def save_histogram(path, values, bins=20, range=(0, 2)):
    counts, edges = np.histogram(values, bins, range)
    path.write_text("lo,hi,count\n" + "".join(f"{a!r},{b!r},{n}\n" for a, b, n in zip(edges[:-1].tolist(), edges[1:].tolist(), counts)))
    return counts, edges


@pytest.fixture
def two(tmp_path):
    rng = np.random.RandomState(1)
    return (save_histogram(tmp_path / "yellow.csv", rng.gamma(2, 0.2, 5000)), save_histogram(tmp_path / "green.csv", rng.gamma(3, 0.2, 3000)))


def drawn_lines(svg):
    """The longest line of each series, in the picture's coordinates (its sample in the legend is the other)."""
    found = {}
    for group in ET.parse(svg).iter(f"{SVG}g"):
        m = re.fullmatch(r"gnuplot_plot_(\d+)", group.get("id", ""))
        for path in group.iter(f"{SVG}path") if m else []:
            xy = np.array([[float(v) for v in pair.split(",")] for pair in re.findall(r"-?[\d.]+,-?[\d.]+", path.get("d"))])
            k = int(m.group(1))
            if k not in found or len(xy) > len(found[k]):
                found[k] = xy
    return found


def texts(svg):
    return ["".join(t.itertext()).strip() for t in ET.parse(svg).iter(f"{SVG}text")]


@needs_gnuplot
@pytest.mark.parametrize("log", [False, True])
def test_stairs_are_where_the_data_is(yoke, tmp_path, two, log):
    run = yoke("plot", "yellow.csv", "green.csv", "-o", "p.svg", *(["--log-y"] if log else []), cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    lines = drawn_lines(tmp_path / "p.svg")
    x0, x1 = lines[1][:, 0].min(), lines[1][:, 0].max()
    assert x1 - x0 > 500
    seen = []  # (height in the data, height in the picture) of every step of both series
    for (counts, edges), line in zip(two, (lines[1], lines[2])):
        for lo, hi, n in zip(edges[:-1], edges[1:], counts):
            a, b = x0 + lo / 2 * (x1 - x0), x0 + hi / 2 * (x1 - x0)
            flat = [p[1] for p, q in zip(line[:-1], line[1:]) if abs(p[1] - q[1]) < 0.02 and p[0] - 0.3 < a and b < q[0] + 0.3]
            if n > 0:
                assert flat, f"no step from {lo} to {hi}"
                seen.append((np.log(n) if log else n, flat[0]))
    value, height = np.array(seen).T
    fit = np.polyfit(value, height, 1)
    assert fit[0] < 0 and np.abs(np.polyval(fit, value) - height).max() < 0.1


@needs_gnuplot
def test_labels_stay_text(yoke, tmp_path, two):
    evil = [
        "it's `touch pwned` a_b^{2} <&> \"q\" \\n @x $HOME",
        "'; system('touch pwned'); '",
        "é ☃ \x01 b\nc",
    ]
    odd = tmp_path / "o'dd `touch pwned` {x}.csv"
    (tmp_path / "yellow.csv").rename(odd)
    run = yoke("plot", odd.name, "green.csv", "--title", evil[0], "--x-label", evil[1], "--y-label", evil[2], "-o", "a'b`c`.svg", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert not (tmp_path / "pwned").exists()
    got = texts(tmp_path / "a'b`c`.svg")
    want = [evil[0], evil[1], "é ☃   b c", odd.stem]
    squeezed = [re.sub(r"\s+", " ", t) for t in got]
    for w in want:
        assert re.sub(r"\s+", " ", w) in squeezed, (w, squeezed)


@needs_gnuplot
@pytest.mark.parametrize("ending,magic", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("PNG", b"\x89PNG")])
def test_endings(yoke, tmp_path, two, ending, magic):
    name = f"p.{ending}"
    assert yoke("plot", "yellow.csv", "-o", name, cwd=tmp_path).returncode == 0
    assert (tmp_path / name).read_bytes().startswith(magic)
    before = (tmp_path / name).read_bytes()
    run = yoke("plot", "green.csv", "-o", name, cwd=tmp_path)
    assert run.returncode == 1 and "already there" in run.stderr and (tmp_path / name).read_bytes() == before
    assert yoke("plot", "green.csv", "-o", name, "--force", cwd=tmp_path).returncode == 0
    assert (tmp_path / name).read_bytes() != before
    assert sorted(os.listdir(tmp_path)) == sorted(["green.csv", "yellow.csv", name])


@needs_gnuplot
def test_size_of_png(yoke, tmp_path, two):
    from PIL import Image
    assert yoke("plot", "yellow.csv", "-o", "p.png", "--size", "500x300", cwd=tmp_path).returncode == 0
    assert Image.open(tmp_path / "p.png").size == (500, 300)


@needs_gnuplot
def test_columns_as_lines_and_points(yoke, tmp_path):
    x = np.arange(1, 50)
    (tmp_path / "t.csv").write_text("n,square,cube,word\n" + "".join(f"{v},{v**2},{v**3},\n" for v in x))
    run = yoke("plot", "t.csv", "-y", "square", "-y", "cube", "--log-x", "--log-y", "-o", "p.svg", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    lines = drawn_lines(tmp_path / "p.svg")
    inside = [lines[k][1:-1] for k in (1, 2)]
    slopes = [np.polyfit(*xy.T, 1) for xy in inside]
    for xy, line in zip(inside, slopes):  # a power of x is a straight line on two log axes
        assert len(xy) > 40 and np.abs(np.polyval(line, xy[:, 0]) - xy[:, 1]).max() < 0.6
    assert abs(slopes[1][0] / slopes[0][0] - 1.5) < 0.01
    assert {"square", "cube"} <= set(texts(tmp_path / "p.svg"))
    assert yoke("plot", "t.csv", "-y", "cube", "--as", "points", "-o", "q.svg", cwd=tmp_path).returncode == 0
    assert (tmp_path / "q.svg").read_text().count("<use ") >= 49


def test_no_gnuplot_is_said(yoke, tmp_path, two):
    run = yoke("plot", "yellow.csv", "-o", "p.png", cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert run.returncode == 1 and "gnuplot is not installed" in run.stderr
    assert not (tmp_path / "p.png").exists()
    fake = tmp_path / "gnuplot"
    fake.write_text("#!/bin/sh\necho 'line 3: no such thing' >&2\nexit 1\n")
    fake.chmod(0o755)
    run = yoke("plot", "yellow.csv", "-o", "p.png", cwd=tmp_path, env={"PATH": f"{tmp_path}:/bin"})
    assert run.returncode == 1 and "gnuplot could not draw 'p.png': line 3: no such thing" in run.stderr
    fake.write_text("#!/bin/sh\nkill -9 $$\n")
    run = yoke("plot", "yellow.csv", "-o", "p.png", cwd=tmp_path, env={"PATH": f"{tmp_path}:/bin"})
    assert run.returncode == 1 and "signal 9" in run.stderr
    assert sorted(os.listdir(tmp_path)) == ["gnuplot", "green.csv", "yellow.csv"]


@pytest.mark.parametrize("columns", [32, 60, 80, 200])
def test_terminal_drawing_fits(yoke, tmp_path, two, columns):
    run = yoke("plot", "yellow.csv", "green.csv", "--log-y", "--title", "T", "--x-label", "x", cwd=tmp_path,
               env={"COLUMNS": str(columns), "LC_ALL": "C.UTF-8"})
    assert run.returncode == 0, run.stderr
    assert "\033" not in run.stdout
    assert max(map(len, run.stdout.splitlines())) <= columns
    assert "yellow" in run.stdout and "green" in run.stdout and "10²" in run.stdout


def test_terminal_drawing_shows_the_shape(yoke, tmp_path):
    (tmp_path / "h.csv").write_text("lo,hi,count\n0,1,1\n1,2,8\n2,3,0\n3,4,4\n")
    run = yoke("plot", "h.csv", cwd=tmp_path, env={"COLUMNS": "60", "LC_ALL": "de_DE.ISO-8859-1"})
    rows = [line for line in run.stdout.splitlines() if re.match(r"\s*[\d.]*\s*[|+]", line)]
    assert run.stdout.isascii()
    heights = {}
    for depth, row in enumerate(rows):
        body = re.split(r"[|+]", row, maxsplit=1)[1]
        for at, c in enumerate(body):
            if c == "*":
                heights.setdefault(at, len(rows) - depth)
    width = max(heights) + 1
    level = [heights.get(int((i + 0.5) * width / 4), 0) for i in range(4)]
    assert level[1] > level[3] > level[0] > level[2], (level, run.stdout)
    assert abs(level[3] / level[1] - 0.5) < 0.15


def test_terminal_colours_on_a_terminal_only(yoke_path, tmp_path, two):
    if not shutil.which("script"):
        pytest.skip("script is not installed")
    command = f"{yoke_path} plot yellow.csv green.csv"
    env = {k: v for k, v in os.environ.items() if k != "NO_COLOR"} | {"TERM": "xterm-256color", "COLUMNS": "70"}
    coloured = subprocess.run(["script", "-qec", command, "/dev/null"], cwd=tmp_path, env=env, capture_output=True, text=True).stdout
    assert "\033[38;5;" in coloured and "⣿" in coloured or "⡇" in coloured
    plain = subprocess.run(["script", "-qec", command, "/dev/null"], cwd=tmp_path, env=env | {"NO_COLOR": "1"}, capture_output=True, text=True).stdout
    assert "\033" not in plain


def test_wrong_calls(yoke, tmp_path, two):
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n3\n")
    (tmp_path / "gap.csv").write_text("lo,hi,count\n0,1,5\n2,3,5\n")
    (tmp_path / "fall.csv").write_text("lo,hi,count\n1,0,5\n")
    (tmp_path / "zero.csv").write_text("lo,hi,count\n0,1,0\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "bin.csv").write_bytes(b"\0\1\2\n")
    for words, code, said in [
        ([], 2, "name the files"),
        (["nosuch.csv"], 1, "No such file"),
        ([tmp_path], 1, "directory"),
        (["bad.csv"], 1, "line 3 has fewer fields"),
        (["gap.csv"], 1, "bin 2 does not begin"),
        (["fall.csv"], 2, "do not rise"),
        (["empty.csv"], 1, "no rows"),
        (["bin.csv"], 1, "not a CSV"),
        (["zero.csv", "--log-y"], 2, "nothing to draw"),
        (["yellow.csv", "-o", "p.gif"], 2, ".png, .svg or .pdf"),
        (["yellow.csv", "-o", "no/such/p.png"], 1, "no/such/p.png"),
        (["yellow.csv", "-y", "cuont"], 2, "did you mean 'count'"),
        (["yellow.csv", "--y-range", "3"], 2, "--y-range takes LO:HI"),
        (["yellow.csv", "--y-range", "0:3", "--log-y"], 2, "above 0"),
        (["yellow.csv", "--size", "4x4"], 2, "--size takes"),
        (["yellow.csv", "--as", "dots"], 2, "lines or points"),
        (["yellow.csv", "--label", "a", "--label", "b"], 2, "2 labels for 1 series"),
    ]:
        run = yoke("plot", *words, cwd=tmp_path)
        assert run.returncode == code and said in run.stderr, (words, run.returncode, run.stderr)
        assert len(run.stderr.splitlines()) <= 2 and run.stdout == ""
    assert yoke("plot", "zero.csv", cwd=tmp_path).returncode == 0
    assert yoke("plot", "-", input="lo,hi,count\n0,1,2\n").returncode == 0
