"""Questions about GAN training, answered by scripts that check what they claim."""
