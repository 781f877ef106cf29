"""The pictures of bifurcations show what the results say."""

from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from gandyn import bifurcations, plot
from gandyn.games import catalogue

matplotlib.use("agg")


@pytest.fixture(scope="module")
def branch():
    family = catalogue.make("hopf", mu=-0.5)
    return bifurcations.continue_fixed_point(family, np.zeros(2), "mu", (-0.5, 0.5), progress=False)


def test_stability_is_told_by_the_line_and_special_points_by_name(branch):
    ax = Figure().subplots()
    drawn = plot.bifurcation_diagram(ax, branch, entry="y")
    (stable,), (unstable,) = drawn.stable, drawn.unstable
    assert stable.get_linestyle() == "-"
    assert unstable.get_linestyle() != "-"
    assert np.max(stable.get_xdata()) == pytest.approx(0, abs=0.05)
    assert np.min(unstable.get_xdata()) <= np.max(stable.get_xdata())
    labels = [text.get_text() for text in drawn.legend.get_texts()]
    assert labels == ["stable fixed point", "unstable fixed point", "Hopf"]
    assert "Hopf at mu = 0, supercritical." in drawn.caption.get_text().replace("\n", " ")
    assert ax.get_xlabel() == r"$\mu$"


def test_cycles_are_envelopes_filled_where_stable(branch):
    cycles = SimpleNamespace(
        values=np.array([0.1, 0.2]), minima=-np.ones((2, 2)), maxima=np.ones((2, 2)), stable=[True, False]
    )
    drawn = plot.bifurcation_diagram(Figure().subplots(), branch, cycles=[cycles])
    filled, hollow = drawn.cycles
    assert filled.get_markerfacecolor() != "white"
    assert hollow.get_markerfacecolor() == "white"
    assert sorted(filled.get_ydata()) == [-1, 1]


def test_branches_of_one_parameter_only(branch):
    other = bifurcations.continue_fixed_point(
        catalogue.make("pitchfork", mu=-1.0), np.zeros(1), "mu", (-1, 1), progress=False
    )
    plot.bifurcation_diagram(Figure().subplots(), [branch, other])
    lorenz = bifurcations.continue_fixed_point(
        catalogue.make("lorenz"), np.array([8.5, 8.5, 27.0]), "rho", (27.0, 29.0), progress=False
    )
    with pytest.raises(ValueError, match="share their parameter"):
        plot.bifurcation_diagram(Figure().subplots(), [branch, lorenz])
    with pytest.raises(ValueError, match="entry must be one of"):
        plot.bifurcation_diagram(Figure().subplots(), branch, entry="z")


def test_the_locus_follows_each_mode(branch):
    drawn = plot.eigenvalue_locus(Figure().subplots(), branch)
    for lines, sign in zip(drawn.loci, (1, -1), strict=True):
        path = np.concatenate(lines.get_segments())
        np.testing.assert_allclose(path[:, 1], sign, atol=1e-9)
    assert list(drawn.special) == ["Hopf"]
    assert drawn.bar.vmin == pytest.approx(-0.5)


def test_the_region_is_centred_on_zero_growth():
    region = bifurcations.stability_region(
        catalogue.make("dirac-r1"), np.zeros(2), {"gamma": (-1.0, 1.0)}, {"kappa": (0.5, 2.0)}, points=(6, 3),
        progress=False,
    )  # fmt: skip
    drawn = plot.stability_region(Figure().subplots(), region)
    assert drawn.growth.norm.vcenter == 0
    boundary = np.concatenate([path.vertices for path in drawn.boundary.get_paths()])
    np.testing.assert_allclose(boundary[:, 0], 0, atol=1e-9)
