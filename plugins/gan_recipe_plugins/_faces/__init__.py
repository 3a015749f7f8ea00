"""The procedural faces behind ``synthetic_faces``: genes, geometry, paint, light, visibility, and the store."""
