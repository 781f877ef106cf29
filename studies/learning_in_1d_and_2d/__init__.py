"""GANs that learn one and two dimensions, animated and measured: see README.md."""
