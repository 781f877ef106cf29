"""Networks to train, each with its discriminator; all discriminators return logits, without a sigmoid."""

from gandyn.nets.models.acgan import acgan
from gandyn.nets.models.dcgan import cifar_gan, dcgan
from gandyn.nets.models.initial import Initialization, initialize
from gandyn.nets.models.layers import MinibatchDiscrimination, WithFeatures, with_features
from gandyn.nets.models.simple import conv_gan, mlp_gan

__all__ = [
    "Initialization",
    "MinibatchDiscrimination",
    "WithFeatures",
    "acgan",
    "cifar_gan",
    "conv_gan",
    "dcgan",
    "initialize",
    "mlp_gan",
    "with_features",
]
