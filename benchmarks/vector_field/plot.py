"""Draw the record of benchmarks.vector_field.run.

Run: python -m benchmarks.vector_field.plot FIGURE.png
"""

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from benchmarks.recording import FOLDER


def draw_ways(ax: Axes, record: dict[str, Any]) -> None:
    """Draw wall time for each evaluation, the slowest way at the bottom."""
    names = list(record["ways"])
    times = [record["ways"][name]["wall_ns_min"] for name in names]
    colors = ["#0072b2" if name.startswith("gandyn") else "#999999" for name in names]
    bars = ax.barh(names, times, color=colors)
    labels = [f"{record['times the field by gandyn'][name]:.3g} times" for name in names]
    ax.bar_label(bars, labels, padding=3, fontsize=8)
    ax.set_xscale("log")
    ax.set_xlim(right=max(times) * 5)
    ax.invert_yaxis()
    ax.set_xlabel("ns for one sample at one point, best of the run")


def draw_linearity(ax: Axes, record: dict[str, Any]) -> None:
    """Draw wall time against the number of evaluations, with the line of constant cost."""
    rows = record["linearity"]
    counts = [row["evaluations"] for row in rows]
    ax.loglog(counts, [row["wall_s"] for row in rows], "o", color="#0072b2", label="measured")
    cost = rows[-1]["wall_s"] / rows[-1]["evaluations"]
    ax.loglog(counts, [cost * count for count in counts], "-", color="#999999", label="linear")
    ax.set_xlabel("samples times points")
    ax.set_ylabel("wall time, s")
    ax.legend(frameon=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", type=Path)
    figure_path = parser.parse_args().figure
    record = json.loads((FOLDER / "vector_field.json").read_text())
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), width_ratios=[1.6, 1], layout="constrained")
    draw_ways(left, record)
    draw_linearity(right, record)
    cores = record["environment"]["cores"]
    left.set_title(f"{record['points']:,} points, {record['samples']:,} samples, {cores} cores", fontsize=10)
    figure.savefig(figure_path, dpi=150)


if __name__ == "__main__":
    main()
