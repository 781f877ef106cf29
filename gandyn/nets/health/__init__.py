"""Is a training healthy? Its gradients layer by layer, and what they and the losses say."""

from gandyn.nets.health.examine import gradient_health
from gandyn.nets.health.record import HealthRecord
from gandyn.nets.health.signs import Lines, Sign, Verdict
from gandyn.nets.health.tables import read_health
from gandyn.nets.health.tensorboard import to_tensorboard

__all__ = ["HealthRecord", "Lines", "Sign", "Verdict", "gradient_health", "read_health", "to_tensorboard"]
