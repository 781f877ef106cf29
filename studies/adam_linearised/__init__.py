"""Where Adam loses the stability of a fixed point, predicted and observed: see README.md."""
