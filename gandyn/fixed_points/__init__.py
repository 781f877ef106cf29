"""Fixed points: found, proved, and judged for the flow, for its steps and as a game."""
