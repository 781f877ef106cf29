"""What a report does not show, in sentences from its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gandyn.report.words import count, percent

__all__ = ["not_shown"]


def not_shown(numbers: Mapping[str, Any]) -> list[str]:
    """Return what a reader must not take from a report.

    Args:
        numbers: the numbers of an analysis, with "run".
    """
    said = [*_pictures(numbers), *_searches(numbers), *_batch(numbers)]
    return said + [f"The part “{name}”, left out: {reason}." for name, reason in numbers["left_out"].items()]


def _pictures(numbers: Mapping[str, Any]) -> list[str]:
    said = []
    if "field" in numbers:
        field = numbers["field"]
        said.append(
            "What leaves the plane of the field: at half of its points more than "
            f"{percent(1 - field['in_plane_share_median'])} of the velocity does. A random plane would show "
            f"{percent(field['random_plane_in_plane_share'])} of the velocity even at its centre."
        )
    if "off_plane_variance" in numbers.get("path", {}):
        outside = percent(numbers["path"]["off_plane_variance"])
        said.append(f"{outside} of the variance of the training path, which lies off its plane.")
    bad = sum(part["nonfinite"] for part in numbers.get("landscapes", {}).values())
    bad += numbers.get("field", {}).get("nonfinite", 0)
    if bad:
        said.append(f"{count(bad)} points of the planes, where a loss or the velocity is not finite.")
    return said


def _searches(numbers: Mapping[str, Any]) -> list[str]:
    end = numbers.get("spectra", {}).get(str(numbers["analysis"]["step"]))
    if end is None:
        return []
    total = sum(numbers["run"]["parameters"].values())
    said = [
        f"All but {len(end['modes'])} of {count(total)} eigenvalues: those of largest modulus, growth and "
        "imaginary part were sought. The linear picture holds near the point only, and not across the "
        "kinks of ReLU."
    ]
    searches = [search for one in numbers["spectra"].values() for search in one["searches"]]
    lost = sum(not search["converged"] for search in searches)
    if lost:
        said.append(
            f"Eigenvalues that did not converge, in {lost} of {len(searches)} searches: leading ones may be "
            "missing, and the residuals tell how far off those found are."
        )
    return said


def _batch(numbers: Mapping[str, Any]) -> list[str]:
    analysis, batch_size = numbers["analysis"], numbers["run"]["settings"]["recipe"]["batch_size"]
    said = [
        f"The chance of training: the analysis is made on one fixed batch of {count(analysis['samples'])} "
        f"samples and latents, while training draws a fresh minibatch of {count(batch_size)} at every step."
    ]
    if analysis["layers_with_modes"]:
        draws = "off" if analysis["dropout"] == "eval" else "drawn once and kept"
        said.append(
            f"Layers that behave otherwise in training ({', '.join(analysis['layers_with_modes'])}): here "
            f"batch normalisation takes the statistics of the batch, and random layers are {draws}."
        )
    return said
