"""Where following only the potential part of a GAN's velocity leads: see README.md."""
