"""From a checked recipe to trained weights: networks, players, streams and the loop."""
