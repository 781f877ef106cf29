"""Velocities and training steps of networks against hand-written PyTorch."""
