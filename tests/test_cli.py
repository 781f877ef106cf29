"""The command line: what it writes, what it refuses and how it says so."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gandyn import load, nets
from gandyn.cli import main

MODULE = """
from torch import nn


def make_gan():
    generator = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 2))
    generator.latent_dim = 2
    return generator, nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))


def no_latent_dim():
    return nn.Linear(2, 2), nn.Linear(2, 1)


def one_module():
    return nn.Linear(2, 2)


def not_modules():
    return "generator", "discriminator"


def broken():
    raise RuntimeError("this factory is broken")
"""
QUICK = ["--samples", "32", "--grid", "3", "--eigenvalues", "2"]
OWN = ["tiny_gan_for_tests:make_gan", "--data", "ring"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a module of factories."""
    (tmp_path / "tiny_gan_for_tests.py").write_text(MODULE)
    (tmp_path / "does_not_import.py").write_text("import a_module_that_is_not_there\n")
    (tmp_path / "not_python.py").write_text("def (:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return tmp_path


@pytest.fixture(autouse=True)
def forget_modules():
    """Import the factories of each test anew."""
    yield
    sys.modules.pop("tiny_gan_for_tests", None)


def gandyn(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def ok(*arguments):
    result = gandyn(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments, code=1):
    result = gandyn(*arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, result.output
    return errors[0]


# Starting up


def test_the_command_line_starts_without_any_heavy_library():
    code = "import sys, gandyn.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    roots = {name.split(".")[0] for name in loaded.stdout.split()}
    assert not roots & {"torch", "sympy", "numba", "matplotlib", "scipy", "sklearn", "jinja2", "tqdm"}


def test_help_names_every_command():
    output = ok("--help")
    assert all(name in output for name in ("report", "train", "spectrum", "landscape", "games", "portrait"))
    shared = ("--penalty", "--lr-discriminator", "--checkpoint-every", "--value-range")
    assert all(option in ok(command, "--help") for command in ("train", "report") for option in shared)


# Training


def test_train_writes_a_run_of_the_users_own_modules(folder):
    output = ok(
        "train", *OWN, "--steps", 6, "--out", "run", "--loss", "hinge", "--penalty", "r1(2)", "--penalty",
        "r2(1)", "--optimizer", "rmsprop", "--lr", 0.01, "--lr-discriminator", 0.02, "--alpha", 0.9,
        "--batch-size", 16, "--order", "generator first", "--critic-steps", 2, "--clip", 3, "--seed", 5,
        "--checkpoint-every", 2,
    )  # fmt: skip
    run = nets.Run("run")
    assert "finished at step 6" in output
    assert run.steps == [0, 2, 4, 6]
    assert run.settings["losses"] == {"name": "hinge", "halves": "sum", "penalties": ["r1(2)", "r2(1)"]}
    recipe = run.settings["recipe"]
    assert recipe["optimizers"]["generator"] == {"name": "rmsprop", "lr": 0.01, "alpha": 0.9, "eps": 1e-8}
    assert recipe["optimizers"]["discriminator"]["lr"] == 0.02
    rest = {"batch_size": 16, "order": "generator first", "critic_steps": 2, "clip": 3.0, "seed": 5}
    assert {name: recipe[name] for name in rest} == rest
    assert run.settings["origin"]["path"] == str(folder)


def test_the_built_in_gan_fits_the_images_and_takes_its_own_recipe(folder):
    ok("train", "--steps", 1, "--out", "run", "--latent", 3)
    settings = nets.Run("run").settings
    assert settings["data"]["name"] == "digits"
    assert settings["latent"] == 3
    assert settings["blocks"]["generator.0.weight"][1] == 3
    assert settings["losses"]["penalties"] == ["r1(0.1)"]
    assert settings["recipe"]["optimizers"]["generator"]["lr"] == 1e-3


def test_the_same_seed_gives_the_same_run_and_another_seed_another(folder):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        ok("train", *OWN, "--steps", 2, "--out", name, "--seed", seed)
    first, same, other = (Path(name, "history.csv").read_text() for name in "abc")
    assert first == same
    assert first != other


def test_a_penalty_of_the_default_can_be_taken_away(folder):
    ok("train", "--steps", 1, "--out", "run", "--penalty", "none")
    assert nets.Run("run").settings["losses"]["penalties"] == []


def test_a_run_is_resumed_with_its_own_settings_to_the_bits_of_an_uninterrupted_one(folder):
    options = ["--lr", 0.003, "--penalty", "r1(1)", "--checkpoint-every", 3]
    ok("train", *OWN, *options, "--steps", 9, "--out", "whole")
    ok("train", *OWN, *options, "--steps", 4, "--out", "parts")
    os.chdir(folder.parent)
    ok("train", "--resume", "--out", folder / "parts", "--steps", 9)
    whole, parts = nets.Run(folder / "whole"), nets.Run(folder / "parts")
    assert (folder / "whole/history.csv").read_text() == (folder / "parts/history.csv").read_text()
    for name, tensor in whole.checkpoint().generator.items():
        assert tensor.equal(parts.checkpoint().generator[name])


def test_a_diverged_run_says_the_step_and_exits_with_a_code_of_its_own(folder):
    result = gandyn(
        "train", *OWN, "--steps", 80, "--out", "run", "--loss", "least_squares", "--optimizer", "sgd",
        "--lr", 1e4, "--checkpoint-every", 1,
    )  # fmt: skip
    run = nets.Run("run")
    assert run.status["status"] == "diverged"
    assert result.exit_code == 3
    assert f"diverged at step {run.status['step']} (step {run.status['step']}: " in result.output
    assert f"last good checkpoint at step {run.steps[-1]}" in result.output
    assert f"report: {Path('run/report/report.html')}" in ok("report", "run", *QUICK)
    page = Path("run/report/report.html").read_text()
    assert "This run is diverged" in page
    assert "last good checkpoint" in page


# Reporting


def test_report_trains_the_users_own_modules_then_takes_the_run_as_it_is(folder):
    first = ok("report", *OWN, "--steps", 6, "--out", "run", *QUICK)
    assert "6 steps -> run" in first
    assert Path("run/report/report.html").stat().st_size > 10_000
    again = ok("report", *OWN, "--steps", 6, "--out", "run", *QUICK)
    assert "holds this run already" in again
    assert "training" not in again
    assert "finished at step 6" in ok("report", "run", *QUICK)


def test_report_goes_on_with_the_same_run_where_it_is_unfinished(folder):
    ok("train", *OWN, "--steps", 6, "--checkpoint-every", 2, "--out", "run")
    status = Path("run/status.json")
    status.write_text(status.read_text().replace("finished", "running"))
    output = ok("report", *OWN, "--steps", 6, "--checkpoint-every", 2, "--out", "run", *QUICK)
    assert "unfinished: going on with it" in output
    assert "finished at step 6" in output


def test_a_report_from_another_folder_finds_the_module_where_the_run_was_made(folder):
    ok("train", *OWN, "--steps", 4, "--out", "run")
    del sys.modules["tiny_gan_for_tests"]
    os.chdir(folder.parent)
    assert "report: " in ok("report", folder / "run", *QUICK)


# Landscapes


def test_landscape_writes_a_store_and_pictures_and_goes_on_with_the_store(folder):
    ok("train", *OWN, "--steps", 4, "--out", "run")
    output = ok("landscape", "run", "--points", 9, "--samples", 16)
    assert "computing in this process" in output
    found = load("run/landscape.zarr")
    assert found.losses.shape == (2, 9, 9)
    assert found.plane.names == ("discriminator, filter-normalised", "generator, filter-normalised")
    assert found.velocity is not None
    names = [f"landscape_{name}.png" for name in ("generator", "discriminator", "field", "generator_surface")]
    assert all(Path("run", name).read_bytes()[1:4] == b"PNG" for name in names)
    place = Path("run/landscape.zarr/record/checksum/c/1/0")
    before = place.read_bytes()
    place.unlink()
    ok("landscape", "run", "--points", 9, "--samples", 16)
    assert place.read_bytes() == before
    assert "seed: 0, asked for: 1" in refused("landscape", "run", "--points", 9, "--samples", 16, "--seed", 1)


def test_landscape_on_the_plane_of_the_checkpoints_by_workers_equals_the_serial_one(folder):
    ok("train", *OWN, "--steps", 6, "--checkpoint-every", 1, "--lr", 0.05, "--out", "run")
    options = ["run", "--plane", "pca", "--points", 9, "--samples", 16, "--measures", "accuracy, samples"]
    ok("landscape", *options, "--out", "serial.zarr")
    output = ok("landscape", *options, "--out", "workers.zarr", "--workers", 2, "--memory", "1GiB")
    assert "computing in a local Dask cluster of 2 processes" in output
    serial, workers = load("serial.zarr"), load("workers.zarr")
    assert serial.plane.kind == "principal components"
    for name in ("losses", "accuracy", "samples"):
        np.testing.assert_array_equal(getattr(workers, name), getattr(serial, name))
    assert workers.velocity is None


def test_landscape_refuses_in_one_line(folder):
    ok("train", *OWN, "--steps", 2, "--out", "run")
    for options, words in (
        (["--plane", "random"], "plane must be one of"),
        (["--measures", "speed"], "measures must be one of"),
        (["--checkpoint", 99], "run has no checkpoint 99"),
        (["--workers", 0], "--workers must be at least 1"),
        (["--workers", 2, "--scheduler", "tcp://x:1"], "pass one"),
        (["--out", "x.npz"], "ends in .zarr"),
        (["--points", 0], "points must be a positive integer"),
        (["--memory", "much"], 'such as "4GiB", got'),
        (["--memory", "1kB"], "memory"),
    ):
        assert words in refused("landscape", "run", *options)
    assert not list(Path("run").glob("*.zarr"))


# Refusals


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "tiny_gan_for_tests:nothing"], "has no function 'nothing'; it has "),
        (["train", "no_such_module:make"], "no module 'no_such_module'"),
        (["train", "does_not_import:make"], "importing does_not_import failed"),
        (["train", "not_python:make"], "not_python.py, line 1): SyntaxError"),
        (["train", "tiny_gan_for_tests"], "expected a factory as module:function"),
        (
            ["train", "tiny_gan_for_tests:broken"],
            "tiny_gan_for_tests.py, line 24): RuntimeError: this factory",
        ),
        (["train", "tiny_gan_for_tests:one_module"], "must return (generator, discriminator)"),
        (["train", "tiny_gan_for_tests:not_modules"], "the generator must be a torch.nn.Module, got str"),
        (["train", "tiny_gan_for_tests:no_latent_dim", "--data", "ring"], "latents' dimension is not known"),
        (["train", *OWN, "--data", "digits"], "samples of shape (2,), the data have (1, 8, 8)"),
        (["train", "--data", "ring"], "Name a factory of your own"),
        (["train", "--data", "minst"], "did you mean 'mnist'?"),
        (["train", *OWN, "--loss", "cross"], "loss must be one of"),
        (["train", *OWN, "--penalty", "r3(1)"], "penalty must be one of"),
        (["train", *OWN, "--penalty", "r1(a)"], "expected numbers"),
        (["train", *OWN, "--optimizer", "lion"], "optimizer must be one of"),
        (["train", *OWN, "--optimizer", "sgd", "--beta1", 0.9], "sgd has no setting ['beta1']"),
        (["train", *OWN, "--lr", -1], "lr must be at least 0"),
        (["train", *OWN, "--order", "random"], "order must be one of"),
        (["train", *OWN, "--batch-size", 5000], "more than the 2000 samples"),
        (["train", *OWN, "--steps", 0], "steps must be at least 1"),
        (["train", *OWN, "--latent", 3], "the generator does not run on inputs of shape"),
        (["train", "--resume", "--out", "nowhere"], "nowhere/settings.json: no such file"),
        (["report", "nowhere"], "neither a folder nor module:function"),
        (["report", "--samples", 1], "samples must be at least 4, got 1"),
        (["report", "."], "settings.json: no such file; expected a run folder"),
        (["portrait", "lorentz"], "did you mean lorenz?"),
        (["portrait", "dirac-r1", "--set", "gama=1"], "did you mean gamma"),
        (["portrait", "dirac-r1", "--set", "gamma"], "a setting is written name=value"),
        (["portrait", "logistic"], "it has no plane to slice"),
        (["portrait", "dirac-r1", "--out", "x.gif"], "--out must end in one of png, svg, pdf"),
        (["portrait", "dirac-r1", "--out", "nowhere/x.png"], "the folder nowhere does not exist"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else "",
)
def test_a_mistake_is_answered_in_one_line_before_anything_is_written(folder, arguments, message):
    assert message in refused(*arguments)
    assert not Path("gandyn-run").exists()


def test_a_folder_that_holds_something_is_not_overwritten(folder):
    Path("full").mkdir()
    Path("full/notes.txt").write_text("mine")
    for command in ("train", "report"):
        assert "full exists and is no run" in refused(command, *OWN, "--out", "full")
    ok("train", *OWN, "--steps", 2, "--out", "run")
    assert "gandyn train --resume --out run" in refused("train", *OWN, "--steps", 2, "--out", "run")
    other = refused("report", *OWN, "--steps", 3, "--out", "run")
    assert "its steps: 2, asked for: 3" in other
    assert "gandyn report run" in other
    assert "its losses: " in refused("report", *OWN, "--steps", 2, "--loss", "hinge", "--out", "run")
    assert os.listdir("full") == ["notes.txt"]


def test_settings_of_a_training_are_refused_for_a_run_already_made(folder):
    ok("train", *OWN, "--steps", 2, "--out", "run")
    assert "--lr, --out decide a training" in refused("report", "run", "--lr", 1, "--out", "other")
    assert "takes data and seed from run" in refused("train", "--resume", "--out", "run", "--seed", 1)
    changed = refused("train", "--resume", "--out", "run", "--lr", 0.5)
    assert "made with other settings: recipe was" in changed


def test_a_run_made_from_python_without_an_origin_says_how_to_report_on_it(folder):
    generator, discriminator = nets.models.conv_gan(8, width=2, latent_dim=2)
    data = nets.datasets.digits()
    nets.train(generator, discriminator, nets.losses.hinge(), data, "run", steps=2, progress=False)
    message = "run does not say how its modules are made"
    assert message in refused("report", "run")
    assert message in refused("train", "--resume", "--out", "run", "--steps", 4)


def test_traceback_shows_where_an_error_came_from(folder):
    result = gandyn("--traceback", "train", *OWN, "--loss", "cross")
    assert isinstance(result.exception, ValueError)


# Ctrl-C


def test_ctrl_c_saves_says_how_to_go_on_and_what_it_says_works(folder):
    command = [sys.executable, "-m", "gandyn.cli", "train", *OWN, "--steps", "100000", "--out", "run"]
    process = subprocess.Popen([*command, "--checkpoint-every", "5"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not Path("run/checkpoints/00000005").exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    message = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    run = nets.Run("run")
    assert run.status["status"] == "interrupted"
    step = run.status["step"]
    assert f"interrupted: saved at step {step} of 100000 in run; go on: gandyn train --resume" in message
    assert "Traceback" not in message
    assert f"finished at step {step + 3}" in ok("train", "--resume", "--out", "run", "--steps", step + 3)


def test_ctrl_c_during_the_analysis_keeps_the_run_and_says_how_to_report_on_it(folder, monkeypatch):
    from gandyn import report

    def stop(*_, **__):
        raise KeyboardInterrupt

    ok("train", *OWN, "--steps", 2, "--out", "run")
    monkeypatch.setattr(report, "write", stop)
    result = gandyn("report", "run")
    assert result.exit_code == 130
    assert "no report was written; the run is kept: gandyn report run" in result.stderr


# Games


def test_games_lists_the_catalogue_a_line_each():
    from gandyn.games import catalogue

    lines = ok("games").splitlines()
    assert [line.split()[0] for line in lines] == [entry.name for entry in catalogue.entries()]


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_portrait_draws_a_game_with_its_settings_and_says_what_is_known(folder, suffix):
    arguments = ["--set", "gamma=.3", "--start", 1, 1, "--time", 5, "--points", 9, "--out", f"x.{suffix}"]
    output = ok("portrait", "dirac-r1", *arguments)
    assert "critical damping at gamma = 1" in output
    start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[suffix]
    assert Path(f"x.{suffix}").read_bytes().startswith(start)


def test_portrait_draws_maps_and_slices_of_larger_systems(folder):
    ok("portrait", "henon", "--points", 9, "--start", 0, 0)
    ok("portrait", "lorenz", "--points", 9)
    assert {path.name for path in Path().glob("*.png")} == {"henon.png", "lorenz.png"}


# The spectrum of a checkpoint


def test_spectrum_prints_a_table_and_writes_its_numbers_and_a_figure(folder):
    ok("train", *OWN, "--steps", 4, "--out", "run", "--checkpoint-every", 2, "--batch-size", 16)
    output = ok("spectrum", "run", "--samples", 32, "--eigenvalues", 2)
    numbers = json.loads((folder / "run" / "spectrum" / "00000004.json").read_text())
    kind = numbers["character"]
    assert f"step 4: {kind['verdict']}" in output
    assert output.count("own curvature of the") == 2
    assert kind["batches"] == 3
    assert sum(kind["shares"].values()) == pytest.approx(1)
    assert (folder / "run" / "spectrum" / "00000004.png").read_bytes().startswith(b"\x89PNG")
    again = ok("spectrum", "run", "--checkpoint", 2, "--samples", 32, "--eigenvalues", 2)
    earlier = json.loads((folder / "run" / "spectrum" / "00000002.json").read_text())
    assert "step 2:" in again
    assert earlier["eigenvalues"] != numbers["eigenvalues"]


def test_spectrum_refuses_what_is_no_run_or_checkpoint(folder):
    ok("train", *OWN, "--steps", 2, "--out", "run", "--checkpoint-every", 1)
    assert "has no checkpoint 7; it has [0, 1, 2]" in refused("spectrum", "run", "--checkpoint", 7)
    assert "neither a folder" in refused("spectrum", "nowhere")
