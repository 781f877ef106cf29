"""gandyn."""
