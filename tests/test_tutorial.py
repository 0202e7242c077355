"""yoke tutorial: the answers are pandas' and NumPy's, the page is whole and self-contained, failures are said."""

import base64
import html
import html.parser
import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest

needs_all = pytest.mark.skipif(not shutil.which("gnuplot"), reason="gnuplot is not installed")


class Page(html.parser.HTMLParser):
    """Collects what the page refers to and whether its tags are balanced."""

    VOID = {"meta", "img", "br", "link"}

    def __init__(self, text):
        super().__init__()
        self.open, self.images, self.links, self.commands, self._take = [], [], [], [], None
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "img":
            self.images.append(attrs["src"])
        self.links += [v for k, v in attrs.items() if k in ("href", "src") and not v.startswith("data:")]
        if tag == "pre" and attrs.get("class") == "command":
            self._take = ""

    def handle_data(self, data):
        if self._take is not None:
            self._take += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "pre" and self._take is not None:
            self.commands.append(self._take)
            self._take = None


@pytest.fixture(scope="module")
def ran(yoke, tmp_path_factory):
    where = tmp_path_factory.mktemp("tutorial")
    run = yoke("tutorial", "-o", "report.html", cwd=where)
    assert run.returncode == 0, run.stderr
    return where, run, (where / "report.html").read_text()


@needs_all
def test_answers(ran, root):
    where, run, page = ran
    means = []
    for pattern in ("yellow_*", "green_*"):
        t = pd.concat(pd.read_parquet(f, columns=["tip_amount", "fare_amount"]) for f in sorted((root / "data/taxi").glob(pattern)))
        t = t[t.fare_amount > 0]
        share = t.tip_amount / t.fare_amount
        means.append(f"{100 * share.mean():.2f} %")
        assert f"({len(t)} trips)" in run.stdout
        counts, edges = np.histogram(share, 200, (0.01, 2))
        got = pd.read_csv(where / f"report-files/{pattern.split('_')[0]}.csv")
        assert (got["count"].to_numpy() == counts).all()
        assert np.allclose(got.lo, edges[:-1], rtol=1e-14) and np.allclose(got.hi, edges[1:], rtol=1e-14)
    for mean in means:
        assert mean in run.stdout and mean in page
    for seed in range(10):
        xy = np.random.RandomState(seed).random_sample((500000, 2))
        assert repr(4.0 * int(((xy**2).sum(1) < 1).sum()) / 500000) in page
    assert "10 pictures turned into PDF" in run.stdout and "10 hold the JPEG's bytes unchanged" in run.stdout
    assert "the same bits" in run.stdout
    assert str(where / "report.html") in run.stdout.splitlines()[-1]


@needs_all
def test_page_is_whole_and_self_contained(ran):
    _, run, text = ran
    page = Page(text)
    assert page.links == [] and "<script" not in text and "http" not in re.sub(r'"data:[^"]*"', "", text)
    kinds = [src.split(";")[0] for src in page.images]
    assert kinds.count("data:image/svg+xml") == 2 and kinds.count("data:image/jpeg") == 10
    for src in page.images:
        assert len(base64.b64decode(src.split(",")[1], validate=True)) > 500
    assert len(page.commands) == 9
    assert "nan" not in text.lower().split() and "failed" not in text


@needs_all
def test_commands_do_what_they_say(ran, yoke_path, tmp_path):
    """Each command as shown, typed into a shell, works and prints the same."""
    import subprocess
    _, _, text = ran
    for command in Page(text).commands:
        assert command.startswith("$ yoke ")
        if " map " in command and "0..9" not in command.split():
            continue  # the long ones
        got = subprocess.run(["bash", "-c", f"set -e; PATH={yoke_path.parent}:$PATH; mkdir -p report-files; {command[2:]}"], cwd=tmp_path,
                             capture_output=True, text=True, timeout=60, env={**os.environ, "COLUMNS": "80"})
        assert got.returncode == 0, (command, got.stderr)


@needs_all
def test_again_and_elsewhere(ran, yoke, shared, tmp_path):
    where, _, _ = ran
    photos, taxi = tmp_path / "my photos", tmp_path / "tlc[1]"
    photos.mkdir(), taxi.mkdir()
    for f in sorted((shared / "images/tutorial").glob("*.jpg"))[:3]:
        shutil.copy(f, photos)
    shutil.copy(shared / "taxi/tlc/green_tripdata_2020-04.parquet", taxi)
    rng = np.random.RandomState(3)
    yellow = pd.DataFrame({"tip_amount": rng.gamma(2, 1, 1000), "fare_amount": rng.gamma(3, 5, 1000)})
    yellow.to_parquet(taxi / "yellow_tripdata_2022-01.parquet")
    share = pd.DataFrame({"tips": rng.gamma(1, 1, 500), "base_passenger_fare": rng.gamma(3, 5, 500)})
    share.to_parquet(taxi / "fhvhv_tripdata_2022-01.parquet")
    run = yoke("tutorial", "--photos", photos, "--taxi", taxi, "-o", "report.html", cwd=where)  # replaces its own page
    assert run.returncode == 0, run.stderr
    assert "3 pictures" in run.stdout
    assert f"{100 * (yellow.tip_amount / yellow.fare_amount).mean():.2f} %" in run.stdout
    assert f"ride-share {100 * (share.tips / share.base_passenger_fare).mean():.2f} %" in run.stdout
    Page((where / "report.html").read_text())


def test_failures_are_said(yoke, tmp_path):
    (tmp_path / "photos").mkdir(), (tmp_path / "taxi").mkdir()
    (tmp_path / "mine.html").write_text("<p>mine</p>")
    for words, code, said in [
        (["extra"], 2, "one word too many"),
        (["-o", "mine.html"], 1, "already there"),
        (["-o", "report.pdf"], 2, "ends in .html"),
        (["--photos", "nosuch"], 1, "'nosuch': No such file"),
        (["--on", "thread"], 2, "thread"),
    ]:
        run = yoke("tutorial", *words, cwd=tmp_path)
        assert run.returncode == code and said in run.stderr, (words, run.stderr)
    assert (tmp_path / "mine.html").read_text() == "<p>mine</p>"
    (tmp_path / "photos/bad.jpg").write_text("<html>403 & more</html>")
    run = yoke("tutorial", "--photos", "photos", "--taxi", "taxi", "-o", "r.html", "--on", "serial", cwd=tmp_path)
    assert run.returncode == 1
    assert "'photos/bad.jpg' is not a JPEG" in run.stderr and "'taxi' holds no yellow_tripdata_" in run.stderr
    assert run.stdout.startswith("pi ") and "photos" not in run.stdout.split("report")[0]
    text = (tmp_path / "r.html").read_text()
    assert text.count("This part failed") == 2
    Page(text)
