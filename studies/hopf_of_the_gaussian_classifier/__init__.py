"""How the Gaussian classifier loses and regains its stability under W_d: see README.md."""
