"""How a gradient penalty makes the Dirac-GAN stable, as a flow and at a step: see README.md."""
