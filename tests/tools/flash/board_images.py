"""Small MicroPythons for boards: whole files in the formats that boards take, with nothing to run in them."""

from __future__ import annotations

import functools
import hashlib
import operator
import os
import struct
from pathlib import Path

RP2040, ABSOLUTE, RP2350, OTHER = 0xE48BFF56, 0xE48BFF57, 0xE48BFF59, 0x12345678
TABLE_AT, PROGRAM_AT = 0x8000, 0x10000


def uf2_block(family: int, number: int, count: int, address: int, size: int = 256) -> bytes:
    """A block of a UF2 file."""
    head = struct.pack("<8I", 0x0A324655, 0x9E5D5157, 0x2000, address, size, number, count, family)
    return (head + os.urandom(256)).ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)


def uf2_file(path: Path, family: int = RP2040, blocks: int = 40) -> Path:
    """A whole UF2 file; for a Pico 2 it begins, as MicroPython's does, with a block that goes elsewhere."""
    first = uf2_block(ABSOLUTE, 0, 2, 0x10FFFF00) if family == RP2350 else b""
    rest = [uf2_block(family, number, blocks, 0x10000000 + 256 * number) for number in range(blocks)]
    path.write_bytes(first + b"".join(rest))
    return path


def esp_image(size: int) -> bytes:
    """An image for an ESP32-S3 with a program of so many bytes, a multiple of 4; its sums hold."""
    segments = {0x3FCE3820: os.urandom(40), 0x403C9700: os.urandom(size)}
    image = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x3F, 0x403C989C)
    image += struct.pack("<B3xHBHH4xB", 0xEE, 9, 0, 0, 99, 1)
    for address, data in segments.items():
        image += struct.pack("<II", address, len(data)) + data
    found = functools.reduce(operator.xor, b"".join(segments.values()), 0xEF)
    image += bytes(-(len(image) + 1) % 16) + bytes([found])
    return image + hashlib.sha256(image).digest()


def partition_table(*entries: tuple[int, int, int, int, bytes]) -> bytes:
    """A partition table of these (type, subtype, place, bytes, name), with its MD5."""
    table = b"".join(struct.pack("<2sBBII16sI", b"\xaa\x50", *entry, 0) for entry in entries)
    return table + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table).digest()


def esp_file(path: Path, size: int = 3000) -> Path:
    """All that an ESP32-S3 starts from: bootloader, partition table and program."""
    table = partition_table(
        (1, 2, 0x9000, 0x6000, b"nvs"),
        (0, 0, PROGRAM_AT, 0x1F0000, b"factory"),
        (1, 129, 0x200000, 0x200000, b"vfs"),
    )
    data = esp_image(500).ljust(TABLE_AT, b"\xff") + table
    path.write_bytes(data.ljust(PROGRAM_AT, b"\xff") + esp_image(size))
    return path
