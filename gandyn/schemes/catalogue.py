"""All schemes by name: what a step is, whose it is, what it costs and which fixed points it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from gandyn.field import UpdateMap
from gandyn.schemes.adaptive import adam, rmsprop
from gandyn.schemes.averaging import averaged, lookahead_minimax
from gandyn.schemes.clipping import clipped_gradient, clipped_weights
from gandyn.schemes.competitive import cgd, lcgd
from gandyn.schemes.descent import alternating, simultaneous
from gandyn.schemes.extrapolation import extragradient, extrapolation_from_the_past, optimistic
from gandyn.schemes.gradient_noise import noisy
from gandyn.schemes.momentum import heavy_ball, nesterov
from gandyn.schemes.opponents import lola, lookahead, sos
from gandyn.schemes.proximal import proximal_point
from gandyn.schemes.runge_kutta import rk2, rk4
from gandyn.schemes.schedules import scheduled
from gandyn.schemes.unrolling import unrolled

__all__ = ["CATALOGUE", "Entry"]

#: What becomes of the fixed points of the field.
Keeps: TypeAlias = Literal["all", "all, may add", "of zero-sum games", "within the bound, may add", "none"]


@dataclass(frozen=True, eq=False)
class Entry:
    """A scheme, or what changes one.

    Args:
        make: the function: of a field, or of the update map of a scheme.
        step: what a step is, in one line.
        reference: author and year.
        cost: gradients and products with the Jacobian in a step, with default settings.
        keeps: which fixed points of the field it keeps.
        compiled: whether it is compiled when the field is; if not, it runs on arrays.
        modifier: whether it changes the update map of a scheme.
    """

    make: Callable[..., UpdateMap]
    step: str
    reference: str
    cost: str
    keeps: Keeps = "all"
    compiled: bool = True
    modifier: bool = False

    @property
    def name(self) -> str:
        """Name of the function."""
        return self.make.__name__

    def __str__(self) -> str:
        return f"{self.name}: {self.step} ({self.reference}); {self.cost}; keeps fixed points: {self.keeps}"


_SAME = "that of the scheme"

_ENTRIES = (
    Entry(simultaneous, "x + h v(x)", "Mescheder et al. 2017", "1 gradient"),
    Entry(alternating, "one player, then the other", "Mescheder et al. 2018", "2 gradients"),
    Entry(extragradient, "x + h v(x + h v(x))", "Korpelevich 1976", "2 gradients", "all, may add"),
    Entry(extrapolation_from_the_past, "x + h v(x + h v_past)", "Popov 1980", "1 gradient"),
    Entry(optimistic, "x + 2 h v(x) - h v_past", "Daskalakis et al. 2018", "1 gradient"),
    Entry(heavy_ball, "m' = beta m + v(x), x + h m'", "Polyak 1964", "1 gradient"),
    Entry(nesterov, "m' = beta m + v(x + h beta m), x + h m'", "Nesterov 1983", "1 gradient"),
    Entry(adam, "x - h m / (sqrt(s) + eps)", "Kingma and Ba 2015", "1 gradient"),
    Entry(rmsprop, "x + h v / (sqrt(s) + eps)", "Tieleman and Hinton 2012", "1 gradient"),
    Entry(rk2, "Heun's method, both players in each stage", "Qin et al. 2020", "2 gradients", "all, may add"),
    Entry(rk4, "Runge and Kutta's, likewise", "Qin et al. 2020", "4 gradients", "all, may add"),
    Entry(
        proximal_point,
        "x' = x + h v(x')",
        "Rockafellar 1976",
        "1 gradient and 1 linear system for each iteration of Newton's method",
        compiled=False,
    ),
    Entry(
        cgd,
        "x + h (I - h K)^-1 v(x)",
        "Schäfer and Anandkumar 2019",
        "1 gradient, 1 linear system",
        compiled=False,
    ),
    Entry(
        lcgd,
        "x + h (v + h K v)",
        "Schäfer and Anandkumar 2019",
        "1 gradient, 2 products",
        "all, may add",
        compiled=False,
    ),
    Entry(
        lookahead,
        "x_G + h v_G(x_G, x_D + alpha v_D), and D likewise",
        "Zhang and Lesser 2010",
        "3 gradients",
        "all, may add",
    ),
    Entry(
        lola,
        "x + h (v + alpha K v + alpha K^T w)",
        "Foerster et al. 2018",
        "2 gradients, 4 products",
        "of zero-sum games",
        compiled=False,
    ),
    Entry(
        sos,
        "LOLA with its last term scaled down",
        "Letcher et al. 2019",
        "2 gradients, 4 products",
        "all, may add",
        compiled=False,
    ),
    Entry(
        unrolled,
        "G descends against k further steps of D",
        "Metz et al. 2017",
        "7 gradients, 5 products",
        "of zero-sum games",
        compiled=False,
    ),
    Entry(
        lookahead_minimax,
        "x + alpha (F^k(x) - x)",
        "Chavdarova et al. 2021",
        "k times that of the scheme",
        "all, may add",
        modifier=True,
    ),
    Entry(averaged, "a + (x' - a) / (k + 2) beside x'", "Polyak and Juditsky 1992", _SAME, modifier=True),
    Entry(scheduled, "h factor(k)", "Robbins and Monro 1951", _SAME, modifier=True),
    Entry(clipped_gradient, "v min(1, c / |v|)", "Pascanu et al. 2013", _SAME, modifier=True),
    Entry(
        clipped_weights,
        "x_D into [-c, c]",
        "Arjovsky et al. 2017",
        _SAME,
        "within the bound, may add",
        modifier=True,
    ),
    Entry(noisy, "v + sigma xi_k", "Welling and Teh 2011", _SAME, "none", modifier=True),
)

#: Every scheme, and all that changes one, by the name of the function.
CATALOGUE: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
