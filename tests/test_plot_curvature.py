import numpy as np
import pytest
from matplotlib.figure import Figure
from problems import linear_flow

from gandyn import plot
from gandyn.spectra import numerical_range, ritz_cloud, spectral_density, spectrum


@pytest.fixture
def shear():
    return linear_flow([[-1.0, 6.0, 0.0], [0.0, -2.0, 1.0], [0.0, -1.0, -2.0]])


def test_the_density_is_drawn_with_its_error_and_extremes(shear):
    result = spectral_density(shear, np.zeros(3), "S")
    drawn = plot.spectral_density(Figure().subplots(), result, log=False)
    np.testing.assert_array_equal(drawn.density.get_ydata(), result.density)
    np.testing.assert_array_equal(drawn.extremes.get_xdata(), [result.nodes.min(), result.nodes.max()])
    assert "3 eigenvalues" in drawn.caption.get_text()
    logarithmic = plot.spectral_density(Figure().subplots(), spectral_density(shear, np.zeros(3), "A"))
    assert logarithmic.density.axes.get_yscale() == "log"
    assert "imaginary part" in logarithmic.density.axes.get_xlabel()


def test_the_cloud_tells_eigenvalues_from_other_ritz_values():
    matrix = np.diag(np.r_[5.0, np.random.default_rng(0).uniform(-1, 1, 299)])
    result = ritz_cloud(linear_flow(matrix), np.zeros(300), 20)
    drawn = plot.ritz_cloud(Figure().subplots(), result)
    assert len(drawn.resolved.get_offsets()) == result.resolved().sum()
    assert len(drawn.others.get_offsets()) == 20 - result.resolved().sum()
    assert (
        plot.ritz_cloud(Figure().subplots(), ritz_cloud(linear_flow(np.eye(2)), np.zeros(2))).others is None
    )


def test_the_range_is_drawn_around_its_eigenvalues(shear):
    result = numerical_range(shear, np.zeros(3))
    drawn = plot.numerical_range(Figure().subplots(), result, spectrum(shear, np.zeros(3)))
    assert result.abscissa > 0
    assert drawn.abscissa.get_xdata()[0] == result.abscissa
    outline = drawn.region.get_path()
    assert all(outline.contains_points(drawn.eigenvalues.get_offsets(), radius=1e-9))
    assert plot.numerical_range(Figure().subplots(), result).eigenvalues is None
