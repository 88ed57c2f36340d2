"""What liplab adds to the ``lipwright`` command line, through the entry points ``lipwright.commands``."""

from __future__ import annotations

from lipwright.cli import Commands

BOARD: Commands = {
    "board": ("a board without a board: the firmware on a serial port", "liplab.board_command:add_parser"),
}
DISCOVER: Commands = {
    "discover": ("let the head learn its own face before a camera", "liplab.discover.command:add_parser"),
}
FLASH: Commands = {
    "flash": ("put the firmware on a board", "liplab.flash.command:add_parser"),
}
WATCH: Commands = {
    "watch": (
        "learn how people move their lips, from whoever speaks before the camera",
        "liplab.watch.live_command:add_parser",
    ),
}
