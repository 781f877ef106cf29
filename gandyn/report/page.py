"""One self-contained HTML page from an analysis: pictures inside, every number with its place in the JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from gandyn.report import words
from gandyn.report.analysis import Analysis
from gandyn.report.pictures import pictures

__all__ = ["look_up", "render"]

_FORMATS = {
    "any": words.show_any,
    "percent": words.percent,
    "pair": lambda value: words.complex_number(value, both=True),
}


def render(found: Analysis) -> str:
    """Return the page as text.

    Args:
        found: the analysis, with "run", "report" and "verdict" among its numbers.
    """
    numbers = found.numbers

    def number(path: str, form: str = "any") -> Markup:
        """Return a number as people read it, in an element that names its place in the JSON."""
        value = look_up(numbers, path)
        text = "none" if value is None else _FORMATS[form](value)
        return Markup('<span class="n" data-number="{}" data-form="{}" title="{}">{}</span>').format(
            path, form, value, text
        )

    template = _environment().get_template("page.html.jinja")
    return template.render(
        n=numbers, number=number, picture=pictures(found), words=words, modes=_modes(numbers)
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("gandyn.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def look_up(numbers: Mapping[str, Any], path: str) -> Any:
    """Return the number at a place such as "state/speed/both", "spectra/500/modes/0/modulus".

    Raises:
        KeyError: no such place.
    """
    value: Any = numbers
    for key in path.split("/"):
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def _modes(numbers: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return the modes at the end with their places, one of each conjugate pair."""
    end = numbers.get("spectra", {}).get(str(numbers["analysis"]["step"]), {"modes": []})
    return [(i, mode) for i, mode in enumerate(end["modes"]) if mode["eigenvalue"][1] >= 0]
