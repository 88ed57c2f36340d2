"""The messages that bring files to the board and say what lies there: shows, and new firmware."""

from __future__ import annotations

import re
from dataclasses import dataclass

from facewire import constants as c
from lipwright.link.elements import ID, U8, U16, U32, Fields, MalformedError, byte_string, number, text

# A folder, perhaps one within it, and a name.
_NAME = re.compile(r"[a-z]+(/[a-z0-9_][a-z0-9._-]*){1,2}")


def _file_name(value: object) -> str:
    name = text(3)(value)
    if len(name) > c.MAX_NAME_BYTES or not _NAME.fullmatch(name):
        raise MalformedError(f"not a folder and a name of small letters, digits, . _ and -: {name!r}")
    return str(name)


def _part(value: object) -> bytes:
    data = byte_string(value)
    if not 1 <= len(data) <= c.MAX_PART_BYTES:
        raise MalformedError("a part of a file has 1 to 512 bytes")
    return data


FILE_SIZE = number(0, 0xFFFFFF)


@dataclass(frozen=True)
class FileBegin(Fields):
    """A file of `size` bytes with this CRC-32 comes in parts; `name` is folder/name."""

    TYPE = c.FILE_BEGIN
    RULES = (ID, _file_name, FILE_SIZE, U32)
    request: int
    name: str
    size: int
    crc: int


@dataclass(frozen=True)
class FilePart(Fields):
    """The bytes of the file begun that stand from `offset` on. Parts come in order."""

    TYPE = c.FILE_PART
    RULES = (ID, FILE_SIZE, _part)
    request: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class FileEnd(Fields):
    """All parts have come: the board checks the file, and puts it in the place of any old one."""

    TYPE = c.FILE_END
    RULES = (ID,)
    request: int


@dataclass(frozen=True)
class FileList(Fields):
    """Asks what the file with this number in a folder is; numbers begin at 0."""

    TYPE = c.FILE_LIST
    RULES = (ID, text(1), U16)
    request: int
    folder: str
    number: int


@dataclass(frozen=True)
class FileDelete(Fields):
    """Removes a file; one that is not there is removed already."""

    TYPE = c.FILE_DELETE
    RULES = (ID, _file_name)
    request: int
    name: str


@dataclass(frozen=True)
class ShowPlay(Fields):
    """Plays a show from the board's flash, so many times (0: until something else comes)."""

    TYPE = c.SHOW_PLAY
    RULES = (ID, text(1), U8)
    request: int
    name: str
    times: int


@dataclass(frozen=True)
class Update(Fields):
    """Restarts with the firmware that was sent to the folder "slot"; its manifest has this CRC-32."""

    TYPE = c.UPDATE
    RULES = (ID, U32)
    request: int
    manifest_crc: int


@dataclass(frozen=True)
class FileInfo(Fields):
    """Answers a question about a folder: how many files it has, and the one with the number asked for.

    name is empty if there are not so many. crc is 0 for all but short files while a show plays.
    """

    TYPE = c.FILE_INFO
    RULES = (ID, U16, text(0), FILE_SIZE, U32)
    request: int
    count: int
    name: str
    size: int
    crc: int
