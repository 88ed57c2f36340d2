"""The simulated reference head: 26 servos, soft lips, a face to look at."""

import ctypes.util
import os

# MuJoCo reads this when it is first imported. No window is ever opened: Mesa in software, else EGL.
os.environ.setdefault("MUJOCO_GL", "osmesa" if ctypes.util.find_library("OSMesa") else "egl")

from liplab.head.head import Head, HeadHistory, Snapshot

__all__ = ["Head", "HeadHistory", "Snapshot"]
