"""The command ``gandyn``: train a GAN, and report on its training dynamics."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from gandyn.field import System
    from gandyn.nets import Run

__all__ = ["main"]

_DEFAULT_FOLDER = "gandyn-run"
_INTERRUPTED, _DIVERGED = 130, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="gandyn")
@click.option("--traceback", is_flag=True, help="Show Python's traceback of an error.")
@click.pass_context
def main(context: click.Context, traceback: bool) -> None:
    """GAN training as a dynamical system.

    `gandyn report` alone trains a small GAN on real digits and writes a report on its dynamics.
    """
    context.obj = traceback
    # Threads that wait by spinning stop each other for seconds where other programs share the cores;
    # libgomp reads this when torch is first imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    warnings.showwarning = lambda message, *_, **__: click.echo(f"warning: {message}", err=True)


def _plain_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Turn errors of this package into one line, and Ctrl-C into its message and exit code 130."""

    @functools.wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        context = click.get_current_context()
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt as stop:
            click.echo(f"\ninterrupted{': ' if stop.args else ''}{stop}", err=True)
            context.exit(_INTERRUPTED)
        except (ValueError, TypeError, KeyError, OSError, BrokenExecutor) as error:
            if context.obj:
                raise
            text = error.args[0] if isinstance(error, KeyError) and error.args else error
            raise click.ClickException(" ".join(str(text).split())) from error

    return wrapped


def _together(*options: Callable[..., Any]) -> Callable[..., Any]:
    """Return a decorator that adds several options, in this order."""
    return lambda command: functools.reduce(lambda made, option: option(made), reversed(options), command)


_PLAN_OPTIONS = _together(
    click.option("--data", help="digits (bundled), mnist, cifar10, ring, grid, mixture_1d.  [digits]"),
    click.option(
        "--value-range", type=float, nargs=2, metavar="LOW HIGH", help="What black and white become.  [0 1]"
    ),
    click.option("--steps", type=int, help="Training steps in all.  [4000; own modules 2000]"),
    click.option(
        "--loss",
        help="saturating, nonsaturating, wasserstein, hinge, least_squares, acgan, feature_matching.  "
        "[nonsaturating]",
    ),
    click.option("--halves", help="The discriminator's two halves: sum or mean.  [the loss's own]"),
    click.option(
        "--penalty", multiple=True,
        help="Such as 'r1(10)', 'roth(.1)', 'gradient_penalty(10)' or none; repeatable. [r1(0.1); own: none]",
    ),
    click.option("--optimizer", help="adam, sgd or rmsprop, for both players.  [adam]"),
    click.option("--lr", type=float, help="Step size.  [Adam 0.001; own modules 0.0002]"),
    click.option("--lr-discriminator", type=float, help="Step size of the discriminator.  [that of --lr]"),
    click.option("--beta1", type=float, help="Adam: decay of the mean.  [0.5]"),
    click.option("--beta2", type=float, help="Adam: decay of the mean square.  [0.999]"),
    click.option("--alpha", type=float, help="RMSProp: decay of the mean square.  [0.99]"),
    click.option("--batch-size", type=int, help="Samples a minibatch.  [64]"),
    click.option(
        "--order", help="simultaneous, 'generator first' or 'discriminator first'.  [discriminator first]"
    ),
    click.option("--critic-steps", type=int, help="Updates of the discriminator a step.  [1]"),
    click.option("--clip", type=float, help="Bound on the discriminator's parameters.  [none]"),
    click.option("--latent", type=int, help="Dimension of the latents.  [the generator's latent_dim]"),
    click.option("--seed", type=int, help="Seed of weights, data order and latents.  [0]"),
    click.option("--threads", type=int, help="Threads of torch.  [1 for the small built-in GAN]"),
    click.option("--checkpoint-every", type=int, help="Steps between checkpoints.  [a twentieth of --steps]"),
    click.option("--health", type=int, metavar="N", help="Look at the gradients every N steps.  [never]"),
)  # fmt: skip


@main.command()
@click.argument("factory", required=False)
@click.option("--out", type=Path, help=f"Run folder to write.  [default: {_DEFAULT_FOLDER}]")
@click.option("--resume", is_flag=True, help="Go on with the run in --out, with its own settings.")
@_PLAN_OPTIONS
@_plain_errors
def train(factory: str | None, out: Path | None, resume: bool, **options: Any) -> None:
    """Train a GAN and write a run folder.

    FACTORY is module:function in the working directory; the function returns (generator, discriminator).
    Without it, the built-in convolutional GAN is trained.
    """
    folder = out or Path(_DEFAULT_FOLDER)
    if not resume:
        _refuse_existing(folder, "train")
    run = _train(factory, folder, resume, options)
    click.echo(_summary(run))
    click.echo(f"report on it: gandyn report {folder}")
    if run.status["status"] == "diverged":
        click.get_current_context().exit(_DIVERGED)


@main.command()
@click.argument("what", required=False)
@click.option("--out", type=Path, help=f"Run folder to write.  [default: {_DEFAULT_FOLDER}]")
@click.option("--samples", type=int, help="Samples in the batch of the analysis.  [128]")
@click.option("--grid", type=int, help="Points along each side of a loss landscape.  [17]")
@click.option("--eigenvalues", type=int, help="Eigenvalues in each search.  [3]")
@_PLAN_OPTIONS
@_plain_errors
def report(
    what: str | None,
    out: Path | None,
    samples: int | None,
    grid: int | None,
    eigenvalues: int | None,
    **options: Any,
) -> None:
    """Write a report on a GAN's training dynamics: one HTML page, its numbers and arrays beside it.

    WHAT is the folder of a run, to report on it as it is; or module:function, to train your own GAN
    first (the function returns generator and discriminator). Without WHAT, a small convolutional GAN is
    trained on real digits.
    """
    from gandyn import report as reports
    from gandyn.report import plans

    asked = {"samples": samples, "grid": grid, "eigenvalues": eigenvalues}
    effort = reports.Effort(**{name: value for name, value in asked.items() if value is not None})
    if what is not None and ":" not in what:
        run = _existing_run(what, out, options)
    else:
        folder = out or Path(_DEFAULT_FOLDER)
        run = _train_or_take_up(what, folder, options)
    click.echo(_summary(run))
    plans.use_threads(options["threads"], run.settings)
    try:
        page = reports.write(run, effort=effort)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"no report was written; the run is kept: gandyn report {run.folder}"
        ) from None
    click.echo(f"report: {page}")
    if run.status["status"] == "diverged" and (what is None or ":" in what):
        click.get_current_context().exit(_DIVERGED)


@main.command()
@click.argument("run_folder")
@click.option("--checkpoint", type=int, metavar="K", help="Step of the checkpoint.  [the last]")
@click.option("--samples", type=int, help="Samples in the batch of the analysis.  [128]")
@click.option("--eigenvalues", type=int, help="Eigenvalues in each search.  [3]")
@click.option("--threads", type=int, help="Threads of torch.  [those of the run]")
@_plain_errors
def spectrum(
    run_folder: str, checkpoint: int | None, samples: int | None, eigenvalues: int | None, threads: int | None
) -> None:
    """Print the leading eigenvalues of a checkpoint and what kind of point it is.

    The numbers and a figure are written into RUN_FOLDER/spectrum.
    """
    from gandyn.report import plans
    from gandyn.report.point import Effort
    from gandyn.report.spectrum import table, write_spectrum

    run = _existing_run(run_folder, None, {})
    asked = {"samples": samples, "eigenvalues": eigenvalues}
    effort = Effort(**{name: value for name, value in asked.items() if value is not None})
    plans.use_threads(threads, run.settings)
    path, numbers = write_spectrum(run, checkpoint, effort)
    click.echo(table(numbers))
    click.echo(f"numbers: {path}, figure: {path.with_suffix('.png')}")


@main.command()
@click.argument("run_folder")
@click.option("--out", type=Path, help="Zarr store to write or go on with.  [RUN_FOLDER/landscape.zarr]")
@click.option("--checkpoint", type=int, metavar="K", help="Step of the checkpoint.  [the last]")
@click.option("--plane", help="axis per player, both, generator, discriminator, pca.  [axis per player]")
@click.option("--points", type=int, help="Points along each side.  [25]")
@click.option("--extent", type=float, help="Half-width of the grid.  [1; pca: the box of the checkpoints]")
@click.option(
    "--measures", help="Beside the losses: field, rotation, accuracy, samples, by commas, or none.  [field]"
)
@click.option("--samples", type=int, help="Samples in the batch.  [128]")
@click.option("--seed", type=int, help="Seed of the batch and of random directions.  [0]")
@click.option("--memory", metavar="BYTES", help="What an evaluation may hold, such as 4GiB.  [no bound]")
@click.option("--workers", type=int, metavar="N", help="Local processes: Dask's if installed, else a pool.")
@click.option("--scheduler", metavar="ADDRESS", help="A running Dask cluster, such as tcp://HOST:PORT.")
@click.option("--threads", type=int, help="Threads of torch.  [those of the run]")
@_plain_errors
def landscape(
    run_folder: str,
    out: Path | None,
    checkpoint: int | None,
    workers: int | None,
    scheduler: str | None,
    threads: int | None,
    **options: Any,
) -> None:
    """Evaluate both players' losses round a checkpoint, into a Zarr store and pictures beside it.

    Killed and started again with the same options, it goes on from what is in the store.
    """
    from gandyn.report import plans
    from gandyn.report.landscape import View, write_landscape
    from gandyn.report.workers import executor_of

    run = _existing_run(run_folder, None, {})
    asked = {name: value for name, value in options.items() if value is not None}
    if "measures" in asked:
        asked["measures"] = tuple(part.strip() for part in asked["measures"].split(",") if part != "none")
    view, store = View(**asked), out or run.folder / "landscape.zarr"
    plans.use_threads(threads, run.settings)
    with executor_of(workers, scheduler) as (executor, words):
        click.echo(f"computing in {words}")
        found, pictures = write_landscape(run, store, view, checkpoint, executor=executor)
    click.echo(found)
    click.echo(f"store: {store}, pictures: {', '.join(path.name for path in pictures)}")


@main.command()
@_plain_errors
def games() -> None:
    """List the games and textbook systems, a line each."""
    from gandyn.games import catalogue

    entries = catalogue.entries()
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        click.echo(f"{entry.name:{width}}  {entry.summary}")


@main.command()
@click.argument("game")
@click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A constant or option; repeatable."
)
@click.option(
    "--start", type=float, nargs=2, multiple=True, metavar="A B", help="Draw a trajectory from here."
)
@click.option("--time", type=float, default=20.0, show_default=True, help="Flow time of the trajectories.")
@click.option("--points", type=int, default=41, show_default=True, help="Grid points along each axis.")
@click.option("--out", type=Path, help="File to write: .png, .svg or .pdf.  [default: GAME.png]")
@_plain_errors
def portrait(
    game: str,
    settings: tuple[str, ...],
    start: tuple[tuple[float, float], ...],
    time: float,
    points: int,
    out: Path | None,
) -> None:
    """Draw the phase portrait of a game of the catalogue; `gandyn games` lists them."""
    from gandyn.games import catalogue

    entry = catalogue.get(game)
    system = entry.make(**catalogue.parse_settings(game, settings))
    target = out or Path(f"{entry.name}.png")
    _draw_portrait(system, entry, start, time, points, target, ", ".join([system.label, *settings]))
    click.echo(f"{entry}\n{entry.reference}")
    for fact in entry.facts:
        click.echo(f"- {fact}")
    click.echo(f"portrait: {target}")


def _draw_portrait(
    system: System,
    entry: Any,
    starts: Sequence[tuple[float, float]],
    time: float,
    points: int,
    target: Path,
    title: str,
) -> None:
    from gandyn import plot
    from gandyn.field import UpdateMap
    from gandyn.planes import coordinate_plane, sample
    from gandyn.plot.figures import FORMATS, picture
    from gandyn.trajectories import trajectory

    if not target.parent.is_dir():
        raise ValueError(f"the folder {target.parent} does not exist; create it, or choose another --out")
    file_format = target.suffix.lstrip(".")
    if file_format not in FORMATS:
        raise ValueError(f"--out must end in one of {', '.join(FORMATS)}; got {target.name!r}")
    across, up = entry.slice_axes(system)
    plane = coordinate_plane(system.layout, across, up, entry.base_point(system))
    window = tuple(entry.window(name) for name in plane.names)
    drawn = replace(sample(system, plane, window, points=points), label=title)
    ends = {"n_steps": max(1, round(time / system.dt))} if isinstance(system, UpdateMap) else {"t_end": time}
    paths = [trajectory(system, plane.point(*place), **ends) for place in starts]
    draw = lambda ax: plot.portrait(ax, drawn, trajectories=paths)
    target.write_bytes(picture(draw, file_format=file_format, width=4.6, height=4.6))


def _refuse_existing(folder: Path, command: str) -> None:
    """Raise ValueError if the folder holds something, saying what to type instead."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / "settings.json").exists():
        raise ValueError(f"{folder} exists and is no run; choose another folder: gandyn {command} --out NAME")
    raise ValueError(
        f"{folder} holds a run; go on with it: gandyn train --resume --out {folder}; report on it: "
        f"gandyn report {folder}; or choose another folder: gandyn {command} --out NAME"
    )


def _existing_run(what: str, out: Path | None, options: Mapping[str, Any]) -> Run:
    from gandyn.nets import Run

    given = [
        f"--{name.replace('_', '-')}"
        for name, value in options.items()
        if value not in (None, ()) and name != "threads"
    ]
    if out is not None:
        given.append("--out")
    if not Path(what).is_dir():
        raise ValueError(
            f"{what!r} is neither a folder nor module:function; type the folder of a run, or for example "
            "my_module:make_gan"
        )
    if given:
        raise ValueError(
            f"{', '.join(given)} decide a training, but {what} is a run already made; leave them out, or "
            "name a factory module:function to train anew"
        )
    return Run(what)


def _plan(factory: str | None, folder: Path, resume: bool, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan of a training: that of the run taken up, or the default one, with the options."""
    from gandyn.nets import Run
    from gandyn.report import plans

    scale = options["value_range"]
    chosen = {} if scale is None else {"value_range": list(scale)}
    if resume and factory is None:
        plan = plans.plan_of(Run(folder))
        if options["data"] is not None or chosen or options["seed"] is not None:
            raise ValueError(
                f"--resume takes data and seed from {folder}; leave out --data, --value-range, --seed"
            )
    else:
        seed = options["seed"] or 0
        plan = plans.new_plan(factory, options["data"] or "digits", folder=Path.cwd(), seed=seed, **chosen)
    return plans.with_options(plan, options)


def _train_or_take_up(factory: str | None, folder: Path, options: Mapping[str, Any]) -> Run:
    """Train into a folder; a run there with the same plan is taken up, or taken as it is if it ended."""
    from gandyn.nets import Run
    from gandyn.report import plans

    if not (folder / "settings.json").exists():
        _refuse_existing(folder, "report")
        return _train(factory, folder, False, options)
    run, plan = Run(folder), _plan(factory, folder, False, options)
    differing = plans.differences(run, plan)
    if differing:
        raise ValueError(
            f"{folder} holds another run ({'; '.join(differing)}); report on it: gandyn report {folder}; or "
            "choose another folder: --out NAME"
        )
    if run.status["status"] in ("finished", "diverged"):
        click.echo(f"{folder} holds this run already: reporting on it")
        return run
    click.echo(f"{folder} holds this run, unfinished: going on with it")
    return _train(factory, folder, True, options)


def _train(factory: str | None, folder: Path, resume: bool, options: Mapping[str, Any]) -> Run:
    from gandyn.report import plans

    plan = _plan(factory, folder, resume, options)
    origin = plan["origin"]
    plans.use_threads(options["threads"], plan)
    click.echo(f"training {origin['factory']} on {origin['data']['name']}: {plan['steps']} steps -> {folder}")
    try:
        return plans.train(plan, folder, resume=resume)
    except KeyboardInterrupt as stop:
        if not (folder / "settings.json").exists():
            raise KeyboardInterrupt("nothing was written") from None
        again = f"gandyn train --resume --out {folder}"
        raise KeyboardInterrupt(
            f"{str(stop).partition(';')[0] or 'the last checkpoint is kept'}; go on: {again}; "
            f"report on what is there: gandyn report {folder}"
        ) from None


def _summary(run: Run) -> str:
    """Return in a line how a run stands."""
    status = run.status
    note = f" ({status['message']})" if status["message"] else ""
    last = f"; last good checkpoint at step {run.steps[-1]}" if status["status"] == "diverged" else ""
    return f"{run.folder}: {status['status']} at step {status['step']}{note}{last}"


if __name__ == "__main__":
    main()
