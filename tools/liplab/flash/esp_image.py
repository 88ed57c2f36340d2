"""MicroPython for an ESP32-S3: a file that is the board's flash from its beginning on.

In it lie the second-stage bootloader, the partition table and the program, each with sums of its own. The
formats are those of Espressif's ESP-IDF: "App Image Format" and "Partition Tables" in its documentation.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

import numpy as np

from liplab.flash.targets import ESP32S3
from lipwright.errors import LipwrightError

# An image: 24 bytes of header (its first byte, segments, ..., chip at 12, at 23 whether a SHA-256 follows),
# the segments, zeros up to a byte of sum that ends a line of 16, and the SHA-256 of all that.
_HEAD_BYTES, _MAGIC, _SEGMENTS_AT, _CHIP_AT, _HASHED_AT = 24, 0xE9, 1, 12, 23
_CHIP = 9  # ESP32-S3
_SEGMENT = struct.Struct("<II")  # address, bytes
_SUM_START, _LINE_BYTES, _HASH_BYTES = 0xEF, 16, 32
# The partition table: its entries' mark, type (0: a program), subtype, place, bytes, name and flags; and the
# mark before the MD5 of them all.
TABLE_AT, _TABLE_BYTES = 0x8000, 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_ENTRY_MARK, _MD5_MARK, _PROGRAM = b"\xaa\x50", b"\xeb\xeb" + b"\xff" * 14, 0
# The least flash that such boards have.
FLASH_BYTES = 4 << 20


class _Damaged(Exception):
    """The file is not what it claims to be."""


def check(path: Path) -> None:
    """Verifies every sum in the file. Raises LipwrightError unless it is all that an ESP32-S3 starts from."""
    data = path.read_bytes()
    if len(data) < _HEAD_BYTES or data[0] != _MAGIC or _chip(data) != _CHIP:
        raise LipwrightError(f"{path} is not for an ESP32-S3: get one from {ESP32S3.download}.")
    try:
        _check_image(data, 0, "the bootloader")
        programs = _programs(data)
        for start, name in programs:
            _check_image(data, start, f"the partition {name}")
    except _Damaged as error:
        raise LipwrightError(f"{path} is damaged: {error}; download it again.") from None
    if not programs:
        raise LipwrightError(
            f"{path} is not all that an ESP32-S3 starts from: take the file that ends in .bin from "
            f"{ESP32S3.download}, not the .app-bin."
        )
    if len(data) > FLASH_BYTES:
        raise LipwrightError(f"{path} is larger than the board's flash: get one from {ESP32S3.download}.")


def _chip(image: bytes) -> int:
    return int.from_bytes(image[_CHIP_AT : _CHIP_AT + 2], "little")


def _check_image(data: bytes, start: int, name: str) -> None:
    """Verifies one image: its length, its byte of sum and its SHA-256."""
    head = data[start : start + _HEAD_BYTES]
    if len(head) < _HEAD_BYTES or head[0] != _MAGIC or _chip(head) != _CHIP:
        raise _Damaged(f"{name} is missing")
    at, found = start + _HEAD_BYTES, _SUM_START
    for _ in range(head[_SEGMENTS_AT]):
        if at + _SEGMENT.size > len(data):
            raise _Damaged(f"{name} is cut off")
        _, size = _SEGMENT.unpack_from(data, at)
        at += _SEGMENT.size
        if at + size > len(data):
            raise _Damaged(f"{name} is cut off")
        found ^= int(np.bitwise_xor.reduce(np.frombuffer(data, np.uint8, size, at)))
        at += size
    end = start + ((at - start) // _LINE_BYTES + 1) * _LINE_BYTES
    if end + _HASH_BYTES > len(data):
        raise _Damaged(f"{name} is cut off")
    if data[end - 1] != found:
        raise _Damaged(f"the sum of {name} is wrong")
    if not head[_HASHED_AT] or hashlib.sha256(data[start:end]).digest() != data[end : end + _HASH_BYTES]:
        raise _Damaged(f"the SHA-256 of {name} is wrong")


def _programs(data: bytes) -> list[tuple[int, str]]:
    """Where the partition table says that programs lie which this file has, and what it calls them."""
    found: list[tuple[int, str]] = []
    for at in range(TABLE_AT, min(TABLE_AT + _TABLE_BYTES, len(data) - _ENTRY.size + 1), _ENTRY.size):
        mark, kind, _, start, _, name, _ = _ENTRY.unpack_from(data, at)
        if data[at : at + len(_MD5_MARK)] == _MD5_MARK:
            digest = data[at + len(_MD5_MARK) : at + _ENTRY.size]
            if hashlib.md5(data[TABLE_AT:at], usedforsecurity=False).digest() != digest:
                raise _Damaged("the MD5 of the partition table is wrong")
            return found
        if mark != _ENTRY_MARK:
            break
        if kind == _PROGRAM and start < len(data):
            found.append((start, name.rstrip(b"\0").decode("ascii", "replace")))
    return []
