"""Answers the host's requests. Each may come twice: doing it again changes nothing, and is answered again."""

import sys

import board
import head_profile
from clock import ticks_diff, ticks_us
from head import Head
from ring import RING_SIZE
from status import status_fields
from timebase import TICK_HZ, TimeBase

from facewire import cbor_subset
from facewire.constants import (
    ACK,
    BOARD_INFO,
    HELLO,
    MAX_TEXT_BYTES,
    PARK,
    PROFILE,
    PROTOCOL_VERSION,
    REASON_NO_PROFILE,
    REASON_PROFILE,
    REASON_SHAPE,
    REASON_STORAGE,
    REASON_UNKNOWN,
    REFUSED,
    SCHEMA_HASH,
    STATUS_REQUEST,
    STOP,
    SYNC,
    SYNC_REPLY,
)

FIRMWARE_VERSION = "0.1.0"


class Refusal(Exception):
    """A request that is not done: a reason of the protocol, and a text that says why."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text


class Answers:
    """What the board says to requests; motion frames never come here."""

    def __init__(self, head: Head, timebase: TimeBase) -> None:
        self._head = head
        self._timebase = timebase
        self._read_us = 0
        # How many elements a request has after its id (None: it looks for itself), and what does it.
        self._requests = {
            HELLO: (None, self._hello),
            SYNC: (0, self._sync),
            PROFILE: (1, self._take_profile),
            PARK: (0, self._park),
            STOP: (0, self._stop),
            STATUS_REQUEST: (0, self._status),
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
            self._head.open_session(session)
        profile = self._head.profile
        return (
            BOARD_INFO,
            request,
            PROTOCOL_VERSION,
            SCHEMA_HASH,
            self._head.session,
            FIRMWARE_VERSION,
            board.NAME,
            interpreter(),
            profile.count if profile else 0,
            TICK_HZ,
            RING_SIZE,
            profile.crc if profile else 0,
        )

    def _sync(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        milliseconds, microseconds = self._timebase.split(self._read_us)
        return (SYNC_REPLY, request, milliseconds, microseconds, ticks_diff(ticks_us(), self._read_us))

    def _take_profile(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        head = self._head
        body = fields[0]
        if not isinstance(body, bytes):
            raise Refusal(REASON_SHAPE, "a profile is a byte string")
        if head.profile is not None and head.profile.body == body:
            return (ACK, request, PROFILE)
        try:
            profile = head_profile.Profile(body)
            head.configure(profile, False)
        except ValueError as error:
            raise Refusal(REASON_PROFILE, str(error))
        try:
            head_profile.save(board.PROFILE_FILE, profile)
        except OSError:
            raise Refusal(REASON_STORAGE, "in use, but could not be kept on flash")
        head.counters.clear_timing()  # writing to flash holds up the ticks
        return (ACK, request, PROFILE)

    def _park(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        if self._head.profile is None:
            raise Refusal(REASON_NO_PROFILE, "nothing moves before a profile is known")
        self._head.park()
        return (ACK, request, PARK)

    def _stop(self, request: int, fields: "list[object]") -> "tuple[object, ...]":
        self._head.stop()
        return (ACK, request, STOP)

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
        )


def interpreter() -> str:
    """What runs this firmware, for instance "MicroPython 1.25.0 rp2 32-bit"."""
    name = "MicroPython" if sys.implementation.name == "micropython" else "CPython"
    version = ".".join([str(part) for part in sys.implementation.version[:3]])
    machine = "unix" if sys.platform == "linux" else sys.platform
    bits = "64-bit" if sys.maxsize > 0x7FFFFFFF else "32-bit"
    return " ".join((name, version, machine, bits))


def _is_number(value: object, lowest: int, highest: int) -> bool:
    return isinstance(value, int) and lowest <= value <= highest
