"""Exponents of real training: which methods separate nearby trainings, and whether that warns of collapse."""
