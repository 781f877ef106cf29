"""Which update rules and regularisers cover all modes of a mixture: see README.md."""
