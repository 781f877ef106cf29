import json
import os
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import mpmath as mp
import numba
import numpy as np
import pytest
import sympy as sp

from gandyn.field import check_field
from gandyn.games import codegen, vectormath
from gandyn.games.expectation import E, Expectation
from gandyn.games.functions import dawson
from gandyn.games.measures import gauss_hermite, points, samples
from gandyn.games.symbolic import from_expressions, from_losses

INF, NAN, TINY = np.inf, np.nan, 5e-324
EXACT = {
    "exp": mp.exp,
    "expm1": mp.expm1,
    "log": mp.log,
    "log1p": mp.log1p,
    "tanh": mp.tanh,
    "sech2": lambda x: mp.sech(x) ** 2,
    "sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "lone_sigmoid": lambda x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda x: mp.log1p(mp.exp(x)),
    "log1mexp": lambda x: mp.log(-mp.expm1(-x)),
    "inverse_expm1": lambda x: 1 / mp.expm1(x),
    "erf": mp.erf,
    "erfc": mp.erfc,
}
#: Where each function is neither 0, nor infinite, nor constant: lower and upper end of its range.
RANGES = {
    "exp": (-745.1, 709.7),
    "expm1": (-40.0, 709.7),
    "log": (TINY, 1.7e308),
    "log1p": (-1.0 + 1e-15, 1.7e308),
    "tanh": (-22.0, 22.0),
    "sech2": (-372.0, 372.0),
    "sigmoid": (-744.0, 40.0),
    "lone_sigmoid": (-709.4, 40.0),
    "softplus": (-744.0, 1e3),
    "log1mexp": (1e-300, 744.0),
    "inverse_expm1": (-40.0, 709.0),
    "erf": (-6.0, 6.0),
    "erfc": (-6.0, 27.2),
}
#: What IEEE arithmetic gives at the edges of each range.
EDGES = {
    "exp": [
        (0.0, 1),
        (-0.0, 1),
        (INF, INF),
        (-INF, 0),
        (709.79, INF),
        (1e300, INF),
        (-745.2, 0),
        (-1e300, 0),
        (-745.1, TINY),
    ],
    "expm1": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, INF),
        (-INF, -1),
        (709.79, INF),
        (-50.0, -1),
        (TINY, TINY),
        (-TINY, -TINY),
    ],
    "log": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-1.0, NAN), (-INF, NAN), (-TINY, NAN)],
    "log1p": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, INF),
        (-1.0, -INF),
        (-1.1, NAN),
        (-INF, NAN),
        (TINY, TINY),
        (-TINY, -TINY),
    ],
    "tanh": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (INF, 1),
        (-INF, -1),
        (800.0, 1),
        (-800.0, -1),
        (TINY, TINY),
        (-TINY, -TINY),
    ],
    "sech2": [(0.0, 1), (-0.0, 1), (INF, 0), (-INF, 0), (400.0, 0), (-400.0, 0)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0), (800.0, 1), (-800.0, 0)],
    "lone_sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0), (800.0, 1), (-800.0, 0)],
    "softplus": [(0.0, np.log(2)), (INF, INF), (-INF, 0), (800.0, 800.0), (-800.0, 0)],
    "log1mexp": [(0.0, -INF), (INF, -0.0), (800.0, -0.0), (-1.0, NAN)],
    "inverse_expm1": [(0.0, INF), (-0.0, -INF), (INF, 0), (-INF, -1), (800.0, 0)],
    "erf": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (7.0, 1), (-7.0, -1)],
    "erfc": [(0.0, 1), (-0.0, 1), (INF, 0), (-INF, 2), (28.0, 0), (-7.0, 2)],
}


def compiled_loop(name):
    """The function in a loop, as a kernel has it."""
    function = getattr(vectormath, name)

    @numba.njit(error_model="numpy")
    def loop(x, out):
        vectormath.prefer_wide_vectors()
        for i in range(x.size):
            out[i] = function(x[i])

    return loop


@pytest.fixture(scope="module", params=sorted(EXACT))
def elementary(request):
    loop = compiled_loop(request.param)

    def apply(x):
        out = np.empty(len(x))
        loop(np.asarray(x, dtype=float), out)
        return out

    apply.name, apply.loop = request.param, loop
    return apply


def points_in_range(low, high):
    rng = np.random.default_rng(0)
    spread = np.concatenate([rng.uniform(max(low, -1e3), min(high, 1e3), 600), rng.uniform(-2, 2, 400)])
    small = 10 ** rng.uniform(-320, 3, 400)
    near_one = 1 + rng.choice([-1, 1], 100) * 10 ** rng.uniform(-16, -1, 100)
    large = 10 ** rng.uniform(0, 308, 100)
    every = np.concatenate([spread, small, -small, near_one, large, [low, high]])
    return every[(every >= low) & (every <= high)]


def test_functions_err_by_at_most_4_units_in_the_last_place(elementary):
    x = points_in_range(*RANGES[elementary.name])
    assert len(x) > 500
    with mp.workprec(2400 if elementary.name == "log1mexp" else 200):
        exact = [EXACT[elementary.name](mp.mpf(float(value))) for value in x]
        rounded = np.array([float(value) for value in exact])
        got = elementary(x)
        np.testing.assert_array_equal(got[np.isinf(rounded)], rounded[np.isinf(rounded)])
        finite = np.flatnonzero(np.isfinite(rounded))
        units = np.spacing(np.abs(rounded))
        errors = [float(abs(mp.mpf(float(got[i])) - exact[i]) / mp.mpf(float(units[i]))) for i in finite]
    worst = int(np.argmax(errors))
    assert errors[worst] <= 4, f"{errors[worst]} ulp at {x[finite[worst]]!r}"


def test_functions_give_what_ieee_arithmetic_gives_at_the_edges(elementary):
    edges = EDGES[elementary.name]
    got = elementary([x for x, _ in edges])
    want = np.array([float(value) for _, value in edges])
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got[want == 0]), np.signbit(want[want == 0]))


def test_functions_give_nan_for_nan_alone(elementary):
    inside = np.full(37, np.mean(np.clip(RANGES[elementary.name], -1, 1)) + 0.25)
    inside[[0, 5, 36]] = NAN
    np.testing.assert_array_equal(np.isnan(elementary(inside)), np.isnan(inside))


def test_functions_are_vectorised_by_the_compiler(elementary):
    elementary([0.5])
    (text,) = elementary.loop.inspect_llvm().values()
    assert "x double>" in text


def test_dawson_agrees_with_its_integral():
    for x in (-9.0, -3.3, -1.0, -1e-3, 0.0, 1e-9, 0.4, 0.99, 1.01, 2.0, 6.99, 7.01, 40.0):
        exact = mp.sqrt(mp.pi) / 2 * mp.exp(-(mp.mpf(x) ** 2)) * mp.erfi(x)
        assert dawson.scalar(x) == pytest.approx(float(exact), rel=1e-14, abs=0)


x, y, z, a, b, c, t = sp.symbols("x y z a b c t")
DATA, LATENT = samples("normal", 40, 1), samples("uniform", 23, 2)
PLANE = samples(lambda rng, n: rng.standard_normal((n, 2)), 11, 5)


def sigmoid_game(data=DATA, latent=LATENT):
    judge = lambda s: 1 / (1 + sp.exp(-(s + b)))
    fake = E(sp.log(1 - judge(z + a)), z=latent)
    return from_losses(fake, -E(sp.log(judge(x)), x=data) - fake, generator=[a], discriminator=[b])


#: Expressions of many kinds in the state (a, b) with the constant c, as they are written out.
EXPRESSIONS = {
    "polynomials": [a**3 - c * a * b + b**-2 - 7, (a + b) ** 10 / (1 + a**2)],
    "powers": [sp.sqrt(1 + a**2) ** 3 + (2 + a) ** sp.Rational(1, 3), (1 + b**2) ** c + (1 + a**2) ** -1.5],
    "elementary": [sp.exp(-a) * sp.sin(b) + sp.tan(a / 3), sp.log(2 + a**2) + sp.tanh(c * b) - sp.cos(a * b)],
    "inverse": [
        sp.atan(a) + sp.asin(b / 9) + sp.acosh(2 + b**2),
        sp.asinh(a) + sp.atanh(a / 9) + sp.acos(a / 9),
    ],
    "hyperbolic": [sp.sinh(a) - sp.cosh(b), sp.log(sp.cosh(a)) + sp.tanh(b) ** 2 + sp.atan2(a, b)],
    "error functions": [sp.erf(a * c) + sp.erfc(b), dawson(a + b)],
    "logistic": [sp.log(1 + sp.exp(a)), sp.exp(a) / (sp.exp(a) + sp.exp(b))],
    "kinks": [sp.Abs(a) + sp.Max(a, b, c), sp.Min(a, b, 0) + sp.sign(a) * b],
    "pieces": [
        sp.Piecewise((a**2, a > b), (sp.exp(b), True)),
        sp.Piecewise((a, (a > 0) & (b > 0)), (b, (a < -1) | (b < -1)), (a * b, True)),
    ],
    "one variable": [
        E(sp.exp(-((x - a) ** 2)), x=DATA),
        E(x * b**2, x=DATA) + a * E(sp.tanh(c * x + b), x=DATA),
    ],
    "two variables": [
        E(sp.log(1 + sp.exp(a * x + b * z)), x=DATA, z=LATENT),
        E(sp.cos(x * a) * z**2 + sp.sin(z * b) + x, x=DATA, z=LATENT),
    ],
    "one measure twice": [E(sp.cos(a * x - b * y), x=LATENT, y=LATENT), E(sp.cos(a * y), y=LATENT) ** 2],
    "a plane": [E(sp.exp(-((x - a) ** 2) - (y - b) ** 2), {(x, y): PLANE}), E(x * y * a, {(x, y): PLANE})],
    "nonlinear": [
        sp.log(E(sp.exp(a * x), x=DATA)),
        E(sp.tanh(a * x), x=DATA) ** 2 / E(1 + b**2 * z**2, z=LATENT),
    ],
    "constant": [sp.Integer(2), a * 0 + c],
}


def exact_value(expression, values):
    """The value with 30 digits, by summing over all nodes: written without the package's derivations."""

    def mean(node):
        total = mp.mpf(0)
        symbols = [s for group, _ in node.bindings for s in group]
        measures = [nodes.measure for _, nodes in node.bindings]
        value = sp.lambdify([*symbols, a, b, c], node.integrand, "mpmath")
        grid = np.stack(np.meshgrid(*(np.arange(len(m)) for m in measures), indexing="ij"), -1)
        for index in grid.reshape(-1, len(measures)):
            at = [
                v for m, i in zip(measures, index, strict=True) for v in np.atleast_1d(m.values[i]).tolist()
            ]
            weight = mp.fprod(mp.mpf(float(m.weights[i])) for m, i in zip(measures, index, strict=True))
            total += weight * value(*map(mp.mpf, at), *values)
        return sp.Float(total, 30)

    with mp.workdps(30):
        plain = expression.replace(lambda e: isinstance(e, Expectation), mean)
        plain = plain.replace(dawson, lambda u: sp.sqrt(sp.pi) / 2 * sp.exp(-(u**2)) * sp.erfi(u))
        return float(sp.lambdify([a, b, c], plain, "mpmath")(*values))


@pytest.fixture(scope="module", params=sorted(EXPRESSIONS))
def system(request):
    components = [sp.sympify(e) for e in EXPRESSIONS[request.param]]
    constants = {"c": 0.7} if any(c in e.free_symbols for e in components) else {}
    return components, from_expressions(components, state=[a, b], constants=constants)


STATES = [(0.3, -0.8), (-1.7, 1.2)]


@pytest.mark.parametrize("state", STATES)
def test_kernels_compute_the_expressions(system, state):
    components, field = system
    value = field(np.array(state))
    for got, component in zip(value, components, strict=True):
        want = exact_value(component, [*map(mp.mpf, state), mp.mpf("0.7")])
        assert got == pytest.approx(want, rel=1e-13, abs=1e-14)


def test_kernels_keep_the_contract_of_a_field(system):
    _, field = system
    assert field.kernel.compiled
    check_field(field, np.array(STATES[0]))


def test_compiled_kernels_equal_their_numpy_twin(system):
    _, field = system
    states = np.random.default_rng(3).uniform(-2, 2, (50, 2))
    fast = field.kernel.evaluate(states, jacobian=True)
    slow = field.kernel.evaluate_in_numpy(states, jacobian=True)
    np.testing.assert_allclose(fast, slow, rtol=1e-12, atol=1e-13)


def test_the_velocity_alone_equals_the_velocity_with_the_jacobian(system):
    _, field = system
    states = np.random.default_rng(4).uniform(-2, 2, (20, 2))
    both = field.kernel.evaluate(states, jacobian=True)
    np.testing.assert_allclose(field(states), both[:, :2], rtol=1e-14, atol=1e-15)


def test_the_faster_sigmoid_is_used_only_where_its_mirror_image_is_not():
    velocity, both = sigmoid_game().kernel.programs
    assert velocity.compiled.count("= lone_sigmoid(") == 2
    assert both.compiled.count("= sigmoid(") == 4
    assert "lone_sigmoid" not in both.compiled + velocity.numpy


def test_what_does_not_depend_on_the_nodes_is_computed_once_for_each_point():
    field = from_expressions(
        [E(sp.cos(a * b + sp.exp(c) * x + c), x=DATA), b], state=[a, b], constants={c: 1.0}
    )
    before_points, of_points = field.kernel.programs[0].compiled.split("for point in range(count):")
    at_points, in_loop = of_points.split("for i0 in range(n0):")
    assert "exp(" in before_points
    assert "x0 * x1" in at_points
    assert "cos(" in in_loop
    assert "exp(" not in of_points


def test_nan_and_infinity_stay_at_their_own_points():
    field = sigmoid_game()
    states = np.random.default_rng(0).uniform(-3, 3, (40, 2))
    clean = field(states)
    states[7, 0], states[20, 1], states[33] = NAN, NAN, [INF, -INF]
    value = field(states)
    touched = np.zeros(40, bool)
    touched[[7, 20, 33]] = True
    np.testing.assert_array_equal(value[~touched], clean[~touched])
    assert np.all(np.isnan(value[[7, 20]]).any(axis=1))


def test_many_threads_give_the_bits_of_one(monkeypatch):
    field = sigmoid_game(samples("normal", 500, 1), samples("normal", 300, 2))
    states = np.random.default_rng(0).uniform(-3, 3, (2001, 2))
    monkeypatch.setattr(codegen, "_threads", lambda: 1)
    serial = field.kernel.evaluate(states, jacobian=True)
    monkeypatch.setattr(codegen, "_threads", lambda: 5)
    monkeypatch.setattr(codegen, "_LONGEST", 50_000)
    np.testing.assert_array_equal(field.kernel.evaluate(states, jacobian=True), serial)


def test_memory_does_not_grow_with_the_nodes():
    field = sigmoid_game(samples("normal", 200_000, 1), samples("normal", 200_000, 2))
    states = np.random.default_rng(0).uniform(-3, 3, (200, 2))
    field(states[:1])
    tracemalloc.start()
    field(states)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


def test_batches_of_any_shape_and_order_are_taken():
    field = sigmoid_game()
    states = np.random.default_rng(0).uniform(-3, 3, (4, 5, 2))
    value = field(states)
    np.testing.assert_array_equal(field(states[::-1, 1::2]), value[::-1, 1::2])
    np.testing.assert_array_equal(field(np.asfortranarray(states)), value)
    assert field(np.empty((0, 2))).shape == (0, 2)
    assert field.jac(np.empty((3, 0, 2))).shape == (3, 0, 2, 2)
    assert field(np.array([1, 2])).dtype == np.float64
    single = field(states.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, value, rtol=1e-5, atol=1e-6)


def test_states_that_are_not_real_numbers_are_refused():
    with pytest.raises(TypeError, match="real NumPy states, got ndarray of complex128"):
        sigmoid_game()(np.array([1j, 0]))


def test_other_constants_and_other_samples_share_the_machine_code():
    make = lambda n, seed: from_losses(
        E((x - a * b) ** 2 * c, x=samples("normal", n, seed)),
        a * b * c,
        generator=[a],
        discriminator=[b],
        constants={c: 1.0},
    )
    first, other = make(10, 0), make(77, 5)
    assert first.kernel.programs is other.kernel.programs is first.with_constants(c=2.0).kernel.programs
    state = np.array([0.3, 0.4])
    np.testing.assert_allclose(first.with_constants(c=2.0)(state), 2 * first(state), rtol=1e-15)
    assert not np.allclose(first(state), other(state))


def test_constants_keep_their_names_in_any_order():
    field = from_expressions([a * c - t], state=[a], constants={c: 2.0, t: 1.0})
    np.testing.assert_array_equal(field.family(t=10.0, c=3.0)(np.array([1.0])), [-7.0])


def test_equal_measures_share_one_loop():
    shared = from_expressions(
        [E(sp.tanh(a * x), x=DATA) - E(sp.tanh(a * y), y=points(DATA.values)), a], state=[a, b]
    )
    assert shared.kernel.programs[0].loops == [[0]]
    assert shared(np.array([0.7, 0.1]))[0] == 0.0


def test_measures_whose_terms_drop_out_do_not_shift_the_others():
    """The loss of the generator needs the first measure, its derivative does not."""
    data, wide = points([1.0, 2.0, 6.0]), samples(lambda rng, n: rng.standard_normal((n, 2)), 4, 0)
    loss_g = a * b + E(sp.exp(x * y), {(x, y): wide})
    field = from_losses(loss_g, E((z - b) ** 2, z=data), generator=[a], discriminator=[b])
    assert field.kernel.programs[0].loops == [[1]]
    np.testing.assert_allclose(field(np.array([0.5, 0.25])), [-0.25, 5.5], rtol=1e-15)
    np.testing.assert_allclose(
        field.kernel.evaluate_in_numpy(np.array([0.5, 0.25])), [-0.25, 5.5], rtol=1e-15
    )


@numba.njit
def euler(velocity, x, t, step, count, params, nodes, plan):
    v = np.empty_like(x)
    for k in range(count):
        velocity(x, t + k * step, params, nodes, plan, v)
        x += step * v


@numba.njit
def newton(jacobian, x, count, params, nodes, plan):
    n = len(x)
    out = np.empty(n + n * n)
    for _ in range(count):
        jacobian(x, 0.0, params, nodes, plan, out)
        x -= np.linalg.solve(out[n:].copy().reshape(n, n), out[:n])


def test_compiled_loops_take_any_kernel_and_are_compiled_once():
    driven = from_expressions([b, -a + c * sp.sin(t)], state=[a, b], constants={c: 0.5}, time=t)
    for field in (driven, driven.with_constants(c=0.0), sigmoid_game()):
        kernel, fast, slow = field.kernel, np.array([1.0, 0.5]), np.array([1.0, 0.5])
        euler(kernel.velocity, fast, 0.3, 0.01, 50, kernel.params, kernel.nodes, kernel.plan)
        for k in range(50):
            slow = slow + 0.01 * field(slow, 0.3 + k * 0.01)
        np.testing.assert_allclose(fast, slow, rtol=1e-13)
    assert len(euler.signatures) == 1


def test_newtons_method_runs_on_the_compiled_jacobian():
    circle = from_expressions([a**2 + b**2 - 1, a - b], state=[a, b])
    kernel, root = circle.kernel, np.array([1.0, 0.3])
    newton(kernel.jacobian, root, 20, kernel.params, kernel.nodes, kernel.plan)
    np.testing.assert_allclose(root, np.sqrt(0.5), rtol=1e-15)


def test_user_functions_bring_their_own_code():
    class cube(sp.Function):  # noqa: N801
        scalar = staticmethod(lambda x: x * x * x)

        def fdiff(self, argindex=1):
            return 3 * self.args[0] ** 2

    field = from_expressions([cube(a * b), E(cube(x + b), x=DATA)], state=[a, b])
    assert field.kernel.compiled
    state = np.array([0.5, 2.0])
    np.testing.assert_allclose(field(state), [1.0, np.mean((DATA.values + 2) ** 3)], rtol=1e-14)
    check_field(field, state)
    np.testing.assert_allclose(field.kernel.evaluate_in_numpy(state), field(state), rtol=1e-14)


GAME = """
import os, sys, warnings
import numpy as np, sympy as sp
{before}
from gandyn.games import E, from_losses, samples
x, z, a, b, c = sp.symbols("x z a b c")
judge = lambda s: 1 / (1 + sp.exp(-c * (s + b)))
fake = E(sp.log(1 - judge(z + a)), z=samples("normal", 30, {seed}))
field = from_losses(fake, -E(sp.log(judge(x)), x=samples("normal", 20, 2)) - fake,
                    generator=[a], discriminator=[b], constants={{c: {c}}})
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    values = [*field(np.array([0.3, -0.2])), *field.jac(np.array([[0.3, -0.2]])).ravel()]
    field(np.zeros((3, 2)))
import json
print(json.dumps(dict(values=[float(v).hex() for v in values], numba="numba" in sys.modules,
                      compiled=field.kernel.compiled, warnings=[str(w.message) for w in caught])))
"""


def run_game(cache, before="", seed=1, c=1.5):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", GAME.format(before=before, seed=seed, c=c)],
        capture_output=True,
        text=True,
        env={**os.environ, "GANDYN_CACHE": str(cache)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def cold(tmp_path_factory):
    """A cache that one process has filled, and what that process said."""
    cache = tmp_path_factory.mktemp("cache")
    return cache, run_game(cache)


def files(cache):
    return {path.name: path.stat().st_mtime_ns for path in (cache / "kernels").iterdir()}


def test_a_second_process_neither_derives_nor_compiles(cold):
    cache, first = cold
    before = files(cache)
    forbid = "import gandyn.games.definition as d; d.emit = d.gradient = None"
    again = run_game(cache, forbid)
    assert first["numba"]
    assert not again["numba"]
    assert again["values"] == first["values"]
    assert files(cache) == before


def test_another_constant_or_sample_in_another_process_compiles_nothing(cold):
    cache, first = cold
    before = files(cache)
    other = run_game(cache, seed=9, c=0.5)
    assert not other["numba"]
    assert other["values"] != first["values"]
    assert files(cache) == before


def test_damaged_files_are_made_again(cold, tmp_path, monkeypatch):
    cache, first = cold
    broken = tmp_path / "kernels"
    broken.mkdir()
    for number, path in enumerate(sorted((cache / "kernels").iterdir())):
        data = path.read_bytes()
        (broken / path.name).write_bytes([data[: len(data) // 2], b"", data[:-9] + b"123456789"][number % 3])
    assert run_game(tmp_path)["values"] == first["values"]
    assert set(files(tmp_path)) == set(files(cache))
    monkeypatch.setenv("GANDYN_CACHE", str(tmp_path))
    assert all(codegen.load(name) for name in files(tmp_path))


def test_processes_may_fill_a_cache_at_the_same_time(cold, tmp_path):
    cache, first = cold
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: run_game(tmp_path), range(3)))
    assert all(answer["values"] == first["values"] for answer in answers)
    assert set(files(tmp_path)) == set(files(cache))


def test_a_cache_that_cannot_be_written_is_no_obstacle(cold, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert run_game(blocked)["values"] == cold[1]["values"]


ALLOCATES = """
import numpy as np, sympy as sp
class total(sp.Function):
    def fdiff(self, argindex=1):
        return 1 + 2 * self.args[0]
    def scalar(x):
        if x > 1e9:
            raise ValueError("too large")
        powers = np.zeros(3)
        for i in range(3):
            powers[i] = x**i
        return powers.sum()
    scalar = staticmethod(scalar)
"""


def test_functions_that_need_numbas_runtime_load_in_a_second_process(tmp_path):
    """Memory and exceptions come from numba's runtime, which a process that compiles nothing has to start."""
    (tmp_path / "powers.py").write_text(ALLOCATES)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np, sympy as sp, powers; "
        "from gandyn.games import from_expressions; a = sp.Symbol('a'); "
        "f = from_expressions([powers.total(a)], state=[a]); x = np.array([2.0]); "
        "print(f.kernel.compiled, f(x)[0], f.jac(x)[0, 0])"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, str(tmp_path)],
            capture_output=True,
            text=True,
            env={**os.environ, "GANDYN_CACHE": str(tmp_path / "cache")},
            check=False,
        )
        assert done.stdout.split() == ["True", "7.0", "5.0"], done.stderr


@pytest.mark.parametrize("missing", ["numba", "llvmlite"])
def test_without_a_compiler_numpy_computes_and_says_so_once(cold, tmp_path, missing):
    answer = run_game(tmp_path, f"sys.modules[{missing!r}] = None")
    assert not answer["compiled"]
    assert len(answer["warnings"]) == 1
    assert "run in NumPy" in answer["warnings"][0]
    got, want = ([float.fromhex(v) for v in values] for values in (answer["values"], cold[1]["values"]))
    np.testing.assert_allclose(got, want, rtol=1e-13)


def test_what_numba_cannot_compile_runs_in_numpy():
    table = {0: 1.0}

    class odd(sp.Function):  # noqa: N801
        scalar = staticmethod(lambda x: table.get(0, x) * x)

        def fdiff(self, argindex=1):
            return sp.Integer(1)

    codegen._warn_once.cache_clear()
    field = from_expressions([odd(a), b], state=[a, b])
    with pytest.warns(RuntimeWarning, match="symbolic games run in NumPy"):
        value = field(np.array([[2.0, 3.0]]))
    np.testing.assert_array_equal(value, [[2.0, 3.0]])
    np.testing.assert_array_equal(field.jac(np.array([2.0, 3.0])), np.eye(2))


def test_quadrature_and_samples_are_one_kind_of_argument():
    values = [
        sigmoid_game(m, m)(np.array([0.4, -0.1])) for m in (samples("normal", 400_000, 3), gauss_hermite(60))
    ]
    np.testing.assert_allclose(values[0], values[1], atol=2e-3)
