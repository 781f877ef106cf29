"""A field from torch modules: two networks, their losses and a batch become a vector field or a map."""

from gandyn.nets import datasets, health, losses, models, optimizers
from gandyn.nets.cluster import ensemble
from gandyn.nets.diagnosis import Thresholds, TrainingDiagnosis, diagnose_training
from gandyn.nets.distances import sliced_wasserstein, wasserstein_1d
from gandyn.nets.gan import gan_field
from gandyn.nets.health import HealthRecord, gradient_health, read_health, to_tensorboard
from gandyn.nets.judges import Judgement, judge, judges_of, train_judges
from gandyn.nets.latent import Combination, Walk, class_grid, combine, generate, interpolate, walk
from gandyn.nets.losses import Losses
from gandyn.nets.maps import labelled_prior, normal_prior, training_map, uniform_prior
from gandyn.nets.modules import get_state, modules_layout, set_state
from gandyn.nets.monitor import Monitor, MonitorRecord, read_monitor
from gandyn.nets.motion import Motion
from gandyn.nets.nearby import Ensemble
from gandyn.nets.optimizers import SGD, Adam, RMSProp
from gandyn.nets.probe import micro_batch_seconds
from gandyn.nets.quality import Coverage, class_counts, coverage, modes_of
from gandyn.nets.recipe import Recipe
from gandyn.nets.recurrence import ModeRecurrence, mode_recurrence
from gandyn.nets.regularizers import instance_noise, spectral_norm
from gandyn.nets.runs import Run, RunError
from gandyn.nets.snapshots import Snapshot, Snapshots, snapshot
from gandyn.nets.surfaces import GanLosses, gan_losses
from gandyn.nets.training import train

__all__ = [
    "SGD",
    "Adam",
    "Combination",
    "Coverage",
    "Ensemble",
    "GanLosses",
    "HealthRecord",
    "Judgement",
    "Losses",
    "ModeRecurrence",
    "Monitor",
    "MonitorRecord",
    "Motion",
    "RMSProp",
    "Recipe",
    "Run",
    "RunError",
    "Snapshot",
    "Snapshots",
    "Thresholds",
    "TrainingDiagnosis",
    "Walk",
    "class_counts",
    "class_grid",
    "combine",
    "coverage",
    "datasets",
    "diagnose_training",
    "ensemble",
    "gan_field",
    "gan_losses",
    "generate",
    "get_state",
    "gradient_health",
    "health",
    "instance_noise",
    "interpolate",
    "judge",
    "judges_of",
    "labelled_prior",
    "losses",
    "micro_batch_seconds",
    "mode_recurrence",
    "models",
    "modes_of",
    "modules_layout",
    "normal_prior",
    "optimizers",
    "read_health",
    "read_monitor",
    "set_state",
    "sliced_wasserstein",
    "snapshot",
    "spectral_norm",
    "to_tensorboard",
    "train",
    "train_judges",
    "training_map",
    "uniform_prior",
    "walk",
    "wasserstein_1d",
]
