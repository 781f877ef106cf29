"""The pictures of cycles, sections and orbit diagrams show what the results say."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from gandyn import (
    Section,
    continue_cycle,
    coordinate_plane,
    limit_cycle,
    plot,
    poincare_section,
    sample,
)
from gandyn import orbit_diagram as diagram_of
from gandyn.games import catalogue, textbook

matplotlib.use("agg")


@pytest.fixture(scope="module")
def cycle():
    return limit_cycle(textbook.van_der_pol(), np.array([1.0, 0.0]), progress=False)


def words(artist):
    return artist.get_text().replace("\n", " ")


def test_the_line_of_a_cycle_tells_its_stability(cycle):
    centre = limit_cycle(catalogue.make("bilinear"), np.array([0.6, 0.8]), progress=False)
    ax = Figure().subplots()
    drawn = plot.limit_cycles(ax, cycle)
    np.testing.assert_array_equal(drawn.lines[0].get_xydata(), cycle.states)
    assert [text.get_text() for text in drawn.legend.get_texts()] == ["stable limit cycle"]
    assert words(drawn.caption).startswith("Period 6.6633, leading exponent -1.06 per unit of flow time.")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x$", "$y$")
    neutral = plot.limit_cycles(Figure().subplots(), [centre])
    assert neutral.lines[0].get_linestyle() == ":"
    assert "exponent 0 per" in words(neutral.caption)


def test_arrows_go_with_the_flow(cycle):
    (arrow,) = plot.limit_cycles(Figure().subplots(), cycle, entries=("y", "x")).arrows
    (start, end) = (np.array(point) for point in arrow._posA_posB)
    velocity = textbook.van_der_pol()(start[::-1])
    assert (end - start) @ velocity[::-1] > 0


def test_an_unknown_entry_is_refused(cycle):
    with pytest.raises(ValueError, match=r"entries must be two of \['x', 'y'\], got \('x', 'z'\)"):
        plot.limit_cycles(Figure().subplots(), cycle, entries=("x", "z"))


def test_periods_change_their_line_where_stability_is_lost():
    family = textbook.rossler(c=2.5)
    start = limit_cycle(family, np.array([1.0, 1.0, 0.0]), progress=False)
    branch = continue_cycle(family, start, "c", (2.4, 3.2), max_step=0.2, progress=False)
    drawn = plot.cycle_periods(Figure().subplots(), branch)
    assert [line.get_label() for line in drawn.lines] == ["stable cycle", "unstable cycle"]
    assert drawn.special["period doubling"].get_xdata() == pytest.approx([2.8324], abs=1e-4)
    assert drawn.lines[0].get_xdata()[-1] == drawn.lines[1].get_xdata()[0]


def test_sections_say_what_they_are():
    field = textbook.lorenz()
    seen = poincare_section(field, np.ones(3), Section({"z": 2.0}, 54.0), 20, transient=5.0, progress=False)
    ax = Figure().subplots()
    drawn = plot.section(ax, seen)
    np.testing.assert_array_equal(drawn.dots.get_xydata(), seen.states[:, :2])
    assert words(drawn.caption) == "20 crossings of z = 27."
    assert ax.get_ylabel() == "$y$"


def test_orbit_diagrams_say_what_is_missing():
    seen = diagram_of(textbook.logistic(), np.array([0.3]), "r", [3.0, 4.5], keep=5, progress=False)
    ax = Figure().subplots()
    drawn = plot.orbit_diagram(ax, seen)
    assert np.isfinite(drawn.dots.get_ydata()).sum() == 5
    assert "1 values without all of them." in words(drawn.caption)
    assert ax.get_xlim() == (3.0, 4.5)


def test_a_cycle_over_a_portrait_joins_its_legend_and_caption(cycle):
    field, ax = textbook.van_der_pol(), Figure().subplots()
    plot.portrait(ax, sample(field, coordinate_plane(field.layout, "x", "y"), 3.0, points=9))
    before = [text.get_text() for text in ax.get_legend().get_texts()]
    drawn = plot.limit_cycles(ax, cycle)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [*before, "stable limit cycle"]
    (note,) = ax.texts
    assert note is drawn.caption
    assert words(note).startswith("Window [-3, 3]")
    assert "Period 6.6633" in words(note)


def test_a_cycle_goes_where_the_axes_of_a_portrait_say():
    game, ax = catalogue.make("hopf"), Figure().subplots()
    plot.portrait(ax, sample(game, coordinate_plane(game.layout, "x", "y"), 1.0, points=9))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$y$", "$x$")
    cycle = limit_cycle(game, np.array([0.3, 0.1]), progress=False)
    line = plot.limit_cycles(ax, cycle).lines[0]
    np.testing.assert_array_equal(line.get_xdata(), cycle.states[:, 1])
    named = plot.limit_cycles(Figure().subplots(), cycle, entries=("x", "y")).lines[0]
    np.testing.assert_array_equal(named.get_xdata(), cycle.states[:, 0])
