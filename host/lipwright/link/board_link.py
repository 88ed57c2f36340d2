"""The link to one board: greeting, profile, clock, frames out, status in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy.typing as npt
import serial

from facewire import constants as wire
from lipwright.boards import Board
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile
from lipwright.link import messages as m
from lipwright.link.elements import VersionError
from lipwright.link.file_messages import FileInfo
from lipwright.link.frames import FrameEncoder, board_profile, positions_of
from lipwright.link.sync import ClockSync

# A board that boots or tidies its memory is silent for less than this; then the request is repeated.
REPEAT_S = 0.3
# The longer a message, the more often a noisy cable spoils it.
TRIES, BYTES_A_TRY = 8, 40
# How often the port is looked at while an answer is awaited; for the clock often, as that is its error.
LOOK_S = 0.001
SYNC_LOOK_S = 0.0002
# The firmware looks at its port at least once a tick; an answer that takes longer says little about time.
SYNC_WAIT_S = 0.02
SYNC_EVERY_S = 1.0
FIRST_SYNCS = 8
# Where no first answer comes in time, as over radio or a loaded hub, this is waited for each: play has not
# begun, and a poor idea of the board's clock becomes a good one within the next exchanges.
SLOW_SYNC_WAIT_S = 0.25
# The board reports twice a second by itself; after this long without, it is asked whether it is still there.
SILENCE_S = 1.6
# How long after the last frame's time the ring may take to drain.
DRAIN_S = 1.0
# How long the way to rest may take, and how often the board is asked whether it is there: up to eight groups
# of servos come on one after the other, half a second each, and some servos are slow.
REST_S, REST_LOOK_S = 10.0, 0.05
FLASHING = "docs/flashing.md"

Answer = TypeVar("Answer", m.Ack, m.BoardInfo, m.BoardStatus, FileInfo)


class BoardLink:
    """Speaks the wire (protocol/README.md) with a board; a context manager.

    Waits and tells the time through the board's clock only. Raises LipwrightError when the link is lost.

    Attributes:
        info: What the board said of itself; after `connect`.
        status: The board's last report; after `connect`.
        clock: What to tell the time by and to wait with.
        sync: The board's clock as the host knows it.
        frames_sent: Motion frames since `connect`.
        frame_bytes: How many bytes they took on the wire, all together.
        longest_frame_bytes: How many the longest of them took.
    """

    info: m.BoardInfo
    status: m.BoardStatus

    def __init__(self, board: Board, profile: HeadProfile | None, *, asks_only: bool = False) -> None:
        """`profile` is the head that the board is to drive; with None it keeps the one that it has, does not
        move when it is greeted, and takes no frames. With `asks_only` it goes on with what it does, be it a
        show, in the session that it has. Nothing is opened before `connect`."""
        self.sync = ClockSync()
        self.frames_sent = 0
        self.frame_bytes = 0
        self.longest_frame_bytes = 0
        self._board = board
        self.clock = board.clock
        self._profile = None if profile is None else board_profile(profile)
        self._asks_only = asks_only
        self._frames = FrameEncoder(0 if profile is None else len(profile.channels))
        self._splitter = m.Splitter()
        self._port: serial.Serial | None = None
        self._answers: dict[int, m.Message] = {}
        self._asked_time: dict[int, float] = {}
        self._heard = b""
        self._session = 0
        self._request = 0
        self._connected = False
        self._last_sync_s = self._last_status_s = 0.0
        self._last_frame_s: float | None = None

    def __enter__(self) -> BoardLink:
        return self

    def __exit__(self, *_: object) -> None:
        if self._port is not None:
            self._port.close()

    def connect(self) -> m.BoardInfo:
        """Opens the port, greets the board, sees that it knows the profile, and sets the clock. With a
        profile, the head is at rest then.

        Raises LipwrightError that says what to do if nobody answers, something else does, or the board speaks
        another version of the wire.
        """
        self._port = self._board.open()
        self._session = int(self.clock.now() * 1000) % 0xFFFF + 1
        self._write(b"\0")  # ends whatever the board has heard before
        if self._asks_only:
            self.info = self.ask(m.Hello.ask, m.BoardInfo)
            self._session = self.info.session
        else:
            self.info = self.ask(lambda number: m.Hello.open(number, self._session), m.BoardInfo)
        profile = self._profile
        if profile is not None and self.info.profile_crc != profile.crc:
            self.ask(lambda number: m.ProfileUpload(number, profile), m.Ack)
            self.info = self.ask(lambda number: m.Hello.open(number, self._session), m.BoardInfo)
        for wait_s in (SYNC_WAIT_S, SLOW_SYNC_WAIT_S):
            if not self.sync.is_set:
                for _ in range(FIRST_SYNCS):
                    self._ask_time(wait_s)
        if not self.sync.is_set:
            raise LipwrightError(f"{self._board.name} answers too slowly: unplug it, and plug it in again.")
        self._connected = True
        if profile is not None:
            self.bring_to_rest()
        return self.info

    def bring_to_rest(self) -> None:
        """Pulses on, rest pose: from there, a head follows the first frame that comes.

        One that an earlier host left released would wait for half a second of frames.
        """
        self.ask(m.Park, m.Ack)
        deadline = self.clock.now() + REST_S
        while self.request_status().state == wire.EASING and self.clock.now() < deadline:
            self.clock.sleep_until(self.clock.now() + REST_LOOK_S)

    def send(self, targets: npt.ArrayLike, at: float) -> None:
        """Sends a frame: float (channels,), 0..1 of each channel's range, to be reached at host time `at`."""
        positions = positions_of(targets)
        frame = self._frames.encode(positions, self.to_board_ms(at), at)
        self._write(frame)
        self.frames_sent += 1
        self.frame_bytes += len(frame)
        self.longest_frame_bytes = max(self.longest_frame_bytes, len(frame))
        self._last_frame_s = at

    def poll(self) -> None:
        """Takes in what the board has sent, and sets the clock anew about once a second."""
        self._read()
        now = self.clock.now()
        if now - self._last_status_s > SILENCE_S:
            self.request_status()
        if now - self._last_sync_s >= SYNC_EVERY_S:
            self._ask_time(SYNC_WAIT_S)

    def request_status(self) -> m.BoardStatus:
        """The board's report of this moment; also in `status`."""
        self.status = self.ask(m.StatusRequest, m.BoardStatus)
        return self.status

    def finish(self) -> m.BoardStatus:
        """Waits until the board has played its last frame, and returns its last report."""
        if self._last_frame_s is not None:
            end = self._last_frame_s + 2 / self.info.tick_hz
            while self.clock.now() < end:
                self.clock.sleep_until(min(end, self.clock.now() + 0.1))
                self.poll()
        deadline = self.clock.now() + DRAIN_S
        while self.request_status().ring_depth:
            if self.clock.now() > deadline:
                raise LipwrightError(
                    f"{self._board.name} has not played all frames {DRAIN_S:g} s after their time;"
                    " unplug it, plug it in again, and start once more."
                )
            self.clock.sleep_until(self.clock.now() + 1 / self.info.tick_hz)
        return self.status

    def to_board_ms(self, t: float) -> int:
        """Board time (ms, 30 bits) at host time `t`."""
        return round(self.sync.to_board_ms(t)) & wire.TICKS_MASK

    def to_host_s(self, ms: int) -> float:
        """Host time of a board time (ms, 30 bits) that lies near now."""
        return self.sync.to_host_s(ms, self.clock.now())

    # ---- requests

    def ask(self, message: Callable[[int], m.Message], kind: type[Answer]) -> Answer:
        """Sends the request that `message` makes of its number, again and again, until it is answered.

        Raises LipwrightError when the board refuses it, with the board's reason.
        """
        number = self._next_number()
        encoded = m.encode(message(number))
        for _ in range(TRIES + len(encoded) // BYTES_A_TRY):
            self._write(encoded)
            deadline = self.clock.now() + REPEAT_S
            while self.clock.now() < deadline:
                self.clock.sleep_until(self.clock.now() + LOOK_S)
                self._read()
                answer = self._answers.pop(number, None)
                if isinstance(answer, m.Refused):
                    raise LipwrightError(f"{self._board.name} refused: {answer.text}.")
                if isinstance(answer, kind):
                    return answer
        raise LipwrightError(self._no_answer())

    def _ask_time(self, wait_s: float) -> None:
        """One exchange for the clock; each question has a number of its own, so no answer can be mistaken."""
        number = self._next_number()
        encoded = m.encode(m.Sync(number))
        self._last_sync_s = self.clock.now()
        self._asked_time = {number: self._last_sync_s}
        self._write(encoded)
        deadline = self._last_sync_s + wait_s
        while self._asked_time and self.clock.now() < deadline:
            self.clock.sleep_until(self.clock.now() + SYNC_LOOK_S)
            self._read()

    def _next_number(self) -> int:
        self._request = self._request % 0xFFFF + 1
        return self._request

    def _no_answer(self) -> str:
        name = self._board.name
        if self._connected:
            return f"{name} has stopped answering: unplug it, plug it in again, and start once more."
        if b">>>" in self._heard:
            return f"{name} runs MicroPython, but not Lipwright's firmware: put that on, as {FLASHING} says."
        if self._heard:
            return (
                f"{name} answers, but not as Lipwright's firmware does:"
                f" choose another port, or put the firmware on, as {FLASHING} says."
            )
        return (
            f"{name} does not answer: is it the right port, and is Lipwright's firmware on it"
            f" ({FLASHING} says how to put it there)?"
        )

    # ---- the port

    def _write(self, data: bytes) -> None:
        assert self._port is not None, "connect() comes first"
        try:
            self._port.write(data)
        except serial.SerialTimeoutException:
            raise LipwrightError(
                f"{self._board.name} takes no data: unplug it, plug it in again, and start once more."
            ) from None
        except (OSError, serial.SerialException):
            raise self._lost() from None

    def _read(self) -> None:
        assert self._port is not None, "connect() comes first"
        try:
            data = self._port.read(self._port.in_waiting or 1)
        except (OSError, serial.SerialException):
            raise self._lost() from None
        if not data:
            return
        now = self.clock.now()
        if not self._connected:
            self._heard = (self._heard + data)[-200:]
        try:
            received = self._splitter.feed(data)
        except VersionError as error:
            raise LipwrightError(self._other_version(error)) from None
        for message in received:
            self._take(message, now)

    def _take(self, message: m.Message, now: float) -> None:
        if isinstance(message, m.SyncReply):
            asked = self._asked_time.pop(message.request, None)
            if asked is not None:
                board_ms = message.received_ms + message.received_us / 1000
                self.sync.add(asked, now, board_ms, message.turnaround_us / 1e6)
            return
        if isinstance(message, m.BoardStatus):
            self._last_status_s = now
            if self._connected and message.session != self._session:
                raise LipwrightError(
                    f"{self._board.name} has restarted: is its power supply strong enough for the servos?"
                )
            if message.session == self._session:
                self.status = message
                self._frames.heed(message)
        answers = m.Ack | m.Refused | m.BoardInfo | m.BoardStatus | FileInfo
        if isinstance(message, answers) and message.request:
            # Of a request that was repeated, more answers may come; the last number asked is all that counts.
            self._answers = {message.request: message}

    def _lost(self) -> LipwrightError:
        return LipwrightError(
            f"the connection to {self._board.name} is lost: check the cable and the power, then start again."
        )

    def _other_version(self, error: VersionError) -> str:
        name = self._board.name
        if error.version > wire.PROTOCOL_VERSION:
            return (
                f"{name} has newer firmware than this Lipwright knows (wire version {error.version}, here"
                f" {wire.PROTOCOL_VERSION}): run `pip install --upgrade lipwright`."
            )
        return (
            f"{name} has firmware of another version than this Lipwright (wire version {error.version}, here"
            f" {wire.PROTOCOL_VERSION}): put on the firmware that came with it, as {FLASHING} says."
        )
