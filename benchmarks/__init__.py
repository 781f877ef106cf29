"""Benchmarks: each folder runs and records; the record is JSON with its environment."""
