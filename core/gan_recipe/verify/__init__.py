"""Whether a recipe resumes exactly: runs that are stopped, and what they part in."""
