"""What kind of point a state is, with the noise of the batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from gandyn.arrays import Array, to_numpy
from gandyn.checks import check_floats
from gandyn.field import UpdateMap, VectorField
from gandyn.fixed_points.verdict import game_of
from gandyn.rotation.reading import PLAYERS, Effort, Reading, read
from gandyn.spectra import Spectrum

if TYPE_CHECKING:
    import xarray

__all__ = ["VERDICTS", "Batches", "Character", "character"]

#: Every verdict that ``character`` gives.
VERDICTS = (
    "differential Nash",
    "locally stable but not Nash",
    "unstable",
    "rotation-dominated",
    "undecided",
)
#: Fields on other minibatches: a sequence, or a function from a seed.
Batches: TypeAlias = Sequence[VectorField] | Callable[[int], VectorField]

#: Velocities up to the first many sampling errors are no evidence of motion, from the second on they are.
_AT_REST, _MOVING = 1.5, 3.0


@dataclass(frozen=True, eq=False, repr=False)
class Character:
    """What kind of point a state is, and how much of that is the batch's doing.

    Args:
        verdict: one of ``VERDICTS``; where the batches do not all have that of the given system, the one
            that is left when two standard deviations over them count as zero.
        here: the verdict on the given system alone.
        reading: the numbers on it.
        over_batches: numbers on each batch, shape (B,) each: "growth", "leading imaginary",
            "generator lowest", "discriminator lowest", "rotation index", "symmetric highest", "rotating
            highest", "speed"; empty without batches.
        shares: the share of the batches that have each verdict; empty without batches.
        rest: "fixed point", "fixed point within the noise", "nearly at rest" or "moving".
        noise: standard deviation of the velocity over batches, ``sqrt(E |v - E v|^2)``; NaN without.
        message: what the verdict rests on, in words.
        label: the system's label.
    """

    verdict: str
    here: str
    reading: Reading
    over_batches: dict[str, np.ndarray]
    shares: dict[str, float]
    rest: str
    noise: float
    message: str
    label: str

    @property
    def agreement(self) -> float:
        """Share of the batches that have the verdict of the given system; NaN without batches."""
        return self.shares.get(self.here, 0.0) if self.shares else float("nan")

    def spread(self, name: str) -> tuple[float, float]:
        """Return mean and standard deviation over batches of a number of ``over_batches``."""
        values = self.over_batches[name]
        return float(np.mean(values)), float(np.std(values, ddof=1))

    def to_xarray(self) -> xarray.Dataset:
        """Return the numbers over batches."""
        import xarray

        return xarray.Dataset({name: ("batch", values) for name, values in self.over_batches.items()})

    def __str__(self) -> str:
        reading = self.reading
        lines = [f"Character{' of ' + self.label if self.label else ''}: {self.verdict} ({self.rest})"]
        lines.append(
            f"  leading eigenvalue {reading.leading:.4g}, rotation index {reading.rotation_index:.3f}"
        )
        for player in reading.lowest:
            low, high = reading.lowest[player], reading.highest[player]
            lines.append(f"  own Hessian of the {player}: {low:.4g} to {high:.4g}")
        if self.shares:
            said = ", ".join(f"{name} {share:.0%}" for name, share in self.shares.items())
            lines.append(f"  over batches: {said}")
        return "\n".join([*lines, f"  {self.message}"])

    __repr__ = __str__


def character(
    system: VectorField,
    x: Array,
    batches: Batches | None = None,
    *,
    leading: Spectrum | None = None,
    count: int = 8,
    k: int = 3,
    t: Any = 0,
    tol: float = 1e-7,
    accuracy: float = 1e-4,
    max_products: int = 600,
    probes: int = 16,
    seed: int = 0,
    progress: bool = True,
) -> Character:
    """Say what kind of point a state is: a verdict, its numbers, and what other minibatches make of it.

    With lambda the eigenvalues of J, H_G and H_D the players' own Hessians, and everything within its
    tolerance (residual, and, where batches disagree, two standard deviations over them) counted as zero:

    1. some ``Re(lambda) > 0``: "unstable";
    2. all ``Re(lambda) < 0``: "differential Nash" if both Hessians are positive definite, "locally stable but
       not Nash" if one has a negative eigenvalue, "undecided" if one has a zero;
    3. else, some ``Re(lambda) = 0``: "rotation-dominated" if all these modes circle (Im(lambda) is not zero),
       so that damping too weak to see decides; "undecided" if one does not, or the search did not converge.

    Up to 200 entries the Jacobian is formed, and the verdict without batches is that of ``classify``; beyond
    it, products decide. It is a verdict on a fixed point: ``rest`` says whether the state is one.

    Args:
        system: the field, of two players.
        x: the state, shape (n,), in the system's namespace, floating point, finite.
        batches: fields of the same players on other minibatches, two or more; or ``batches(seed)`` that makes
        one.
        leading: a spectrum of this system at this state that holds the eigenvalues of largest real part,
            found before; None to seek them.
        count: how many to make, if a function makes them, with seeds ``seed + 1`` and on.
        k: eigenvalues of largest real part sought, where not all are found.
        t: flow time.
        tol: real parts and curvatures up to ``tol`` times the size of J count as zero.
        accuracy: residual allowed in the searches, in units of the largest value of each.
        max_products: bound on the products of each search; a search that ends there leaves the verdict open,
            unless it has found a growing mode.
        probes: random vectors of the rotation index, at least 2.
        seed: seed of searches, probes and batches.
        progress: show progress bars when on a terminal.

    Returns:
        The verdict; on an interrupt while batches are read, with those read so far.

    Raises:
        TypeError: an update map (``classify`` takes one), or a state that is no array of floats.
        ValueError: a system without two players, one batch only, layouts that differ, or a Jacobian that is
            not finite.

    Sources: Ratliff, Burden and Sastry 2013 (differential Nash); Berard et al. 2020 (stable points of GANs
    that are no Nash equilibria); Balduzzi et al. 2018 (S and A).

    Example:
        >>> from gandyn.games import catalogue
        >>> character(catalogue.make("dirac"), np.zeros(2)).verdict
        'rotation-dominated'
        >>> character(catalogue.make("balduzzi"), np.zeros(2)).verdict
        'differential Nash'
    """
    _check(system, x, probes)
    effort = Effort(k, tol, accuracy, max_products, probes, seed, progress)
    reading = read(system, x, t, effort, leading)
    here = _verdict(reading, 0.0, 0.0)
    readings, velocities, status = _over_batches(_made(batches, system, count, seed), x, t, effort)
    table = _table(readings)
    noise = _noise(velocities)
    named = Counter(_verdict(one, 0.0, 0.0) for one in readings)
    verdict = here
    if named[here] < len(readings):
        spread = {name: 2 * float(np.std(values, ddof=1)) for name, values in table.items()}
        lowest = max(spread[f"{player} lowest"] for player in PLAYERS)
        verdict = _verdict(reading, spread["growth"], lowest)
    return Character(
        verdict=verdict,
        here=here,
        reading=reading,
        over_batches=table,
        shares={name: named[name] / len(readings) for name in VERDICTS if named[name]},
        rest=_rest(reading, x, noise),
        noise=noise,
        message=_message(verdict, reading, len(readings), status),
        label=system.label,
    )


def _check(system: VectorField, x: Array, probes: int) -> None:
    if isinstance(system, UpdateMap):
        raise TypeError("character takes a vector field, got an update map; classify(map, x) takes one")
    check_floats("x", x, (system.layout.dim,))
    masks = [system.layout.mask(player) for player in PLAYERS]
    if not all(mask.any() for mask in masks) or not np.all(masks[0] | masks[1]):
        raise ValueError(
            "character takes a game of a generator and a discriminator; the blocks of this field belong to "
            f"{sorted({block.player for block in system.layout.blocks})}"
        )
    if probes < 2:
        raise ValueError(f"probes must be at least 2, got {probes}")


def _made(
    batches: Batches | None, system: VectorField, count: int, seed: int
) -> list[Callable[[], VectorField]]:
    """Return what makes each batch's field, checked."""
    if batches is None:
        return []
    if callable(batches):
        make = batches
        makers: list[Callable[[], VectorField]] = [partial(make, seed + 1 + i) for i in range(count)]
    else:
        makers = [partial(_itself, one) for one in batches]
    if len(makers) < 2:
        raise ValueError(f"batches must be two or more, to have a spread, got {len(makers)}")
    if makers[0]().layout != system.layout:
        raise ValueError(
            "the batches' fields must have the layout of the system; make them of the same modules"
        )
    return makers


def _itself(field: VectorField) -> VectorField:
    return field


def _over_batches(
    makers: list[Callable[[], VectorField]], x: Array, t: Any, effort: Effort
) -> tuple[list[Reading], list[np.ndarray], str]:
    """Return the readings and velocities of batches, fewer on an interrupt, and which it was."""
    from tqdm import tqdm

    readings, velocities = [], []
    try:
        for make in tqdm(
            makers, desc="batches", leave=False, disable=None if effort.progress and makers else True
        ):
            field = make()
            reading = read(field, x, t, effort)
            velocities.append(to_numpy(field(x, t)).astype(np.float64))
            readings.append(reading)
    except KeyboardInterrupt:
        if len(readings) < 2:
            raise
        return readings, velocities[: len(readings)], "interrupted"
    return readings, velocities, "finished"


def _table(readings: list[Reading]) -> dict[str, np.ndarray]:
    if not readings:
        return {}
    rows = {
        "growth": [one.growth for one in readings],
        "leading imaginary": [abs(one.leading.imag) for one in readings],
        **{f"{player} lowest": [one.lowest[player] for one in readings] for player in PLAYERS},
        "rotation index": [one.rotation_index for one in readings],
        "symmetric highest": [one.symmetric[1] for one in readings],
        "rotating highest": [one.rotating for one in readings],
        "speed": [one.speed for one in readings],
    }
    return {name: np.array(values) for name, values in rows.items()}


def _noise(velocities: list[np.ndarray]) -> float:
    """Return the standard deviation of the velocity over batches."""
    if not velocities:
        return float("nan")
    return float(np.sqrt(np.var(np.stack(velocities), axis=0, ddof=1).sum()))


def _verdict(reading: Reading, growth_noise: float, curvature_noise: float) -> str:
    """Return the verdict on a reading, real parts and curvatures within the noise counted as zero."""
    values = reading.eigenvalues
    slack = np.maximum(np.maximum(reading.residuals, reading.tolerance), growth_noise)
    if np.any(values.real > slack):
        return "unstable"
    if not reading.converged:
        return "undecided"
    neutral = values.real >= -slack
    if np.any(neutral):
        turning = np.abs(values.imag[neutral]) > np.maximum(slack, 0)[neutral]
        return "rotation-dominated" if np.all(turning) else "undecided"
    near = max(reading.tolerance, curvature_noise, max(reading.hessian_residuals.values()))
    game = game_of(min(reading.lowest.values()), near, True)
    return {"stable, not Nash": "locally stable but not Nash"}.get(game, game)


def _rest(reading: Reading, x: Array, noise: float) -> str:
    """Return whether the state is a fixed point, by the velocity against its noise or its rounding."""
    size = 1 + float(np.linalg.norm(to_numpy(x)))
    if reading.speed <= reading.tolerance * size:
        return "fixed point"
    if not np.isfinite(noise) or reading.speed >= _MOVING * noise:
        return "moving"
    return "fixed point within the noise" if reading.speed <= _AT_REST * noise else "nearly at rest"


def _message(verdict: str, reading: Reading, batches: int, status: str) -> str:
    found = (
        "all eigenvalues"
        if reading.complete
        else f"{len(reading.eigenvalues)} eigenvalues of largest real part"
    )
    parts = [f"{found}, {reading.products} products"]
    if not reading.converged:
        parts.append("the search did not converge: growing modes may be missing")
    elif verdict == "undecided":
        stable = reading.growth < -reading.tolerance
        what = "a curvature of the players' own Hessians" if stable else "a growth rate"
        parts.append(f"{what} is zero within its tolerance or its noise")
    if batches:
        parts.append(f"{batches} batches" + (", interrupted" if status == "interrupted" else ""))
    return "; ".join(parts)
