"""The losses of both players and the penalties of the discriminator, as functions of its outputs.

``D`` is the raw output (logit) of the discriminator, ``softplus(t) = log(1 + e^t)``. A loss is
averaged over the samples of each half of the batch; the two halves of the discriminator's loss,
real and fake, are summed (as in the papers) or averaged (as many programs do): ``halves`` says which.
Of a discriminator that returns several tensors, the first holds its logits.
"""

from gandyn.nets.losses.acgan import acgan
from gandyn.nets.losses.adversarial import hinge, least_squares, nonsaturating, saturating, wasserstein
from gandyn.nets.losses.combined import LinearSchedule, Schedule, SigmoidSchedule, combined
from gandyn.nets.losses.features import feature_matching
from gandyn.nets.losses.names import by_name
from gandyn.nets.losses.penalties import gradient_penalty, r1, r2, roth
from gandyn.nets.losses.play import Halves, Losses, Penalty, Play, logits

__all__ = [
    "Halves",
    "LinearSchedule",
    "Losses",
    "Penalty",
    "Play",
    "Schedule",
    "SigmoidSchedule",
    "acgan",
    "by_name",
    "combined",
    "feature_matching",
    "gradient_penalty",
    "hinge",
    "least_squares",
    "logits",
    "nonsaturating",
    "r1",
    "r2",
    "roth",
    "saturating",
    "wasserstein",
]
