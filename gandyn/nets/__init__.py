"""A field from torch modules."""
