"""Answers the host's requests. Each may come twice: doing it again changes nothing, and is answered again."""

import sys

import board
import head_profile
import slots
from clock import ticks_diff, ticks_us
from files import Files
from head import Head
from refusal import Refusal
from ring import RING_SIZE
from show_player import ShowPlayer
from status import status_fields
from timebase import TimeBase

from facewire import cbor_subset
from facewire.constants import (
    ACK,
    BOARD_INFO,
    FILE_BEGIN,
    FILE_DELETE,
    FILE_END,
    FILE_INFO,
    FILE_LIST,
    FILE_PART,
    HELLO,
    MAX_TEXT_BYTES,
    PARK,
    PROFILE,
    PROTOCOL_VERSION,
    REASON_BUSY,
    REASON_BUTTON,
    REASON_NO_PROFILE,
    REASON_PROFILE,
    REASON_SHAPE,
    REASON_STORAGE,
    REASON_UNKNOWN,
    REFUSED,
    SCHEMA_HASH,
    SHOW_PLAY,
    STATUS_REQUEST,
    STOP,
    SYNC,
    SYNC_REPLY,
    UPDATE,
)

FIRMWARE_VERSION = "0.1.0"


class Answers:
    """What the board says to requests; motion frames never come here."""

    def __init__(self, head: Head, timebase: TimeBase, show_player: ShowPlayer) -> None:
        self._head = head
        self._timebase = timebase
        self._read_us = 0
        self._files = Files(head)
        self._show_player = show_player
        self._kept = 1  # whether the profile in use is the one on flash
        self.updated = False  # new firmware waits for a restart
        # How many elements a request has after its id (None: it looks for itself), and what does it.
        self._requests = {
            HELLO: (None, self._hello),
            SYNC: (0, self._sync),
            PROFILE: (2, self._take_profile),
            PARK: (0, self._park),
            STOP: (0, self._stop),
            STATUS_REQUEST: (0, self._status),
            FILE_BEGIN: (3, self._begin_file),
            FILE_PART: (2, self._take_part),
            FILE_END: (0, self._end_file),
            FILE_LIST: (2, self._list_file),
            FILE_DELETE: (1, self._delete_file),
            SHOW_PLAY: (2, self._play_show),
            UPDATE: (1, self._update),
        }

    def answer(self, payload: bytes, read_us: int) -> bytes:
        """The CBOR of the answer to a request, which was read at microsecond `read_us`.

        Raises ValueError for what is no request at all.
        """
        fields = cbor_subset.loads(payload)
        if not isinstance(fields, list) or len(fields) < 2:
            raise ValueError("not a message")
        kind, request = fields[:2]
        if not _is_number(kind, HELLO, 255) or not _is_number(request, 1, 0xFFFF):
            raise ValueError("not a request")
        self._read_us = read_us
        try:
            if kind not in self._requests:
                raise Refusal(REASON_UNKNOWN, "no request has this type")
            length, do = self._requests[kind]
            if length is not None and len(fields) != 2 + length:
                raise Refusal(REASON_SHAPE, "not the elements that this request has")
            return cbor_subset.dumps(do(request, fields[2:]))
        except Refusal as refusal:
            return cbor_subset.dumps((REFUSED, request, kind, refusal.reason, refusal.text[:MAX_TEXT_BYTES]))

    def report(self) -> bytes:
        """The CBOR of a status that nobody has asked for."""
        return cbor_subset.dumps(self._status(0, []))

    def _hello(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        """Opens a session for a host of this version; tells any other what this board speaks."""
        if (
            len(fields) < 2
            or not _is_number(fields[0], 0, 0xFFFF)
            or not _is_number(fields[1], 0, 0xFFFFFFFF)
        ):
            raise Refusal(REASON_SHAPE, "hello has a version and a schema hash")
        if fields[0] == PROTOCOL_VERSION and fields[1] == SCHEMA_HASH:
            session = fields[2] if len(fields) == 3 else 0
            if not isinstance(session, int) or not 1 <= session <= 0xFFFF:
                raise Refusal(REASON_SHAPE, "hello ends with a session from 1 to 65535")
            slots.confirm()
            self._head.open_session(session)
        profile = self._head.profile
        return (
            BOARD_INFO,
            request,
            PROTOCOL_VERSION,
            SCHEMA_HASH,
            self._head.session,
            FIRMWARE_VERSION + slots.build(),
            board.NAME,
            interpreter(),
            profile.count if profile else 0,
            self._timebase.tick_hz,
            RING_SIZE,
            profile.crc if profile else 0,
        )

    def _sync(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        milliseconds, microseconds = self._timebase.split(self._read_us)
        return (SYNC_REPLY, request, milliseconds, microseconds, ticks_diff(ticks_us(), self._read_us))

    def _take_profile(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        head = self._head
        body = fields[0]
        if not isinstance(body, bytes) or not _is_number(fields[1], 0, 1):
            raise Refusal(REASON_SHAPE, "a profile is a byte string, and 1 to keep it")
        if head.profile is not None and head.profile.body == body and self._kept == fields[1]:
            return (ACK, request, PROFILE)
        try:
            profile = head_profile.Profile(body)
            head.configure(profile, False)
        except ValueError as error:
            raise Refusal(REASON_PROFILE, str(error))
        self._kept = 0
        if fields[1]:
            try:
                head_profile.save(board.PROFILE_FILE, profile)
            except OSError:
                raise Refusal(REASON_STORAGE, "in use, but could not be kept on flash")
            self._kept = 1
        head.counters.clear_timing()  # writing to flash holds up the ticks
        return (ACK, request, PROFILE)

    def _park(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        if self._head.profile is None:
            raise Refusal(REASON_NO_PROFILE, "nothing moves before a profile is known")
        if self._head.safety.pressed:
            raise Refusal(REASON_BUTTON, "the stop button is pressed")
        self._head.park()
        return (ACK, request, PARK)

    def _stop(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        self._head.stop()
        return (ACK, request, STOP)

    def _begin_file(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        self._files.begin(_text(fields[0]), _number(fields[1], 0xFFFFFF), _number(fields[2], 0xFFFFFFFF))
        return (ACK, request, FILE_BEGIN)

    def _take_part(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        data = fields[1]
        if not isinstance(data, bytes):
            raise Refusal(REASON_SHAPE, "a part is a byte string")
        self._files.part(_number(fields[0], 0xFFFFFF), data)
        self._head.counters.clear_timing()
        return (ACK, request, FILE_PART)

    def _end_file(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        self._files.end()
        self._head.counters.clear_timing()
        return (ACK, request, FILE_END)

    def _list_file(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        info = self._files.info(_text(fields[0]), _number(fields[1], 0xFFFF))
        return (FILE_INFO, request, info[0], info[1], info[2], info[3])

    def _delete_file(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        self._files.delete(_text(fields[0]))
        self._head.counters.clear_timing()
        return (ACK, request, FILE_DELETE)

    def _play_show(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        self._show_player.play(request, _text(fields[0]), _number(fields[1], 255))
        return (ACK, request, SHOW_PLAY)

    def _update(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        if not self._head.is_still():
            raise Refusal(REASON_BUSY, "the head moves: park it first")
        slots.try_next(_number(fields[0], 0xFFFFFFFF))
        self.updated = True
        return (ACK, request, UPDATE)

    def _status(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        head = self._head
        return status_fields(
            head.counters,
            request,
            head.session,
            self._timebase.now_ms(),
            head.safety.state,
            head.safety.cause,
            head.ring.depth,
            head.supply.millivolts,
            sum([1 << i for i in range(head.motion.count) if head.heat.hot[i]]),
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Refusal(REASON_SHAPE, "a name is a text")
    return value


def _number(value: object, highest: int) -> int:
    if not isinstance(value, int) or not 0 <= value <= highest:
        raise Refusal(REASON_SHAPE, "not a number that belongs here")
    return value


def interpreter() -> str:
    """What runs this firmware, for instance "MicroPython 1.25.0 rp2 32-bit"."""
    name = "MicroPython" if sys.implementation.name == "micropython" else "CPython"
    version = ".".join([str(part) for part in sys.implementation.version[:3]])
    machine = "unix" if sys.platform == "linux" else sys.platform
    bits = "64-bit" if sys.maxsize > 0x7FFFFFFF else "32-bit"
    return " ".join((name, version, machine, bits))


def _is_number(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and lowest <= value <= highest
