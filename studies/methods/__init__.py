"""Which update rule settles which game, at what step and at what cost: see README.md."""
