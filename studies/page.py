"""One page of all studies: each with its claim, its outcome, and every figure with what it claims."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from studies.catalogue import FIGURES, FILMS, PICTURES, Study
from studies.running import Job, Outcome

#: Inline Markdown, outside code: an asterisk that opens has no letter before it, one that closes none after.
_INLINE = (
    (re.compile(r"\*\*(\S.*?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w\\])\*(\S.*?)(?<![\s\\])\*(?!\w)"), r"<em>\1</em>"),
    (re.compile(r"\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\\([*_|])"), r"\1"),
)


@dataclass(frozen=True)
class Figure:
    """A figure on the page.

    Args:
        name: name of the file.
        claim: what it claims, by the README; empty where the README does not say.
        link: the file, seen from the page; None where this run did not draw it.
        recorded: the file of the README, seen from the page; None where there is none.
        kind: "picture", "film" or "page".
    """

    name: str
    claim: str
    link: str | None
    recorded: str | None
    kind: str


@dataclass(frozen=True)
class Entry:
    """A study on the page.

    Args:
        study: the study.
        outcome: what became of it; None where it was not run.
        links: its other files, by what they are called, seen from the page.
        figures: its figures.
    """

    study: Study
    outcome: Outcome | None
    links: Mapping[str, str]
    figures: Sequence[Figure]

    @property
    def thumbnail(self) -> str | None:
        """The first picture of this run."""
        return next(
            (figure.link for figure in self.figures if figure.link and figure.kind == "picture"), None
        )


def write(out: Path, setting: str, jobs: Sequence[Job], outcomes: Mapping[str, Outcome]) -> Path:
    """Write ``index.html`` on studies whose files lie below the same folder.

    Args:
        out: folder of the page.
        setting: "small" or "full".
        jobs: the studies to show.
        outcomes: what became of them, by name.

    Returns:
        Path of the page.
    """
    entries = [_entry(out, job, outcomes.get(job.study.name)) for job in jobs]
    place = out / "index.html"
    text = _environment().get_template("page.html.jinja").render(
        entries=entries,
        setting=setting,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        versions={"gandyn": version("gandyn"), "Python": platform.python_version()},
    )  # fmt: skip
    place.write_text(text, encoding="utf-8")
    return place


def inline(text: str) -> Markup:
    """Return a line of Markdown as HTML: code, strong, emphasis; of links their text."""
    parts = re.split(r"`([^`]+)`", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else _emphasised(part) for i, part in enumerate(parts)
    )


def _emphasised(text: str) -> Markup:
    html = str(escape(text))
    for pattern, replacement in _INLINE:
        html = pattern.sub(replacement, html)
    return Markup(html)


def _entry(out: Path, job: Job, outcome: Outcome | None) -> Entry:
    files = {"numbers": "numbers.json", "output": "output.txt"}
    links = {name: _link(job.out / file, out) for name, file in files.items() if (job.out / file).exists()}
    links["README"] = _link(job.study.folder / "README.md", out)
    return Entry(job.study, outcome, links, _figures(out, job))


def _figures(out: Path, job: Job) -> list[Figure]:
    """Return the figures that the README claims, then those that it does not name."""
    claims = job.study.claims
    drawn = [path.name for path in sorted(job.out.glob("*")) if path.suffix in FIGURES]
    return [
        Figure(
            name,
            claims.get(name, ""),
            _link(job.out / name, out) if (job.out / name).exists() else None,
            _link(job.study.recorded / name, out) if (job.study.recorded / name).exists() else None,
            _kind(Path(name).suffix),
        )
        for name in [*claims, *(name for name in drawn if name not in claims)]
    ]


def _kind(suffix: str) -> str:
    return "picture" if suffix in PICTURES else "film" if suffix in FILMS else "page"


def _link(path: Path, out: Path) -> str:
    return quote(Path(os.path.relpath(path.resolve(), out.resolve())).as_posix())


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = inline
    return environment
