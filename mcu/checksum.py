"""CRC-32 of files, read in pieces: memory is short."""

import binascii

from micropython import const

MYPY = False  # true for type checkers
if MYPY:
    from typing import BinaryIO

_CHUNK_BYTES = const(256)


def rest_of(file: "BinaryIO", crc: int) -> "tuple[int, int]":
    """How many bytes an open file still has, and `crc` carried on over them. Raises OSError."""
    chunk = memoryview(bytearray(_CHUNK_BYTES))
    size = 0
    count = file.readinto(chunk)
    while count:
        size += count
        crc = binascii.crc32(chunk[:count], crc)
        count = file.readinto(chunk)
    return size, crc
