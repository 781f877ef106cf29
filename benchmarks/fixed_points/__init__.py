"""Newton's method from many starts: compiled, batched, and a loop over SciPy's solver."""
