"""A population of discriminators as a judge of samples: none decides alone; their spread is the error."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import tqdm

from gandyn.arrays import to_numpy
from gandyn.nets.datasets import Dataset
from gandyn.nets.maps import seeded_draws
from gandyn.nets.runs import Run

__all__ = ["Judgement", "judge", "judges_of", "train_judges"]


@dataclass(frozen=True, eq=False, repr=False)
class Judgement:
    """What a population of discriminators says of samples.

    Args:
        scores: shape (m,), mean score of the samples by each discriminator: its probability that they are
            real, or its plain output where ``logits`` was False.
        real_scores: shape (m,), the same of the real samples; NaN without any.
        preference: shape (m,), share of the pairs of a generated and a real sample in which a discriminator
            gives the generated one the higher score, ties counted half; 1/2 where it cannot tell them apart.
            Unlike a score it does not depend on how sure a discriminator is. NaN without real samples.
        samples: number of samples judged.
    """

    scores: np.ndarray
    real_scores: np.ndarray
    preference: np.ndarray
    samples: int

    @property
    def mean(self) -> float:
        """Mean score of the samples over the population."""
        return float(self.scores.mean())

    @property
    def standard_error(self) -> float:
        """Its standard error over the population; NaN for a single discriminator."""
        return _standard_error(self.scores)

    @property
    def mean_preference(self) -> tuple[float, float]:
        """Mean over the population of the preference, and its standard error."""
        return float(self.preference.mean()), _standard_error(self.preference)

    def __str__(self) -> str:
        text = f"Judgement by {len(self.scores)}: score {self.mean:.3f} +- {self.standard_error:.3f}"
        if np.isfinite(self.preference).all():
            text += ", preferred to real in {:.1%} +- {:.1%} of pairs".format(*self.mean_preference)
        return text

    __repr__ = __str__


def _standard_error(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def judge(
    samples: Tensor,
    discriminators: Iterable[nn.Module],
    *,
    real: Tensor | None = None,
    logits: bool = True,
    batch_size: int = 512,
) -> Judgement:
    """Return what a population of discriminators says of samples.

    A generator is trained against the last discriminator and fools it; discriminators of other times and
    other runs have not been fooled. They are put into evaluation mode for the call and left as they were.
    Scores over a population are not independent where its members come from one run, so that the standard
    error is a lower bound there.

    Args:
        samples: shape (N, ...), what the discriminators take: points or images.
        discriminators: the population, one or more modules that return (N,) or (N, 1).
        real: shape (M, ...), real samples to compare with; they should not be those that trained the judges.
        logits: the discriminators return logits; False for critics and for networks that end in a sigmoid,
            whose outputs are taken as they are.
        batch_size: samples in a forward pass.

    Returns:
        The judgement.

    Raises:
        ValueError: no samples, no discriminator, an output of another shape, or one that is not finite.

    Source: Guttenberg 2016 (comments); Olsson, Bhupatiraju, Brown, Odena and Goodfellow 2018, "Skill rating".

    Example:
        >>> confident, doubtful = nn.Linear(1, 1), nn.Linear(1, 1)
        >>> for module, slope in ((confident, 9.0), (doubtful, 0.1)):
        ...     _ = nn.init.constant_(module.weight, slope), nn.init.zeros_(module.bias)
        >>> found = judge(torch.tensor([[-1.0], [-2.0]]), [confident, doubtful], real=torch.tensor([[1.0]]))
        >>> found.preference, found.scores.round(3)
        (array([0., 0.]), array([0.   , 0.463]))
    """
    if not len(samples) or (real is not None and not len(real)):
        raise ValueError("judge needs at least one sample, and one real sample where real is given")
    rows = []
    for module in discriminators:
        fake = _scores(module, samples, logits, batch_size)
        true = np.full(1, np.nan) if real is None else _scores(module, real, logits, batch_size)
        rows.append((_link(fake, logits).mean(), _link(true, logits).mean(), _preference(fake, true)))
    if not rows:
        raise ValueError("discriminators must hold at least one module")
    scores, real_scores, preference = np.array(rows, dtype=float).T
    return Judgement(scores, real_scores, preference, len(samples))


def _scores(module: nn.Module, samples: Tensor, logits: bool, batch_size: int) -> np.ndarray:
    """Return a discriminator's outputs, shape (N,), float64; the module stays in its mode."""
    frozen = copy.deepcopy(module).eval()
    like = next(frozen.parameters(), samples)
    with torch.no_grad():
        parts = [frozen(part.to(like)).double() for part in samples.split(batch_size)]
    values = torch.cat(parts)
    if values.ndim not in (1, 2) or values.numel() != len(samples):
        raise ValueError(
            f"a discriminator must return (N,) or (N, 1), got {tuple(values.shape)} for N = {len(samples)}"
        )
    if not bool(torch.isfinite(values).all()):
        raise ValueError("a discriminator returned values that are not finite; leave it out")
    return to_numpy(values.reshape(-1))


def _link(values: np.ndarray, logits: bool) -> np.ndarray:
    """Return probabilities of logits; other scores as they are."""
    from scipy.special import expit

    return np.asarray(expit(values)) if logits else values


def _preference(fake: np.ndarray, real: np.ndarray) -> float:
    """Return the share of pairs with the higher score for the first, from ranks (Mann and Whitney 1947)."""
    if np.isnan(real).any():
        return float("nan")
    order = np.sort(real)
    below, upto = np.searchsorted(order, fake, side="left"), np.searchsorted(order, fake, side="right")
    return float(np.mean(below + upto) / (2 * len(real)))


def judges_of(
    runs: Run | Sequence[Run], discriminator: nn.Module, steps: Iterable[int] | None = None
) -> list[nn.Module]:
    """Return the discriminators at checkpoints of runs, as a population of judges.

    Args:
        runs: one run or several.
        discriminator: a module of the structure of theirs; it is copied, not changed.
        steps: checkpoints to take from each run; the default is all but the untrained one at step 0.

    Raises:
        ValueError: no checkpoint.
        RunError: no checkpoint at one of the steps.

    Example:
        >>> import tempfile
        >>> from gandyn.nets import datasets, losses, models, train
        >>> g, d = models.mlp_gan(2, hidden=(8,), latent_dim=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     run = train(g, d, losses.nonsaturating(), datasets.ring(), f"{folder}/run", steps=20)
        ...     len(judges_of(run, d))
        10
    """
    chosen = None if steps is None else list(steps)
    judges = []
    for run in [runs] if isinstance(runs, Run) else runs:
        for step in [step for step in run.steps if step > 0] if chosen is None else chosen:
            judges.append(copy.deepcopy(discriminator))
            judges[-1].load_state_dict(run.checkpoint(step).discriminator)
    if not judges:
        raise ValueError("the runs have no checkpoint after step 0; train longer, or pass steps=[0]")
    return judges


def train_judges(
    discriminators: Sequence[nn.Module],
    real: Tensor | Dataset,
    samples: Tensor,
    *,
    steps: int = 500,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    progress: bool | None = None,
) -> list[nn.Module]:
    """Return copies of discriminators trained beside a generator, to tell its samples from real ones.

    Each minimises the cross-entropy of its logits by Adam on minibatches of its own. Judges that were trained
    on the samples of many generators, or of many checkpoints, judge those of any.

    Args:
        discriminators: modules that return logits, such as one structure with several seeds; not changed.
        real: real samples of shape (N, ...).
        samples: generated samples of shape (M, ...).
        steps: steps of each.
        batch_size: real samples in a minibatch, and as many generated ones.
        lr: learning rate.
        seed: seed of the minibatches.
        progress: show a progress bar; the default is on a terminal only.

    Returns:
        The trained copies.

    Raises:
        ValueError: no discriminator, or a count or rate that is not positive.

    Example:
        >>> _ = torch.manual_seed(0)
        >>> judges = train_judges([nn.Linear(1, 1)], torch.ones(9, 1), -torch.ones(9, 1), lr=0.1, steps=50)
        >>> float(judge(-torch.ones(3, 1), judges).scores[0]) < 0.05
        True
    """
    if not discriminators or min(steps, batch_size, lr) <= 0:
        raise ValueError("pass at least one discriminator, and positive steps, batch_size and lr")
    true = real.images if isinstance(real, Dataset) else real
    judges = [copy.deepcopy(module).train() for module in discriminators]
    disable = None if progress is None else not progress
    for index, module in enumerate(tqdm(judges, desc="judges", disable=disable)):
        _train_judge(module, true, samples, steps, batch_size, lr, seeded_draws(seed, index))
    return [module.eval() for module in judges]


def _train_judge(
    module: nn.Module, real: Tensor, fake: Tensor, steps: int, size: int, lr: float, draws: torch.Generator
) -> None:
    rule = torch.optim.Adam(module.parameters(), lr)
    like = next(module.parameters())
    target = torch.cat([torch.ones(size), torch.zeros(size)]).to(like)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draws.initial_seed())
        for _ in range(steps):
            parts = [part[torch.randint(len(part), (size,), generator=draws)] for part in (real, fake)]
            rule.zero_grad()
            output = module(torch.cat(parts).to(like)).reshape(-1)
            binary_cross_entropy_with_logits(output, target).backward()
            rule.step()
