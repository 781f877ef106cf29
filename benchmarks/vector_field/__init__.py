"""The field of a tiny GAN on a grid: compiled, and by the ways at hand in NumPy and torch."""
