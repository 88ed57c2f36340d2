"""What the elements of a message may be: a rule for each, packed positions, CBOR in its one shortest form.

A rule returns the value that it is given, or raises MalformedError.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import cbor2

from facewire import constants as c


class WireError(Exception):
    """A frame that has to be refused."""


class CrcError(WireError):
    """The frame is damaged: its COBS or its CRC-32 does not hold."""


class MalformedError(WireError):
    """The frame arrived whole, but is no message of this protocol."""


class VersionError(WireError):
    """The other end speaks another version of the protocol; `version` and `schema_hash` say which."""

    def __init__(self, version: int, schema_hash: int) -> None:
        super().__init__(f"protocol version {version} (schema {schema_hash:08x})")
        self.version = version
        self.schema_hash = schema_hash


Rule: TypeAlias = Callable[[object], Any]


def number(lowest: int, highest: int) -> Rule:
    """The rule for an integer from lowest to highest; a bool is none."""

    def rule(value: object) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise MalformedError(f"not a number from {lowest} to {highest}: {value!r}")
        return value

    return rule


def text(shortest: int) -> Rule:
    """The rule for a text of printable ASCII, at least so long."""

    def rule(value: object) -> str:
        if not isinstance(value, str) or not shortest <= len(value) <= c.MAX_TEXT_BYTES:
            raise MalformedError(f"not a text of {shortest} to {c.MAX_TEXT_BYTES} letters: {value!r}")
        if not all(" " <= letter <= "~" for letter in value):
            raise MalformedError(f"text is printable ASCII: {value!r}")
        return value

    return rule


def byte_string(value: object) -> bytes:
    """The rule for a byte string of any length."""
    if not isinstance(value, bytes):
        raise MalformedError(f"not a byte string: {value!r}")
    return value


def exactly(fields: object, count: int) -> list[Any]:
    """An array of so many elements. Raises MalformedError for anything else."""
    if not isinstance(fields, list) or len(fields) != count:
        raise MalformedError(f"not the {count} elements that belong here")
    return fields


# Request ids and sessions begin at 1; times and counters have 30 bits.
U8, U16, U32 = number(0, 0xFF), number(0, 0xFFFF), number(0, 0xFFFFFFFF)
ID = number(1, 0xFFFF)
TICKS = COUNTER = number(0, c.TICKS_MASK)


@dataclass(frozen=True)
class Fields:
    """A message whose elements are its attributes in order, each checked by the rule in the same place."""

    RULES: ClassVar[tuple[Rule, ...]]

    def fields(self) -> list[Any]:
        values = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return [list(value) if isinstance(value, tuple) else value for value in values]

    @classmethod
    def from_fields(cls, fields: list[Any]) -> Any:
        values = exactly(fields, len(cls.RULES))
        return cls(*(rule(value) for rule, value in zip(cls.RULES, values, strict=True)))


def pack_positions(positions: Sequence[int]) -> bytes:
    """12-bit positions, two in three bytes: low byte, high nibbles, high byte.

    A last odd one takes two bytes. Raises MalformedError for a position outside 0..4095.
    """
    packed = bytearray()
    for i in range(0, len(positions), 2):
        first = positions[i]
        second = positions[i + 1] if i + 1 < len(positions) else 0
        if not 0 <= first <= c.POSITION_MAX or not 0 <= second <= c.POSITION_MAX:
            raise MalformedError("a position is 0 to 4095")
        packed += bytes((first & 255, first >> 8 | (second & 15) << 4, second >> 4))
    return bytes(packed[: (3 * len(positions) + 1) // 2])


def unpack_positions(packed: bytes) -> tuple[int, ...]:
    """What `pack_positions` packed. Raises MalformedError for a length or a nibble that it never makes."""
    count = len(packed) * 2 // 3
    if len(packed) % 3 == 1 or count > c.MAX_CHANNELS:
        raise MalformedError(f"{len(packed)} bytes are no positions")
    if count % 2 and packed[-1] >> 4:
        raise MalformedError("the spare nibble is not zero")
    positions = []
    for i in range(count):
        j = i // 2 * 3
        if i % 2:
            positions.append(packed[j + 1] >> 4 | packed[j + 2] << 4)
        else:
            positions.append(packed[j] | (packed[j + 1] & 15) << 8)
    return tuple(positions)


def dumps(value: object) -> bytes:
    """The value as CBOR in its shortest form."""
    data: bytes = cbor2.dumps(value, canonical=True)
    return data


def loads(data: bytes) -> Any:
    """The value that these bytes hold. Raises MalformedError for all but its one shortest encoding."""
    try:
        value = cbor2.CBORDecoder(io.BytesIO(data)).decode()
        canonical = dumps(value) == data
    except Exception as error:  # cbor2 raises a good many kinds on damaged input
        raise MalformedError(f"not CBOR: {error}") from None
    if not canonical:
        raise MalformedError("not the shortest CBOR")
    return value
