"""A message on the wire: its CBOR, a CRC-32 (little endian), COBS around both, a zero at the end.

Runs unchanged on MicroPython and CPython.
"""

import binascii

from facewire import cobs

CRC_BYTES = 4


def wrap(payload: bytes) -> bytes:
    """The payload as it goes onto the wire, closing zero included."""
    return cobs.encode(payload + binascii.crc32(payload).to_bytes(CRC_BYTES, "little")) + b"\0"


def unwrap(frame: bytes) -> bytes:
    """The payload of a frame that has lost its closing zero. Raises ValueError for a damaged frame."""
    data = cobs.decode(frame)
    if len(data) <= CRC_BYTES:
        raise ValueError("too short for a message")
    payload = data[:-CRC_BYTES]
    if binascii.crc32(payload) != int.from_bytes(data[-CRC_BYTES:], "little"):
        raise ValueError("the CRC-32 does not hold")
    return payload
