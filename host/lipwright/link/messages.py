"""Every message of the wire as a typed dataclass, encoded and decoded strictly.

`encode` makes the bytes that go onto the wire (COBS frame and closing zero), `decode` reads one frame
without its zero, `Splitter` cuts a byte stream into messages and counts what had to be refused.
What a message means stands in `protocol/README.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from facewire import constants as c
from facewire import framing
from lipwright.link.board_profile import BoardProfile
from lipwright.link.elements import (
    COUNTER,
    ID,
    TICKS,
    U8,
    U16,
    U32,
    CrcError,
    Fields,
    MalformedError,
    VersionError,
    byte_string,
    dumps,
    exactly,
    loads,
    number,
    pack_positions,
    text,
    unpack_positions,
)
from lipwright.link.file_messages import (
    FileBegin,
    FileDelete,
    FileEnd,
    FileInfo,
    FileList,
    FilePart,
    ShowPlay,
    Update,
)


def _drops(value: object) -> tuple[int, ...]:
    return tuple(COUNTER(count) for count in exactly(value, len(c.DROP_NAMES)))


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
        sequence, time_ms, packed = exactly(fields, 3)
        positions = unpack_positions(byte_string(packed))
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
        sequence, time_ms, mask, packed = exactly(fields, 4)
        positions = unpack_positions(byte_string(packed))
        channels = [channel for channel in range(c.MAX_CHANNELS) if U32(mask) >> channel & 1]
        if len(channels) != len(positions):
            raise MalformedError("mask and positions do not agree")
        return cls(U16(sequence), TICKS(time_ms), dict(zip(channels, positions, strict=True)))


@dataclass(frozen=True)
class Hello(Fields):
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

    @classmethod
    def ask(cls, request: int) -> Hello:
        """One that opens no session, as no version of the wire has the hash 0: only to hear who is there."""
        return cls(request, c.PROTOCOL_VERSION, 0, 1)


@dataclass(frozen=True)
class Sync(Fields):
    """Asks for the board's time. A repeat takes a new id, so that an answer belongs to one question."""

    TYPE = c.SYNC
    RULES = (ID,)
    request: int


@dataclass(frozen=True)
class Park(Fields):
    """Ease to the rest pose and stay there with pulses on; frames in the ring are dropped."""

    TYPE = c.PARK
    RULES = (ID,)
    request: int


@dataclass(frozen=True)
class Stop(Fields):
    """Release all pulses at once, and stay released until a park or a new session."""

    TYPE = c.STOP
    RULES = (ID,)
    request: int


@dataclass(frozen=True)
class StatusRequest(Fields):
    """Asks for a status now."""

    TYPE = c.STATUS_REQUEST
    RULES = (ID,)
    request: int


@dataclass(frozen=True)
class ProfileUpload:
    """Gives the board its head profile; with `keep` it is on the board's flash from now on."""

    TYPE: ClassVar[int] = c.PROFILE
    request: int
    profile: BoardProfile
    keep: bool = True

    def fields(self) -> list[Any]:
        return [self.request, self.profile.body(), int(self.keep)]

    @classmethod
    def from_fields(cls, fields: list[Any]) -> ProfileUpload:
        request, body, keep = exactly(fields, 3)
        return cls(ID(request), BoardProfile.from_body(byte_string(body)), bool(number(0, 1)(keep)))


@dataclass(frozen=True)
class Ack(Fields):
    """The request has been done."""

    TYPE = c.ACK
    RULES = (ID, U8)
    request: int
    message_type: int


@dataclass(frozen=True)
class Refused(Fields):
    """The request has been understood and refused; `text` says why in words."""

    TYPE = c.REFUSED
    RULES = (ID, U8, U8, text(0))
    request: int
    message_type: int
    reason: int
    text: str


@dataclass(frozen=True)
class BoardInfo(Fields):
    """Answers hello. channel_count 0: the board knows no profile yet (profile_crc is then 0)."""

    TYPE = c.BOARD_INFO
    RULES = (
        *(ID, U16, U32, U16),
        *(text(1), text(1), text(1)),
        *(number(0, c.MAX_CHANNELS), number(1, 1000), ID, U32),
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
class SyncReply(Fields):
    """The board's time when the question was read, and how long it took to answer.

    Board time is `received_ms` + `received_us` / 1000 in milliseconds, `received_us` 0..999.
    """

    TYPE = c.SYNC_REPLY
    RULES = (ID, TICKS, number(0, 999), COUNTER)
    request: int
    received_ms: int
    received_us: int
    turnaround_us: int


@dataclass(frozen=True)
class BoardStatus(Fields):
    """How the board fares; every counter counts from the start of the session.

    request is 0 in the reports that the board sends by itself. received = played + dropped +
    ring_depth holds in every report. worst_jitter_us: the latest start of a tick after its time;
    worst_tick_us: the longest tick. supply_mv: of the servos, 0 where the board does not measure it.
    hot_mask: a bit for each channel that rests because its servo must have become too hot.
    """

    TYPE = c.STATUS
    RULES = (
        *(U16, U16, TICKS, number(0, len(c.STATE_NAMES) - 1), U8, U16),
        *(COUNTER, COUNTER, _drops),
        *(COUNTER, COUNTER, COUNTER, COUNTER, COUNTER, COUNTER, U32),
        *(U16, U32),
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
    supply_mv: int
    hot_mask: int

    @property
    def hot(self) -> list[int]:
        """Channels whose servos cool down."""
        return [channel for channel in range(c.MAX_CHANNELS) if self.hot_mask >> channel & 1]

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
    | FileBegin
    | FilePart
    | FileEnd
    | FileList
    | FileDelete
    | ShowPlay
    | Update
    | Ack
    | Refused
    | BoardInfo
    | SyncReply
    | BoardStatus
    | FileInfo
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
        FileBegin,
        FilePart,
        FileEnd,
        FileList,
        FileDelete,
        ShowPlay,
        Update,
        Ack,
        Refused,
        BoardInfo,
        SyncReply,
        BoardStatus,
        FileInfo,
    )
}


def encode(message: Message) -> bytes:
    """The message as it goes onto the wire: COBS frame and closing zero.

    Raises MalformedError for a message that the other end would refuse.
    """
    payload = dumps([message.TYPE, *message.fields()])
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
    fields = loads(payload)
    if not isinstance(fields, list) or not fields:
        raise MalformedError("not an array")
    message_type = U8(fields[0])
    if message_type not in _CLASSES:
        raise MalformedError(f"no message has the type {message_type}")
    if message_type in (c.HELLO, c.BOARD_INFO) and len(fields) >= 4:
        request, version, schema_hash = ID(fields[1]), U16(fields[2]), U32(fields[3])
        ours = version == c.PROTOCOL_VERSION and schema_hash == c.SCHEMA_HASH
        if not ours and fields != [c.HELLO, *Hello.ask(request).fields()]:
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
