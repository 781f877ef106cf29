"""Stable and unstable manifolds against closed forms and against what defines them."""

import numpy as np
import pytest
from problems import linear_flow
from test_basins import XY, _stack, double_well

from gandyn import load, save
from gandyn.basins import manifold
from gandyn.field import UpdateMap, VectorField
from gandyn.fixed_points import find_fixed_points
from gandyn.games import catalogue


def bent():
    """x' = x, y' = -y + x^2: the unstable manifold of 0 is y = x^2 / 3, the stable one x = 0."""
    return VectorField(
        lambda x, t: _stack(x[..., 0], -x[..., 1] + x[..., 0] ** 2),
        XY,
        jac=lambda x, t: _stack(
            _stack(1 + 0 * x[..., 0], 2 * x[..., 0]), _stack(0 * x[..., 0], 0 * x[..., 0] - 1)
        ),
    )


def bent_map(a=2.0, b=0.5):
    """(x, y) -> (a x, b y + x^2): unstable y = x^2 / (a^2 - b), stable x = 0."""
    return UpdateMap(
        lambda x, k: _stack(a * x[..., 0], b * x[..., 1] + x[..., 0] ** 2),
        XY,
        jac=lambda x, k: _stack(
            _stack(a + 0 * x[..., 0], 2 * x[..., 0]), _stack(0 * x[..., 0], b + 0 * x[..., 0])
        ),
    )


def chords(branch):
    return np.linalg.norm(np.diff(branch, axis=0), axis=-1)


@pytest.mark.parametrize(
    ("system", "factor"), [(bent(), 1 / 3), (bent_map(), 1 / 3.5), (bent_map(-1.5, 0.5), 1 / 1.75)]
)
def test_manifolds_that_are_known(system, factor):
    found = manifold(system, np.zeros(2), "unstable", length=3.0, spacing=0.01)
    assert found.ends == ("length reached", "length reached")
    for branch, sign in zip(found.branches, (1, -1), strict=True):
        assert np.all(sign * branch[1:, 0] > 0)
        assert np.abs(branch[:, 1] - factor * branch[:, 0] ** 2).max() < 1e-8
        assert chords(branch).max() <= 0.01
        assert 3.0 <= chords(branch).sum() <= 3.02
    other = manifold(system, np.zeros(2), "stable", length=3.0, spacing=0.01)
    for branch in other.branches:
        assert np.abs(branch[:, 0]).max() < 1e-12
        assert chords(branch).max() <= 0.01
        assert np.abs(branch[-1, 1]) == pytest.approx(3.0, abs=0.02)


def test_the_unstable_manifold_of_a_double_well_ends_at_its_attractors():
    found = manifold(double_well(), np.zeros(2), "unstable", length=5.0)
    assert found.ends == ("came to rest", "came to rest")
    assert found.branches[0][-1] == pytest.approx([1, 0], abs=1e-6)
    assert found.branches[1][-1] == pytest.approx([-1, 0], abs=1e-6)
    assert found.lengths == pytest.approx((1, 1), abs=1e-6)
    assert found.eigenvalue == pytest.approx(1)
    assert np.abs(found.direction) == pytest.approx([1, 0])


@pytest.mark.parametrize("period", [1, 2])
def test_henons_manifolds_are_invariant(period):
    system = catalogue.make("henon")
    saddles = [p for p in find_fixed_points(system, (-2, 2), period=period) if p.period == period]
    assert saddles
    for saddle in saddles:
        stable = manifold(system, saddle, "stable", length=3.0, spacing=0.01)
        unstable = manifold(system, saddle, "unstable", length=6.0, spacing=0.01)
        assert stable.period == period
        for branch in stable.branches:
            # Towards the saddle forwards; how many rounds rounding allows, its own repulsion limits.
            ends = [branch]
            for _ in range(20 * period):
                ends.append(system(ends[-1]))
            near = np.min([np.linalg.norm(x - saddle.x, axis=-1) for x in ends[::period]], axis=0)
            assert near.max() < 1e-4
            assert chords(branch).max() <= 0.01
        for branch in unstable.branches:
            # The preimages, in closed form, tend to the saddle until an error e across the manifold, which
            # they magnify, outgrows what is left: at about e ** reach.
            u, v = np.log(np.abs(saddle.eigenvalues))
            reach = u / (u - v)
            near, x = np.full(len(branch), np.inf), branch
            for k in range(40 * period):
                if k % period == 0:
                    near = np.minimum(near, np.linalg.norm(x - saddle.x, axis=-1))
                y = x[:, 1] / 0.3
                x = np.stack([y, x[:, 0] - 1 + 1.4 * y**2], axis=-1)
                x = np.clip(x, -1e9, 1e9)
            assert near.max() < 3 * 1e-12**reach
            assert chords(branch).max() <= 0.01


def test_the_stable_manifold_of_a_map_stops_where_it_has_no_preimage():
    # x -> x^2 / 2 + x ... folds: what lies below its minimum has no preimage.
    fold = UpdateMap(
        lambda x, k: _stack(0.5 * x[..., 0] + x[..., 0] ** 2, 3 * x[..., 1]),
        XY,
        jac=lambda x, k: _stack(
            _stack(0.5 + 2 * x[..., 0], 0 * x[..., 0]), _stack(0 * x[..., 0], 3 + 0 * x[..., 0])
        ),
    )
    found = manifold(fold, np.zeros(2), "stable", length=10.0, spacing=0.01)
    ends = {end: branch[-1, 0] for end, branch in zip(found.ends, found.branches, strict=True)}
    # The minimum of the map is -1/16, at -1/4.
    assert ends["no preimage"] == pytest.approx(-0.25, abs=0.01)


def test_a_manifold_of_a_field_without_a_kernel_is_that_of_its_kernel():
    from dataclasses import replace

    system = catalogue.make("henon")
    saddle = find_fixed_points(system, (-2, 2)).points[1]
    for which in ("stable", "unstable"):
        fast = manifold(system, saddle, which, length=4.0)
        slow = manifold(replace(system, kernel=None), saddle, which, length=4.0)
        for a, b in zip(fast.branches, slow.branches, strict=True):
            assert a.shape == b.shape
            assert np.abs(a - b).max() < 1e-6


def test_an_interrupt_keeps_the_first_branch(monkeypatch):
    from gandyn.basins.manifold import _Grower

    real, calls = _Grower.branch, []

    def once(self, *arguments):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, *arguments)

    monkeypatch.setattr(_Grower, "branch", once)
    found = manifold(bent(), np.zeros(2), "unstable", length=1.0)
    assert found.status == "interrupted"
    assert found.ends == ("length reached", "not computed")
    assert len(found.branches[1]) == 1


def test_a_manifold_goes_to_a_file(tmp_path):
    found = manifold(bent(), np.zeros(2), "stable", length=1.0)
    again = load(save(found, tmp_path / "manifold"))
    assert str(again) == str(found)
    assert np.array_equal(again.branches[1], found.branches[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"which": "centre"}, "which must be one of"),
        ({"length": 0.0}, "length must be positive"),
        ({"spacing": -1.0}, "spacing must be positive"),
        ({"point": np.array([0.3, 0.0])}, "must be at rest"),
        ({"point": np.array([1.0, 0.0])}, "exactly one eigenvalue"),
    ],
)
def test_bad_input_is_refused(settings, message):
    arguments = {"point": np.zeros(2), "which": "stable", "length": 1.0, **settings}
    with pytest.raises(ValueError, match=message):
        manifold(double_well(), arguments.pop("point"), arguments.pop("which"), **arguments)


def test_a_focus_has_no_curve():
    with pytest.raises(ValueError, match="exactly one eigenvalue"):
        manifold(linear_flow([[0.1, -1], [1, 0.1]]), np.zeros(2), "unstable", length=1.0)
