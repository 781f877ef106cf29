"""Modes: eigenvalues by several searches at a checkpoint, put together, and tried on other samples."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gandyn.arrays import Array, like, to_numpy
from gandyn.field import VectorField
from gandyn.report.point import Point
from gandyn.spectra import Spectrum, Which, spectrum, step_bounds

__all__ = ["STILL", "Remembering", "eigenvalues", "merged", "pairs", "search", "summary"]

#: Largest modulus of the eigenvalues of a point about which nothing moves, per unit of flow time.
STILL = 1e-12
_SAME = 1e-6
_MEMORY = 2**30


def eigenvalues(point: Point) -> tuple[dict[str, Any], dict[int, Spectrum]]:
    """Return leading eigenvalues at the point and at some checkpoints before, by step.

    At the point by modulus, growth and imaginary part, with the modes tried on other samples; before by
    modulus and growth.
    """
    subject, numbers, found = point.subject, dict[str, Any](), dict[int, Spectrum]()
    for step in [*_spread(subject.run.steps[:-1], point.effort.checkpoints - 1), point.step]:
        last = step == point.step
        x, field = (point.x, point.field) if last else (subject.state(step), subject.field(step))
        remembering = Remembering(field)
        kinds: tuple[Which, ...] = ("modulus", "largest real", "imaginary")
        searches = [search(point, remembering.field, x, which) for which in kinds[: 3 if last else 2]]
        found[step] = merged(searches)
        numbers[str(step)] = {
            "searches": [summary(one) for one in searches],
            "products": remembering.products or searches[0].products,
            "modes": _modes(found[step], point.layout.mask("generator")),
        }
    second = subject.field(point.step, subject.other)
    quotients = _quotients(second, point.x, found[point.step].right)
    for mode, value in zip(numbers[str(point.step)]["modes"], pairs(quotients), strict=True):
        mode["on_other_samples"] = value
    return numbers, found


def search(point: Point, field: VectorField, x: Array, which: Which) -> Spectrum:
    """Return leading eigenvalues of a field at a state, with the report's effort."""
    effort = point.effort
    return spectrum(
        field,
        x,
        min(effort.eigenvalues, field.layout.dim),
        which,
        tol=1e-5,
        max_products=effort.max_products,
        seed=effort.seed,
        progress=point.progress,
    )


def pairs(values: np.ndarray) -> list[list[float]]:
    """Return complex numbers as [real, imaginary]."""
    return [[float(value.real), float(value.imag)] for value in values]


class Remembering:
    """A field whose products at one point are remembered.

    Searches for different eigenvalues start from the same vector, so that the first part of their
    Krylov spaces is the same: those products are computed once.

    Args:
        field: the field.
    """

    def __init__(self, field: VectorField) -> None:
        self.products = 0
        self._known: dict[bytes, Array] = {}
        self._bytes, self._field = 0, field
        self.field = VectorField(field.fn, field.layout, field.jac, self._jvp, field.vjp, label=field.label)

    def _jvp(self, x: Array, u: Array, t: Any) -> Array:
        key = hashlib.blake2b(to_numpy(u).tobytes() + to_numpy(x).tobytes()).digest()
        if key in self._known:
            return self._known[key]
        self.products += 1
        image = self._field.jvp(x, u, t)
        self._bytes += 8 * int(np.prod(image.shape))
        if self._bytes < _MEMORY:
            self._known[key] = image
        return image


def merged(spectra: Sequence[Spectrum]) -> Spectrum:
    """Return the eigenvalues that several searches at one point found, each once, by growth."""
    values = np.concatenate([s.eigenvalues for s in spectra])
    right = np.concatenate([s.right for s in spectra if s.right is not None], axis=1)
    residuals = np.concatenate([s.residuals for s in spectra])
    kept: list[int] = []
    scale = float(np.max(np.abs(values), initial=0.0))
    for i in range(len(values)):
        twins = [j for j in kept if abs(values[i] - values[j]) <= _SAME * scale]
        if not any(_aligned(right[:, i], right[:, j]) for j in twins):
            kept.append(i)
    kept = sorted(
        kept, key=lambda i: (-round(float(values[i].real) / (_SAME * scale or 1.0)), -values[i].imag)
    )
    values = values[kept]
    return replace(
        spectra[0],
        eigenvalues=values,
        right=right[:, kept],
        left=None,
        residuals=residuals[kept],
        growth_rates=values.real,
        critical_step=None,
        which="modulus, growth and rotation",
        converged=all(s.converged for s in spectra),
        products=sum(s.products for s in spectra),
        message="",
    )


def _aligned(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two unit vectors are the same up to a factor: copies of an eigenvalue are kept."""
    return bool(abs(np.vdot(a, b)) > 0.999)


def summary(spectrum: Spectrum) -> dict[str, Any]:
    """Return a spectrum as plain values."""
    return {
        "which": spectrum.which,
        "eigenvalues": pairs(spectrum.eigenvalues),
        "residuals": spectrum.residuals.tolist(),
        "converged": spectrum.converged,
        "products": spectrum.products,
        "stable": spectrum.stable,
        "critical_step": spectrum.critical_step,
        "message": spectrum.message,
    }


def _quotients(field: VectorField, x: Array, vectors: np.ndarray | None) -> np.ndarray:
    """Return ``w^H J' w`` of unit vectors w, shape (n, k), with the Jacobian J' of another field."""
    found = []
    for w in () if vectors is None else vectors.T:
        image = to_numpy(field.jvp(x, like(w.real, x))).astype(complex)
        if np.any(w.imag):
            image += 1j * to_numpy(field.jvp(x, like(w.imag, x)))
        found.append(np.vdot(w, image))
    return np.array(found, dtype=complex)


def _spread(steps: list[int], count: int) -> list[int]:
    """Return up to ``count`` of the steps, evenly placed within their range, the ends left out."""
    places = np.linspace(0, len(steps), count + 2)[1:-1].round().astype(int)
    return sorted({steps[i] for i in places if i < len(steps)})


def _modes(found: Spectrum, generator: np.ndarray) -> list[dict[str, Any]]:
    """Return each mode as plain values: eigenvalue, residual, rotation, step bound, generator's share."""
    right = found.right if found.right is not None else np.zeros((found.dim, 0))
    modes, bounds = [], step_bounds(found.eigenvalues)
    for i, value in enumerate(found.eigenvalues):
        size, weight = abs(value), np.abs(right[:, i]) ** 2
        modes.append(
            {
                "eigenvalue": [float(value.real), float(value.imag)],
                "modulus": float(size),
                "residual": float(found.residuals[i]),
                "rotation": float(abs(value.imag) / size) if size else 0.0,
                "largest_stable_step": float(bounds[i]) if value.real < 0 else 0.0,
                "generator_share": float(weight[generator].sum() / weight.sum()),
            }
        )
    return modes
