"""Study of the DCGAN, the WGAN and the AC-GAN of Bandhey, Lopez and Rabinowitz."""
