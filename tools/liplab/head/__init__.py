"""The simulated heads: one of 26 servos in soft lips, one of six, and a skull with a jaw; all to look at."""

import ctypes.util
import os
import sys

from lipwright.errors import LipwrightError

if sys.version_info < (3, 11):
    raise LipwrightError(
        "the simulated head needs Python 3.11 or newer, since MuJoCo does; "
        "with this one, speak on a board: --port"
    )

# MuJoCo reads this when it is first imported. No window is ever opened: Mesa in software, else EGL.
os.environ.setdefault("MUJOCO_GL", "osmesa" if ctypes.util.find_library("OSMesa") else "egl")
