"""Update rules: each maps a field to the update map that discretises it, and some change such a map."""

from gandyn.schemes.adaptive import adam, rmsprop
from gandyn.schemes.averaging import averaged, lookahead_minimax
from gandyn.schemes.catalogue import CATALOGUE, Entry
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
from gandyn.schemes.solvers import Solver
from gandyn.schemes.unrolling import unrolled

__all__ = [
    "CATALOGUE",
    "Entry",
    "Solver",
    "adam",
    "alternating",
    "averaged",
    "cgd",
    "clipped_gradient",
    "clipped_weights",
    "extragradient",
    "extrapolation_from_the_past",
    "heavy_ball",
    "lcgd",
    "lola",
    "lookahead",
    "lookahead_minimax",
    "nesterov",
    "noisy",
    "optimistic",
    "proximal_point",
    "rk2",
    "rk4",
    "rmsprop",
    "scheduled",
    "simultaneous",
    "sos",
    "unrolled",
]
