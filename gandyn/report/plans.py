"""A training as plain values: what the command line asks for, and what a run folder remembers.

A plan has the keys of a run's settings file that decide the training: "origin" (how to build the modules
and load the data), "losses", "recipe", "latent", "steps", "checkpoint_every" and "health".
"""

from __future__ import annotations

import copy
import importlib
import math
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from gandyn.nets import datasets, optimizers, training
from gandyn.nets import losses as loss_functions
from gandyn.nets.datasets import Dataset
from gandyn.nets.gan import as_inputs
from gandyn.nets.losses import Losses
from gandyn.nets.recipe import Recipe
from gandyn.nets.runs import Run, RunError, fingerprint

__all__ = [
    "BUILT_IN",
    "build",
    "data_of",
    "differences",
    "modules_of",
    "new_plan",
    "plan_of",
    "train",
    "use_threads",
    "with_options",
]

#: The factory used where the user names none.
BUILT_IN = "gandyn.nets.models:conv_gan"

_ADAM = {"name": "adam", "lr": 1e-3}
#: The training of the built-in GAN: well under a minute on one core for the bundled digits.
_BUILT_IN_PLAN: dict[str, Any] = {
    "arguments": {"width": 8, "latent_dim": 16, "std": 0.05},
    "losses": {"name": "nonsaturating", "halves": "sum", "penalties": ["r1(0.1)"]},
    "optimizers": {"generator": _ADAM, "discriminator": _ADAM},
    "steps": 4000,
}
#: The training of the user's own modules: no penalty, and the usual step size for GANs.
_OWN_PLAN: dict[str, Any] = {
    "arguments": {},
    "losses": {"name": "nonsaturating", "halves": "sum", "penalties": []},
    "optimizers": {player: {"name": "adam", "lr": 2e-4} for player in ("generator", "discriminator")},
    "steps": 2000,
}


def new_plan(
    factory: str | None, data: str, *, folder: Path, seed: int = 0, **options: Any
) -> dict[str, Any]:
    """Return the default plan for a factory, or for the built-in convolutional GAN, and a data set.

    Args:
        factory: ``"module:function"``; the function takes nothing and returns (generator,
            discriminator). None for the built-in GAN, sized to the images.
        data: name of a data set, see ``nets.datasets.DATASETS``.
        folder: where the factory's module is looked up first.
        seed: seed of the weights, of the order of the data and of the latents.
        options: options of the data set.
    """
    plan = copy.deepcopy(_OWN_PLAN if factory else _BUILT_IN_PLAN)
    origin = {
        "factory": factory or BUILT_IN,
        "arguments": plan["arguments"],
        "path": str(folder.resolve()),
        "seed": seed,
        "data": {"name": data, "options": options},
    }
    if not factory:
        origin["arguments"] |= {"seed": seed, **_size_of(load_data(origin))}
        origin["path"] = ""
    return {
        "origin": origin,
        "losses": plan["losses"],
        "recipe": {"optimizers": plan["optimizers"], "batch_size": 64, "order": Recipe().order, "seed": seed},
        "latent": None,
        "steps": plan["steps"],
        "checkpoint_every": None,
        "health": None,
    }


def _size_of(data: Dataset) -> dict[str, int]:
    shape = data.sample_shape
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] % 4:
        raise ValueError(
            f"the built-in GAN makes square images; {data.name} has samples of shape {shape}. Name a factory "
            "of your own, module:function, that returns (generator, discriminator)"
        )
    return {"image_size": shape[1], "channels": shape[0]}


def with_options(plan: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan with the options of the command line that were given (neither None nor empty).

    Args:
        plan: the plan; not changed.
        options: by name: "steps", "loss", "halves", "penalty" (several; "none" for none), "optimizer", "lr",
            "lr_discriminator", "beta1", "beta2", "alpha", "batch_size", "order", "critic_steps", "clip",
            "latent", "checkpoint_every", "health". Others are ignored.
    """
    given = {name: value for name, value in options.items() if value not in (None, ())}
    new = copy.deepcopy(dict(plan))
    new |= {name: given[name] for name in ("steps", "latent", "checkpoint_every", "health") if name in given}
    new["recipe"] |= {
        name: given[name] for name in ("batch_size", "order", "critic_steps", "clip") if name in given
    }
    if "loss" in given:
        new["losses"] |= {"name": given["loss"], "halves": None}
    if "halves" in given:
        new["losses"]["halves"] = given["halves"]
    if "penalty" in given:
        new["losses"]["penalties"] = [] if list(given["penalty"]) == ["none"] else list(given["penalty"])
    rules = new["recipe"]["optimizers"]
    for player, rule in rules.items():
        changed = given.get("optimizer", rule["name"]) != rule["name"]
        rules[player] = {"name": given["optimizer"]} if changed else dict(rule)
        rules[player] |= {name: given[name] for name in ("lr", "beta1", "beta2", "alpha") if name in given}
    if "lr_discriminator" in given:
        rules["discriminator"]["lr"] = given["lr_discriminator"]
    if "latent" in given and new["origin"].get("factory") == BUILT_IN:
        new["origin"]["arguments"]["latent_dim"] = given["latent"]
    return new


def plan_of(run: Run) -> dict[str, Any]:
    """Return the plan that a run was made by.

    Raises:
        RunError: a run that does not say how it was made.
    """
    named = {"name": run.settings["data"]["name"].partition(" (")[0]}
    origin = {"data": named, **_checked_origin(run.settings.get("origin"), run.folder)}
    return {**run.settings, "origin": origin}


def use_threads(asked: int | None, settings: Mapping[str, Any]) -> None:
    """Set torch's number of threads: as asked, as the run had, or one for the small built-in GAN.

    On networks of such a size threads gain little, and they cost a lot where other programs run too.

    Args:
        asked: number of threads, at least 1, or None.
        settings: a plan, or the settings of a run.
    """
    if asked is not None and asked < 1:
        raise ValueError(f"--threads must be at least 1, got {asked}")
    small = settings["origin"].get("arguments", {}).get("image_size", math.inf) <= 8
    count = asked or settings.get("threads") or (1 if small else None)
    if count is not None:
        torch.set_num_threads(count)


def train(plan: Mapping[str, Any], folder: str | Path, *, resume: bool = False) -> Run:
    """Train what a plan says into a run folder; see ``nets.train`` for what it returns and raises."""
    origin = plan["origin"]
    losses, recipe, data = make_losses(plan["losses"]), make_recipe(plan["recipe"]), load_data(origin)
    generator, discriminator = build(origin)
    return training.train(
        generator,
        discriminator,
        losses,
        data,
        folder,
        steps=plan["steps"],
        latent=plan["latent"],
        recipe=recipe,
        checkpoint_every=plan["checkpoint_every"] or max(1, plan["steps"] // 20),
        health=plan.get("health") or False,
        resume=resume,
        origin=origin,
    )


def differences(run: Run, plan: Mapping[str, Any]) -> list[str]:
    """Return in words what a plan would do otherwise than the run did; nothing where it is the same."""
    wanted = {
        "losses": make_losses(plan["losses"]).settings,
        "recipe": make_recipe(plan["recipe"]).settings(),
        "steps": plan["steps"],
        **{name: plan["origin"][name] for name in ("factory", "arguments", "path", "seed", "data")},
    }
    found = {**run.settings, **run.settings.get("origin", {}), "data": run.settings["origin"].get("data")}
    return [
        f"its {name}: {found.get(name)}, asked for: {value}"
        for name, value in wanted.items()
        if found.get(name) != value
    ]


def load_data(origin: Mapping[str, Any]) -> Dataset:
    """Return the data set that an origin names."""
    chosen = origin["data"]
    return datasets.load(chosen["name"], **{**chosen.get("options", {})})


def make_losses(settings: Mapping[str, Any]) -> Losses:
    """Return losses from the settings that they state; the user's own losses state no way back."""
    if "halves" not in settings:
        raise RunError(
            f"the run was made with losses of its own ({settings.get('name')}), which no name brings back; "
            "pass them: report.write(run, losses=...)"
        )
    return loss_functions.by_name(**settings)


def make_recipe(settings: Mapping[str, Any]) -> Recipe:
    """Return a recipe from the settings that it states."""
    rules = settings["optimizers"]
    pair = [optimizers.by_name(**rules[player]) for player in ("generator", "discriminator")]
    rest = {name: value for name, value in settings.items() if name != "optimizers"}
    return Recipe((pair[0], pair[1]), **rest)


def build(origin: Mapping[str, Any]) -> tuple[nn.Module, nn.Module]:
    """Return the fresh modules of an origin, with weights drawn from its seed.

    Runs the code that the origin names. Arguments are passed to factories of this package only.

    Raises:
        ValueError: no such module or function, a factory that fails, or one that returns something else.
    """
    text = origin["factory"]
    with _importable(origin.get("path", "")):
        factory = _function(text, origin.get("path", ""))
        arguments = origin.get("arguments", {}) if text.startswith("gandyn.") else {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(origin.get("seed", 0))
            try:
                made = factory(**arguments)
            except Exception as error:
                raise ValueError(f"{text} failed{_place(error)}: {type(error).__name__}: {error}") from error
    if not (isinstance(made, tuple | list) and len(made) == 2):
        raise ValueError(f"{text} must return (generator, discriminator), it returned {type(made).__name__}")
    for name, module in zip(("generator", "discriminator"), made, strict=True):
        if not isinstance(module, nn.Module):
            raise ValueError(f"{text}: the {name} must be a torch.nn.Module, got {type(module).__name__}")
    return made[0], made[1]


def _function(text: str, folder: str) -> Callable[..., Any]:
    name, _, function = text.partition(":")
    if not (name and function):
        raise ValueError(
            f"expected a factory as module:function, for example my_module:make_gan; got {text!r}"
        )
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != name.partition(".")[0]:
            raise ValueError(f"importing {name} failed{_place(error)}: {error}") from error
        raise ValueError(
            f"no module {name!r} in {folder or 'the import path'}; run the command in the folder that holds "
            f"{name.partition('.')[0]}.py, or correct the name"
        ) from error
    except Exception as error:
        raise ValueError(
            f"importing {name} failed{_place(error)}: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, function, None)
    if not callable(found):
        public = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise ValueError(f"{name} has no function {function!r}; it has {', '.join(public) or 'none'}")
    return cast(Callable[..., Any], found)


def _place(error: Exception) -> str:
    """Return the file and line of the user's code that raised, in words."""
    if isinstance(error, SyntaxError):
        return f" ({error.filename}, line {error.lineno})"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if len(frames) > 1 else ""


@contextmanager
def _importable(folder: str) -> Iterator[None]:
    """Look modules up in ``folder`` first."""
    before = list(sys.path)
    if folder:
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before


def _checked_origin(origin: Any, folder: str | Path) -> dict[str, Any]:
    """Return an origin that names a factory."""
    if not origin or "factory" not in origin:
        raise RunError(
            f"{folder} does not say how its modules are made (nets.train was called without origin=); "
            "go on from Python: nets.train(..., resume=True), report.write(run, generator=..., ...)"
        )
    return dict(origin)


def modules_of(run: Run) -> tuple[nn.Module, nn.Module]:
    """Return fresh modules of a run, built again from its settings; no weights are loaded.

    Raises:
        RunError: a run that does not say how it was made.
        ValueError: as ``build``.
    """
    return build(_checked_origin(run.settings.get("origin"), run.folder))


def data_of(run: Run, generator: nn.Module) -> Dataset:
    """Return the data of a run, loaded again; with labels where its generator takes some.

    Raises:
        RunError: data that are not those of the run.
        DatasetError: data that cannot be loaded.
    """
    stated = run.settings["data"]
    origin = run.settings.get("origin") or {}
    data = load_data({"data": {"name": stated["name"].partition(" (")[0]}, **origin})
    inputs, dtype = training.samples_of(data, generator), getattr(torch, run.settings["dtype"])
    found = fingerprint(as_inputs("data", inputs, dtype, data.images.device))
    if found != stated["sha256"]:
        raise RunError(
            f"the data set {stated['name']} read now is not that of {run.folder}: expected SHA-256 "
            f"{stated['sha256'][:12]}..., got {found[:12]}...; point GANDYN_DATA to the files of the run"
        )
    return data
