"""Landscapes of a convolutional GAN against loops over the points and the packages of loss landscapes."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
