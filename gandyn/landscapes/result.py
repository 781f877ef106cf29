"""What was read on a grid of a plane: both losses, and what else was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from gandyn.checks import check_option
from gandyn.planes import FieldSlice, Plane
from gandyn.planes.slices import grid_coordinates

if TYPE_CHECKING:
    import xarray

__all__ = ["VARIABLES", "Landscape"]

#: What was measured, by its name in a dataset.
VARIABLES = {
    "loss": "losses",
    "error": "errors",
    "velocity": "velocity",
    "speed": "speed",
    "in_plane_share": "in_plane_share",
    "rotation_share": "rotation_share",
    "accuracy": "accuracy",
    "samples": "samples",
}
_PAIRS = ("losses", "errors", "accuracy", "samples")


@dataclass(frozen=True, eq=False, repr=False)
class Landscape:
    """The losses of both players on a grid of a plane; non-finite values kept and counted.

    What was not asked for is None.

    Args:
        plane: the plane.
        a: shape (na,), horizontal coordinates.
        b: shape (nb,), vertical coordinates.
        losses: shape (2, nb, na), the generator's loss, then the discriminator's.
        names: names of the two losses: ("generator", "discriminator").
        nonfinite: number of grid points where either loss is not finite.
        center: the two losses at the plane's origin (a = b = 0), on the grid or not.
        label: name for titles.
        errors: shape (2, nb, na), standard error of each loss over batches of data and latents.
        velocity: shape (nb, na, 2), the joint field in plane coordinates per unit of flow time.
        speed: shape (nb, na), norm of the whole velocity, in-plane or not.
        in_plane_share: shape (nb, na), ``|in-plane velocity| / |velocity|``; 1 where nothing moves.
        rotation_share: shape (nb, na), ``|A v|^2 / (|A v|^2 + |S v|^2)`` of the parts ``J = S + A``.
        accuracy: shape (2, nb, na), share of real and of generated samples on the discriminator's side.
        samples: shape (2, nb, na), mean and standard deviation of the entries of generated samples.
        rounding: largest error of each loss by networks in a shorter float type, on points computed again.
        notes: how it was computed, in sentences for a caption.
    """

    plane: Plane
    a: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    names: tuple[str, str]
    nonfinite: int
    center: tuple[float, float]
    label: str
    errors: np.ndarray | None = None
    velocity: np.ndarray | None = None
    speed: np.ndarray | None = None
    in_plane_share: np.ndarray | None = None
    rotation_share: np.ndarray | None = None
    accuracy: np.ndarray | None = None
    samples: np.ndarray | None = None
    rounding: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def from_tiles(cls, arrays: Mapping[str, np.ndarray], **fields: Any) -> Landscape:
        """Return the landscape of arrays over the grid, axes (nb, na, ...), by the names of ``VARIABLES``."""
        known = {VARIABLES[name]: value for name, value in arrays.items()}
        turned = {
            name: np.moveaxis(value, -1, 0) if name in _PAIRS else value for name, value in known.items()
        }
        finite = np.all(np.isfinite(turned["losses"]), axis=0)
        return cls(
            names=("generator", "discriminator"),
            nonfinite=int(np.sum(~finite)),
            **fields,
            **cast(dict[str, Any], turned),
        )

    @property
    def field(self) -> FieldSlice:
        """The joint field on the same points, for ``plot.portrait`` and ``helmholtz``.

        Raises:
            ValueError: it was not measured.
        """
        if self.velocity is None or self.speed is None or self.in_plane_share is None:
            raise ValueError('the field was not measured: pass measures=("losses", "field") to landscape')
        return FieldSlice(
            self.plane,
            self.a,
            self.b,
            self.velocity,
            self.speed,
            self.in_plane_share,
            int(np.sum(~np.isfinite(self.speed))),
            "flow",
            1.0,
            self.label,
        )

    def to_xarray(self) -> xarray.Dataset:
        """Return a dataset with the dimensions ``player``, ``b`` and ``a``, settings in its attributes."""
        import xarray

        variables = self._variables()
        used = {name for dims, *_ in variables.values() for name in dims}
        entries = {
            "player": list(self.names),
            "half": ["real", "generated"],
            "moment": ["mean", "standard deviation"],
            "axis": list(self.plane.names),
        }
        return xarray.Dataset(
            variables,
            coords={
                **{name: values for name, values in entries.items() if name in used},
                **grid_coordinates(self.plane, self.a, self.b),
            },
            attrs={
                "label": self.label,
                "plane": self.plane.kind,
                "center": self.center,
                "nonfinite": self.nonfinite,
                "notes": " ".join(self.notes),
            },
        )

    def loss(self, player: str) -> np.ndarray:
        """Return the loss of one player, shape (nb, na).

        Raises:
            ValueError: an unknown player.
        """
        check_option("player", player, self.names)
        return np.asarray(self.losses[self.names.index(player)])

    def _variables(self) -> dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]]:
        """Return dimensions, values and units of what was measured, by name."""
        grid = ("b", "a")
        known = {
            "loss": (("player", *grid), self.losses, "loss", "nat"),
            "error": (("player", *grid), self.errors, "standard error of the loss", "nat"),
            "velocity": ((*grid, "axis"), self.velocity, "in-plane velocity", "plane coordinate per time"),
            "speed": (grid, self.speed, "speed, in-plane or not", "parameter norm per time"),
            "in_plane_share": (grid, self.in_plane_share, "in-plane share of the velocity", "1"),
            "rotation_share": (grid, self.rotation_share, "share of rotation", "1"),
            "accuracy": (("half", *grid), self.accuracy, "accuracy of the discriminator", "1"),
            "samples": (("moment", *grid), self.samples, "entries of generated samples", "data"),
        }
        return {
            name: (dims, values, {"long_name": words, "units": units})
            for name, (dims, values, words, units) in known.items()
            if values is not None
        }

    def __str__(self) -> str:
        lines = [
            f"Landscape of {self.label or 'two losses'} on a plane ({self.plane.kind}), "
            f"{len(self.a)} x {len(self.b)} points, {self.nonfinite} not finite"
        ]
        for name, values, middle in zip(self.names, self.losses, self.center, strict=True):
            finite = values[np.isfinite(values)]
            span = f"from {finite.min():.4g} to {finite.max():.4g}" if finite.size else "nowhere finite"
            lines.append(f"  {name}: {middle:.4g} at the origin, {span}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    __repr__ = __str__
