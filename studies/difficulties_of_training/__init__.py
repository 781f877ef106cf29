"""The difficulties of training a GAN that Shekkizhar names, each measured over seeds."""
