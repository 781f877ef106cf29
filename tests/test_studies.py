"""The studies run as their READMEs say, from a folder of their own choice, and their checks can fail."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def tiny_gans(tmp_path_factory):
    """The folder that `python -m studies.tiny_gans --small` writes; warnings are errors there too."""
    out = tmp_path_factory.mktemp("tiny_gans")
    command = [sys.executable, "-W", "error", "-m", "studies.tiny_gans", "--small", "--out", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "MPLBACKEND": "agg"}
    )
    assert done.returncode == 0, done.stderr
    assert "every claim holds" in done.stdout
    return out


@pytest.fixture
def numbers(tiny_gans):
    return json.loads((tiny_gans / "numbers.json").read_text())


def test_tiny_gans_write_finite_numbers_that_agree_with_the_closed_forms(numbers):
    def leaves(value):
        if isinstance(value, dict | list):
            for part in value.values() if isinstance(value, dict) else value:
                yield from leaves(part)
        elif not isinstance(value, str):
            yield value

    assert np.all(np.isfinite(list(leaves(numbers))))
    c = 1.3775223733
    expected = np.roots([1, 2, 2 * c])
    found = [complex(*pair) for pair in numbers["gaussian"]["origin"]["1.0"]["eigenvalues"]]
    np.testing.assert_allclose(sorted(found, key=np.imag), sorted(expected, key=np.imag), atol=1e-9)
    assert numbers["weights"]["velocity at (1, 1)"] == pytest.approx([-c, c - 2], abs=1e-9)
    assert numbers["samples"]["saddles without eps"] == {"2500": 2499, "100": 99, "5": 4}


def test_tiny_gans_draw_every_figure_that_the_readme_shows(tiny_gans):
    readme = (ROOT / "studies" / "tiny_gans" / "README.md").read_text()
    figures = sorted(path.name for path in tiny_gans.glob("*.png"))
    assert len(figures) == 10
    for name in figures:
        assert f"({'results/' + name})" in readme, f"the README does not show {name}"
        picture = imread(tiny_gans / name)[..., :3]
        assert min(picture.shape[:2]) > 200
        assert 0.01 < (picture.min(axis=-1) < 0.9).mean() < 0.9, f"{name} is empty or full"


#: A number of each part that its check must not let pass: where it lies, and what to put there.
WRONG = {
    "sigmoid": (("l2", "0.3", "b_g"), 0.0),
    "gaussian": (("cycle at W_d = 0.5", "period"), 7.6),
    "weights": (("from (1, 1)", "W_g = 0.001 at t"), 0.31),
    "four": (("share that collapses",), 0.0),
    "samples": (("half-width of the noise at (0, 0)", "0", "2500"), 0.1),
    "smoothing": (("fixed points", "exact"), {"saddle": 1}),
    "networks": (("median off-plane share of the velocity", "trained"), 0.5),
}


@pytest.mark.parametrize("part", WRONG)
def test_tiny_gans_checks_fail_on_wrong_numbers(part, numbers, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from studies.tiny_gans.__main__ import PARTS

    PARTS[part].check(numbers[part])
    wrong = copy.deepcopy(numbers[part])
    place = wrong
    *way, last = WRONG[part][0]
    for name in way:
        place = place[name]
    assert last in place
    place[last] = WRONG[part][1]
    with pytest.raises(AssertionError):
        PARTS[part].check(wrong)
