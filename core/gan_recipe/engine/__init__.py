"""From a checked recipe to a training: networks, players and streams, one round of them, and what is told of it."""
