"""``lipwright board --sim``: a serial port with the firmware behind it, and no hardware."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from liplab.board import SimulatedBoard
from liplab.firmware_process import INTERPRETERS, REPL
from lipwright.errors import LipwrightError
from lipwright.files import make_folder

SHOW_EVERY_S = 0.5

EXAMPLES = """examples:
  lipwright board --sim                        prints the port; any host program can talk to it
  lipwright board --sim --link /tmp/head       the port also has this name, which stays the same
  lipwright say clip.wav --port /tmp/head      (in another terminal) speaks on it
  lipwright board --sim --flash-dir my_board   an empty board, for `lipwright flash` to put the firmware on

Ctrl-C ends it.
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``board`` to the command line."""
    parser = subparsers.add_parser(
        "board",
        help="a board without a board: the firmware on a serial port",
        description="Runs the firmware on this machine and gives it a serial port. "
        "Nothing is connected to its servo drivers but a meter.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--sim", action="store_true", required=True, help="simulate the board")
    parser.add_argument(
        "--interpreter", choices=INTERPRETERS, default="auto", help="what runs the firmware (default: auto)"
    )
    parser.add_argument(
        "--flash-dir",
        type=Path,
        metavar="DIR",
        help="the board's files: it runs the firmware that is in there, and MicroPython's prompt without one",
    )
    parser.add_argument("--link", type=Path, metavar="PATH", help="a symbolic link to the port, made anew")
    parser.set_defaults(do=do_board)


def do_board(arguments: argparse.Namespace) -> None:
    """Runs a board until Ctrl-C."""
    meter, flash = _Meter(), arguments.flash_dir
    if flash is not None:
        make_folder(flash)
    program = "firmware" if flash is None else REPL
    with SimulatedBoard(
        arguments.interpreter, head=meter, flash=flash, outputs=range(32), program=program
    ) as board:
        board.on_bus_write = meter.count_write
        try:
            if arguments.link is not None:
                _link(arguments.link, board.port)
            print(f"port:        {arguments.link or board.port}")
            print(f"interpreter: {board.interpreter}", flush=True)
            _show(board, meter)
        except KeyboardInterrupt:
            print(file=sys.stderr)
        finally:
            if arguments.link is not None and arguments.link.is_symlink():
                arguments.link.unlink()


class _Meter:
    """In the head's place: knows which servos have pulses and how often they get new ones."""

    def __init__(self) -> None:
        self.writes = 0
        self.with_pulses = 0

    def count_write(self, time_us: float, address: int, register: int, data: bytes) -> None:
        """Takes note of one bus transfer."""
        self.writes += 1

    def set_pulses(self, pulses_us: Any, t: float) -> None:
        """Takes note of the servos' pulses."""
        self.with_pulses = int((pulses_us > 0).sum())

    def advance(self, t: float) -> None:
        """Nothing moves here."""


def _show(board: SimulatedBoard, meter: _Meter) -> None:
    """One line, made anew while the board runs; on a terminal only."""
    start = board.clock.now()
    at, writes = start, 0
    while True:
        at += SHOW_EVERY_S
        board.clock.sleep_until(at)
        board.check()
        if sys.stderr.isatty():
            rate = (meter.writes - writes) / SHOW_EVERY_S
            line = f"{at - start:7.0f} s  {rate:4.0f} bus writes/s  {meter.with_pulses:2d} servos with pulses"
            if board.bus.problems:
                line += f"  problem: {board.bus.problems[-1]}"
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)
        writes = meter.writes


def _link(path: Path, port: str) -> None:
    try:
        if path.is_symlink():
            path.unlink()
        path.symlink_to(port)
    except FileExistsError:
        raise LipwrightError(f"{path} is a file; give --link a name that is free.") from None
    except OSError as error:
        raise LipwrightError(f"cannot make the link {path}: {error.strerror}.") from None
