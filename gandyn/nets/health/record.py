"""What was seen of the gradients of a training, look by look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gandyn.nets.health.signs import Lines, Sign, Verdict, judge, loss_signs
from gandyn.nets.health.statistics import BINS, EDGES, LEVELS, STATISTICS

__all__ = ["HealthRecord", "record_of"]

_PLAYERS = ("generator", "discriminator")
_SCALARS = 11


@dataclass(frozen=True, eq=False, repr=False)
class HealthRecord:
    """The gradients of a training at some of its steps, layer by layer, and what they say.

    A layer is a block of parameters, such as "generator.0.weight". ``small`` and ``rms`` depend on the scale
    of the weights; ``leverage`` and ``push`` do not.

    Args:
        steps: shape (r,), steps done when the gradient was taken.
        layers: names of the l blocks, generator first.
        sizes: shape (l,), entries of each block.
        threshold: an entry counts as small if ``|g| < threshold``.
        small: shape (r, l), number of small entries.
        zeros: shape (r, l), number of entries that are exactly zero.
        rms: shape (r, l), root mean square of the entries.
        quantiles: shape (r, l, 5), quantiles of ``|g|`` at the levels .05, .25, .5, .75 and .95.
        weight_rms: shape (r, l), root mean square of the weights.
        update_rms: shape (r, l), root mean square of what the step changed them by; NaN where unknown.
        units: names of the u layers whose output can be exactly zero (ReLU and its like).
        dead: shape (r, u), share of their units that were zero on the whole batch; NaN where unknown.
        losses: shape (r, 2), loss of the generator and of the discriminator.
        slopes: shape (r, 2), root mean square of ``dL/dD`` over its value at an undecided discriminator: 1
            there, 0 where the loss is saturated; NaN where the losses are not known.
        signal: shape (r, 2), share of the squared norm of the minibatch's gradient that is not its noise.
        coherence: shape (r, 2), squared norm of the expected gradient over the mean square norm of one
            sample's: 1 where all samples agree, about 0 where they cancel; NaN where unknown.
        push: shape (r, 2), root mean square of one sample's gradient norm times the norm of the weights, in
            the unit of the loss; NaN where unknown.
        histograms: shape (r, 2, b), entries of the first layer's gradient of each player in each bin.
        edges: shape (b - 1,), finite edges of the bins; the first and the last bin are open.
        undecided: shape (2,), both losses at an undecided discriminator, without penalties; NaN if unknown.
        samples: samples of each player in a look; 0 if unknown.
    """

    steps: np.ndarray
    layers: tuple[str, ...]
    sizes: np.ndarray
    threshold: float
    small: np.ndarray
    zeros: np.ndarray
    rms: np.ndarray
    quantiles: np.ndarray
    weight_rms: np.ndarray
    update_rms: np.ndarray
    units: tuple[str, ...]
    dead: np.ndarray
    losses: np.ndarray
    slopes: np.ndarray
    signal: np.ndarray
    coherence: np.ndarray
    push: np.ndarray
    histograms: np.ndarray
    edges: np.ndarray
    undecided: np.ndarray
    samples: int

    @property
    def small_share(self) -> np.ndarray:
        """Share of the entries that are small, shape (r, l)."""
        return np.asarray(self.small / self.sizes)

    @property
    def gradient_to_weight(self) -> np.ndarray:
        """Norm of the gradient over that of the weights, shape (r, l)."""
        return _over(self.rms, self.weight_rms)

    @property
    def update_to_weight(self) -> np.ndarray:
        """Norm of the update over that of the weights, shape (r, l)."""
        return _over(self.update_rms, self.weight_rms)

    @property
    def leverage(self) -> np.ndarray:
        """Norm of the gradient times that of the weights, in the unit of the loss, shape (r, l).

        What the loss changes by, to first order, if a layer's weights change by their own norm along the
        gradient: it stays the same where one ReLU layer is scaled up and the next down.
        """
        return np.asarray(self.rms * self.weight_rms * self.sizes)

    @property
    def signs(self) -> tuple[Sign, ...]:
        """The warning signs in both losses, each with what it means and does not mean."""
        return loss_signs(_late(self.losses), self.undecided)

    @property
    def verdict(self) -> Verdict:
        """For each player: is its gradient vanishing, has it converged, or is it learning?"""
        return self.judged()

    def judged(self, lines: Lines | None = None) -> Verdict:
        """Return the verdict, with the lines drawn elsewhere."""
        seen = self.samples * _count_late(self.steps)
        parts = (_late(part) for part in (self.slopes, self.coherence, self.push))
        return judge(*parts, samples=seen, lines=lines or Lines())

    def __str__(self) -> str:
        warnings = [sign.name for sign in self.signs if sign.present]
        seen = f"; signs: {', '.join(warnings)}" if warnings else ""
        return f"HealthRecord({len(self.steps)} looks at {len(self.layers)} layers; {self.verdict}{seen})"

    __repr__ = __str__

    def to_xarray(self) -> Any:
        """Return everything as an ``xarray.Dataset`` with the dimensions step, layer, unit and player."""
        import xarray

        by_layer = ("small", "zeros", "rms", "weight_rms", "update_rms", "leverage")
        by_player = ("losses", "slopes", "signal", "coherence", "push")
        data: dict[str, Any] = {name: (("step", "layer"), getattr(self, name)) for name in by_layer}
        data |= {name: (("step", "player"), getattr(self, name)) for name in by_player}
        data["quantiles"] = (("step", "layer", "level"), self.quantiles)
        data["dead"] = (("step", "unit"), self.dead)
        data["histograms"] = (("step", "player", "bin"), self.histograms)
        data["sizes"] = (("layer",), self.sizes)
        lower = np.append(-np.inf, self.edges)
        coordinates = {
            "step": self.steps, "layer": list(self.layers), "unit": list(self.units),
            "player": list(_PLAYERS), "level": list(LEVELS), "bin": lower,
        }  # fmt: skip
        dataset = xarray.Dataset(data, coordinates, {"threshold": self.threshold})
        dataset["bin"].attrs["description"] = "lower edge of the bin"
        return dataset


def _over(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0))


def _count_late(values: np.ndarray) -> int:
    return max(1, len(values) // 10)


def _late(values: np.ndarray) -> np.ndarray:
    """Return the median over the last tenth of the looks, at least one, NaN left out."""
    late = values[-_count_late(values) :]
    known = ~np.isnan(late).all(axis=0)
    medians = np.full(late.shape[1:], np.nan)
    if len(late):
        medians[known] = np.nanmedian(late[:, known], axis=0)
    return medians


def row_of(
    step: int, scalars: Sequence[float], layers: np.ndarray, dead: np.ndarray, bins: np.ndarray
) -> np.ndarray:
    """Return one look as a row: step, 10 scalars, (l, s) numbers, (u,) shares and (2, b) counts."""
    return np.concatenate([[step, *scalars], layers.ravel(), dead, bins.ravel()]).astype(float)


def record_of(settings: Mapping[str, Any], rows: np.ndarray) -> HealthRecord:
    """Return the record of rows (r, columns), with what ``settings`` says of layers and units."""
    layers, units = tuple(settings["layers"]), tuple(settings["units"])
    rows = rows.reshape(-1, _SCALARS + len(layers) * len(STATISTICS) + len(units) + 2 * BINS)
    ends = np.cumsum([_SCALARS, len(layers) * len(STATISTICS), len(units)])
    scalars, table, dead, bins = np.split(rows, ends, axis=1)
    numbers = table.reshape(len(rows), len(layers), len(STATISTICS))
    return HealthRecord(
        steps=scalars[:, 0].astype(np.int64),
        layers=layers,
        sizes=np.array(settings["sizes"], dtype=np.int64),
        threshold=float(settings["threshold"]),
        small=numbers[..., 0].astype(np.int64),
        zeros=numbers[..., 1].astype(np.int64),
        rms=numbers[..., 2],
        quantiles=numbers[..., 3 : 3 + len(LEVELS)],
        weight_rms=numbers[..., -2],
        update_rms=numbers[..., -1],
        units=units,
        dead=dead,
        losses=scalars[:, 1:3],
        slopes=scalars[:, 3:5],
        signal=scalars[:, 5:7],
        coherence=scalars[:, 7:9],
        push=scalars[:, 9:11],
        histograms=bins.reshape(len(rows), 2, BINS).astype(np.int64),
        edges=EDGES,
        undecided=np.array([np.nan if v is None else v for v in settings["undecided"]], dtype=float),
        samples=int(settings["samples"]),
    )
