"""Basins of the Hénon map: compiled, and vectorised in NumPy."""
