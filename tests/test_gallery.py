"""Every figure of a study has its claim; the gallery shows all, runs nothing twice and hides no failure."""

import os
import re
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from studies.__main__ import main  # noqa: E402
from studies.catalogue import FIGURES, find  # noqa: E402
from studies.page import inline  # noqa: E402

STUDIES = {study.name: study for study in find(ROOT / "studies")}


@pytest.mark.parametrize("study", STUDIES)
def test_every_figure_of_a_study_has_a_sentence_that_claims_something(study):
    claims, recorded = STUDIES[study].claims, STUDIES[study].recorded
    drawn = {path.relative_to(recorded).as_posix() for path in recorded.rglob("*") if path.suffix in FIGURES}
    assert drawn == set(claims)
    for name, claim in claims.items():
        assert claim.endswith("."), f"{name}: {claim}"
        assert len(claim.split()) >= 6, f"{name}: {claim}"


@pytest.mark.parametrize("study", STUDIES)
def test_every_study_has_a_title_and_an_opening_paragraph(study):
    assert STUDIES[study].readme.startswith("# ")
    assert re.match(r"[A-Z*]", STUDIES[study].title)
    assert re.match(r"[A-Z*`].*[.?:*]$", STUDIES[study].claim)


def test_a_setting_is_asked_for_where_a_study_knows_it():
    assert STUDIES["methods"].options("small") == ["--small"]
    assert STUDIES["methods"].options("full") == []
    assert STUDIES["character_of_solutions"].options("full") == ["--full"]


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("`h* = a*b` and **bold**", "<code>h* = a*b</code> and <strong>bold</strong>"),
        ("h* of *one* and h* < 2", "h* of <em>one</em> and h* &lt; 2"),
        (r"h\* of [two](../two.md)", "h* of two"),
        ("`<script>`", "<code>&lt;script&gt;</code>"),
    ],
)
def test_inline_markdown(markdown, html):
    assert str(inline(markdown)) == html


GOOD = """
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--small", action="store_true")
parser.add_argument("--out", type=pathlib.Path)
chosen = parser.parse_args()
with pathlib.Path(__file__).with_name("runs.log").open("a") as log:
    print(chosen.small, [path.name for path in chosen.out.glob("*.png")], file=log)
(chosen.out / "numbers.json").write_text("{}")
for name in ("a.png", "b.gif", "film.mp4", "play.html", "unnamed.png"):
    (chosen.out / name).write_bytes(b"")
print("every claim holds")
"""
BAD = """
print("begun")
assert 1 + 1 == 3, "sums are <wrong>"
"""
SLOW = """
import pathlib, sys, time
(pathlib.Path(sys.argv[-1]) / "begun").touch()
time.sleep(60)
"""
README = """# A *tiny* study

The opening **paragraph**, of `h*` and
[two](other.md) lines.

![A figure of a states that one is less than two.](results/a.png)
![A moving figure states that it moves for ever.](results/b.gif)
[A film states that time goes on and on.](results/film.mp4)
[A page that plays states that it can be played.](results/play.html)
[numbers](results/numbers.json)
"""
CLAIMS = re.findall(r"\[(A .*?)\]", README)


class Page(HTMLParser):
    """Identifiers, links and text of a page."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.tags, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append(tag)
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs[name] for name in ("href", "src") if name in attrs]

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def tiny(tmp_path):
    """Return a folder of two tiny studies, one that holds and one that fails, and of what is no study."""
    folder = tmp_path / "questions"
    for name, source in {"good": GOOD, "bad": BAD}.items():
        add_study(folder, name, source)
    (folder / "no_study").mkdir()
    (folder / "no_study" / "__main__.py").write_text("")
    (folder / "__init__.py").write_text("")
    return folder


def add_study(folder, name, source):
    (folder / name / "results").mkdir(parents=True)
    (folder / name / "__init__.py").write_text("")
    (folder / name / "__main__.py").write_text(source)
    (folder / name / "README.md").write_text(README)
    (folder / name / "results" / "a.png").write_bytes(b"")


def runs(folder):
    return (folder / "good" / "runs.log").read_text().splitlines()


def page_of(out):
    return Page((out / "index.html").read_text())


def test_the_page_shows_every_figure_with_its_claim_and_all_its_links_lead_somewhere(tiny, tmp_path):
    out = tmp_path / "out"
    assert main(["--only", "good", "--out", str(out)], tiny) == 0
    page = page_of(out)
    assert all(claim in page.text for claim in CLAIMS)
    assert "The opening paragraph, of h* and two lines." in page.text
    assert "The README states no claim of unnamed.png." in page.text
    assert "every claim holds" in page.text
    assert "Small setting" in page.text
    assert f"python -m questions.good --small --out {out / 'good'}" in page.text
    shown = {"a.png", "b.gif", "film.mp4", "play.html", "unnamed.png", "numbers.json", "output.txt"}
    assert {f"good/{name}" for name in shown} | {"../questions/good/results/a.png"} <= set(page.links)
    for link in page.links:
        assert link[1:] in page.ids if link.startswith("#") else (out / unquote(link)).exists(), link
    assert len(page.ids) == len(set(page.ids))
    assert not {"script", "link", "iframe"} & set(page.tags)


def test_a_failing_study_stops_no_other_and_is_shown_as_failed(tiny, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["--out", str(out), "--processes", "1"], tiny) == 1
    page = page_of(out)
    assert "failed with exit status 1" in page.text
    assert "AssertionError: sums are <wrong>" in page.text
    assert "begun" in page.text
    assert "This run did not draw a.png." in page.text
    assert "1 say that every claim holds" in page.text
    assert "2 studies, 9 figures" in page.text
    said = capsys.readouterr().out
    assert "good: every claim holds" in said
    assert "bad: failed with exit status 1" in said


def test_no_study_is_run_twice_until_it_changes_or_another_setting_is_asked_for(tiny, tmp_path):
    arguments = ["--only", "good", "--out", str(tmp_path / "out")]
    main(arguments, tiny)
    main(arguments, tiny)
    assert runs(tiny) == ["True []"]
    main([*arguments, "--full"], tiny)
    assert runs(tiny)[1:] == ["False []"], "what the other setting left is removed before"
    main([*arguments, "--full", "--fresh"], tiny)
    assert len(runs(tiny)) == 3
    with (tiny / "good" / "__main__.py").open("a") as file:
        file.write("# changed\n")
    main([*arguments, "--full"], tiny)
    assert len(runs(tiny)) == 4


def test_what_was_run_before_is_shown_beside_what_is_asked_for(tiny, tmp_path):
    out = tmp_path / "out"
    main(["--only", "good", "--out", str(out)], tiny)
    assert main(["--only", "bad", "--out", str(out)], tiny) == 1
    assert {"good", "bad"} <= set(page_of(out).ids)
    assert len(runs(tiny)) == 1


def test_bad_arguments_raise_before_anything_is_run_or_removed(tiny, tmp_path, capsys):
    other = tmp_path / "out" / "good"
    other.mkdir(parents=True)
    (other / "mine.txt").write_text("")
    for arguments, message in (
        (["--only", "god"], "no study is named god; expected some of bad, good"),
        (["--processes", "0"], "expected a number of at least 1, got 0"),
        (["--fresh"], "holds other files; expected an empty folder"),
    ):
        with pytest.raises(SystemExit, match="2"):
            main([*arguments, "--out", str(tmp_path / "out")], tiny)
        assert message in capsys.readouterr().err
    assert (other / "mine.txt").exists()
    assert not (tiny / "good" / "runs.log").exists()


def is_over(marker):
    return marker.exists() and '"code": 0' in marker.read_text()


def test_an_interrupt_ends_what_runs_and_writes_the_page(tiny, tmp_path):
    add_study(tiny, "slow", SLOW)
    out = tmp_path / "out"
    code = "import sys, pathlib; from studies.__main__ import main; "
    code += "sys.exit(main(sys.argv[2:], pathlib.Path(sys.argv[1])))"
    command = [sys.executable, "-c", code, str(tiny), "--only", "good", "slow", "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([*command, "--processes", "2"], env=environment, stdout=subprocess.DEVNULL)
    patience = time.monotonic() + 60
    while not ((out / "slow" / "begun").exists() and is_over(out / "good" / "gallery.json")):
        assert time.monotonic() < patience
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    page = page_of(out)
    assert "not run to its end" in page.text
    assert "1 say that every claim holds" in page.text
