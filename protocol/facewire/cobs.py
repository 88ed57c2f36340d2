"""Consistent Overhead Byte Stuffing: takes the zeros out of a message, so that a zero can end it.

Runs unchanged on MicroPython and CPython.
"""


def encode(data: bytes) -> bytes:
    """`data` without any zero byte: one byte longer, and one more for each 254 bytes without a zero."""
    out = bytearray(1)
    group = 0  # where the length byte of the group in progress stands
    full = False  # the last group holds 254 bytes: it stands for no zero
    for byte in data:
        if full:
            group = len(out)
            out.append(0)
            full = False
        if byte:
            out.append(byte)
            if len(out) - group == 255:
                out[group] = 255
                full = True
        else:
            out[group] = len(out) - group
            group = len(out)
            out.append(0)
    if not full:
        out[group] = len(out) - group
    return bytes(out)


def decode(frame: bytes) -> bytes:
    """What `encode` was given. Raises ValueError for any frame that `encode` never makes."""
    out = bytearray()
    end = len(frame)
    if not end:
        raise ValueError("an empty frame")
    position = 0
    length = 0
    while position < end:
        previous = length
        length = frame[position]
        following = position + length
        if length == 0 or following > end:
            raise ValueError("a group runs past the frame's end")
        if length == 1 and following == end and previous == 255:
            raise ValueError("an empty group after a full one")
        group = frame[position + 1 : following]
        if 0 in group:
            raise ValueError("a zero inside a frame")
        out.extend(group)
        if length < 255 and following < end:
            out.append(0)
        position = following
    return bytes(out)
