"""Files from the host: shows, and new firmware for the slot that does not run.

A file comes in parts, is kept apart until it is whole and its CRC-32 holds, and then takes the place of the
old one in one step: whatever happens on the way, the old one is there or the new one is. Writing to flash
holds up the ticks, so files are taken while the head is still.
"""

import binascii
import os

import checksum
import show_file
import slots
from head import Head
from micropython import const
from refusal import Refusal

from facewire.constants import (
    CAUSE_SHOW,
    MAX_NAME_BYTES,
    MAX_PART_BYTES,
    REASON_BUSY,
    REASON_FILE,
    REASON_STORAGE,
)

SHOWS = "shows"
SLOT = "slot"
_INCOMING = "incoming"
_SHORT_BYTES = const(256)  # is read at once
_SPARE_BLOCKS = const(4)  # a file system needs some of its own
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"


class Files:
    """The file that is coming, and those that are there."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._name = ""
        self._size = 0
        self._crc = 0
        self._length = 0
        self._found = 0
        self._ended = False

    def begin(self, name: str, size: int, crc: int) -> None:
        """A file of so many bytes with this CRC-32 will come. Raises Refusal."""
        path(name)
        self._still()
        self._name = ""
        _remove(_INCOMING)  # what broke off takes room
        free_bytes = free()
        if size > free_bytes:
            raise Refusal(REASON_STORAGE, "only " + str(free_bytes) + " bytes are free on flash")
        try:
            with open(_INCOMING, "wb"):
                pass
        except OSError:
            raise Refusal(REASON_STORAGE, "flash cannot be written")
        self._name = name
        self._size = size
        self._crc = crc
        self._length = self._found = 0
        self._ended = False

    def part(self, offset: int, data: bytes) -> None:
        """Its bytes from `offset` on. Raises Refusal for those that are not next, nor have just come."""
        if not 1 <= len(data) <= MAX_PART_BYTES:
            raise Refusal(REASON_FILE, "a part has 1 to 512 bytes")
        if self._name and offset + len(data) == self._length:
            return
        if not self._name or self._ended or offset != self._length or offset + len(data) > self._size:
            raise Refusal(REASON_FILE, "that part does not come next: begin again")
        self._still()
        try:
            with open(_INCOMING, "ab") as file:
                file.write(data)
        except OSError:
            raise Refusal(REASON_STORAGE, "flash is full")
        self._found = binascii.crc32(data, self._found)
        self._length += len(data)

    def end(self) -> None:
        """All parts have come. Raises Refusal unless they are what was announced."""
        if self._ended:
            return
        if not self._name or self._length != self._size or self._found != self._crc:
            raise Refusal(REASON_FILE, "those are not the bytes that were announced: begin again")
        self._still()
        target = path(self._name)
        if is_show(self._name):
            show_file.check(_INCOMING, self._head.profile)
        try:
            _make_folders(target)
            os.rename(_INCOMING, target)
        except OSError:
            raise Refusal(REASON_STORAGE, "flash cannot be written")
        self._ended = True

    def delete(self, name: str) -> None:
        """Removes a file; one that is not there is removed already. Raises Refusal."""
        target = path(name)
        self._still()
        _remove(target)

    def info(self, folder: str, number: int) -> "tuple[int, str, int, int]":
        """How many files a folder has, and of the one with this number name, size and CRC-32.

        The name is empty if there are not so many. While a show moves the head, the CRC-32 of all but short
        files is 0: reading them would hold up the ticks.
        """
        try:
            names = sorted(os.listdir(folder)) if folder == SHOWS else []
        except OSError:
            names = []
        if number >= len(names):
            return len(names), "", 0, 0
        name = folder + "/" + names[number]
        if self._head.safety.cause == CAUSE_SHOW and not self._head.is_still():
            size = length(name)
            if size > _SHORT_BYTES:
                return len(names), name, size, 0
        size, crc = measure(name)
        return len(names), name, size, crc

    def _still(self) -> None:
        if not self._head.is_still():
            raise Refusal(REASON_BUSY, "the head moves: park it first")


def path(name: str) -> str:
    """Where a file lies. Raises Refusal for what is no name of one."""
    folder, *rest = name.split("/")
    good = folder in (SHOWS, SLOT) and 1 <= len(rest) <= 2 and len(name) <= MAX_NAME_BYTES
    for part in rest:
        good = good and part[:1] in _LETTERS and part != ""
        for letter in part:
            good = good and letter in _LETTERS + ".-"
    if not good:
        raise Refusal(REASON_FILE, "not a name for a file")
    return name if folder == SHOWS else "/".join([slots.spare()] + rest)


def is_show(name: str) -> bool:
    """Whether a file is a show; the others in the folder, whose names have a dot, say when shows play."""
    return name.startswith(SHOWS + "/") and "." not in name


def free() -> int:
    """Bytes that are free on flash."""
    figures = os.statvfs(".")
    return max(0, (figures[4] - _SPARE_BLOCKS) * figures[0])


def length(name: str) -> int:
    """Size of a file; 0 of one that is not there."""
    try:
        return os.stat(name)[6]
    except OSError:
        return 0


def measure(name: str) -> "tuple[int, int]":
    """Size and CRC-32 of a file; 0 and 0 for one that cannot be read."""
    try:
        with open(name, "rb") as file:
            return checksum.rest_of(file, 0)
    except OSError:
        return 0, 0


def _remove(name: str) -> None:
    try:
        os.remove(name)
    except OSError:  # it is not there
        pass


def _make_folders(target: str) -> None:
    parts = target.split("/")
    for depth in range(1, len(parts)):
        try:
            os.mkdir("/".join(parts[:depth]))
        except OSError:  # it is there
            pass
