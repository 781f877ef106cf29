"""A small convolutional classifier, trained on real pictures only: the judge of classes asked for."""

from __future__ import annotations

import itertools
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gandyn.nets import generate
from studies.dcgan_wgan_acgan.runs import Pictures, data_of

_BATCH, _RATE = 100, 2e-3


def _untrained(pictures: Pictures, seed: int) -> nn.Module:
    channels, size, _ = data_of(pictures, "train").sample_shape
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise([channels, 24, 48, 96]):
            layers += [nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)]
        return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.3), nn.Linear(96 * (size // 8) ** 2, 10))


def classifier(pictures: Pictures, epochs: int, seed: int, folder: Path) -> nn.Module:
    """Return a classifier of the real pictures, from the folder if it lies there."""
    net, place = _untrained(pictures, seed), folder / f"{pictures}, classifier, {seed}.safetensors"
    if not place.exists():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            _fit(net, pictures, epochs)
        save_file(net.state_dict(), place)
    net.load_state_dict(load_file(place))
    return net.eval()


def _fit(net: nn.Module, pictures: Pictures, epochs: int) -> None:
    data = data_of(pictures, "train")
    assert data.labels is not None
    steps = epochs * (len(data) // _BATCH)
    rule = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(rule, _RATE, total_steps=steps)
    batches = (torch.randperm(len(data)).split(_BATCH)[: len(data) // _BATCH] for _ in range(epochs))
    for chosen in itertools.chain.from_iterable(batches):
        loss = nn.functional.cross_entropy(net(data.images[chosen]), data.labels[chosen])
        rule.zero_grad()
        loss.backward()
        rule.step()
        schedule.step()


def says(judge: nn.Module, images: Tensor) -> Tensor:
    """Return the classes that a classifier sees, shape (N,)."""
    return generate(judge, images).argmax(1)


def accuracy(judge: nn.Module, pictures: Pictures) -> float:
    """Return the classifier's accuracy on test pictures."""
    test = data_of(pictures, "test")
    assert test.labels is not None
    return float((says(judge, test.images) == test.labels).float().mean())
