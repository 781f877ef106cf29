"""Products and eigenvalues of Jacobians of networks against the packages of symmetric curvature."""
