"""Lyapunov exponents: compiled systems beside other packages, the first call, and networks."""
