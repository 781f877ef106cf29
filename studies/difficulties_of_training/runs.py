"""The trainings: what is varied, one run folder each."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from tqdm import tqdm

from gandyn import nets
from gandyn.nets import Adam, Losses, Recipe, models
from gandyn.nets.losses import LinearSchedule, combined, feature_matching, nonsaturating
from gandyn.nets.optimizers import Optimizer
from gandyn.nets.runs import Run

LATENT, BATCH = 100, 32
INITIALIZATIONS: dict[str, tuple[Literal["normal", "xavier"], float]] = {
    "Xavier": ("xavier", 1.0), "N(0, .2)": ("normal", 0.2), "N(0, .02)": ("normal", 0.02),
}  # fmt: skip
BALANCES = ("G twice", "1:1", "D twice")
MATCHINGS = (
    "means alone", "samples alone", "samples beside D", "D first, samples later", "samples first, D later",
)  # fmt: skip


@dataclass(frozen=True)
class Stalled:
    """An update rule that waits: it moves at every second call, as if the others had not been.

    Args:
        rule: what it does when it moves.
    """

    rule: Adam
    memory: ClassVar[tuple[str, ...]] = Adam.memory

    @property
    def lr(self) -> float:
        """Step size of a move."""
        return self.rule.lr

    def step(
        self, theta: Tensor, gradient: Tensor, memory: tuple[Tensor, ...], count: int
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return new parameters and memory at odd counts, and the old ones at even counts."""
        if count % 2 == 0:
            return theta, memory
        return self.rule.step(theta, gradient, memory, (count + 1) // 2)


@dataclass(frozen=True)
class Case:
    """One way to train.

    Args:
        start: name of the initialisation.
        balance: steps of the generator to those of the discriminator.
        decay: decay of batch norm's running statistics.
        lr: step size of Adam, both players.
        generator_width: feature maps before the generator's last layer, over the discriminator's first.
        matching: how features are matched; "" for not at all.
        images: how many images of the data, a share, or a number where it is at least 1.
    """

    start: str = "N(0, .02)"
    balance: str = "1:1"
    decay: float = 0.9
    lr: float = 2e-4
    generator_width: float = 1.0
    matching: str = ""
    images: float = 1.0


REFERENCE = Case()


def cases() -> dict[str, Case]:
    """Return every way to train, by name; the reference is "N(0, .02), 1:1"."""
    grid = {f"{start}, {balance}": Case(start, balance) for start in INITIALIZATIONS for balance in BALANCES}
    return {
        **grid,
        **{f"{start}, lr .001": Case(start, lr=1e-3) for start in INITIALIZATIONS},
        **{
            f"G of {width:g} times the width": replace(REFERENCE, generator_width=width) for width in (0.5, 2)
        },
        **{f"feature matching: {how}": replace(REFERENCE, matching=how) for how in MATCHINGS},
        **{f"decay {decay:g}": replace(REFERENCE, decay=decay) for decay in (0.5, 0.99)},
        **{name: replace(REFERENCE, images=count) for name, count in (("64 images", 64), ("a tenth", 0.1))},
    }


@dataclass(frozen=True)
class Setting:
    """How large all is.

    Args:
        data: training images, shape (N, channels, size, size), in [-1, 1].
        held_out: images that no training sees.
        width: feature maps of the discriminator's first layer.
        steps: steps of the generator.
        seeds: trainings of each case.
    """

    data: Tensor
    held_out: Tensor
    width: int
    steps: int
    seeds: int

    @property
    def image_size(self) -> int:
        """Height and width of an image."""
        return int(self.data.shape[-1])


def build(case: Case, setting: Setting, seed: int) -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator of a case, as they start."""
    initialization, std = INITIALIZATIONS[case.start]
    generator, discriminator = models.dcgan(
        setting.image_size, width=setting.width, generator_width=round(case.generator_width * setting.width),
        latent_dim=LATENT, channels=setting.data.shape[1], momentum=round(1 - case.decay, 6),
        initialization=initialization, std=std, seed=100 * seed,
    )  # fmt: skip
    if not case.matching:
        return generator, discriminator
    last_nonlinearity = str(len(discriminator) - 3)
    return generator, models.with_features(discriminator, last_nonlinearity)


def losses_of(case: Case, setting: Setting) -> Losses:
    """Return what both players descend; the published weight of feature matching where it is beside D."""
    published = 0.1 * BATCH / (2 * setting.image_size**2)
    early, late = setting.steps // 4, setting.steps // 2
    by_samples = feature_matching(match="samples")
    ways: Mapping[str, Callable[[], Losses]] = {
        "": nonsaturating,
        "means alone": feature_matching,
        "samples alone": lambda: by_samples,
        "samples beside D": lambda: combined(nonsaturating(), by_samples, weight=published),
        "D first, samples later": lambda: combined(
            nonsaturating(), by_samples, weight=LinearSchedule(((early, 0.0), (late, published)))
        ),
        "samples first, D later": lambda: combined(
            nonsaturating(), by_samples, weight=LinearSchedule(((early, 100 * published), (late, published)))
        ),
    }
    return ways[case.matching]()


def recipe_of(case: Case, seed: int) -> Recipe:
    """Return the update rules of a case."""
    rule = Adam(case.lr, beta1=0.5)
    of_d: Optimizer = Stalled(rule) if case.balance == "G twice" else rule
    critic_steps = 2 if case.balance == "D twice" else 1
    return Recipe(optimizers=(rule, of_d), batch_size=BATCH, critic_steps=critic_steps, seed=seed)


def images_of(case: Case, setting: Setting) -> Tensor:
    """Return the images that a case trains on."""
    count = round(case.images * len(setting.data)) if case.images <= 1 else round(case.images)
    return setting.data[:count]


def train(case: Case, setting: Setting, seed: int, folder: Path) -> Run:
    """Return the run of a case in a folder, made, gone on with, or read if it is there already."""
    if (folder / "status.json").exists() and Run(folder).status["status"] in ("finished", "diverged"):
        return Run(folder)
    return nets.train(
        *build(case, setting, seed), losses_of(case, setting), images_of(case, setting), folder,
        steps=setting.steps, latent=nets.uniform_prior(LATENT), recipe=recipe_of(case, seed),
        checkpoint_every=max(1, setting.steps // 10), health=max(1, setting.steps // 40),
        resume=folder.exists(), progress=False, origin={"case": asdict(case)},
    )  # fmt: skip


def train_all(setting: Setting, folder: Path) -> dict[str, list[Run]]:
    """Return all runs by case, one for each seed."""
    torch.set_num_threads(1)
    found: dict[str, list[Run]] = {name: [] for name in cases()}
    keys = [(seed, name) for seed in range(setting.seeds) for name in cases()]
    for seed, name in tqdm(keys, desc="trainings", disable=None):
        place = folder / f"{name}, seed {seed}".replace("/", " ")
        found[name].append(train(cases()[name], setting, seed, place))
    return found
