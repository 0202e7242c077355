"""yoke image against Pillow and poppler: PDFs carry the JPEG bytes and show the turned original, the rest is decoded alike."""

import glob
import io
import os
import shutil
import signal
import subprocess
import time

import numpy as np
import pytest
from PIL import Image, ImageOps

pdftoppm = shutil.which("pdftoppm")
needs_poppler = pytest.mark.skipif(not pdftoppm, reason="pdftoppm is not installed")


def page(pdf, dpi=72):
    """The PDF's page as pixels: at 72 dots an inch one per pixel of the picture."""
    run = subprocess.run([pdftoppm, "-r", str(dpi), str(pdf)], capture_output=True, check=True)
    assert not run.stderr, run.stderr
    return np.asarray(Image.open(io.BytesIO(run.stdout)).convert("RGB"), dtype=float)


def pixels(image):
    return np.asarray(image.convert("RGB"), dtype=float)


def differs(a, b):
    assert a.shape == b.shape
    return np.abs(a - b).mean()


def gradient(width=61, height=40):
    """Smooth, and different in every corner, so that no wrong turn looks right."""
    y, x = np.mgrid[0:height, 0:width]
    return Image.fromarray(np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], -1).astype("uint8"))


def converted(yoke, cwd, *words, code=0):
    run = yoke("image", *words, cwd=cwd)
    assert run.returncode == code, run.stderr
    assert not [f for f in os.listdir(cwd) if ".yoke-" in f], "a hidden file was left behind"
    return run


@needs_poppler
@pytest.mark.parametrize("deg,turn", [(0, None), (90, Image.ROTATE_270), (180, Image.ROTATE_180), (270, Image.ROTATE_90)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_pdf_turns_the_unchanged_jpeg(yoke, tmp_path, deg, turn, options):
    gradient().save(tmp_path / "a.jpg", quality=90, **options)
    converted(yoke, tmp_path, "a.jpg", "--rotate", deg, "--to", "pdf")
    assert (tmp_path / "a.jpg").read_bytes() in (tmp_path / "a.pdf").read_bytes()
    want = Image.open(tmp_path / "a.jpg")
    assert differs(page(tmp_path / "a.pdf"), pixels(want.transpose(turn) if turn is not None else want)) < 1.5


@needs_poppler
def test_photographs(yoke, shared, tmp_path):
    files = sorted((shared / "images/tutorial").glob("*.jpg"))
    assert len(files) == 10
    run = converted(yoke, tmp_path, *files, "--rotate", 180, "--to", "pdf", "-o", "out", "--suffix", "_flipped")
    assert run.stdout.split() == [f"out/{f.stem}_flipped.pdf" for f in files]
    for f in files:
        pdf = tmp_path / "out" / f"{f.stem}_flipped.pdf"
        subprocess.run(["pdfimages", "-all", pdf, tmp_path / "inside"], check=True)
        assert (tmp_path / "inside-000.jpg").read_bytes() == f.read_bytes()
        assert differs(page(pdf), pixels(Image.open(f).rotate(180))) < 1.5


@needs_poppler
@pytest.mark.parametrize("to", ["pdf", "png"])
def test_every_exif_orientation(yoke, tmp_path, to):
    for o in range(1, 9):
        exif = Image.Exif()
        exif[0x112] = o
        gradient().save(tmp_path / f"o{o}.jpg", quality=95, subsampling=0, exif=exif)
    converted(yoke, tmp_path, *[f"o{o}.jpg" for o in range(1, 9)], "--rotate", 90, "--to", to)
    for o in range(1, 9):
        want = ImageOps.exif_transpose(Image.open(tmp_path / f"o{o}.jpg")).transpose(Image.ROTATE_270)
        got = tmp_path / f"o{o}.{to}"
        assert differs(page(got) if to == "pdf" else pixels(Image.open(got)), pixels(want)) < 1.5, o


def test_real_exif_pictures(yoke, shared, tmp_path):
    files = sorted((shared / "images/odd/exif-orientation").glob("*.jpg"))
    assert len(files) == 18
    converted(yoke, tmp_path, *files, "--to", "png", "-o", "out")
    for f in files:
        assert differs(pixels(Image.open(tmp_path / "out" / f"{f.stem}.png")), pixels(ImageOps.exif_transpose(Image.open(f)))) < 1, f.name


@needs_poppler
def test_any_angle_in_pdf(yoke, tmp_path):
    gradient(200, 120).save(tmp_path / "a.jpg", quality=95)
    converted(yoke, tmp_path, "a.jpg", "--rotate", "30", "--to", "pdf")
    assert (tmp_path / "a.jpg").read_bytes() in (tmp_path / "a.pdf").read_bytes()
    got = page(tmp_path / "a.pdf")
    want = pixels(Image.open(tmp_path / "a.jpg").rotate(-30, Image.BICUBIC, expand=True, fillcolor="white"))
    assert abs(got.shape[0] - want.shape[0]) <= 2 and abs(got.shape[1] - want.shape[1]) <= 2
    h, w = min(got.shape[0], want.shape[0]), min(got.shape[1], want.shape[1])
    assert np.abs(got[:h, :w] - want[:h, :w]).mean() < 6


@needs_poppler
@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_colour_spaces_of_jpeg(yoke, tmp_path, mode):
    source = gradient().convert(mode)
    source.save(tmp_path / "a.jpg", quality=95, **({"keep_rgb": True} if mode == "RGB" else {}))  # no YCbCr: Adobe says so
    converted(yoke, tmp_path, "a.jpg", "--to", "pdf")
    assert (tmp_path / "a.jpg").read_bytes() in (tmp_path / "a.pdf").read_bytes()
    assert differs(page(tmp_path / "a.pdf"), pixels(gradient().convert(mode))) < (40 if mode == "CMYK" else 1.5)


@needs_poppler
def test_large_pictures(yoke, shared, tmp_path):
    files = [shared / "images/large/zune/speed_bench_prog.jpg", shared / "images/large/cam/Apple_iPhone_4S.jpg"]
    converted(yoke, tmp_path, *files, "--rotate", 180, "--to", "pdf", "-o", "out")
    for f in files:
        pdf = tmp_path / "out" / f"{f.stem}.pdf"
        assert f.read_bytes() in pdf.read_bytes()
        want = ImageOps.exif_transpose(Image.open(f)).rotate(180)
        got = page(pdf, 9)
        assert differs(got, pixels(want.resize((got.shape[1], got.shape[0]), Image.BOX))) < 6


@needs_poppler
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "1", "P", "I;16"])
def test_png_to_pdf_is_exact(yoke, tmp_path, mode):
    source = gradient()
    if mode == "I;16":
        source = Image.fromarray(np.asarray(source.convert("L")).astype("uint16") * 257)
    else:
        source = source.convert(mode)
    source.save(tmp_path / "a.png")
    converted(yoke, tmp_path, "a.png", "--to", "pdf")
    want = pixels(gradient().convert("L")) if mode == "I;16" else pixels(source)
    assert differs(page(tmp_path / "a.pdf"), want) < 0.01


@pytest.mark.parametrize("to,exact", [("png", True), ("tiff", True), ("webp", False), ("jpg", False)])
@pytest.mark.parametrize("source", ["png", "tiff", "webp", "jpg"])
def test_conversions(yoke, tmp_path, source, to, exact):
    gradient().save(tmp_path / f"a.{source}", **({"lossless": True} if source == "webp" else {}))
    converted(yoke, tmp_path, f"a.{source}", "--to", to, "--rotate", 90, "-o", "out", "--on", "serial")
    got = Image.open(tmp_path / "out" / f"a.{to}")
    assert got.format.lower() == {"jpg": "jpeg"}.get(to, to)
    want = Image.open(tmp_path / f"a.{source}").transpose(Image.ROTATE_270)
    assert differs(pixels(got), pixels(want)) < (0.01 if exact and source != "jpg" else 1 if exact else 3)


@needs_poppler
def test_pdf_to_png(yoke, tmp_path):
    gradient(150, 90).save(tmp_path / "a.jpg", quality=95)
    converted(yoke, tmp_path, "a.jpg", "--to", "pdf")
    converted(yoke, tmp_path, "a.pdf", "--to", "png")
    got, want = pixels(Image.open(tmp_path / "a.png")), page(tmp_path / "a.pdf", 150)
    assert abs(got.shape[0] - want.shape[0]) <= 1 and abs(got.shape[1] - want.shape[1]) <= 1
    h, w = min(got.shape[0], want.shape[0]), min(got.shape[1], want.shape[1])
    assert np.abs(got[:h, :w] - want[:h, :w]).mean() < 3
    run = converted(yoke, tmp_path, "a.pdf", "--to", "pdf", "-s", "_2", code=1)
    assert "is a PDF already" in run.stderr


@pytest.mark.parametrize("to", ["jpg", "png", "pdf", "webp"])
@pytest.mark.parametrize("deg", [0, 90, 37])
def test_maximum_size(yoke, tmp_path, to, deg):
    gradient(2000, 900).save(tmp_path / "big.jpg", quality=92)
    gradient(50, 30).save(tmp_path / "small.jpg", quality=92)
    converted(yoke, tmp_path, "big.jpg", "small.jpg", "--max-size", 300, "--rotate", deg, "--to", to, "-o", "out")
    for name in ("big", "small"):
        f = tmp_path / "out" / f"{name}.{to}"
        got = page(f).shape if to == "pdf" else pixels(Image.open(f)).shape
        assert max(got) <= 301 and (name == "small" or max(got) >= 297)
        assert name == "big" or max(got) <= 60
    if deg == 0 and to == "png":
        want = Image.open(tmp_path / "big.jpg").resize((300, 135), Image.LANCZOS)
        assert differs(pixels(Image.open(tmp_path / "out/big.png")), pixels(want)) < 2


def test_transparency(yoke, tmp_path):
    rgba = gradient().convert("RGBA")
    rgba.putalpha(Image.fromarray((np.indices((40, 61))[1] > 30).astype("uint8") * 255))
    rgba.save(tmp_path / "a.png")
    converted(yoke, tmp_path, "a.png", "--to", "jpg", "--quality", 95)
    converted(yoke, tmp_path, "a.png", "--to", "webp", "--quality", 95)
    on_white = Image.new("RGBA", rgba.size, "white")
    on_white.alpha_composite(rgba)
    assert differs(pixels(Image.open(tmp_path / "a.jpg")), pixels(on_white)) < 4
    assert Image.open(tmp_path / "a.webp").convert("RGBA").getpixel((5, 5))[3] == 0


def test_broken_pictures_are_said_and_the_others_done(yoke, shared, tmp_path):
    suite = sorted((shared / "images/odd/pngsuite").glob("*.png"))
    for to in ("tiff", "pdf"):
        run = yoke("image", *suite, "--to", to, "-o", tmp_path / to)
        assert run.returncode == 1
        broken = [f for f in suite if f.name.startswith("x")]
        lines = run.stderr.splitlines()
        assert len(lines) == len(broken) + 1
        for f, line in zip(broken, lines):
            assert f"'{f}'" in line
        assert run.stdout.split() == [str(tmp_path / to / f"{f.stem}.{to}") for f in suite if f not in broken]
        assert sorted(os.listdir(tmp_path / to)) == sorted(f"{f.stem}.{to}" for f in suite if f not in broken)


@pytest.mark.parametrize("on", ["serial", "threads:3", "processes:2"])
def test_one_bad_file_does_not_stop_the_rest(yoke, tmp_path, on):
    for i in range(5):
        gradient().save(tmp_path / f"a{i}.jpg")
    whole = (tmp_path / "a1.jpg").read_bytes()
    (tmp_path / "a1.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "a2.jpg").write_bytes(b"")
    (tmp_path / "dir.jpg").mkdir()
    (tmp_path / "page.jpg").write_text("<html>403</html>")
    names = ["a0.jpg", "a1.jpg", "a2.jpg", "nosuch.jpg", "dir.jpg", "page.jpg", "a3.jpg", "a4.jpg"]
    run = converted(yoke, tmp_path, *names, "--to", "pdf", "-o", "out", "--on", on, code=1)
    assert run.stdout.split() == ["out/a0.pdf", "out/a3.pdf", "out/a4.pdf"]
    said = run.stderr.splitlines()
    for name, words in zip(names[1:6], ["cut short", "empty", "No such file", "is a directory", "not a JPEG"]):
        assert any(f"'{name}'" in line and words in line for line in said), (name, said)
    assert said[-1].endswith("5 of 8 pictures failed")
    assert sorted(os.listdir(tmp_path / "out")) == ["a0.pdf", "a3.pdf", "a4.pdf"]


def test_outputs_are_not_overwritten(yoke, tmp_path):
    gradient().save(tmp_path / "a.jpg")
    (tmp_path / "a.pdf").write_text("mine")
    run = converted(yoke, tmp_path, "a.jpg", "--to", "pdf", code=1)
    assert "already there" in run.stderr and (tmp_path / "a.pdf").read_text() == "mine"
    assert converted(yoke, tmp_path, "a.jpg", "--rotate", 90, code=1).stdout == ""  # its own output would be itself
    converted(yoke, tmp_path, "a.jpg", "--to", "pdf", "--force")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_wrong_calls(yoke, tmp_path):
    (tmp_path / "d").mkdir()
    gradient().save(tmp_path / "a.jpg")
    gradient().save(tmp_path / "d/a.png")
    for words, said in [
        (["a.jpg", "d/a.png", "--to", "pdf", "-o", "o"], "would both become 'o/a.pdf'"),
        (["a.jpg", "a.jpg", "--to", "pdf"], "would both become 'a.pdf'"),
        (["a.jpg", "--to", "pfd"], "did you mean 'pdf'"),
        (["a.jpg", "--rotate", "left"], "--rotate takes a number, not 'left'"),
        (["a.jpg", "--quality", "101"], "from 1 to 100"),
        (["a.jpg", "--suffix", "/x"], "suffix"),
        ([], "name the pictures"),
        (["a.jpg", "--on", "thread"], "thread"),
    ]:
        run = yoke("image", *words, cwd=tmp_path)
        assert run.returncode == 2 and said in run.stderr, (words, run.stderr)
    assert not (tmp_path / "o").exists()
    run = converted(yoke, tmp_path, "a.jpg", "--to", "pdf", "-o", "a.jpg", code=1)
    assert "not a directory" in run.stderr


def test_full_disk_is_said(yoke_path, tmp_path):
    gradient(800, 800).save(tmp_path / "a.jpg", quality=95)
    size = (tmp_path / "a.jpg").stat().st_size
    script = f'ulimit -f {size // 2048}; trap "" XFSZ; exec "$0" image a.jpg --to pdf -o out'
    run = subprocess.run(["bash", "-c", script, yoke_path], cwd=tmp_path,
                         capture_output=True, text=True)
    assert run.returncode == 1 and "writing 'out/a.pdf'" in run.stderr
    assert os.listdir(tmp_path / "out") == []


def test_without_the_module(yoke_path, tmp_path):
    """The command alone, as where libvips was not there at build time: PDFs can still be made, the rest is a clear sentence."""
    if not (yoke_path.parent / "yoke-vips.so").exists() or glob.glob("/usr/local/lib/**/yoke-vips.so", recursive=True):
        pytest.skip("the module is not beside the command, or is installed as well")
    (tmp_path / "bin").mkdir()
    alone = shutil.copy(yoke_path, tmp_path / "bin" / "yoke")
    gradient().save(tmp_path / "a.jpg")
    gradient().save(tmp_path / "b.png")
    run = subprocess.run([alone, "image", "a.jpg", "b.png", "--to", "pdf"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1 and run.stdout == "a.pdf\n"
    assert "'b.png': this needs Yoke's module yoke-vips.so" in run.stderr and "libvips-dev" in run.stderr


def test_start_up_loads_no_picture_library(yoke_path):
    libraries = subprocess.run(["ldd", yoke_path], capture_output=True, text=True).stdout
    assert "vips" not in libraries and "cairo" not in libraries and "glib" not in libraries


@pytest.mark.parametrize("words", [["--to", "pdf"], ["--to", "png", "--rotate", "20", "--max-size", "50"]])
def test_same_bytes_whatever_pulls(yoke, tmp_path, words):
    for i in range(7):
        gradient(60 + i, 40).save(tmp_path / f"a{i}.jpg")
    made = {}
    for on in ("serial", "threads:1", "threads:3", "processes:2", "processes:3"):
        out = on.replace(":", "")
        converted(yoke, tmp_path, *[f"a{i}.jpg" for i in range(7)], *words, "-o", out, "--on", on)
        made[on] = [(tmp_path / out / f).read_bytes() for f in sorted(os.listdir(tmp_path / out))]
    assert all(len(m) == 7 and m == made["serial"] for m in made.values())


@pytest.mark.parametrize("on, number", [("serial", signal.SIGINT), ("threads:2", signal.SIGTERM), ("processes:2", signal.SIGINT)])
def test_interrupt_leaves_nothing_half_done(yoke_path, tmp_path, on, number):
    for i in range(12):
        gradient(1200, 900).save(tmp_path / f"a{i}.png")
    run = subprocess.Popen([yoke_path, "image", *[f"a{i}.png" for i in range(12)], "--to", "webp", "-o", "out", "--on", on], cwd=tmp_path,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.time() + 30
    while not os.path.exists(tmp_path / "out/a0.webp") and time.time() < deadline:
        time.sleep(0.01)
    os.killpg(run.pid, number)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130 , (run.returncode, err)
    made = os.listdir(tmp_path / "out")
    assert 0 < len(made) < 12 and not [f for f in made if f.startswith(".")]
    for f in made:
        Image.open(tmp_path / "out" / f).load()
