"""The networks of the documents: shapes, sizes as printed, and the layers that torch lacks."""

import itertools

import pytest
import torch
from torch import nn

from gandyn.nets import models

MAKERS = {"dcgan": models.dcgan, "cifar_gan": models.cifar_gan, "acgan": models.acgan}


def kernels(module):
    """Number of output maps of each convolution, in order."""
    return [part.out_channels for part in module.modules() if isinstance(part, nn.modules.conv._ConvNd)]


def make(name, *args, **options):
    """Both nets, and a function from a number of samples to generated images."""
    generator, discriminator = MAKERS[name](*args, **options)
    labels = [torch.zeros(3, dtype=torch.long)] if name == "acgan" else []
    return generator, discriminator, generator(torch.randn(3, generator.latent_dim), *labels)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("size", [8, 16, 32, 64])
def test_pairs_fit_images_of_every_power_of_two(name, size):
    _, discriminator, images = make(name, size, width=2, channels=1)
    assert images.shape == (3, 1, size, size)
    assert images.abs().max() <= 1
    judged = discriminator(images)
    assert [part.shape for part in judged] == [(3, 1), (3, 10)] if name == "acgan" else judged.shape == (3, 1)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("size", [28, 4, 0, 48])
def test_other_sizes_are_refused(name, size):
    with pytest.raises(ValueError, match="power of two"):
        MAKERS[name](size)


def test_sizes_as_printed():
    generator, discriminator = models.dcgan()
    assert kernels(generator) == [256, 128, 64, 3]
    assert kernels(discriminator) == [64, 128, 256, 512]
    generator, discriminator = models.cifar_gan()
    assert kernels(generator) == [1024, 512, 256, 3]
    assert kernels(discriminator) == [32, 64, 128, 256, 1]
    assert sum(isinstance(part, nn.BatchNorm2d) for part in discriminator) == 4
    generator, discriminator = models.acgan()
    assert kernels(generator) == [192, 96, 48, 3]
    assert kernels(discriminator) == [16, 32, 64, 128, 256, 512]
    assert generator.body[0].weight.shape == (384, 110)
    assert sum(isinstance(part, nn.BatchNorm2d) for part in discriminator.body) == 5
    assert [part.p for part in discriminator.body if isinstance(part, nn.Dropout)] == [0.5] * 6


@pytest.mark.parametrize("name", ["cifar_gan", "acgan"])
def test_generators_as_printed_reach_half_the_size(name):
    assert make(name, width=1, first_layer="printed")[2].shape[-1] == 16
    with pytest.raises(ValueError, match="first_layer must be one of"):
        MAKERS[name](first_layer="fixed")


def test_most_of_the_last_kernel_of_the_printed_discriminator_never_learns():
    _, discriminator, images = make("cifar_gan", width=2)
    discriminator(images).sum().backward()
    last = [part for part in discriminator if isinstance(part, nn.Conv2d)][-1]
    learns = (last.weight.grad != 0).any(dim=(0, 1))
    assert learns.nonzero().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


@pytest.mark.parametrize("name", MAKERS)
def test_weights_are_drawn_as_asked_and_leave_torch_alone(name):
    before = torch.random.get_rng_state()
    first, second = (MAKERS[name](width=4, std=0.2, seed=3) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    for a, b in zip(itertools.chain(*(m.parameters() for m in first)),
                    itertools.chain(*(m.parameters() for m in second)), strict=True):  # fmt: skip
        assert torch.equal(a, b)
    weights = [m.weight for m in first[0].modules() if isinstance(m, nn.ConvTranspose2d)]
    assert float(weights[0].detach().std()) == pytest.approx(0.2, rel=0.05)
    xavier = MAKERS[name](width=4, initialization="xavier")[1]
    conv = next(m for m in xavier.modules() if isinstance(m, nn.Conv2d))
    fans = conv.weight[0].numel() + conv.weight[:, 0].numel()
    assert float(conv.weight.detach().abs().max()) == pytest.approx((6 / fans) ** 0.5, rel=0.05)


def test_momentum_norm_and_balance_are_arguments():
    _, discriminator, _ = make("dcgan", 16, width=2, momentum=0.3, generator_width=4, dropout=0.25)
    assert {m.momentum for m in discriminator if isinstance(m, nn.BatchNorm2d)} == {0.3}
    assert {m.p for m in discriminator if isinstance(m, nn.Dropout)} == {0.25}
    generator, discriminator, _ = make("dcgan", 16, width=2, generator_width=4, norm="none")
    assert kernels(generator) == [4, 3]
    assert not [m for m in (*generator, *discriminator) if isinstance(m, nn.BatchNorm2d)]


def naive_closeness(f, weight, count, dim):
    """Salimans et al. 2016, term by term."""
    rows = []
    for i in range(len(f)):
        row = []
        for b in range(count):
            total = 0.0
            for j in range(len(f)):
                distance = 0.0
                for c in range(dim):
                    entry = weight[b * dim + c]
                    distance += float(abs((f[i] * entry).sum() - (f[j] * entry).sum()))
                total += float(torch.exp(torch.tensor(-distance, dtype=torch.float64)))
            row.append(total)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


def test_minibatch_discrimination_equals_a_naive_loop():
    layer = models.MinibatchDiscrimination(4, kernels=3, dim=2).double()
    f = torch.randn(5, 4, dtype=torch.float64)
    result = layer(f)
    assert torch.equal(result[:, :4], f)
    torch.testing.assert_close(result[:, 4:].detach(), naive_closeness(f, layer.weight.detach(), 3, 2))
    with pytest.raises(ValueError, match="at least 1"):
        models.MinibatchDiscrimination(4, kernels=0)


def test_nets_with_minibatch_discrimination_see_a_collapse():
    for shape, (_, discriminator) in (
        ((6, 2), models.mlp_gan(2, latent_dim=2, minibatch_kernels=4)),
        ((6, 1, 8, 8), models.dcgan(8, width=2, channels=1, minibatch_kernels=4, norm="none")),
    ):
        layer = next(m for m in discriminator.modules() if isinstance(m, models.MinibatchDiscrimination))
        shown = models.with_features(
            discriminator, next(n for n, m in discriminator.named_modules() if m is layer)
        )
        same, varied = torch.ones(shape), torch.randn(shape)
        assert (shown(same)[1][:, -4:] == 6).all()
        assert (shown(varied)[1][:, -4:] < 6).all()


def test_features_are_those_of_the_layer_and_the_net_is_unchanged():
    _, discriminator = models.mlp_gan(2, hidden=(8, 8), latent_dim=2)
    shown = models.with_features(discriminator, "3")
    x = torch.randn(5, 2)
    output, features = shown(x)
    assert torch.equal(output, discriminator(x))
    assert torch.equal(features, discriminator[:4](x))
    assert not any(part._forward_hooks for part in discriminator.modules())
    with pytest.raises(ValueError, match="no layer 'relu'; its layers are"):
        models.with_features(discriminator, "relu")


def test_the_nets_of_the_blog_are_two_layers_of_500():
    generator, discriminator = models.mlp_gan(1, hidden=(500, 500), latent_dim=1)
    for net in (generator, discriminator):
        assert [m.out_features for m in net if isinstance(m, nn.Linear)] == [500, 500, 1]
        assert sum(isinstance(m, nn.ReLU) for m in net) == 2
