"""The directions of the published code, which its text calls filter normalisation."""

import numpy as np
from torch import Tensor

from gandyn.arrays import like, to_numpy
from gandyn.field import Layout
from gandyn.planes import Plane


def document_plane(layout: Layout, x: Tensor, player: str, seed: int) -> Plane:
    """Return the plane of the published code: Gaussian directions, rescaled along the output axis.

    Every weight (out, in, ...) is rescaled for each input and tap over all outputs, a bias as one vector; the
    two directions are drawn independently.
    """
    rng, weights = np.random.default_rng(seed), to_numpy(x).astype(float)
    axes = np.zeros((2, layout.dim))
    for block, where in layout.offsets():
        draws = rng.standard_normal((2, *block.shape))
        if block.player == player:
            here = weights[where].reshape(block.shape)
            scale = np.linalg.norm(here, axis=0) / np.linalg.norm(draws, axis=1)[:, None]
            axes[:, where] = (draws * scale).reshape(2, -1)
    names = ("direction 1 of the published code", "direction 2 of the published code")
    return Plane(x, like(axes, x), layout, names, "normalised as published")


def filter_norms(plane: Plane) -> dict[str, list[float]]:
    """Return norms of the filters of both directions over those of the weights, and their cosines.

    Lowest and highest over all filters of more than one entry; filter by filter, as the text says.
    """
    weights, axes = to_numpy(plane.origin), to_numpy(plane.axes)
    ratios, cosines = [], []
    for block, where in plane.layout.offsets():
        labels = block.filter_labels()
        if labels is None or not axes[:, where].any():
            continue
        dot = lambda u, v, labels=labels: np.bincount(labels, u * v)
        first, second = axes[:, where]
        own, several = np.sqrt(dot(weights[where], weights[where])), np.bincount(labels) > 1
        lengths = [np.sqrt(dot(u, u)) for u in (first, second)]
        ratios += [*(lengths[0] / own)[several], *(lengths[1] / own)[several]]
        cosines += [*(dot(first, second) / (lengths[0] * lengths[1]))[several]]
    return {
        "norm ratio": [float(min(ratios)), float(np.median(ratios)), float(max(ratios))],
        "largest cosine": [float(np.max(np.abs(cosines)))],
    }
