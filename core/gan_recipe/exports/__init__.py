"""A value of a run as a file for others."""
