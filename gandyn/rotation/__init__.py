"""What kind of point this is: the symmetric and the rotating part of the Jacobian, with what follows."""

from __future__ import annotations

from gandyn.rotation.path_angle import PathAngle, path_angle
from gandyn.rotation.path_shape import Bump, LinearModel, PathShape, Switch

__all__ = ["Bump", "LinearModel", "PathAngle", "PathShape", "Switch", "path_angle"]
