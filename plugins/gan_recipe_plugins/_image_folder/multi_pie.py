"""The names of CMU Multi-PIE's crops.

Source: Gross et al. 2010, "Multi-PIE"; ``ID_session_recording_camera_light.png``.
"""

from __future__ import annotations

#: The yaw of each of the nine cameras at eye level, in degrees, by the camera's name.
YAW = {
    "200": -60,
    "190": -45,
    "041": -30,
    "050": -15,
    "051": 0,
    "140": 15,
    "130": 30,
    "080": 45,
    "090": 60,
}

#: Files of the other cameras do not match, and are thereby left out.
PATTERN = (
    r"(?P<identity>\d+)_(?P<session>\d+)_(?P<recording>\d+)_"
    rf"(?P<pose>{'|'.join(YAW)})_(?P<light>[01]\d)\.\w+"
)

#: Nine poses sorted by yaw and twenty lights, whichever of them a folder has: a head's width must not depend on that.
ORDER = {"pose": tuple(YAW), "light": tuple(f"{light:02}" for light in range(20))}

IDENTITY = "identity"
PAIR_NEAR = "pose"
