"""Runs just below and just above the largest stable step."""
