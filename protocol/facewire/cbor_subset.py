"""The part of CBOR (RFC 8949) that the wire uses, and nothing else, in its shortest form only.

Unsigned integers below 2**32, byte strings, texts of printable ASCII, arrays. Everything else, every head
longer than it need be, every nesting deeper than MAX_DEPTH and every trailing byte is refused, so that a
message has exactly one encoding. Runs unchanged on MicroPython and CPython.
"""

from facewire.constants import MAX_DEPTH

UNSIGNED = 0
BYTE_STRING = 2
TEXT = 3
ARRAY = 4


def dumps(value: object) -> bytes:
    """The value as CBOR. Raises ValueError for what the wire does not carry."""
    out = bytearray()
    _write(out, value, 1)
    return bytes(out)


def loads(data: bytes) -> object:
    """The one value that `data` holds: int, bytes, str or list. Raises ValueError for anything else."""
    value, end = _read(data, 0, 1)
    if end != len(data):
        raise ValueError("trailing bytes")
    return value


def _write(out: bytearray, value: object, depth: int) -> None:
    if isinstance(value, int) and not isinstance(value, bool):
        if 0 <= value < 24:  # as most are, and a board is slow
            out.append(value)
        else:
            _write_head(out, UNSIGNED, value)
    elif isinstance(value, (bytes, bytearray)):
        _write_head(out, BYTE_STRING, len(value))
        out.extend(value)
    elif isinstance(value, str):
        data = value.encode()
        _check_text(data)
        _write_head(out, TEXT, len(data))
        out.extend(data)
    elif isinstance(value, (list, tuple)):
        if depth > MAX_DEPTH:
            raise ValueError("nested too deep")
        _write_head(out, ARRAY, len(value))
        for item in value:
            _write(out, item, depth + 1)
    else:
        raise ValueError("not a kind of value that the wire carries")


def _write_head(out: bytearray, kind: int, argument: int) -> None:
    kind <<= 5
    if argument < 0 or argument > 0xFFFFFFFF:
        raise ValueError("not within 32 bits")
    if argument < 24:
        out.append(kind | argument)
        return
    size = 1 if argument < 0x100 else 2 if argument < 0x10000 else 4
    out.append(kind | (24 if size == 1 else 25 if size == 2 else 26))
    out.extend(argument.to_bytes(size, "big"))


def _read(data: bytes, position: int, depth: int) -> tuple[object, int]:
    kind, argument, position = _read_head(data, position)
    if kind == UNSIGNED:
        return argument, position
    if kind in (BYTE_STRING, TEXT):
        end = position + argument
        if end > len(data):
            raise ValueError("the message ends too early")
        content = bytes(data[position:end])
        if kind == BYTE_STRING:
            return content, end
        _check_text(content)
        return content.decode(), end
    if kind == ARRAY:
        if depth > MAX_DEPTH:
            raise ValueError("nested too deep")
        if argument > len(data) - position:  # an item takes a byte at least
            raise ValueError("the message ends too early")
        items = []
        for _ in range(argument):
            item, position = _read(data, position, depth + 1)
            items.append(item)
        return items, position
    raise ValueError("not a kind of value that the wire carries")


def _read_head(data: bytes, position: int) -> tuple[int, int, int]:
    if position >= len(data):
        raise ValueError("the message ends too early")
    kind = data[position] >> 5
    argument = data[position] & 31
    position += 1
    if argument < 24:
        return kind, argument, position
    if argument > 26:
        raise ValueError("a length that the wire does not use")
    size = 1 << (argument - 24)
    if position + size > len(data):
        raise ValueError("the message ends too early")
    argument = int.from_bytes(data[position : position + size], "big")
    if argument < (24 if size == 1 else 0x100 if size == 2 else 0x10000):
        raise ValueError("a longer head than need be")
    return kind, argument, position + size


def _check_text(data: bytes) -> None:
    for byte in data:
        if byte < 0x20 or byte > 0x7E:
            raise ValueError("text is printable ASCII")
