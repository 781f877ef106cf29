"""Limit cycles with their multipliers, sections and orbit diagrams."""
