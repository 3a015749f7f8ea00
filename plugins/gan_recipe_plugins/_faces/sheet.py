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
    #: Texels of hair, which hangs free where the curve jumps; None where there is none.
    hair: NDArray[np.bool_] | None = None

    def points(self) -> Array:
        """Every texel's place, (R * C, 3)."""
        y = np.broadcast_to(self.y, self.x.shape)
        return np.stack([self.x, y, self.z], -1).reshape(-1, 3)

    def normals(self) -> Array:
        """Unit normals that point away from the axis, (R * C, 3)."""
        x, z = self.x, self.z
        if self.closed:
            along_x, along_z = _slope(np.roll(x, -1, 1) - x, np.roll(z, -1, 1) - z, 1)
        else:
            along_x, along_z = np.gradient(x, axis=1), np.gradient(z, axis=1)
        # Downwards from row to row, so that the cross product points outwards for curves that run left to right.
        down = np.gradient(self.y[:, 0])[:, None]
        if self.closed:
            below = np.r_[np.arange(1, len(x)), len(x) - 1]
            down_x, down_z = _slope(x[below] - x, z[below] - z, 0)
        else:
            down_x, down_z = np.gradient(x, axis=0), np.gradient(z, axis=0)
        n = np.stack([-along_z * down, along_z * down_x - along_x * down_z, along_x * down], -1)
        n *= -1
        n /= np.linalg.norm(n, axis=-1, keepdims=True) + 1e-9
        return n.reshape(-1, 3).astype(np.float32)


def _slope(x: Array, z: Array, axis: int) -> tuple[Array, Array]:
    """The mean of the steps before and behind each texel, or the short one alone where the other is a jump.

    A normal taken across a jump, as from the cheek to hair that hangs beside it, would catch light as a bright rim.
    """
    before_x, before_z = np.roll(x, 1, axis), np.roll(z, 1, axis)
    length, before = x * x + z * z, before_x * before_x + before_z * before_z
    jump, jumped = length > 9 * before + 1e-5, before > 9 * length + 1e-5
    share = np.where(jump, 0.0, np.where(jumped, 1.0, 0.5)).astype(np.float32)
    return share * x + (1 - share) * before_x, share * z + (1 - share) * before_z
