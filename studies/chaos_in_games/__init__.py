"""Chaos in training: which games and rules are chaotic, and at which steps: see README.md."""
