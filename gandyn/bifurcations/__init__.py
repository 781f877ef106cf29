"""Branches of fixed points under a parameter, and where they change."""
