"""Which attractor each start reaches, and the manifolds that separate basins."""
