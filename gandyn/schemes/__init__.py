"""Update rules: each maps a field to the update map that discretises it."""

from gandyn.schemes.descent import alternating, simultaneous

__all__ = ["alternating", "simultaneous"]
