"""What liplab adds to the ``lipwright`` command line, through the entry points ``lipwright.commands``."""

from __future__ import annotations

from liplab.cli import COMMANDS
from lipwright.cli import Commands

# A serial port with the firmware behind it, and no hardware.
BOARD: Commands = {"board": COMMANDS["board"]}
