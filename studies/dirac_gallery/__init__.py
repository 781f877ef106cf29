"""The gallery of Mescheder et al. 2018, 27 Dirac-GANs predicted and observed: see README.md."""
