"""Every claim of the README, asserted of the numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from studies.dirac_gallery.cells import CELLS, STEP

#: What is observed, where the prediction at the fixed point is another one.
DIFFERENT = {
    ("GAN", "alternating 1:5"): ("neutral", "converges slowly"),
    ("WGAN, clipped", "simultaneous"): ("diverges", "cycles"),
    ("WGAN-GP", "simultaneous"): ("silent", "cycles"),
    ("WGAN-GP", "alternating 1:1"): ("silent", "cycles"),
    ("WGAN-GP", "alternating 1:5"): ("silent", "cycles"),
    ("consensus", "alternating 1:5"): ("converges", "diverges"),
}
#: What all three schemes do, where prediction and observation agree.
AGREED = {
    "GAN": ("diverges", "neutral", None),
    "NSGAN": ("cycles", "converges slowly", "converges slowly"),
    "WGAN, clipped": (None, "neutral", "neutral"),
}


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
    cells = numbers["cells"]
    _check_verdicts(cells)
    _check_multipliers(cells)
    _check_rates(cells)
    _check_gan(numbers)
    _check_nsgan(numbers)
    _check_wgan(numbers)
    if numbers["steps"] == 20_000:
        _check_long_paths(cells)
    assert numbers["consensus 1:5 from (0.2, 0.2)"] < 1e-12
    assert cells["consensus"]["alternating 1:5"]["observed"]["leaves the window"]


def _check_long_paths(cells: Mapping[str, Any]) -> None:
    stated = {
        ("GAN", "simultaneous"): (3.10, 4.96),
        ("GAN", "alternating 1:5"): (2.55, 1.62),
        ("GAN", "alternating 1:1"): (1.489, 1.521),
        ("consensus", "alternating 1:5"): (11.0, 31.1),
    }
    for (game, scheme), radii in stated.items():
        seen = cells[game][scheme]["observed"]["largest radius"]
        np.testing.assert_allclose([seen["500 steps"], seen["end"]], radii, rtol=4e-3, err_msg=game + scheme)


def _check_verdicts(cells: Mapping[str, Any]) -> None:
    for game, scheme in CELLS:
        cell = cells[game][scheme]
        verdicts = cell["predicted"]["verdict"], cell["observed"]["verdict"]
        if (game, scheme) in DIFFERENT:
            assert verdicts == DIFFERENT[game, scheme], (game, scheme, verdicts)
        else:
            index = list(cells[game]).index(scheme)
            assert set(verdicts) == {AGREED.get(game, ("converges",) * 3)[index]}, (game, scheme, verdicts)


def _check_multipliers(cells: Mapping[str, Any]) -> None:
    """Simultaneous descent has the multipliers 1 + h lambda, with the eigenvalues of the closed forms."""
    root = np.emath.sqrt
    eigenvalues = {
        "GAN": 0.5j,
        "NSGAN": 0.5j,
        "WGAN, clipped": 1j,
        "instance noise": -(0.7**2) / 4 + root(0.7**4 / 16 - 1 / 4),
        "R1, weight 0.3": -0.15 + root(0.3**2 / 4 - 1 / 4),
        "R1, weight 1": -0.5,
        "consensus": -0.25 + 0.5j,
        "NSGAN with R1": -0.15 + root(0.3**2 / 4 - 1 / 4),
    }
    for game, value in eigenvalues.items():
        exact = sorted([1 + STEP * value, 1 + STEP * np.conj(value)], key=np.imag)
        found = [complex(*pair) for pair in cells[game]["simultaneous"]["predicted"]["multipliers"]]
        np.testing.assert_allclose(sorted(found, key=np.imag), exact, atol=2e-8, err_msg=game)


def _check_rates(cells: Mapping[str, Any]) -> None:
    """Where a path converges, it does so at the rate of the largest multiplier."""
    for game, scheme in CELLS:
        cell = cells[game][scheme]
        if cell["observed"]["verdict"] == "converges":
            defective = (game, scheme) == ("R1, weight 1", "simultaneous")
            error = cell["observed"]["rate per step"] / np.log(cell["predicted"]["modulus"]) - 1
            assert abs(error) < (0.01 if defective else 1e-4), (game, scheme, error)


def _check_gan(numbers: Mapping[str, Any]) -> None:
    assert numbers["growth of the squared radius of GAN, simultaneous"] < 1e-13
    gan = {scheme: cell["observed"] for scheme, cell in numbers["cells"]["GAN"].items()}
    radius = gan["alternating 1:1"]["largest radius"]
    assert radius["500 steps"] < radius["half way"] < radius["end"] < 1.03 * radius["500 steps"]
    assert gan["simultaneous"]["leaves the window"]
    assert gan["simultaneous"]["largest radius"]["end"] < 5


def _check_nsgan(numbers: Mapping[str, Any]) -> None:
    for scheme, rates in numbers["shrinking of NSGAN, d(1/R^2)/dn"].items():
        assert abs(rates["observed"] / rates["third order"] - 1) < 60 / numbers["steps"], scheme
    third = numbers["cells"]["NSGAN"]["alternating 1:1"]["predicted"]["third order"]
    assert abs(third + STEP / 8) < 1e-8
    circle = numbers["circle of NSGAN, simultaneous"]
    assert circle["least"] < circle["sqrt(2 h)"] < circle["normal form"] < circle["largest"]
    assert circle["largest"] / circle["least"] < 1.03


def _check_wgan(numbers: Mapping[str, Any]) -> None:
    for widths in numbers["half-widths of clipped WGAN"].values():
        np.testing.assert_allclose(widths["observed"], widths["last ellipse"], atol=5e-5)
    for scheme, amplitude in numbers["amplitude in theta of WGAN-GP"].items():
        errors = np.abs(np.array(list(amplitude["steps"].values())) / amplitude["flow"] - 1)
        assert np.all(np.diff(errors) < 0), scheme
        assert errors[0] < (0.35 if scheme == "simultaneous" else 0.035), scheme
        if len(errors) == 4:
            assert np.all(errors[1:] < 0.65 * errors[:-1]), scheme
            assert errors[-1] < (0.0305 if scheme == "simultaneous" else 0.0045), scheme
    for cell in numbers["cells"]["WGAN-GP"].values():
        assert cell["predicted"]["classify"] == "stable focus"
