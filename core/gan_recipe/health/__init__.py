"""The doctor: signals, verdicts, and the search for the first number that is none."""
