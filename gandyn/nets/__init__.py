"""A field from torch modules: two networks, their losses and a batch become a vector field or a map."""

from gandyn.nets import datasets, health, losses, models, optimizers
from gandyn.nets.cluster import ensemble
from gandyn.nets.diagnosis import Thresholds, TrainingDiagnosis, diagnose_training
from gandyn.nets.gan import gan_field, gan_losses
from gandyn.nets.health import HealthRecord, gradient_health, read_health, to_tensorboard
from gandyn.nets.losses import Losses
from gandyn.nets.maps import labelled_prior, normal_prior, training_map, uniform_prior
from gandyn.nets.modules import get_state, modules_layout, set_state
from gandyn.nets.monitor import Monitor, MonitorRecord, read_monitor
from gandyn.nets.motion import Motion
from gandyn.nets.nearby import Ensemble
from gandyn.nets.optimizers import SGD, Adam, RMSProp
from gandyn.nets.quality import Coverage, coverage, modes_of, sliced_wasserstein
from gandyn.nets.recipe import Recipe
from gandyn.nets.regularizers import instance_noise, spectral_norm
from gandyn.nets.runs import Run, RunError
from gandyn.nets.training import train

__all__ = [
    "SGD",
    "Adam",
    "Coverage",
    "Ensemble",
    "HealthRecord",
    "Losses",
    "Monitor",
    "MonitorRecord",
    "Motion",
    "RMSProp",
    "Recipe",
    "Run",
    "RunError",
    "Thresholds",
    "TrainingDiagnosis",
    "coverage",
    "datasets",
    "diagnose_training",
    "ensemble",
    "gan_field",
    "gan_losses",
    "get_state",
    "gradient_health",
    "health",
    "instance_noise",
    "labelled_prior",
    "losses",
    "models",
    "modes_of",
    "modules_layout",
    "normal_prior",
    "optimizers",
    "read_health",
    "read_monitor",
    "set_state",
    "sliced_wasserstein",
    "spectral_norm",
    "to_tensorboard",
    "train",
    "training_map",
    "uniform_prior",
]
