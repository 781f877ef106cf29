"""Proofs about fixed points: enclosures hold what they enclose, and no proof is ever wrong."""

import math
import time

import numpy as np
import pytest
import sympy as sp
from flint import arb

from gandyn import VectorField, load, save
from gandyn.field import Layout
from gandyn.fixed_points import prune
from gandyn.fixed_points.boxes import few_hulls, halves, minus, volumes
from gandyn.fixed_points.certificate import certify
from gandyn.games import arraymath, dirac, gaussian, intervalmath, polynomial, textbook, tiny
from gandyn.games.enclosures import enclosure
from gandyn.games.functions import dawson, inverse_expm1, log1mexp, sech2, sigmoid, softplus
from gandyn.games.intervals import CONTINUOUS, DEFINED, NOWHERE, PARTLY, Interval, exact
from gandyn.games.measures import gauss_hermite
from gandyn.games.symbolic import E, from_expressions

X, Y, Z, W = sp.symbols("x y z w", real=True)


def flow(*components, state=(X, Y), **constants):
    return from_expressions(components, state=state, constants=constants)


def proof(system, box, **settings):
    return certify(system, box, progress=False, **settings)


def holds(box, point):
    return bool(np.all((box[:, 0] <= point) & (point <= box[:, 1])))


# Intervals


def random_intervals(rng, count, scale):
    ends = rng.normal(size=(2, count)) * scale * 10.0 ** rng.integers(-3, 1, size=count)
    middle, half = ends[0], np.abs(ends[1])
    return Interval(middle - half, middle + half)


def points_in(rng, x, count=60):
    shares = np.concatenate([[0.0, 1.0], rng.uniform(size=count)])
    return np.clip(x.lo + shares[:, None] * (x.hi - x.lo), x.lo, x.hi)


ONE = [
    "exp", "log", "expm1", "log1p", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin",
    "acos", "atan", "asinh", "acosh", "atanh", "erf", "erfc", "inverse_expm1", "log1mexp", "sech2",
    "sigmoid", "softplus", "sign", "floor",
]  # fmt: skip


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("scale", [0.5, 3.0, 30.0])
def test_every_function_lies_in_its_enclosure(name, scale):
    rng = np.random.default_rng(7)
    x = random_intervals(rng, 150, scale)
    enclosed = intervalmath.FUNCTIONS[name](x)
    at = points_in(rng, x)
    with np.errstate(all="ignore"):
        values = arraymath.FUNCTIONS[name](at)
    slack = 1e-13 * np.abs(values) + 1e-300
    inside = (values >= enclosed.lo - slack) & (values <= enclosed.hi + slack)
    assert np.all(inside | np.isnan(values))
    grade = np.broadcast_to(enclosed.grade, x.shape)
    assert not np.any(np.isnan(values) & (grade >= DEFINED))
    assert not np.any(np.isfinite(values) & (grade == NOWHERE))


@pytest.mark.parametrize("name", ["exp", "sigmoid", "softplus", "tanh", "erf", "sin", "cos", "sech2", "cosh"])
def test_enclosures_are_no_wider_than_the_range(name):
    rng = np.random.default_rng(3)
    x = random_intervals(rng, 100, 2.0)
    values = arraymath.FUNCTIONS[name](np.linspace(x.lo, x.hi, 20_001))
    enclosed = intervalmath.FUNCTIONS[name](x)
    width = np.ptp(values, axis=0)
    assert np.all(enclosed.hi - enclosed.lo <= width * (1 + 1e-6) + 1e-14 * (1 + np.abs(values).max(axis=0)))


@pytest.mark.parametrize("operation", ["add", "sub", "mul", "truediv", "square", "abs", "power"])
def test_operations_enclose_exact_results(operation):
    """Ends of operations on single numbers, against rational arithmetic."""
    from fractions import Fraction

    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 300)) * 10.0 ** rng.integers(-150, 150, size=(2, 300))
    left, right = exact(a), exact(b)
    results = {
        "add": lambda: (left + right, lambda p, q: p + q),
        "sub": lambda: (left - right, lambda p, q: p - q),
        "mul": lambda: (left * right, lambda p, q: p * q),
        "truediv": lambda: (left / right, lambda p, q: p / q),
        "square": lambda: (left * left, lambda p, q: p * p),
        "abs": lambda: (abs(left), lambda p, q: abs(p)),
        "power": lambda: (intervalmath.FUNCTIONS["power"](left, exact(3.0)), lambda p, q: p**3),
    }
    enclosed, rational = results[operation]()
    for lo, hi, p, q in zip(enclosed.lo, enclosed.hi, a.tolist(), b.tolist(), strict=True):
        value = rational(Fraction(p), Fraction(q))
        assert lo == -math.inf or Fraction(lo) <= value
        assert hi == math.inf or value <= Fraction(hi)


@pytest.mark.parametrize("name", ["maximum", "minimum", "atan2", "heaviside", "mul", "truediv", "power"])
def test_functions_of_two_intervals(name):
    rng = np.random.default_rng(11)
    x, y = random_intervals(rng, 400, 2.0), random_intervals(rng, 400, 2.0)
    if name == "heaviside":
        y = exact(np.full(400, 0.5))
    p, q = points_in(rng, x), points_in(rng, y)[::-1]
    with np.errstate(all="ignore"):
        values = {
            "mul": np.multiply, "truediv": np.divide, "power": np.power, **arraymath.FUNCTIONS
        }[name](p, q)  # fmt: skip
    operators = {"mul": lambda a, b: a * b, "truediv": lambda a, b: a / b}
    enclosed = {**intervalmath.FUNCTIONS, **operators}[name](x, y)
    slack = 1e-13 * np.abs(values)
    inside = (values >= enclosed.lo - slack) & (values <= enclosed.hi + slack)
    assert np.all(inside | ~np.isfinite(values))


def test_grades_tell_where_a_function_is_defined_and_continuous():
    f = intervalmath.FUNCTIONS
    x = Interval(np.array(-1.0), np.array(1.0))
    assert f["exp"](x).grade == CONTINUOUS
    assert abs(x).grade == CONTINUOUS
    assert f["sign"](x).grade == DEFINED
    assert f["floor"](x).grade == DEFINED
    assert f["log"](x).grade == PARTLY
    assert (1.0 / x).grade == PARTLY
    assert f["sqrt"](x - 3.0).grade == NOWHERE
    assert f["where"](x > 0.0, f["log"](x), 0.0).grade == PARTLY
    chosen = f["where"](x > -2.0, x, f["nan"])
    assert (chosen.lo, chosen.hi, chosen.grade) == (-1, 1, CONTINUOUS)


def test_sums_over_nodes_enclose_the_exact_sum():
    from fractions import Fraction

    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=(4, 500)) * 1e8, rng.normal(size=500)
    enclosed = intervalmath.FUNCTIONS["total"](exact(values), exact(weights))
    for row, lo, hi in zip(values.tolist(), enclosed.lo[:, 0], enclosed.hi[:, 0], strict=True):
        value = sum(Fraction(v) * Fraction(w) for v, w in zip(row, weights.tolist(), strict=True))
        assert Fraction(lo) <= value <= Fraction(hi)


# Closed forms at infinite data


@pytest.mark.parametrize(
    ("function", "floats"),
    [(gaussian.Gap, gaussian.gap_mean), (gaussian.Softplus, gaussian.softplus_mean)],
)
def test_closed_forms_lie_in_their_balls(function, floats):
    rng = np.random.default_rng(2)
    wide = 0
    for _ in range(60):
        order, m, tau = int(rng.integers(1, 5)), rng.uniform(-3, 3), rng.uniform(0.4, 2)
        half, half_tau = 10.0 ** rng.uniform(-5, 0), tau * 10.0 ** rng.uniform(-5, -1)
        ball = function.enclose(order, arb(m, half), arb(tau, half_tau))
        value = floats(order, m + half * rng.uniform(-1, 1), tau + half_tau * rng.uniform(-1, 1))
        slack = 1e-12 * abs(value) + 1e-14
        assert not ball.is_finite() or float(ball.lower()) - slack <= value <= float(ball.upper()) + slack
        wide += not ball.is_finite()
    assert wide < 20


def test_closed_forms_at_points_are_sharp():
    c1 = -gaussian.Gap.enclose(2, arb(0), arb(1))
    zeta = 2 * arb(2) ** (arb(-3) / 2) * (arb(3) / 2).zeta(arb(3) / 2)
    assert c1.overlaps(zeta)
    assert float(c1.rad()) < 1e-13
    assert abs(float(c1) - 1.3775223733) < 1e-10
    assert abs(float(gaussian.Gap.enclose(0, arb(0), arb(1))) - 1.66424620) < 1e-8
    half = gaussian.Softplus.enclose(1, arb(0), arb(3))
    assert half.contains(arb(1) / 2)
    assert float(half.rad()) < 1e-13


def test_dawson_ball_holds_its_extrema():
    from scipy.special import dawsn

    for low, high in [(0.5, 2.0), (-2.0, 2.0), (0.9, 0.95), (3.0, 4.0)]:
        ball = dawson.enclose(arb((low + high) / 2, (high - low) / 2))
        values = dawsn(np.linspace(low, high, 4001))
        assert float(ball.lower()) <= values.min()
        assert values.max() <= float(ball.upper())
        assert float(ball.upper() - ball.lower()) < np.ptp(values) * 1.01 + 1e-6


# A kernel on intervals


def every_function(x, y):
    data = gauss_hermite(5)
    return [
        sp.tanh(x) * sp.exp(y) - sp.log(2 + sp.sin(x)) + sp.erf(x * y) + sp.sqrt(1 + x**2) ** 3,
        E(sp.log(1 + sp.exp(-(Z * x + y))), z=data) + sp.Abs(x - y) + sp.Max(x, y, 0)
        + sp.Piecewise((x**2, x > sp.Rational(1, 4)), (y, True)) + sigmoid(x) * softplus(y) + sech2(x)
        + log1mexp(x**2 + 1) + inverse_expm1(y**2 + 2) + dawson(x) + sp.atan2(y, x + 5) + sp.cosh(y) / 3,
    ]  # fmt: skip


def test_a_kernel_on_boxes_holds_its_values_at_points():
    system = flow(*every_function(X, Y))
    enclosed = enclosure(system)
    rng = np.random.default_rng(1)
    for width in (1e-9, 1e-3, 0.3, 2.0):
        low = rng.uniform(-2, 2, size=(40, 2))
        boxes = Interval(low, low + width * rng.uniform(0.1, 1, size=(40, 2)))
        v, J = enclosed.jacobian(boxes)
        assert np.array_equal(v.lo, enclosed.residual(boxes).lo)
        for _ in range(20):
            at = rng.uniform(boxes.lo, boxes.hi)
            value, jacobian = system(at), system.jac(at)
            assert np.all((value >= v.lo - 1e-13) & (value <= v.hi + 1e-13))
            assert np.all((jacobian >= J.lo - 1e-13) & (jacobian <= J.hi + 1e-13))


def test_the_residual_of_a_map_is_its_displacement():
    henon = textbook.henon()
    x = np.array([[0.3, -0.2]])
    v, J = enclosure(henon).jacobian(exact(x))
    assert np.allclose(v.centre, henon.residual(x), atol=1e-15)
    assert np.allclose(J.centre, henon.jac(x) - np.eye(2), atol=1e-15)


# Boxes


def test_boxes_without_a_hole_cover_the_rest_and_no_more():
    rng = np.random.default_rng(4)
    box, hole = (
        np.array([[[0.0, 2.0], [0.0, 1.0], [-1.0, 1.0]]]),
        np.array([[0.5, 3.0], [0.2, 0.7], [-2, 0.0]]),
    )
    pieces = minus(box, hole)
    sides = np.ones(3)
    assert np.isclose(volumes(pieces, sides).sum(), 4 - 1.5 * 0.5 * 1.0)
    for point in rng.uniform(box[0, :, 0], box[0, :, 1], size=(500, 3)):
        assert any(holds(piece, point) for piece in pieces) != holds(hole, point)
    assert len(minus(box, np.array([[2.0, 3.0]] * 3))) == 1


def test_halves_are_cut_off_the_middle_of_the_longest_scaled_side():
    box = np.array([[[0.0, 256.0], [0.0, 3.0]]])
    assert halves(box, np.array([1.0, 1.0]))[:, 0].tolist() == [[0.0, 127.0], [127.0, 256.0]]
    assert halves(box, np.array([256.0, 1.0]))[0].tolist() == [[0.0, 256.0], [0.0, 3 * 127 / 256]]


def test_few_hulls_cover_every_box():
    rng = np.random.default_rng(6)
    along = np.linspace(0, 1, 3000)
    low = np.stack([along, along**2], axis=1) + np.where(rng.uniform(size=(3000, 1)) < 0.1, 5.0, 0.0)
    boxes = np.stack([low, low + 1e-3], axis=2)
    hulls = few_hulls(boxes, np.ones(2))
    assert len(hulls) <= 700
    inside = np.all((hulls[:, None, :, 0] <= boxes[..., 0]) & (hulls[:, None, :, 1] >= boxes[..., 1]), axis=2)
    assert np.all(inside.any(axis=0))


# Proofs


@pytest.mark.parametrize("source", [{"nodes": 20}, {"samples": 50}, {}])
def test_the_sigmoid_game_has_no_fixed_point(source):
    found = proof(tiny.sigmoid_classifier(**source), (-5, 5))
    assert found.complete
    assert len(found.unique) == 0
    assert found.none == 1.0
    assert found.message == "no fixed point in the box: proof complete"


def test_the_bilinear_game_has_exactly_one():
    found = proof(polynomial.bilinear(), (-2, 2))
    assert found.complete
    assert found.status == "finished"
    assert found.unknown_share == 0
    assert found.unique.shape == (1, 2, 2)
    assert holds(found.unique[0], np.zeros(2))
    assert "exactly one fixed point in the box: proof complete" in str(found)


@pytest.mark.parametrize(
    ("system", "box", "expected"),
    [
        (polynomial.hidden_bilinear(), (-4, 4), [[0, 0]]),
        (dirac.dirac_gan(regularizer="r1"), (-2, 2), [[0, 0]]),
        (polynomial.hopf(mu=0.3), (-1.5, 1.5), [[0, 0]]),
        (polynomial.lq_wgan(), {"a": (0.05, 3), "w": (-2, 2)}, [[1, 0]]),
        (polynomial.nagarajan_kolter(), {"a": (0.1, 2), "w": (-2, 2)}, [[1, 0]]),
        (textbook.henon(), (-2, 2), [[-1.1313544771, -0.3394063431], [0.6313544771, 0.1894063431]]),
        (
            textbook.lorenz(),
            {"x": (-22, 22), "y": (-28, 28), "z": (-1, 50)},
            [[-math.sqrt(72), -math.sqrt(72), 27], [0, 0, 0], [math.sqrt(72), math.sqrt(72), 27]],
        ),
        (tiny.sigmoid_classifier(l2=0.3), (-5, 5), [[2.8707, -0.7205]]),
        (tiny.sigmoid_classifier(l2=1.0, nodes=20), (-5, 5), [[0.6056, -0.0875]]),
        (tiny.gaussian_classifier(), (-3, 3), [[0, 0]]),
    ],
    ids=lambda value: getattr(value, "label", None),
)
def test_all_fixed_points_are_proved(system, box, expected):
    found = proof(system, box)
    digits = 1e-10 if "non" in system.label else 6e-5
    assert found.complete
    assert found.inside.all()
    assert np.allclose(found.points, expected, atol=digits, rtol=0)
    assert np.ptp(found.unique, axis=2).max() < 1e-12


def test_samples_with_an_offset_have_the_fixed_points_that_newton_finds():
    system = tiny.gaussian_classifier(samples=5, eps=0.05)
    found = proof(system, (-3, 3))
    assert found.complete
    assert len(found.unique) == 5
    assert np.abs(system(found.points)).max() < 1e-11


@pytest.mark.parametrize("seed", range(8))
def test_random_polynomials_have_exactly_their_roots(seed):
    rng = np.random.default_rng(seed)
    roots = [np.sort(rng.uniform(-1, 1, size=rng.integers(0, 4))) for _ in range(2)]
    parts = [sp.prod([symbol - float(r) for r in rs]) * (1 + symbol**2) for symbol, rs in zip((X, Y), roots)]  # noqa: B905
    mix = rng.normal(size=(2, 2))
    found = proof(
        flow(*(sum(float(a) * p for a, p in zip(row, parts, strict=True)) for row in mix)), (-1.1, 1.2)
    )
    expected = sorted((x, y) for x in roots[0] for y in roots[1])
    assert found.complete
    assert len(found.unique) == len(expected)
    for point in expected:
        assert sum(holds(box + np.array([-1e-12, 1e-12]), np.array(point)) for box in found.unique) == 1
        assert not any(holds(box, np.array(point)) for box in found.unknown)


@pytest.mark.parametrize("root", [0.0, 2 * 127 / 256 - 1, 1e-17])
def test_a_root_on_faces_and_corners_is_counted_once(root):
    found = proof(flow(X**3 - root**3 + (X - root), sp.sin(Y - root)), (-1, 1))
    assert found.complete
    assert len(found.unique) == 1
    assert np.allclose(found.points, root, atol=1e-14)


def test_a_box_is_closed():
    corner = proof(polynomial.bilinear(), (0, 2))
    assert corner.complete
    assert len(corner.unique) == 1
    assert not corner.inside[0]
    assert "on the boundary of the box" in str(corner)
    beyond = proof(polynomial.bilinear(), (1e-9, 2))
    assert beyond.complete
    assert len(beyond.unique) == 0


def test_two_close_roots_are_two():
    found = proof(flow((X - 0.3) * (X - 0.301), Y - X / 2), (-2, 2.1))
    assert found.complete
    assert np.allclose(found.points[:, 0], [0.3, 0.301], atol=1e-10)
    assert np.ptp(found.unique, axis=2).max() < 1e-10
    for enclosed, other in zip(found.unique, found.isolation[::-1], strict=True):
        assert not np.all((enclosed[:, 0] <= other[:, 1]) & (other[:, 0] <= enclosed[:, 1]))


def test_a_double_root_stays_unknown():
    found = proof(flow((X - 0.3) ** 2, Y - X / 2), (-2, 2.1))
    assert not found.complete
    assert found.status == "finished"
    assert len(found.unique) == 0
    assert len(found.unknown) == 1
    assert holds(found.unknown[0], np.array([0.3, 0.15]))
    assert 0 < found.unknown_share < 1e-5
    assert np.isclose(found.none + found.unknown_share, 1)


def test_a_continuum_is_reported_in_few_boxes():
    radius = X**2 + Y**2 - 1
    found = proof(flow(X * radius, Y * radius), (-2, 2.1))
    assert found.status == "finished"
    assert not found.complete
    assert len(found.unknown) <= 32
    assert len(found.unique) == 1
    assert holds(found.unique[0], np.zeros(2))
    for angle in np.linspace(0, 2 * np.pi, 500):
        point = np.array([np.cos(angle), np.sin(angle)])
        assert any(holds(box + np.array([-1e-12, 1e-12]), point) for box in found.unknown)
    assert found.unknown_share < 0.005


def test_a_line_of_equilibria_in_three_parameters():
    found = proof(flow(-X * Y, X * X - Y, X - Y, state=(X, Y, Z)), (-2, 2.1))
    assert len(found.unknown) == 1
    assert found.unknown[0, 2].tolist() == [-2, 2.1]
    assert len(found.unique) == 0


def test_four_parameters():
    found = proof(flow(X * Y - Z, W + X, Y * Y - W, Z * W - 0.1, state=(X, Y, Z, W)), (-2, 2.1))
    w = 0.1 ** (1 / 2.5)
    assert found.complete
    assert np.allclose(found.points, [[-w, -math.sqrt(w), w**1.5, w]], atol=1e-12)


def test_kinks_are_proved_and_jumps_are_not():
    kink = proof(flow(sp.Abs(X) - 0.5 + Y / 4, Y), (-2, 2.1))
    assert kink.complete
    assert np.allclose(kink.points[:, 0], [-0.5, 0.5])
    jump = proof(flow(sp.sign(X) + X / 2, Y), (-2, 2.1))
    assert not jump.complete
    assert len(jump.unique) == 0
    assert holds(jump.unknown[0], np.zeros(2))
    pole = proof(flow(1 / X + Y, Y - X), (-2, 2.1))
    assert len(pole.unique) == 0
    assert all(holds(box, np.zeros(2)) for box in pole.unknown)


def test_a_spent_budget_says_what_stays_unknown():
    system = tiny.gaussian_classifier(samples=5, eps=0.01)
    found = proof(system, (-3, 3), max_boxes=300)
    assert found.status == "budget spent"
    assert found.boxes == 300
    assert not found.complete
    assert 0 < found.unknown_share < 1
    assert len(found.unknown) > 0
    assert "of the volume: proof incomplete" in found.message


def test_an_interrupt_keeps_what_is_proved(monkeypatch):
    step = prune.Search.step

    def interrupted(search, most):
        if search.processed > 20:
            raise KeyboardInterrupt
        step(search, most)

    monkeypatch.setattr(prune.Search, "step", interrupted)
    found = proof(tiny.gaussian_classifier(samples=5, eps=0.05), (-3, 3))
    assert found.status == "interrupted"
    assert found.boxes > 20
    assert found.unknown_share > 0


def test_the_proof_is_the_same_twice_and_survives_a_file(tmp_path):
    first, second = (proof(textbook.henon(), (-2, 2)) for _ in range(2))
    assert np.array_equal(first.unique, second.unique)
    assert first.boxes == second.boxes
    save(first, tmp_path / "proof")
    assert np.array_equal(load(tmp_path / "proof").unique, first.unique)


class bump(sp.Function):  # noqa: N801
    """A function without an enclosure."""

    nargs = 1
    is_real = True

    def fdiff(self, argindex=1):
        return -2 * self.args[0] * bump(self.args[0])

    @staticmethod
    def scalar(x):
        return math.exp(-x * x)


def test_what_cannot_be_proved_is_refused():
    by_hand = VectorField(lambda x, t: -x, Layout.scalars(state=["x"]))
    with pytest.raises(ValueError, match="no symbolic definition"):
        proof(by_hand, (-1, 1))
    with pytest.raises(ValueError, match="bump, of which no enclosure is known: give the class"):
        proof(flow(bump(X) - 1, Y), (-1, 1))
    with pytest.raises(ValueError, match="up to 4 parameters"):
        proof(textbook.linear(-np.eye(5)), (-1, 1))
    time_symbol = sp.Symbol("t", real=True)
    with pytest.raises(ValueError, match="depends on time"):
        proof(from_expressions([X - time_symbol], state=[X], time=time_symbol), (-1, 1))
    with pytest.raises(ValueError, match="max_boxes"):
        proof(polynomial.bilinear(), (-1, 1), max_boxes=0)
    with pytest.raises(ValueError, match="min_width"):
        proof(polynomial.bilinear(), (-1, 1), min_width=0)


def test_a_proof_takes_seconds():
    start = time.perf_counter()
    proof(tiny.sigmoid_classifier(nodes=20, l2=0.3), (-5, 5))
    assert time.perf_counter() - start < 20
