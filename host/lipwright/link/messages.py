"""Every message of the wire as a typed dataclass, encoded and decoded strictly.

`encode` makes the bytes that go onto the wire (COBS frame and closing zero), `decode` reads one frame
without its zero, `Splitter` cuts a byte stream into messages and counts what had to be refused.
What a message means stands in `protocol/README.md`.
"""

from __future__ import annotations

import dataclasses
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import cbor2

from facewire import constants as c
from facewire import framing


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


def _number(lowest: int, highest: int) -> Rule:
    def rule(value: object) -> int:
        if type(value) is not int or not lowest <= value <= highest:
            raise MalformedError(f"not a number from {lowest} to {highest}: {value!r}")
        return value

    return rule


def _text(shortest: int) -> Rule:
    def rule(value: object) -> str:
        if not isinstance(value, str) or not shortest <= len(value) <= c.MAX_TEXT_BYTES:
            raise MalformedError(f"not a text of {shortest} to {c.MAX_TEXT_BYTES} letters: {value!r}")
        if not all(" " <= letter <= "~" for letter in value):
            raise MalformedError(f"text is printable ASCII: {value!r}")
        return value

    return rule


def _byte_string(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise MalformedError(f"not a byte string: {value!r}")
    return value


def _exactly(fields: object, count: int) -> list[Any]:
    if not isinstance(fields, list) or len(fields) != count:
        raise MalformedError(f"not the {count} elements that belong here")
    return fields


def _drops(value: object) -> tuple[int, ...]:
    return tuple(COUNTER(count) for count in _exactly(value, len(c.DROP_NAMES)))


U8, U16, U32 = _number(0, 0xFF), _number(0, 0xFFFF), _number(0, 0xFFFFFFFF)
ID = _number(1, 0xFFFF)
TICKS = COUNTER = _number(0, c.TICKS_MASK)


@dataclass(frozen=True)
class _Fields:
    """A message whose elements are its attributes in order, each checked by the rule in the same place."""

    TYPE: ClassVar[int]
    RULES: ClassVar[tuple[Rule, ...]]

    def fields(self) -> list[Any]:
        values = [getattr(self, field.name) for field in dataclasses.fields(self)]
        return [list(value) if isinstance(value, tuple) else value for value in values]

    @classmethod
    def from_fields(cls, fields: list[Any]) -> Any:
        values = _exactly(fields, len(cls.RULES))
        return cls(*(rule(value) for rule, value in zip(cls.RULES, values, strict=True)))


@dataclass(frozen=True)
class FullFrame:
    """Where every channel has to be at board time `time_ms` (30 bit ms). Positions are 0..4095."""

    TYPE: ClassVar[int] = c.FULL_FRAME
    sequence: int
    time_ms: int
    positions: tuple[int, ...]

    def fields(self) -> list[Any]:
        return [self.sequence, self.time_ms, pack_positions(self.positions)]

    @classmethod
    def from_fields(cls, fields: list[Any]) -> FullFrame:
        sequence, time_ms, packed = _exactly(fields, 3)
        positions = unpack_positions(_byte_string(packed))
        if not positions:
            raise MalformedError("a full frame without positions")
        return cls(U16(sequence), TICKS(time_ms), positions)


@dataclass(frozen=True)
class CompactFrame:
    """The channels that differ from the last full frame whose sequence is a multiple of 32.

    `changes` maps channel to position, 0..4095.
    """

    TYPE: ClassVar[int] = c.COMPACT_FRAME
    sequence: int
    time_ms: int
    changes: dict[int, int]

    def fields(self) -> list[Any]:
        channels = sorted(self.changes)
        mask = sum(1 << channel for channel in channels)
        return [self.sequence, self.time_ms, mask, pack_positions([self.changes[i] for i in channels])]

    @classmethod
    def from_fields(cls, fields: list[Any]) -> CompactFrame:
        sequence, time_ms, mask, packed = _exactly(fields, 4)
        positions = unpack_positions(_byte_string(packed))
        channels = [channel for channel in range(c.MAX_CHANNELS) if U32(mask) >> channel & 1]
        if len(channels) != len(positions):
            raise MalformedError("mask and positions do not agree")
        return cls(U16(sequence), TICKS(time_ms), dict(zip(channels, positions, strict=True)))


@dataclass(frozen=True)
class Hello(_Fields):
    """Opens a session: the board sets its counters to zero. `session` is any number but 0."""

    TYPE = c.HELLO
    RULES = (ID, U16, U32, ID)
    request: int
    version: int
    schema_hash: int
    session: int

    @classmethod
    def open(cls, request: int, session: int) -> Hello:
        """The hello of this version of the protocol."""
        return cls(request, c.PROTOCOL_VERSION, c.SCHEMA_HASH, session)


@dataclass(frozen=True)
class Sync(_Fields):
    """Asks for the board's time. A repeat takes a new id, so that an answer belongs to one question."""

    TYPE = c.SYNC
    RULES = (ID,)
    request: int


@dataclass(frozen=True)
class Park(_Fields):
    """Ease to the rest pose and stay there with pulses on; frames in the ring are dropped."""

    TYPE = c.PARK
    RULES = (ID,)
    request: int


@dataclass(frozen=True)
class Stop(_Fields):
    """Release all pulses at once, and stay released until a park or a new session."""

    TYPE = c.STOP
    RULES = (ID,)
    request: int


@dataclass(frozen=True)
class StatusRequest(_Fields):
    """Asks for a status now."""

    TYPE = c.STATUS_REQUEST
    RULES = (ID,)
    request: int


@dataclass(frozen=True)
class BoardChannel(_Fields):
    """One servo as the board knows it; no message of its own.

    output: chip * 16 + pin. pulse_at_0_us and pulse_at_1_us: pulse widths at the ends of the target's
    range, the first being the greater in an inverted servo. rest: 0..4095. speed: percent of the range
    per second.
    """

    RULES = (
        _number(0, c.OUTPUT_MAX),
        _number(c.PULSE_MIN_US, c.PULSE_MAX_US),
        _number(c.PULSE_MIN_US, c.PULSE_MAX_US),
        _number(0, c.POSITION_MAX),
        _number(c.SPEED_MIN, c.SPEED_MAX),
    )
    output: int
    pulse_at_0_us: int
    pulse_at_1_us: int
    rest: int
    speed: int


@dataclass(frozen=True)
class BoardProfile:
    """What the board knows of a head: PWM frequency and channels. The board checks the limits again."""

    pwm_hz: int
    channels: tuple[BoardChannel, ...]

    def body(self) -> bytes:
        """The bytes that travel and that the board keeps; `crc` is their CRC-32."""
        return _dumps([self.pwm_hz, [channel.fields() for channel in self.channels]])

    @property
    def crc(self) -> int:
        return zlib.crc32(self.body())

    @classmethod
    def from_body(cls, body: bytes) -> BoardProfile:
        pwm_hz, channels = _exactly(_loads(body), 2)
        if not isinstance(channels, list) or not 1 <= len(channels) <= c.MAX_CHANNELS:
            raise MalformedError("a profile has 1 to 32 channels")
        profile = cls(
            _number(c.PWM_HZ_MIN, c.PWM_HZ_MAX)(pwm_hz),
            tuple(BoardChannel.from_fields(channel) for channel in channels),
        )
        if len({channel.output for channel in profile.channels}) < len(channels):
            raise MalformedError("two channels share an output")
        if any(channel.pulse_at_0_us == channel.pulse_at_1_us for channel in profile.channels):
            raise MalformedError("a channel's range is empty")
        return profile


@dataclass(frozen=True)
class ProfileUpload:
    """Gives the board its head profile, which it keeps on flash."""

    TYPE: ClassVar[int] = c.PROFILE
    request: int
    profile: BoardProfile

    def fields(self) -> list[Any]:
        return [self.request, self.profile.body()]

    @classmethod
    def from_fields(cls, fields: list[Any]) -> ProfileUpload:
        request, body = _exactly(fields, 2)
        return cls(ID(request), BoardProfile.from_body(_byte_string(body)))


@dataclass(frozen=True)
class Ack(_Fields):
    """The request has been done."""

    TYPE = c.ACK
    RULES = (ID, U8)
    request: int
    message_type: int


@dataclass(frozen=True)
class Refused(_Fields):
    """The request has been understood and refused; `text` says why in words."""

    TYPE = c.REFUSED
    RULES = (ID, U8, U8, _text(0))
    request: int
    message_type: int
    reason: int
    text: str


@dataclass(frozen=True)
class BoardInfo(_Fields):
    """Answers hello. channel_count 0: the board knows no profile yet (profile_crc is then 0)."""

    TYPE = c.BOARD_INFO
    RULES = (
        *(ID, U16, U32, U16),
        *(_text(1), _text(1), _text(1)),
        *(_number(0, c.MAX_CHANNELS), _number(1, 1000), ID, U32),
    )
    request: int
    version: int
    schema_hash: int
    session: int
    firmware_version: str
    board: str
    interpreter: str
    channel_count: int
    tick_hz: int
    ring_size: int
    profile_crc: int


@dataclass(frozen=True)
class SyncReply(_Fields):
    """The board's time when the question was read, and how long it took to answer.

    Board time is `received_ms` + `received_us` / 1000 in milliseconds, `received_us` 0..999.
    """

    TYPE = c.SYNC_REPLY
    RULES = (ID, TICKS, _number(0, 999), COUNTER)
    request: int
    received_ms: int
    received_us: int
    turnaround_us: int


@dataclass(frozen=True)
class BoardStatus(_Fields):
    """How the board fares; every counter counts from the start of the session.

    request is 0 in the reports that the board sends by itself. received = played + dropped +
    ring_depth holds in every report. worst_jitter_us: the latest start of a tick after its time;
    worst_tick_us: the longest tick.
    """

    TYPE = c.STATUS
    RULES = (
        *(U16, U16, TICKS, _number(0, len(c.STATE_NAMES) - 1), U8, U16),
        *(COUNTER, COUNTER, _drops),
        *(COUNTER, COUNTER, COUNTER, COUNTER, COUNTER, COUNTER, U32),
    )
    request: int
    session: int
    time_ms: int
    state: int
    cause: int
    ring_depth: int
    received: int
    played: int
    drops: tuple[int, ...]
    crc_errors: int
    malformed: int
    bus_errors: int
    worst_jitter_us: int
    worst_tick_us: int
    ticks: int
    free_bytes: int

    @property
    def dropped(self) -> int:
        return sum(self.drops)

    @property
    def late(self) -> int:
        """Frames that came after their time: part of dropped."""
        return self.drops[c.DROP_LATE]

    @property
    def drops_by_cause(self) -> dict[str, int]:
        return dict(zip(c.DROP_NAMES, self.drops, strict=True))

    @property
    def state_name(self) -> str:
        return c.STATE_NAMES[self.state]

    @property
    def cause_name(self) -> str:
        return c.CAUSE_NAMES[self.cause] if self.cause < len(c.CAUSE_NAMES) else f"cause {self.cause}"


Message: TypeAlias = (
    FullFrame
    | CompactFrame
    | Hello
    | Sync
    | ProfileUpload
    | Park
    | Stop
    | StatusRequest
    | Ack
    | Refused
    | BoardInfo
    | SyncReply
    | BoardStatus
)

_CLASSES: dict[int, Any] = {
    cls.TYPE: cls
    for cls in (
        FullFrame,
        CompactFrame,
        Hello,
        Sync,
        ProfileUpload,
        Park,
        Stop,
        StatusRequest,
        Ack,
        Refused,
        BoardInfo,
        SyncReply,
        BoardStatus,
    )
}


def encode(message: Message) -> bytes:
    """The message as it goes onto the wire: COBS frame and closing zero.

    Raises MalformedError for a message that the other end would refuse.
    """
    payload = _dumps([message.TYPE, *message.fields()])
    if decode_payload(payload) != message:
        raise MalformedError(f"not a message that can be read back: {message}")
    return framing.wrap(payload)


def decode(frame: bytes) -> Message:
    """One frame, without its closing zero, as a message. Raises CrcError, MalformedError, VersionError."""
    try:
        payload = framing.unwrap(frame)
    except ValueError as error:
        raise CrcError(str(error)) from None
    return decode_payload(payload)


def decode_payload(payload: bytes) -> Message:
    """One message's CBOR, its CRC already checked. Raises MalformedError, VersionError."""
    if len(payload) > c.MAX_PAYLOAD_BYTES:
        raise MalformedError("longer than a message may be")
    fields = _loads(payload)
    if not isinstance(fields, list) or not fields:
        raise MalformedError("not an array")
    message_type = U8(fields[0])
    if message_type not in _CLASSES:
        raise MalformedError(f"no message has the type {message_type}")
    if message_type in (c.HELLO, c.BOARD_INFO) and len(fields) >= 4:
        _, version, schema_hash = ID(fields[1]), U16(fields[2]), U32(fields[3])
        if (version, schema_hash) != (c.PROTOCOL_VERSION, c.SCHEMA_HASH):
            raise VersionError(version, schema_hash)
    message: Message = _CLASSES[message_type].from_fields(fields[1:])
    return message


class Splitter:
    """Cuts a stream of bytes into messages; damaged frames are counted and skipped."""

    def __init__(self) -> None:
        self.crc_errors = 0
        self.malformed = 0
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes, in order. Raises VersionError."""
        *frames, self._rest = (self._rest + data).split(b"\0")
        if len(self._rest) > c.MAX_WIRE_BYTES:  # no message is so long: start again at the next zero
            self._rest = self._rest[-c.MAX_WIRE_BYTES :]
        messages = []
        for frame in frames:
            if not frame:  # zeros between frames resynchronise and mean nothing
                continue
            try:
                messages.append(decode(frame))
            except CrcError:
                self.crc_errors += 1
            except MalformedError:
                self.malformed += 1
        return messages


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


def _dumps(value: object) -> bytes:
    data: bytes = cbor2.dumps(value, canonical=True)
    return data


def _loads(data: bytes) -> Any:
    """Canonical CBOR only: what would be written otherwise is refused, and so are trailing bytes."""
    try:
        value = cbor2.CBORDecoder(io.BytesIO(data)).decode()
        canonical = _dumps(value) == data
    except Exception as error:  # cbor2 raises a good many kinds on damaged input
        raise MalformedError(f"not CBOR: {error}") from None
    if not canonical:
        raise MalformedError("not the shortest CBOR")
    return value
