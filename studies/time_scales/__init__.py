"""What a faster discriminator does to stability: see README.md."""
