"""The recipe language: from TOML text to a checked recipe and its plan. No torch."""
