"""A run from its beginning to its end: how it begins, the loop, and what is made of its end."""
