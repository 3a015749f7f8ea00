"""Many processes that are one run."""
