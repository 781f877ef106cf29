"""Planes through parameter space: their makers, what is sampled on them, what is projected onto them."""

from gandyn.planes.displacements import displacement
from gandyn.planes.filters import filter_normalized_plane
from gandyn.planes.makers import coordinate_plane, random_plane, spanned_plane
from gandyn.planes.plane import Plane
from gandyn.planes.principal import pca_plane, random_walk_shares
from gandyn.planes.slices import FieldSlice, Projection, project, sample

__all__ = [
    "FieldSlice",
    "Plane",
    "Projection",
    "coordinate_plane",
    "displacement",
    "filter_normalized_plane",
    "pca_plane",
    "project",
    "random_plane",
    "random_walk_shares",
    "sample",
    "spanned_plane",
]
