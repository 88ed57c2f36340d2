"""PlatformIO's name for this platform; the work is done by builder/main.py."""

from platformio.platform.base import PlatformBase


class LipwrightPlatform(PlatformBase):
    """Nothing is special about it: what a board is stands in boards/."""
