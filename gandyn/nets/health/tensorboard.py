"""Health records in TensorBoard, where it is installed."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from gandyn.nets.health.record import HealthRecord

__all__ = ["summary_writer", "to_tensorboard"]


def summary_writer(where: Any) -> Any:
    """Return a ``SummaryWriter``: the one given, or one that writes into a folder.

    Raises:
        ImportError: TensorBoard is not installed.
    """
    if hasattr(where, "add_scalar"):
        return where
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "tensorboard is not installed: pip install gandyn[tensorboard], or leave tensorboard= out; the "
            "record is in the monitor's folder all the same"
        ) from error
    return SummaryWriter(os.fspath(where))


def to_tensorboard(record: HealthRecord, where: Any) -> None:
    """Write a health record to TensorBoard: losses, numbers of each layer, first-layer histograms.

    Args:
        record: what to write; each look at its step.
        where: a folder, or a ``torch.utils.tensorboard.SummaryWriter``, which stays open.

    Raises:
        ImportError: TensorBoard is not installed.

    Example:
        >>> import torch
        >>> from gandyn.nets import gradient_health, losses, models
        >>> g, d = models.mlp_gan(hidden=(8,))
        >>> found = gradient_health(g, d, losses.nonsaturating(), torch.randn(64, 1), torch.randn(64, 1))
        >>> to_tensorboard(found, "tensorboard")  # doctest: +SKIP
    """
    writer = summary_writer(where)
    for row in range(len(record.steps)):
        _write_look(record, row, writer)
    writer.flush()
    if writer is not where:
        writer.close()


def _write_look(record: HealthRecord, row: int, writer: Any) -> None:
    step = int(record.steps[row])
    scalars: dict[str, float] = {}
    for i, player in enumerate(("generator", "discriminator")):
        for name in ("losses", "slopes", "signal", "coherence", "push"):
            scalars[f"{name}/{player}"] = getattr(record, name)[row, i]
    for i, layer in enumerate(record.layers):
        for name in ("small_share", "rms", "gradient_to_weight", "update_to_weight", "leverage"):
            scalars[f"{name}/{layer}"] = getattr(record, name)[row, i]
    scalars |= {f"dead/{unit}": share for unit, share in zip(record.units, record.dead[row], strict=True)}
    for name, value in scalars.items():
        if np.isfinite(value):
            writer.add_scalar(name, float(value), step)
    for player, counts in zip(("generator", "discriminator"), record.histograms[row], strict=True):
        _write_histogram(f"first layer's gradient/{player}", counts, record.edges, step, writer)


def _write_histogram(name: str, counts: np.ndarray, edges: np.ndarray, step: int, writer: Any) -> None:
    upper = np.append(edges, 10 * edges[-1])
    middles = np.append(edges[0], (upper[1:] + upper[:-1]) / 2)
    writer.add_histogram_raw(
        name, min=float(edges[0]), max=float(upper[-1]), num=int(counts.sum()),
        sum=float(counts @ middles), sum_squares=float(counts @ middles**2), bucket_limits=upper.tolist(),
        bucket_counts=counts.tolist(), global_step=step,
    )  # fmt: skip
