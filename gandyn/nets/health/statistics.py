"""Numbers of one gradient: how large its entries are in each layer, and their histogram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["BINS", "EDGES", "LEVELS", "STATISTICS", "histogram", "layer_statistics", "signal_of"]

#: Quantiles of |g| that are kept.
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
#: What is kept of a layer, in this order.
STATISTICS = ("small", "zeros", "rms", *(f"q{level:g}" for level in LEVELS), "weight_rms", "update_rms")

_LOWEST, _HIGHEST, _PER_DECADE = -12, 2, 2
_SIDE = (_HIGHEST - _LOWEST) * _PER_DECADE
_MAGNITUDES = 10.0 ** np.linspace(_LOWEST, _HIGHEST, _SIDE + 1)
#: Finite edges of the bins of a gradient's histogram, two a decade on each side of zero; the first and the
#: last bin are open.
EDGES = np.concatenate([-_MAGNITUDES[::-1], _MAGNITUDES])
#: Number of bins.
BINS = len(EDGES) + 1
_MOST = 8192


def layer_statistics(
    gradients: Sequence[Tensor],
    weights: Sequence[Tensor],
    updates: Sequence[Tensor] | None,
    threshold: float,
) -> np.ndarray:
    """Return the numbers of every layer, shape (l, s), in the order of ``STATISTICS``.

    Quantiles are those of at most 8192 entries of the layer, evenly spaced; all else counts every entry.

    Args:
        gradients: one a layer, any shape.
        weights: of the same shapes.
        updates: of the same shapes; None leaves NaN.
        threshold: an entry is small if ``|g| < threshold``.
    """
    levels = torch.tensor(LEVELS, dtype=torch.float64)
    moves: Sequence[Tensor | None] = updates if updates is not None else [None] * len(gradients)
    rows = [
        _numbers(gradient.reshape(-1), weight, move, threshold, levels)
        for gradient, weight, move in zip(gradients, weights, moves, strict=True)
    ]
    return np.array(torch.stack(rows).tolist())


def _numbers(g: Tensor, weight: Tensor, update: Tensor | None, threshold: float, levels: Tensor) -> Tensor:
    size = g.abs()
    some = size[:: -(-len(size) // _MOST)].double()
    counts = torch.stack([(size < threshold).sum(), len(g) - torch.count_nonzero(g)]).double()
    norms = [_rms(g), _rms(weight), g.new_tensor(torch.nan) if update is None else _rms(update)]
    rms = torch.stack(norms).double()
    return torch.cat([counts, rms[:1], torch.quantile(some, levels.to(some)), rms[1:]]).cpu()


def _rms(values: Tensor) -> Tensor:
    return torch.linalg.vector_norm(values) / values.numel() ** 0.5


def histogram(g: Tensor) -> np.ndarray:
    """Return how many entries of ``g`` lie in each bin, shape (``BINS``,).

    Args:
        g: any shape, finite.

    Example:
        >>> counts = histogram(torch.tensor([0.0, 2e-3, -5.0]))
        >>> [(float(EDGES[i - 1]), float(EDGES[i])) for i in np.flatnonzero(counts)][1]
        (-1e-12, 1e-12)
    """
    g = g.detach().reshape(-1)
    place = (_PER_DECADE * (g.abs().log10() - _LOWEST)).floor().clamp(-1, _SIDE)
    index = (_SIDE + 1 + torch.sign(g) * (place + 1)).long()
    return np.array(torch.bincount(index, minlength=BINS).tolist(), dtype=np.int64)


def signal_of(gradients: Tensor, weights: Tensor, samples: int) -> tuple[float, float, float]:
    """Return signal share and coherence of a mean gradient, and the mean square norm of a sample's gradient.

    Of chunks of ``b_c`` samples, gradients ``g_c`` and weights ``w_c = b_c / N``, with ``g = sum w_c g_c``,
    ``u = (|g|^2 - sum w_c^2 |g_c|^2) / (1 - sum w_c^2)`` is an unbiased estimate of the squared norm of the
    expected gradient; the signal share is ``u / |g|^2``. A sample's mean square is ``s = u + N (q - u) / m``
    with ``q = sum w_c |g_c|^2`` and m chunks, and the coherence ``u / s``: 1 where all samples agree, about 0
    where the gradient is what is left of a cancellation, whatever the size of the batch.

    Args:
        gradients: shape (m, n), of m >= 2 chunks.
        weights: shape (m,), with sum 1.
        samples: N.

    Returns:
        The three numbers; the first two are NaN where every gradient is zero.
    """
    squares = gradients.square().sum(1)
    mean = (weights @ gradients).square().sum()
    u = float((mean - weights.square() @ squares) / (1 - weights.square().sum()))
    q = float(weights @ squares)
    square = max(u + samples * (q - u) / len(gradients), 0.0)
    share = u / float(mean) if float(mean) > 0 else float("nan")
    return share, u / square if square > 0 else float("nan"), square
