"""The command line and the report, end to end on tiny runs."""

import json
import re
import textwrap

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from gandyn import load, nets, save
from gandyn.cli import main
from gandyn.report.verdict import _gradients

SMALL = ["--steps", "6", "--batch-size", "16", "--checkpoint-every", "2"]
QUICK = ["--samples", "8", "--grid", "3", "--eigenvalues", "1"]

MODULE = """
    import torch
    from torch import nn
    from gandyn.nets import models

    def make_gan():
        layers = nn.Linear(4, 64), nn.BatchNorm1d(64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8))
        generator = nn.Sequential(*layers)
        generator.latent_dim = 4
        layers = nn.Flatten(), nn.Linear(64, 3), nn.Softplus(), nn.Dropout(0.2), nn.Linear(3, 1)
        return generator, nn.Sequential(*layers)

    def labelled():
        return models.acgan(8, channels=1, width=2, latent_dim=4)

    def no_latent():
        return nn.Linear(4, 2), nn.Linear(2, 1)

    def broken():
        raise RuntimeError("weights not found")
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_gan.py").write_text(textwrap.dedent(MODULE))
    return tmp_path


def gandyn(*arguments):
    return CliRunner().invoke(main, list(arguments))


def watch(run):
    """Leave beside a run what a monitor saw of modules that stand still, and a saved ensemble."""
    modules = nn.Linear(1, 1), nn.Linear(1, 1)
    monitor = nets.Monitor(*modules, every=1, folder=run)
    for _ in range(30):
        monitor.step(0.5, 0.6)
    rules = nets.Recipe(optimizers=(nets.SGD(0.1), nets.SGD(0.1)), batch_size=8)
    found = nets.ensemble(
        *modules, nets.losses.nonsaturating(), torch.rand(16, 1), latent=1, steps=4, recipe=rules, copies=2,
        progress=False,
    )  # fmt: skip
    save(found, run / "ensemble")


def test_a_report_on_own_modules_is_one_page_with_its_numbers_beside_it(folder):
    result = gandyn("report", "own_gan:make_gan", "--out", "run", *SMALL, *QUICK)
    assert result.exit_code == 0, result.output
    page = (folder / "run" / "report" / "report.html").read_text()
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)
    assert "url(http" not in page
    assert page.count("data:image/") >= 8
    for heading in ("Verdict", "What was run", "Training", "Samples", "eigenvalues", "does not show"):
        assert heading.lower() in page.lower()
    numbers = json.loads((folder / "run" / "report" / "report.json").read_text())
    assert len(numbers["spectra"]) >= 3
    assert numbers["left_out"] == {}
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert f"of {numbers['landscapes']['generator']['points']} points" in text
    assert f"{numbers['landscapes']['generator']['center']:.3g}" in text
    for name in numbers["files"]:
        load(folder / "run" / "report" / name)


def test_a_report_on_a_gan_with_labels_leaves_nothing_out(folder):
    result = gandyn("report", "own_gan:labelled", "--loss", "acgan", "--out", "run", *SMALL, *QUICK)
    assert result.exit_code == 0, result.output
    numbers = json.loads((folder / "run" / "report" / "report.json").read_text())
    assert numbers["left_out"] == {}
    assert numbers["landscapes"]["generator"]["nonfinite"] == 0
    result = gandyn("landscape", "run", "--points", "3", "--samples", "8", "--measures", "field,accuracy")
    assert result.exit_code == 0, result.output


def test_a_report_tells_vanishing_gradients_and_shows_what_was_watched(folder):
    result = gandyn("report", "own_gan:make_gan", "--out", "run", "--health", "2", *SMALL, *QUICK)
    assert result.exit_code == 0, result.output
    run, numbers = nets.Run("run"), json.loads((folder / "run" / "report" / "report.json").read_text())
    assert list(run.health.steps) == [0, 2, 4]
    page = (folder / "run" / "report" / "report.html").read_text()
    assert "Leverage of each layer over training" in page

    record = load(folder / "run" / "report" / "health.npz")
    assert numbers["health"]["coherence"]["generator"] == record.coherence[0, 0]
    assert [layer["leverage"] for layer in numbers["health"]["layers"]] == list(record.leverage[0])
    assert record.layers == tuple(run.settings["blocks"])

    assert numbers["verdict"]["findings"][1]["text"].startswith("The generator is ")


@pytest.mark.parametrize(
    ("states", "tone"),
    [
        (("learning", "vanishing"), "bad"),
        (("undecided", "learning"), "open"),
        (("converged", "converged"), "good"),
        (("learning", "learning"), "good"),
    ],
)
def test_a_vanishing_gradient_is_bad_news_and_a_converged_one_is_not(states, tone):
    players = ("generator", "discriminator")
    verdict, why = dict(zip(players, states, strict=True)), dict.fromkeys(players, "because")
    finding = _gradients({"health": {"verdict": verdict, "why": why}})
    assert finding.tone == tone
    assert ("equilibrium" in finding.text) == (set(states) == {"converged"})


def test_a_run_is_trained_interrupted_by_its_length_taken_up_and_reported_on(folder):
    assert gandyn("train", "own_gan:make_gan", "--out", "run", *SMALL).exit_code == 0
    assert "gandyn train --resume --out run" in gandyn("train", "own_gan:make_gan", "--out", "run").output
    longer = gandyn("train", "--resume", "--out", "run", "--steps", "8")
    assert longer.exit_code == 0, longer.output
    assert "finished at step 8" in longer.output
    watch(folder / "run")
    result = gandyn("report", "run", *QUICK)
    assert result.exit_code == 0, result.output
    page = (folder / "run" / "report" / "report.html").read_text()
    section = page[page.index('id="nearby"') : page.index('id="rotation"')]
    assert section.count("<img") == 2
    assert "<strong>settling</strong>" in section


def test_a_diverged_run_says_so_and_is_reported_on_at_its_last_good_checkpoint(folder):
    options = ["--loss", "wasserstein", "--optimizer", "sgd", "--lr", "1e4", "--checkpoint-every", "1"]
    result = gandyn(
        "train", "own_gan:make_gan", "--out", "run", "--steps", "60", "--batch-size", "16", *options
    )
    assert result.exit_code not in (0, 1)
    assert "diverged at step" in result.output
    assert "last good checkpoint" in result.output
    reported = gandyn("report", "run", *QUICK)
    assert reported.exit_code == 0, reported.output
    assert "diverged" in (folder / "run" / "report" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "nowhere"], "neither a folder nor module:function"),
        (["report", "no_such_module:make_gan"], "no_such_module"),
        (["report", "own_gan:make_gun"], "make_gun"),
        (["report", "own_gan:broken"], "weights not found"),
        (["train", "own_gan:no_latent"], "latent"),
        (["train", "--data", "minst"], "did you mean 'mnist'"),
        (["train", "--loss", "softmax"], "loss must be one of"),
        (["train", "--penalty", "r3(1)"], "penalty must be one of"),
        (["train", "--optimizer", "adamw"], "optimizer must be one of"),
        (["train", "--order", "both"], "order must be one of"),
        (["train", "--steps", "0"], "steps must be at least 1"),
        (["train", "--batch-size", "100000"], "more than the 1797 samples"),
        (["train", "--threads", "0"], "--threads must be at least 1"),
        (["train", "--data", "ring"], "own, module:function"),
        (["train", "--resume", "--out", "nowhere"], "no such file; expected a run folder"),
        (["portrait", "dirak"], "dirac"),
        (["portrait", "dirac-r1", "--set", "gama=1"], "gamma"),
        (["portrait", "dirac-r1", "--out", "x.bmp"], "must end in one of"),
    ],
)
def test_a_bad_command_line_gets_one_clear_line_and_writes_nothing(folder, arguments, message):
    before = sorted(path.name for path in folder.iterdir())
    result = gandyn(*arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert "Traceback" not in result.output
    after = sorted(path.name for path in folder.iterdir() if path.name != "__pycache__")
    assert after == before


def test_games_are_listed_and_drawn(folder):
    listed = gandyn("games").output
    assert len(listed.splitlines()) >= 30
    drawn = gandyn("portrait", "dirac-r1", "--set", "gamma=.3", "--start", "1", "1", "--points", "15")
    assert drawn.exit_code == 0, drawn.output
    assert (folder / "dirac-r1.png").read_bytes().startswith(b"\x89PNG")
