"""Renews the firmware of a board that already speaks, over the wire that frames go over.

The old firmware takes the new one's files into the slot that does not run, and goes on speaking until the new
one is whole; from then on it is as with `install`.
"""

from __future__ import annotations

import contextlib
import zlib
from pathlib import Path

from tqdm import tqdm

from liplab.flash.build import MANIFEST, board_name, build
from liplab.flash.greeting import greet
from liplab.flash.install import BAR, check_settings, say
from liplab.flash.ports import Port
from liplab.flash.targets import TARGETS, Target
from lipwright.boards import SerialBoard
from lipwright.errors import LipwrightError
from lipwright.link.board_link import BoardLink
from lipwright.link.file_messages import Update
from lipwright.link.file_transfer import store_file, wait_until_still
from lipwright.link.messages import Ack, BoardInfo

SLOT = "slot"  # the folder of the wire that stands for the slot that does not run
# The old firmware goes on for a second, in case that its answer was lost. Nothing is said to the board then:
# what comes before the new one is there would interrupt it.
RESTART_S = 1.5


def update(port: Port, settings: Path | None = None) -> BoardInfo:
    """Brings the firmware to the board and waits until it answers; tells on stderr what happens.

    `settings` is a board.py of the user's. Returns what the firmware then says of itself. Raises
    LipwrightError that says what to do.
    """
    board = SerialBoard(port.now)
    with contextlib.closing(board), BoardLink(board, None) as link:
        info = link.connect()
        say(f"found: {info.board}, firmware {info.firmware_version}, {info.interpreter}, on {port.path}")
        target, architecture = kind_of(info)
        check_settings(target, settings, info.board)
        image = build(target, architecture, settings)
        if info.firmware_version.endswith(image.build):
            say("the board has this firmware already")
            return info
        with tqdm(
            total=image.size, desc="sending", unit="B", unit_scale=True, leave=False, bar_format=BAR
        ) as bar:
            for name, data in image.files.items():
                store_file(link, f"{SLOT}/{name}", data, bar.update)
        wait_until_still(link)
        link.ask(lambda number: Update(number, zlib.crc32(image.files[MANIFEST])), Ack)
        say("restarting the board")
        link.clock.sleep_until(link.clock.now() + RESTART_S)
    new = greet(port)
    if new is None:
        raise LipwrightError(
            "the board does not answer after the update: unplug it and plug it in, and it starts its old "
            "firmware."
        )
    if not new.firmware_version.endswith(image.build):
        raise LipwrightError(
            f"the new firmware does not run, and the board is back with its old one, {new.firmware_version}: "
            "`lipwright flash` at its USB port says why."
        )
    say(f"the board speaks: {new.board}, firmware {new.firmware_version}, {new.interpreter}")
    return new


def kind_of(info: BoardInfo) -> tuple[Target, str]:
    """The kind of a board that speaks, and its machine code.

    Raises LipwrightError if its firmware does not lie in a slot, or its name does not tell its kind.
    """
    if "+" not in info.firmware_version:
        raise LipwrightError(
            "the firmware on this board was copied by hand, and cannot be renewed over the wire: run "
            "`lipwright flash` without --over-wire, once."
        )
    named = [target for target in TARGETS.values() if info.board.startswith(board_name(target.settings))]
    if not named:
        raise LipwrightError(
            f"the board calls itself {info.board}, which tells no kind of board: run `lipwright flash` "
            "without --over-wire."
        )
    target = max(named, key=lambda target: len(board_name(target.settings)))  # "... Pico 2" is no "... Pico"
    if target.platform == "linux" and info.interpreter.endswith("32-bit"):
        return target, "x86"
    return target, target.architecture
