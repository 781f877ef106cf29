"""Update rules: each maps a field to the update map that discretises it."""

from gandyn.schemes.adaptive import adam, rmsprop
from gandyn.schemes.descent import alternating, simultaneous
from gandyn.schemes.extrapolation import extragradient, extrapolation_from_the_past, optimistic
from gandyn.schemes.momentum import heavy_ball, nesterov

__all__ = [
    "adam",
    "alternating",
    "extragradient",
    "extrapolation_from_the_past",
    "heavy_ball",
    "nesterov",
    "optimistic",
    "rmsprop",
    "simultaneous",
]
