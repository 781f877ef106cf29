"""The tiny GANs of Guttenberg 2016, "Stability of generative adversarial networks", checked and corrected."""
