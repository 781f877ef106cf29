"""Update rules: each maps a field to the update map that discretises it."""

from gandyn.schemes.adaptive import adam, rmsprop
from gandyn.schemes.descent import alternating, simultaneous
from gandyn.schemes.extrapolation import extragradient, extrapolation_from_the_past, optimistic
from gandyn.schemes.momentum import heavy_ball, nesterov
from gandyn.schemes.runge_kutta import rk2, rk4

__all__ = [
    "adam",
    "alternating",
    "extragradient",
    "extrapolation_from_the_past",
    "heavy_ball",
    "nesterov",
    "optimistic",
    "rk2",
    "rk4",
    "rmsprop",
    "simultaneous",
]
