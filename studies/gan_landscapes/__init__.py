"""Landscapes of a convolutional GAN: what training length and batch size do to them, with error bars."""
