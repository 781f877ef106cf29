"""Products and eigenvalues of Jacobians of networks against the packages of symmetric curvature."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
