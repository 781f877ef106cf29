"""The studies: folders of a script and a README, in which every figure has a sentence that it claims."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

#: What a study may draw: suffixes of pictures, of films, and of pages that play an animation.
PICTURES, FILMS, PAGES = (".png", ".gif", ".svg"), (".mp4", ".webm"), (".html",)
FIGURES = PICTURES + FILMS + PAGES

#: ``![claim](results/figure.png)`` of pictures, ``[claim](results/film.mp4)`` of what Markdown cannot show.
_SHOWN = re.compile(r"!\[([^\]]*)\]\(results/([^)\s]+)\)")
_LINKED = re.compile(rf"(?<!!)\[([^\]]*)\]\(results/([^)\s]+(?:{'|'.join(FILMS + PAGES)}))\)")


@dataclass(frozen=True)
class Study:
    """A study: a package with a ``__main__.py``, and a README that says what it shows.

    Args:
        folder: the package's folder.
        readme: text of its README.
    """

    folder: Path
    readme: str

    @property
    def name(self) -> str:
        """Name of the package."""
        return self.folder.name

    @property
    def title(self) -> str:
        """The README's heading."""
        return _paragraphs(self.readme)[0].removeprefix("# ")

    @property
    def claim(self) -> str:
        """The README's opening paragraph."""
        return _paragraphs(self.readme)[1]

    @property
    def claims(self) -> dict[str, str]:
        """What each figure claims, by the figure's name, in the order of the README."""
        found = [*_SHOWN.finditer(self.readme), *_LINKED.finditer(self.readme)]
        found.sort(key=lambda match: match.start())
        return {match[2]: _one_line(match[1]) for match in found}

    @property
    def recorded(self) -> Path:
        """Folder of the figures that the README shows."""
        return self.folder / "results"

    def options(self, setting: str) -> list[str]:
        """Return what asks the study for a setting: nothing where it has no option of that name."""
        option = f"--{setting}"
        return [option] if any(f'"{option}"' in path.read_text() for path in _sources(self.folder)) else []

    def fingerprint(self) -> str:
        """Return a digest of the study's sources and of gandyn's."""
        return hashlib.sha256((_digest(self.folder) + _digest_of_gandyn()).encode()).hexdigest()[:16]


def find(folder: Path) -> list[Study]:
    """Return the studies in a folder, by name."""
    homes = sorted(readme.parent for readme in folder.glob("*/README.md"))
    return [
        Study(home, (home / "README.md").read_text()) for home in homes if (home / "__main__.py").exists()
    ]


def choose(studies: Sequence[Study], names: Sequence[str]) -> list[Study]:
    """Return the studies of the given names, or all where none is given.

    Raises:
        ValueError: a name that no study has.
    """
    unknown = sorted(set(names) - {study.name for study in studies})
    if unknown:
        expected = ", ".join(study.name for study in studies)
        raise ValueError(f"no study is named {', '.join(unknown)}; expected some of {expected}")
    return [study for study in studies if study.name in names or not names]


def _paragraphs(text: str) -> list[str]:
    return [_one_line(part) for part in re.split(r"\n\s*\n", text.strip())]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _sources(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.rglob("*.py")))


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in _sources(folder):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _digest_of_gandyn() -> str:
    spec = find_spec("gandyn")
    assert spec is not None
    assert spec.origin is not None
    return _digest(Path(spec.origin).parent)
