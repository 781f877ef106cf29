"""What every scheme keeps: exact derivatives, the compiled twin, networks, constants, errors."""

import doctest
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from problems import NAMESPACES, forced, linear_flow, pendulum_game, torch_game
from test_same_game import modules

from gandyn import check_field, scale, schemes, trajectory
from gandyn.games import catalogue, from_losses
from gandyn.nets import losses
from gandyn.schemes import (
    CATALOGUE,
    Solver,
    adam,
    alternating,
    averaged,
    cgd,
    clipped_gradient,
    clipped_weights,
    extragradient,
    extrapolation_from_the_past,
    heavy_ball,
    lcgd,
    lola,
    lookahead,
    lookahead_minimax,
    nesterov,
    noisy,
    optimistic,
    proximal_point,
    rk2,
    rk4,
    rmsprop,
    scheduled,
    simultaneous,
    sos,
    straight,
    unrolled,
)
from gandyn.schemes.noise import normal
from gandyn.schemes.record import record
from gandyn.schemes.tape import Tape

SCHEMES = {
    "simultaneous": lambda field: simultaneous(field, 0.1),
    "alternating": lambda field: alternating(field, 0.1),
    "alternating 2:3": lambda field: alternating(field, 0.1, "discriminator", 2, 3),
    "extragradient": lambda field: extragradient(field, 0.1),
    "past": lambda field: extrapolation_from_the_past(field, 0.1),
    "optimistic": lambda field: optimistic(field, 0.1),
    "heavy ball": lambda field: heavy_ball(field, 0.1, -0.3),
    "heavy ball in turn": lambda field: heavy_ball(field, 0.1, 0.4, "generator first"),
    "nesterov": lambda field: nesterov(field, 0.1, 0.7),
    "nesterov in turn": lambda field: nesterov(field, 0.1, 0.7, "discriminator first"),
    "adam": lambda field: adam(field, 0.1, eps=0.1),
    "adam in turn": lambda field: adam(field, 0.1, eps=0.1, order="discriminator first"),
    "adam uncorrected": lambda field: adam(field, 0.1, eps=0.1, bias_correction=False),
    "rmsprop": lambda field: rmsprop(field, 0.1, eps=0.1),
    "rmsprop corrected": lambda field: rmsprop(field, 0.1, eps=0.1, bias_correction=True),
    "rk2": lambda field: rk2(field, 0.1),
    "rk4": lambda field: rk4(field, 0.1),
    "proximal_point": lambda field: proximal_point(field, 0.1),
    "proximal_point krylov": lambda field: proximal_point(field, 0.1, Solver("krylov")),
    "cgd": lambda field: cgd(field, 0.1),
    "cgd krylov": lambda field: cgd(field, 0.1, Solver("krylov")),
    "lcgd": lambda field: lcgd(field, 0.1),
    "lookahead": lambda field: lookahead(field, 0.1),
    "lookahead further": lambda field: lookahead(field, 0.1, alpha=0.4),
    "lola": lambda field: lola(field, 0.1, rival=rival(field)),
    "lola further": lambda field: lola(field, 0.1, 0.4, rival(field)),
    "sos": lambda field: sos(field, 0.1, b=0.9, rival=rival(field)),
    "sos further": lambda field: sos(field, 0.1, 0.4, b=0.01, rival=rival(field)),
    "unrolled": lambda field: unrolled(field, 0.1, 3, rival=rival(field)),
    "unrolled further": lambda field: unrolled(field, 0.1, 2, 0.4, rival(field)),
    "lookahead_minimax": lambda field: lookahead_minimax(optimistic(field, 0.1), 3, 0.7),
    "lookahead_minimax of Adam": lambda field: lookahead_minimax(adam(field, 0.1, eps=0.1), 3, 0.7),
    "averaged": lambda field: averaged(optimistic(field, 0.1)),
    "averaged with decay": lambda field: averaged(simultaneous(field, 0.1), 0.9),
    "scheduled": lambda field: scheduled(simultaneous(field, 0.1), lambda k: 0.9**k * (2 + np.cos(k / 3))),
    "clipped_gradient": lambda field: clipped_gradient(extragradient(field, 0.1), 0.2),
    "clipped_weights": lambda field: clipped_weights(alternating(field, 0.1, discriminator_steps=2), 0.4),
    "noisy": lambda field: noisy(rk2(field, 0.1), 0.3, seed=5),
    "noisy Lookahead": lambda field: lookahead_minimax(noisy(simultaneous(field, 0.1), 0.3, seed=5), 2),
}


def entry_of(name):
    """Return the entry of the catalogue that a case belongs to."""
    return CATALOGUE[
        {"past": "extrapolation_from_the_past", "heavy": "heavy_ball"}.get(*[name.split()[0]] * 2)
    ]


def test_every_scheme_of_the_catalogue_is_tested_and_public():
    assert {entry_of(name).name for name in SCHEMES} == set(CATALOGUE)
    assert set(schemes.__all__) == {*CATALOGUE, "CATALOGUE", "Entry", "Solver"}


PLAIN = [name for name, entry in CATALOGUE.items() if not entry.modifier]


@pytest.mark.parametrize("name", PLAIN)
def test_the_cost_that_a_scheme_states_is_what_it_records(name):
    step, entry = CATALOGUE[name].make(catalogue.make("bilinear"), 0.1), CATALOGUE[name]
    tape = recorded(step)
    gradients, products = tape.count("velocity"), tape.count("jvp") + tape.count("vjp")
    solves = tape.count("solve") + tape.count("implicit")
    counted = {"gradient": gradients + tape.count("implicit"), "product": products, "linear system": solves}
    expected = [f"{n} {what}{'s' if n > 1 else ''}" for what, n in counted.items() if n]
    assert re.findall(r"\d+ (?:gradient|product|linear system)s?", entry.cost) == expected


def recorded(step):
    rule = step.rule
    return Tape(*record(rule.step, len(rule.memory), list(rule.constants), rule.clock))


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_scheme_states_its_cost_its_source_and_the_fixed_points_that_it_keeps(name):
    text = " ".join(CATALOGUE[name].make.__doc__.split())
    for part in ("Cost: ", "eeps ", "Source: ", "Args:", "Returns:", "Raises:", "Example:"):
        assert part in text
    assert str(CATALOGUE[name]).startswith(f"{name}: ")


def rival(field):
    """Return the field with the losses exchanged, None where the game has it itself."""
    if field.formula is not None or field.rival is not None:
        return None
    if field.label == "torch game":
        return torch_game(2, 4, 3, exchanged=True)[0]
    return scale(field, -1.0)


#: Games whose Jacobian is neither constant nor symmetric, of two and of four parameters.
GAMES = {
    "hopf": lambda: catalogue.make("hopf"),
    "dirac-nonsaturating-r1": lambda: catalogue.make("dirac-nonsaturating-r1"),
    "sigmoid": lambda: catalogue.make("sigmoid-classifier", free="W_g, b_g, W_d, b_d", samples=20),
}


def some_state(step, seed=0):
    """A state whose memory is positive, as a mean square is."""
    draws = np.random.default_rng(seed)
    values = draws.uniform(-0.8, 0.8, step.layout.dim)
    return np.where(step.layout.mask("memory"), 0.2 + np.abs(values), values)


@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("name", SCHEMES)
def test_derivatives_compiled_and_on_arrays(name, game):
    field = GAMES[game]()
    step = SCHEMES[name](field)
    assert step.derivatives == "exact"
    check_field(step, some_state(step), t=3)
    plain = SCHEMES[name](replace(field, kernel=None))
    assert plain.kernel is None
    check_field(plain, some_state(plain), t=3)


@pytest.mark.parametrize("longest", [straight.LONGEST, 0], ids=["straight", "interpreted"])
@pytest.mark.parametrize("game", GAMES)
@pytest.mark.parametrize("name", SCHEMES)
def test_the_compiled_step_is_the_step_on_arrays(name, game, longest, monkeypatch):
    monkeypatch.setattr(straight, "LONGEST", longest)
    field = GAMES[game]()
    step, plain = SCHEMES[name](field), SCHEMES[name](replace(field, kernel=None))
    if not entry_of(name).compiled:
        assert step.kernel is None
        return
    assert step.kernel.compiled
    x = np.stack([some_state(step, seed) for seed in range(6)]).reshape(2, 3, -1)
    for k in (0, 7):
        np.testing.assert_allclose(step(x, k), plain(x, k), rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(step.jac(x, k), plain.jac(x, k), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", SCHEMES)
def test_states_of_many_parameters_in_torch(name):
    field, theta = torch_game(2, 4, 3)
    step = SCHEMES[name](field)
    state = step.start(theta)
    memory = torch.asarray(step.layout.mask("memory"))
    check_field(step, torch.where(memory, 0.2 + 0.1 * state.abs(), state), t=2)


@pytest.mark.parametrize("name", SCHEMES)
def test_the_same_game_as_torch_modules_and_as_symbols(name):
    networks = SCHEMES[name](modules(losses.saturating(penalties=[losses.r1(0.3)])))
    symbols = SCHEMES[name](catalogue.make("dirac-r1", gamma=0.3))
    assert networks.layout.dim == symbols.layout.dim
    x = symbols.start(np.array([0.8, -0.5]))
    state = networks.start(torch.tensor(x[:2]))
    for k in range(20):
        x, state = symbols(x, k), networks(state, k)
    np.testing.assert_allclose(state.numpy(), x, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(networks.jac(state, 20).numpy(), symbols.jac(x, 20), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", SCHEMES)
def test_every_array_namespace_gives_the_same(name):
    game = pendulum_game().system
    step = SCHEMES[name](game)
    x = some_state(step)
    for make in NAMESPACES.values():
        for value, expected in ((step(make(x), 2), step(x, 2)), (step.jac(make(x), 2), step.jac(x, 2))):
            np.testing.assert_allclose(np.asarray(value), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", SCHEMES)
def test_constants_of_the_scheme_and_of_the_game_are_adjustable(name):
    field = catalogue.make("dirac-r1", gamma=0.3)
    step = SCHEMES[name](field)
    h = 2.5 * step.constants["h"]
    changed = step.with_constants(h=h, gamma=0.8)
    same = SCHEMES[name](catalogue.make("dirac-r1", gamma=0.8)).with_constants(h=h)
    x = some_state(step)
    np.testing.assert_array_equal(changed(x, 1), same(x, 1))
    assert changed.dt == pytest.approx(2.5 * step.dt)
    assert (changed.constants["gamma"], step.constants["gamma"]) == (0.8, 0.3)
    assert not np.allclose(changed(x, 1), step(x, 1))
    with pytest.raises(ValueError, match="h must be above 0"):
        step.with_constants(h=-1.0)


def test_a_constant_that_the_game_has_too_gets_a_number():
    import sympy as sp

    h, x, y = sp.symbols("h x y", real=True)
    field = from_losses(h * x * y, -h * x * y, generator=[x], discriminator=[y], constants={h: 3.0})
    step = simultaneous(field, 0.1)
    assert step.constants == {"h": 3.0, "h_2": 0.1}
    np.testing.assert_allclose(step.with_constants(h_2=0.2)(np.array([1.0, 0.0])), [1.0, 0.6])
    assert step.with_constants(h_2=0.2).dt == 0.2


@pytest.mark.parametrize("name", SCHEMES)
def test_a_fixed_point_of_a_zero_sum_game_is_kept(name):
    step = SCHEMES[name](catalogue.make("dirac"))
    if entry_of(name).keeps == "none" or name.startswith("noisy"):
        assert np.abs(step.residual(step.start(np.zeros(2)), 5)).max() > 1e-3
    else:
        np.testing.assert_allclose(step.residual(step.start(np.zeros(2)), 5), 0, atol=1e-15)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_compiled_trajectory_is_the_iteration(name):
    step = SCHEMES[name](catalogue.make("hopf"))
    x = step.start(np.array([0.5, -0.3]))
    path = trajectory(step, x, n_steps=25, progress=False)
    for k in range(25):
        x = step(x, k)
    np.testing.assert_allclose(path.x[-1], x, rtol=1e-12, atol=1e-14)
    assert path.t[-1] == pytest.approx(25 * step.dt)


def one_player(field, x, player):
    """Return the Jacobian with the rows of the other player set to 0."""
    return field.layout.mask(player)[:, None] * field.jac(x)


def test_jacobians_are_the_products_of_their_stages():
    field, h, eye = GAMES["sigmoid"](), 0.4, np.eye(4)
    x = some_state(field)
    midway = x + h * field(x)
    np.testing.assert_allclose(simultaneous(field, h).jac(x), eye + h * field.jac(x), rtol=1e-12)
    expected = eye + h * field.jac(midway) @ (eye + h * field.jac(x))
    np.testing.assert_allclose(extragradient(field, h).jac(x), expected, rtol=1e-12)
    product, state = eye, x
    for player in ("generator", "generator", "discriminator", "discriminator", "discriminator"):
        product = (eye + h * one_player(field, state, player)) @ product
        state = state + h * field.layout.mask(player) * field(state)
    turns = alternating(field, h, generator_steps=2, discriminator_steps=3)
    np.testing.assert_allclose(turns(x), state, rtol=1e-13)
    np.testing.assert_allclose(turns.jac(x), product, rtol=1e-12)
    own = field.jac(x)
    blocks = np.block([[eye + 2 * h * own, -h * eye], [own, np.zeros((4, 4))]])
    np.testing.assert_allclose(optimistic(field, h).jac(np.concatenate([x, field(x)])), blocks, rtol=1e-12)


def test_the_optimistic_step_keeps_its_own_copy_of_the_last_velocity():
    field, h = catalogue.make("bilinear"), 0.1

    def aliased(steps):
        """VI-GAN and GAN-optimization-landscape store the gradient that the next backward overwrites."""
        x = np.array([1.0, 1.0])
        velocity = past = field(x)
        for _ in range(steps):
            velocity[:] = field(x)
            x = x + 2 * h * velocity - h * past
        return x

    step, descent = optimistic(field, h), simultaneous(field, h)
    state, plain = step.start(np.array([1.0, 1.0])), np.array([1.0, 1.0])
    for _ in range(300):
        state, plain = step(state), descent(plain)
    np.testing.assert_allclose(aliased(300), plain, rtol=1e-12)  # plain descent, which moves away
    assert np.linalg.norm(aliased(300)) > 4 * np.sqrt(2)
    assert np.linalg.norm(state[:2]) < 0.3 * np.sqrt(2)


def frozen_runge_kutta(field, x, h):
    """ODE-GAN's notebook: a Runge-Kutta step for each player, the other held at the start of the step."""
    moved = []
    for player in ("generator", "discriminator"):
        mask = field.layout.mask(player)
        own = lambda y, mask=mask: mask * field(np.where(mask, y, x))
        k1 = own(x)
        k2 = own(x + h / 2 * k1)
        k3 = own(x + h / 2 * k2)
        moved.append(h / 6 * (k1 + 2 * k2 + 2 * k3 + own(x + h * k3)))
    return x + sum(moved)


def test_runge_kutta_moves_both_players_in_every_stage():
    field, x, h = catalogue.make("bilinear"), np.array([1.0, 0.5]), 0.3
    frozen = frozen_runge_kutta(field, x, h)
    np.testing.assert_allclose(frozen, simultaneous(field, h)(x), rtol=1e-14)  # Euler's step
    turn = np.array([[np.cos(h), -np.sin(h)], [np.sin(h), np.cos(h)]])
    np.testing.assert_allclose(rk4(field, h)(x), turn @ x, atol=3e-5)
    assert np.linalg.norm(frozen - turn @ x) > 1e-2


def largest_error(scheme, problem, steps):
    step, x, errors = scheme(problem.system, problem.t_end / steps), problem.start, []
    for k in range(steps):
        x = step(x, k)
        errors.append(np.linalg.norm(x - problem.solution((k + 1) * step.dt)))
    return max(errors)


@pytest.mark.parametrize(("scheme", "order"), [(simultaneous, 1), (rk2, 2), (rk4, 4)])
def test_order_of_convergence_of_a_driven_flow(scheme, order):
    """The time of every stage counts: with the wrong one the order is 1."""
    errors = [largest_error(scheme, forced(), steps) for steps in (60, 120)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.15)


def test_adam_late_is_adam_without_bias_correction():
    field = catalogue.make("hopf")
    corrected, plain = adam(field, 0.1, eps=0.1), adam(field, 0.1, eps=0.1, bias_correction=False)
    x = some_state(plain)
    np.testing.assert_allclose(corrected(x, 10**6), plain(x), rtol=1e-13)
    np.testing.assert_allclose(corrected.jac(x, np.inf), plain.jac(x), rtol=1e-13)


def test_noise_depends_on_seed_step_and_draw_alone_and_is_normal():
    draws = np.concatenate([normal(3, k, 0, 50) for k in range(400)])
    np.testing.assert_array_equal(normal(3, 7, 0, 50), draws[350:400])
    np.testing.assert_array_equal(normal(3, 7, 0, 20), draws[350:370])
    for other in (normal(4, 7, 0, 50), normal(3, 8, 0, 50), normal(3, 7, 1, 50)):
        assert not np.any(other == draws[350:400])
    # 20 000 numbers: the moments 0, 1, 0, 3 within four standard errors
    for power, (expected, spread) in enumerate([(0, 1), (1, 2), (0, 15), (3, 96)], start=1):
        assert abs(np.mean(draws**power) - expected) < 4 * np.sqrt(spread / draws.size)
    assert abs(np.mean(draws[:-1] * draws[1:])) < 4 / np.sqrt(draws.size)


BAD = {
    "h must be above 0, got 0": lambda f: simultaneous(f, 0.0),
    "h must be above 0, got nan": lambda f: rk4(f, np.nan),
    "first must be one of": lambda f: alternating(f, 0.1, first="both"),
    "discriminator_steps must be an integer of at least 1": lambda f: alternating(
        f, 0.1, discriminator_steps=0
    ),
    "beta must be above -1 and below 1": lambda f: heavy_ball(f, 0.1, 1.0),
    "order must be one of": lambda f: nesterov(f, 0.1, 0.5, "both"),
    "beta2 must be at least 0 and below 1": lambda f: adam(f, 0.1, beta2=1.0),
    "eps must be above 0": lambda f: rmsprop(f, 0.1, eps=0.0),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_constants_are_refused(message):
    with pytest.raises(ValueError, match=message):
        BAD[message](catalogue.make("bilinear"))


def test_turns_need_players_and_schemes_a_field_without_memory():
    alone = linear_flow([[-1.0]])
    for scheme in (lambda f: alternating(f, 0.1), lambda f: adam(f, 0.1, order="generator first")):
        with pytest.raises(ValueError, match="needs a generator and a discriminator"):
            scheme(alone)
    with pytest.raises(ValueError, match="a scheme takes a field"):
        simultaneous(optimistic(alone, 0.1), 0.1)


GUIDE = Path(__file__).parent.parent / "docs" / "schemes.md"


def test_the_examples_of_the_guide_run():
    tried = doctest.testfile(str(GUIDE), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried.failed == 0 < tried.attempted


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_table_of_the_guide_is_the_catalogue(name):
    entry = CATALOGUE[name]
    (row,) = re.findall(rf"^\| `{name}\((.*)$", GUIDE.read_text(), re.MULTILINE)
    cells = [cell.strip() for cell in row.split(" | ")]
    assert cells[1:4] == [entry.step.replace("|v|", "abs(v)"), entry.cost, entry.keeps]
    compiled = "as the scheme" if entry.modifier else "yes" if entry.compiled else "no"
    assert cells[4:] == [compiled, entry.reference + " |"]
