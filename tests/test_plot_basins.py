"""The pictures of basins and manifolds show what the results say."""

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from test_basins import double_well

from gandyn import find_basins, manifold, plot
from gandyn.basins import ESCAPED, LEFT_THE_BOX, NOT_COMPUTED, UNDECIDED
from gandyn.games import catalogue
from gandyn.plot.basins import OUTCOME_COLOURS

matplotlib.use("agg")


@pytest.fixture(scope="module")
def halves():
    return find_basins(double_well(), {"x": (-2, 2), "y": (-1, 1)}, (8, 6), progress=False)


def colours(drawn):
    """The colour of every cell, shape of the grid."""
    drawn.mesh.update_scalarmappable()
    return drawn.mesh.get_facecolor()[:, :3]


def test_cells_have_the_colour_of_their_label_and_lie_where_the_starts_are(halves):
    ax = Figure().subplots()
    drawn = plot.basin_map(ax, halves)
    cells = colours(drawn).reshape(6, 8, 3)
    assert np.all(cells[:, :4] == cells[0, 0])
    assert np.all(cells[:, 4:] == cells[0, -1])
    assert np.any(cells[0, 0] != cells[0, -1])
    assert (*ax.get_xlim(), *ax.get_ylim()) == (-2, 2, -1, 1)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x$", "$y$")
    edges = drawn.mesh.get_coordinates()
    assert edges[0, 0].tolist() == pytest.approx([-2, -1])
    assert edges[-1, -1].tolist() == pytest.approx([2, 1])
    places = sorted(float(marks.get_xdata()[0]) for marks in drawn.attractors)
    assert places == pytest.approx([-1, 1])


def test_every_outcome_has_its_own_grey_and_is_named_with_its_share(halves):
    labels = halves.labels.copy()
    labels[0, :4] = ESCAPED, LEFT_THE_BOX, UNDECIDED, NOT_COMPUTED
    mixed = replace(halves, labels=labels)
    drawn = plot.basin_map(Figure().subplots(), mixed)
    texts = [text.get_text() for text in drawn.legend.get_texts()]
    names = [text.rsplit(" ", 3)[0] for text in texts]
    expected = ["0 fixed point", "1 fixed point", "escaped", "left the box", "undecided", "not computed"]
    assert names == expected
    assert len(set(OUTCOME_COLOURS.values())) == 4
    cells = colours(drawn)
    for i, code in enumerate((ESCAPED, LEFT_THE_BOX, UNDECIDED, NOT_COMPUTED)):
        assert cells[i] == pytest.approx(to_rgb(OUTCOME_COLOURS[code]))
    share = mixed.share(ESCAPED)
    assert texts[2] == f"escaped {100 * share.value:.0f} ± {100 * share.error:.0f}"
    patches = drawn.legend.legend_handles
    assert patches[2].get_facecolor()[:3] == pytest.approx(to_rgb(OUTCOME_COLOURS[ESCAPED]))


def test_manifolds_add_to_the_legend_and_keep_the_window(halves):
    ax = Figure().subplots()
    plot.basin_map(ax, halves)
    found = [manifold(double_well(), np.zeros(2), which, length=5.0) for which in ("stable", "unstable")]
    lines = plot.manifolds(ax, found)
    assert len(lines.branches) == 4
    assert lines.branches[0].get_color() != lines.branches[2].get_color()
    assert np.array_equal(lines.branches[0].get_ydata(), found[0].branches[0][:, 1])
    assert (*ax.get_xlim(), *ax.get_ylim()) == (-2, 2, -1, 1)
    texts = [text.get_text() for text in lines.legend.get_texts()]
    assert texts[-3:] == ["stable manifold", "unstable manifold", "saddle"]
    assert len(texts) == 5
    (note,) = ax.texts
    assert note.xycoords is lines.legend
    alone = Figure().subplots()
    plot.manifolds(alone, found[:1])
    assert alone.get_xlabel() == "$x$"
    with pytest.raises(ValueError, match="at least one manifold"):
        plot.manifolds(alone, [])


def test_a_line_of_starts_is_a_strip():
    found = find_basins(catalogue.make("logistic", r=3.83), {"x": (-0.5, 1.5)}, 20, progress=False)
    ax = Figure().subplots()
    drawn = plot.basin_map(ax, found)
    assert colours(drawn).shape == (20, 3)
    assert list(ax.get_yticks()) == []
    assert len(drawn.attractors[0].get_xdata()) == 3


def test_a_slice_says_where_it_lies_and_that_attractors_are_projected():
    found = find_basins(
        catalogue.make("lorenz", rho=20.0), {"z": (0, 30), "y": (-20, 20)}, 4, at={"x": 2.5}, progress=False
    )
    drawn = plot.basin_map(Figure().subplots(), found)
    text = drawn.caption.get_text().replace("\n", " ")
    assert "Other entries at 2.5; attractors are projected." in text
    assert drawn.attractors[0].get_xdata() == pytest.approx(found.attractors[0].samples[:, 2])


def test_starts_one_by_one_are_refused():
    found = find_basins(double_well(), (-1, 1), starts=np.array([[0.5, 0.5]]), progress=False)
    with pytest.raises(ValueError, match="grid of starts"):
        plot.basin_map(Figure().subplots(), found)
