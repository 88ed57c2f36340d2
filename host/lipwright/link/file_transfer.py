"""Files on the board: bring one there, list them, remove one; and shows, which are files that it plays.

Names are folder/name: "shows/hello", or "slot/wire.mpy" for firmware (protocol/README.md, "Files"). The board
takes files only while its head is still. A file that breaks off leaves the old one where it was.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial

from facewire import constants as wire
from lipwright.errors import LipwrightError
from lipwright.link.board_link import BoardLink
from lipwright.link.file_messages import (
    FileBegin,
    FileDelete,
    FileEnd,
    FileInfo,
    FileList,
    FilePart,
    ShowPlay,
)
from lipwright.link.messages import Ack

SHOWS = "shows"
# How long a head may take to come to rest: servos come on group after group, and slow ones take their time.
STILL_S = 10.0
LOOK_S = 0.02


def store_file(
    link: BoardLink, name: str, data: bytes, progress: Callable[[int], object] = lambda _: None
) -> None:
    """Brings a file to the board, in the place of any of the same name.

    `progress` is told the number of bytes that have just gone. Raises LipwrightError if the board refuses it,
    or is lost; it then has the old file still.
    """
    wait_until_still(link)
    link.ask(lambda number: FileBegin(number, name, len(data), zlib.crc32(data)), Ack)
    for offset in range(0, len(data), wire.MAX_PART_BYTES):
        part = data[offset : offset + wire.MAX_PART_BYTES]
        link.ask(partial(FilePart, offset=offset, data=part), Ack)
        progress(len(part))
    link.ask(FileEnd, Ack)


def list_files(link: BoardLink, folder: str = SHOWS) -> list[FileInfo]:
    """What lies in a folder of the board, in order of name: name (with the folder), size and CRC-32.

    While a show plays, the CRC-32 of all but short files (256 bytes) is 0: reading them would hold it up.
    """
    found: list[FileInfo] = []
    while True:
        info = link.ask(lambda number: FileList(number, folder, len(found)), FileInfo)
        if not info.name:
            return found
        found.append(info)


def delete_file(link: BoardLink, name: str) -> None:
    """Removes a file from the board; one that is not there is removed already."""
    wait_until_still(link)
    link.ask(lambda number: FileDelete(number, name), Ack)


def play_show(link: BoardLink, name: str, times: int = 1) -> None:
    """Brings the head to rest, then has the board play the show "shows/`name`"; it goes on by itself.

    `times`: 1 to 255, or 0 for again and again. Whatever the host tells the head then ends the show.
    """
    link.bring_to_rest()
    link.ask(lambda number: ShowPlay(number, name, times), Ack)


def wait_until_still(link: BoardLink) -> None:
    """Returns when nothing moves, nor is about to. Raises LipwrightError if that does not come."""
    deadline = link.clock.now() + STILL_S
    while True:
        state = link.request_status().state
        if state <= wire.RELEASED or state == wire.RESTING:
            return
        if link.clock.now() > deadline:
            raise LipwrightError(
                f"the head has not come to rest within {STILL_S:.0f} s: switch its power off and on, and try"
                " again."
            )
        link.clock.sleep_until(link.clock.now() + LOOK_S)
