"""A cluster of nearby trainings: how fast they separate, along which directions, and what that says."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from gandyn.checks import check_option
from gandyn.nets.copies import Copies, Tangents, Travellers, looped, stacked, stepper
from gandyn.nets.datasets import Dataset
from gandyn.nets.gan import Inputs
from gandyn.nets.losses import Losses
from gandyn.nets.maps import Prior, TrainingStep, training_step
from gandyn.nets.modules import DropoutMode
from gandyn.nets.motion import MotionRecorder, motion_of
from gandyn.nets.nearby import Ensemble, Rescale
from gandyn.nets.recipe import Recipe
from gandyn.nets.runs import RunError, fingerprint, read_json, write_json
from gandyn.nets.schemed import Scheme, SchemeStep

__all__ = ["ensemble"]

Method: TypeAlias = Literal["auto", "vmap", "loop", "tangent"]
Directions: TypeAlias = Literal["random", "generator", "discriminator"]


def ensemble(
    generator: nn.Module,
    discriminator: nn.Module,
    losses: Losses,
    data: Dataset | Inputs,
    *,
    latent: int | Prior,
    steps: int,
    recipe: Recipe | None = None,
    scheme: Scheme | None = None,
    copies: int = 4,
    directions: Directions | Tensor = "random",
    size: float = 1e-6,
    rescale: Rescale = "orthogonal",
    window: int | None = None,
    transient: int = 0,
    record_every: int | None = None,
    method: Method = "auto",
    batch_norm: Literal["frozen", "batch"] | None = "batch",
    dropout: DropoutMode | None = "seeded",
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    progress: bool = True,
) -> Ensemble:
    """Train m perturbed copies of both networks beside a reference, and measure how they separate.

    All see the same minibatches, latents and dropout draws (common noise), so that only the dynamics part
    them. With ``d_i(k)`` the separation of copy i after k steps, a window of w steps from step s has the
    finite-time exponents ``ln(|d_i(s + w)| / |d_i(s)|) / (w dt)``, of separations pulled back to ``size``
    before every window. ``method="tangent"`` follows exact tangents instead, the limit of size 0.

    Args:
        generator: see ``training_map``; so are all arguments not named here.
        discriminator: see ``training_map``.
        losses: what each player descends.
        data: a ``Dataset`` (its images), samples (N, ...), or a tuple with conditions.
        latent: dimension of the latents, or a prior.
        steps: steps to measure, >= 1; the last window is shorter where they do not divide.
        recipe: update rules, their order, batch size and seed.
        scheme: a rule of ``gandyn.schemes`` in place of the recipe's.
        copies: number m of copies, >= 1; not used where ``directions`` is an array.
        directions: "random" in all parameters, in the "generator"'s or the "discriminator"'s alone, or an
            array (m, n) of directions in the state or in its parameters, such as eigenvectors.
        size: length of a perturbation relative to the norm of all parameters (or to 1, if that is less) at
            the end of the transient, > 0.
        rescale: "orthogonal", "length" or "free"; see ``Ensemble``.
        window: steps of a window; the default is a twentieth of ``steps``.
        transient: steps of the reference alone before the copies set out.
        record_every: steps between records; the default gives about 500. A window's end is recorded too.
        method: "vmap" trains all copies at once, in 1 + m times the memory of a training; "loop" one after
            the other, in the memory of one training and 1 + m states; "auto" the first if the layers allow
            it; "tangent" takes m products ``J u`` a step.
        batch_norm: "batch" as in training, or "frozen".
        dropout: "seeded" as in training, or "eval".
        dtype: float type of the whole computation.
        seed: seed of the directions.
        folder: where to keep what was measured, after every window; called again with the same settings,
            an unfinished run goes on to the bits of one in one go, and a finished one is read.
        progress: show a progress bar when on a terminal.

    Returns:
        The measurement. Ctrl-C, or a state that is not finite, returns what was measured until then.

    Raises:
        ValueError: a number out of range, or directions of another width or that are dependent.
        RunError: ``folder`` holds something else, or a run of other settings.

    Source: Benettin, Galgani, Giorgilli and Strelcyn 1980.

    Example:
        >>> from gandyn.nets import SGD, losses
        >>> rules = Recipe(optimizers=(SGD(0.1), SGD(0.1)), batch_size=16)
        >>> found = ensemble(nn.Linear(1, 1), nn.Linear(1, 1), losses.nonsaturating(), torch.randn(64, 1),
        ...                  latent=1, steps=20, window=5, copies=2, recipe=rules, progress=False)
        >>> found.growth.shape, found.status
        ((4, 2), 'finished')
    """
    window = window or max(1, steps // 20)
    record_every = record_every or max(1, steps // 500)
    positive = {"steps": steps, "copies": copies, "window": window, "record_every": record_every}
    for name, number in {**positive, "size": size}.items():
        if not 0 < number < float("inf"):
            raise ValueError(f"{name} must be positive and finite, got {number}")
    if transient < 0:
        raise ValueError(f"transient must not be negative, got {transient}")
    check_option("method", method, get_args(Method))
    check_option("rescale", rescale, get_args(Rescale))
    samples = data.images if isinstance(data, Dataset) else data
    step, parameters = training_step(
        generator, discriminator, losses, samples, latent=latent, recipe=recipe, scheme=scheme,
        batch_norm=batch_norm, dropout=dropout, dtype=dtype,
    )  # fmt: skip
    chosen = _chosen_directions(step, parameters, directions, copies, seed)
    parts = (samples,) if isinstance(samples, Tensor) else samples
    settings: dict[str, Any] = {
        "recipe": step.settings(), "losses": step.game.losses.settings or step.game.losses.name,
        "start": fingerprint([parameters, chosen]), "data": fingerprint(parts),
        "latent": latent if isinstance(latent, int) else repr(latent).split(" at 0x")[0],
        "batch_norm": batch_norm, "dropout": dropout, "method": method, "rescale": rescale, "size": size,
        "steps": steps, "window": window, "transient": transient, "record_every": record_every, "seed": seed,
    }  # fmt: skip
    run = _Cluster(step, step.start(parameters), chosen, settings, steps, progress)
    return run.carry_out(None if folder is None else Path(folder))


def _chosen_directions(
    step: TrainingStep | SchemeStep, parameters: Tensor, directions: Directions | Tensor, m: int, seed: int
) -> Tensor:
    """Return orthonormal directions in the whole state, shape (m, n), zero in the memory unless given."""
    n, count = step.layout.dim, parameters.numel()
    if isinstance(directions, str):
        check_option("directions", directions, get_args(Directions))
        draws = torch.Generator().manual_seed(seed)
        vectors = torch.randn(m, count, generator=draws, dtype=torch.float64).to(parameters)
        split = step.game.sizes[0]
        if directions == "generator":
            vectors[:, split:] = 0
        elif directions == "discriminator":
            vectors[:, :split] = 0
    else:
        vectors = torch.as_tensor(directions).to(parameters)
        vectors = vectors[None] if vectors.ndim == 1 else vectors
        if vectors.ndim != 2 or vectors.shape[1] not in (n, count):
            raise ValueError(
                f"directions must have shape (m, {n}) (state) or (m, {count}) (parameters), "
                f"got {tuple(vectors.shape)}"
            )
    vectors = torch.nn.functional.pad(vectors, (0, n - vectors.shape[1]))
    lengths = torch.linalg.qr(vectors.T)[1].diagonal().abs() if len(vectors) <= n else vectors.new_zeros(1)
    if not bool((lengths > 1e-10 * torch.linalg.vector_norm(vectors, dim=1).max()).all()):
        raise ValueError(
            f"{len(vectors)} directions that are linearly independent were asked for and are not there "
            "(more than the player has parameters?); take fewer copies or other directions"
        )
    return _orthonormal(vectors)[0]


def _orthonormal(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Return orthonormal rows, each on the side of its vector, and how long each vector was beside them."""
    q, r = torch.linalg.qr(vectors.T)
    diagonal = r.diagonal()
    signs = torch.where(diagonal < 0, -1.0, 1.0).to(vectors)
    return (q * signs).T.contiguous(), diagonal.abs()


class _Cluster:
    """A measurement in progress."""

    def __init__(
        self,
        step: TrainingStep | SchemeStep,
        x: Tensor,
        directions: Tensor,
        settings: dict[str, Any],
        steps: int,
        progress: bool,
    ) -> None:
        self.step, self.x, self.directions, self.settings = step, x, directions, settings
        self.end, self.progress = settings["transient"] + steps, progress
        self.k, self.size, self.method = 0, 0.0, str(settings["method"])
        self.travellers: Travellers | None = None
        counts = [sum(step.game.sizes), step.game.sizes[0]]
        self.parameters, self.of_generator = counts
        self.recorder = MotionRecorder(self.parameters, seed=settings["seed"])
        self.rows: dict[str, list[Any]] = {name: [] for name in _ROWS}
        self.spread = directions
        self.seconds = 0.0

    def carry_out(self, folder: Path | None) -> Ensemble:
        """Train to the end, keeping what was measured in ``folder``."""
        if folder is not None:
            self._open(folder)
        began, status, message = time.monotonic() - self.seconds, "finished", ""
        bar = tqdm(total=self.end, initial=self.k, unit="step", disable=None if self.progress else True)
        try:
            while self.k < self.end:
                before = self.k
                message = self._window() if self.k >= self.settings["transient"] else self._settle()
                bar.update(self.k - before)
                if message:
                    status = "diverged"
                    break
                self.seconds = time.monotonic() - began
                if folder is not None:
                    self._keep(folder)
        except KeyboardInterrupt:
            status, message = "interrupted", f"stopped at step {self.k} of {self.end}"
        finally:
            bar.close()
        self.seconds = time.monotonic() - began
        return self._result(status, message)

    def _settle(self) -> str:
        """Train the reference alone for the transient, a window at a time."""
        for _ in range(min(self.settings["window"], self.settings["transient"] - self.k)):
            self.x, self.k = self.step(self.x, self.k)[0].detach(), self.k + 1
        return "" if torch.isfinite(self.x).all() else f"the state is not finite after step {self.k}"

    def _set_out(self) -> None:
        norm = float(torch.linalg.vector_norm(self.x[: self.parameters]))
        self.size = self.settings["size"] * max(norm, 1.0)
        self.travellers = self._travel(torch.cat([self.x[None], self.x + self.size * self.directions]))
        if self.method == "tangent":
            self.travellers.put(self.size * self.directions)
        self._record(torch.full((1, 2), torch.nan))

    def _travel(self, states: Tensor) -> Travellers:
        method = self.method
        if method == "tangent":
            return Tangents(self.step, states)
        if method == "vmap" and isinstance(self.step, SchemeStep):
            raise ValueError("a scheme takes its copies one by one: pass method='loop' or 'auto'")
        if method == "auto":
            move, self.method = stepper(self.step, states, self.k)
        elif isinstance(self.step, TrainingStep) and method == "vmap":
            move = stacked(self.step)
        else:
            move = looped(self.step)
        return Copies(move, states, self.step.layout)

    def _window(self) -> str:
        """Train through one window; return what ended it early, if anything."""
        if self.travellers is None:
            self._set_out()
        travellers = self.travellers
        assert travellers is not None
        first, last = self.k, min(self.k + self.settings["window"], self.end)
        before = _lengths(travellers.separations)
        while self.k < last:
            losses = travellers.advance(self.k)
            self.k += 1
            self.x = travellers.x
            if not bool(torch.isfinite(self.x).all() and torch.isfinite(travellers.separations).all()):
                self.recorder.add(self.k, self.x[: self.parameters], tuple(losses[0].tolist()))
                return f"a state is not finite after step {self.k}"
            due = (self.k - self.settings["transient"]) % self.settings["record_every"] == 0
            if due or self.k == last:
                self._record(losses)
        self._close_window(travellers, before, first)
        return ""

    def _record(self, losses: Tensor) -> None:
        assert self.travellers is not None
        d, p, g = self.travellers.separations, self.parameters, self.of_generator
        parts = torch.stack([_lengths(part) for part in (d, d[:, :p], d[:, :g], d[:, g:p])], -1)
        self.rows["steps"].append(self.k)
        self.rows["distances"].append(parts.double().cpu().numpy())
        self.rows["losses"].append(losses.double().cpu().numpy())
        loss_g, loss_d = losses[0].tolist()
        self.recorder.add(self.k, self.x[:p], (loss_g, loss_d))

    def _close_window(self, travellers: Travellers, before: Tensor, first: int) -> None:
        d = travellers.separations
        _, values, self.spread = torch.linalg.svd(d, full_matrices=False)
        rescale = self.settings["rescale"]
        rows, lengths = (
            _orthonormal(d) if rescale == "orthogonal" else (d / _lengths(d)[:, None], _lengths(d))
        )
        if rescale != "free":
            travellers.put(self.size * rows)
        found = {
            "starts": first, "lengths": self.k - first,
            "growth": torch.log(lengths / before).double().cpu().numpy(),
            "shares": (values**2 / (values**2).sum()).double().cpu().numpy(),
        }  # fmt: skip
        for name, value in found.items():
            self.rows[name].append(value)

    def _result(self, status: Any, message: str) -> Ensemble:
        m = len(self.directions)
        shapes = {"distances": (m, 4), "losses": (1, 2), "growth": (m,), "shares": (m,)}
        for group in (_ROWS[:3], _ROWS[3:]):  # an interrupt may have come between two of them
            whole = min(len(self.rows[name]) for name in group)
            self.rows.update({name: self.rows[name][:whole] for name in group})
        arrays = {
            name: np.stack(rows) if rows else np.empty((0, *shapes.get(name, ())))
            for name, rows in {**self.rows, "losses": _even(self.rows["losses"])}.items()
        }
        states = (1 + m) * self.x.numel() * self.x.element_size()
        return Ensemble(
            **arrays, directions=self.spread.cpu().numpy(), motion=motion_of(self.recorder.state()),
            x=self.x.cpu().numpy(), size=self.size, rescale=self.settings["rescale"], method=self.method,
            dt=_flow_time(self.step), memory=states, seconds=self.seconds, status=status, message=message,
        )  # fmt: skip

    def _keep(self, folder: Path) -> None:
        """Write everything that the run needs to go on, whole or not at all."""
        kept: dict[str, Any] = {
            name: np.stack(rows) for name, rows in self.rows.items() if rows and name != "losses"
        }
        if self.rows["losses"]:
            kept["losses"] = np.stack(_even(self.rows["losses"]))
        moving = self.travellers
        if moving is not None:
            kept["separations"] = moving.separations.cpu().numpy()
            if isinstance(moving, Copies):
                kept["states"] = moving.states.cpu().numpy()
        scalars = np.array([self.k, self.size, self.seconds])
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".unfinished-", delete=False) as file:
            np.savez(
                file, scalars=scalars, method=self.method, x=self.x.cpu().numpy(),
                motion=self.recorder.state(), spread=self.spread.cpu().numpy(), **kept,
            )  # fmt: skip
        os.replace(file.name, folder / _RECORD)

    def _open(self, folder: Path) -> None:
        if folder.exists() and any(folder.iterdir()):
            found = read_json(folder / "settings.json")
            if found != self.settings:
                other = [name for name in self.settings if found.get(name) != self.settings[name]]
                raise RunError(f"{folder} holds a run with other settings ({other}); use another folder")
            if (folder / _RECORD).exists():
                self._load(folder / _RECORD)
            return
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / "settings.json", self.settings)

    def _load(self, path: Path) -> None:
        with np.load(path) as kept:
            found = {name: kept[name] for name in kept.files}
        k, self.size, self.seconds = found["scalars"].tolist()
        self.k, self.method = int(k), str(found["method"])
        as_state = lambda values: torch.from_numpy(values).to(self.x)
        self.x, self.spread = as_state(found["x"]), as_state(found["spread"])
        for name in self.rows:
            self.rows[name] = list(found.get(name, []))
        if "separations" not in found:
            return
        self.recorder.load(found["motion"], self.x[: self.parameters])
        apart = as_state(found["separations"])
        self.travellers = self._travel(
            as_state(found["states"]) if "states" in found else torch.cat([self.x[None], apart])
        )
        if self.method == "tangent":
            self.travellers.put(apart)


_RECORD = "ensemble.npz"
_ROWS = ("steps", "distances", "losses", "starts", "lengths", "growth", "shares")


def _lengths(vectors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vectors, dim=-1)


def _even(losses: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the losses with the first record, taken before any step, in the shape of the others."""
    if not losses:
        return []
    shape = losses[-1].shape
    return [np.broadcast_to(row, shape) if row.shape != shape else row for row in losses]


def _flow_time(step: TrainingStep | SchemeStep) -> float:
    if isinstance(step, SchemeStep):
        return step.update_map("").dt
    return step.recipe.optimizers[0].lr or 1.0
