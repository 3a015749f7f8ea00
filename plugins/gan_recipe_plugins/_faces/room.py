"""Where the cameras and the flashes stand. Imports nothing, so that declaring the data costs nothing.

Azimuths are degrees about the vertical axis, 0 in front of the face, positive towards the right of a frontal image.
"""

from __future__ import annotations

#: A change of any rendered pixel changes this number, and with it every store's name and every fingerprint.
RENDERER = 5

#: The cameras' azimuths, sorted. A camera on the right sees the nose point left.
YAWS = (-60, -45, -30, -15, 0, 15, 30, 45, 60)
FRONTAL = YAWS.index(0)

#: The flashes, (azimuth, elevation) in degrees: an arc at eye level, one from above, one from below; the last image
#: is taken without any flash, by the light of the room alone.
FLASHES: tuple[tuple[int, int] | None, ...] = (
    *((azimuth, 8) for azimuth in range(-88, 89, 22)),
    *((azimuth, 48) for azimuth in range(-75, 76, 25)),
    *((azimuth, -32) for azimuth in (-45, 0, 45)),
    None,
)
STANDARD = FLASHES.index((0, 8))
