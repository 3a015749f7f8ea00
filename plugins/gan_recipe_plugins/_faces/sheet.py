"""A sheet: a curved surface given by one curve per image row, and its normals."""

from __future__ import annotations

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gan_recipe_plugins._faces.shapes import Array


@frozen
class Sheet:
    """A surface whose row ``top + i`` of the image's fine rows is the curve (x[i], z[i]) seen from above.

    Because the cameras move level around the head, a row of the image always shows the same horizontal slice.
    """

    top: int
    x: Array
    y: Array
    z: Array
    albedo: Array
    #: Texels that exist; a pair of glasses is mostly not there.
    there: NDArray[np.bool_]
    #: Texels inside the facial outline, for the contour.
    inside: NDArray[np.bool_]
    #: Whether the curve closes on itself and shows its outside only.
    closed: bool

    def points(self) -> Array:
        """Every texel's place, (R * C, 3)."""
        y = np.broadcast_to(self.y, self.x.shape)
        return np.stack([self.x, y, self.z], -1).reshape(-1, 3)

    def normals(self) -> Array:
        """Unit normals that point away from the axis, (R * C, 3)."""
        x, z = self.x, self.z
        if self.closed:
            along_x = np.roll(x, -1, 1) - np.roll(x, 1, 1)
            along_z = np.roll(z, -1, 1) - np.roll(z, 1, 1)
        else:
            along_x, along_z = np.gradient(x, axis=1), np.gradient(z, axis=1)
        # Downwards from row to row, so that the cross product points outwards for curves that run left to right.
        down = np.gradient(self.y[:, 0])[:, None]
        down_x, down_z = np.gradient(x, axis=0), np.gradient(z, axis=0)
        n = np.stack([-along_z * down, along_z * down_x - along_x * down_z, along_x * down], -1)
        n *= -1
        n /= np.linalg.norm(n, axis=-1, keepdims=True) + 1e-9
        return n.reshape(-1, 3).astype(np.float32)  # type: ignore[no-any-return]
