"""The gallery of Mescheder et al. 2018: nine Dirac-GANs by three schemes, predicted and observed: see README.md."""
