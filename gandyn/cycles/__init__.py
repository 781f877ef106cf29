"""Limit cycles of flows, their stability and their branches; sections of flows and orbit diagrams."""
