"""Compiled steps of schemes beside loops written by hand and a peer."""
