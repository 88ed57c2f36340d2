"""Plays shows from flash, with no host: at boot, by the button, or when a host has asked for one and gone.

Frames go into the ring ahead of their time, and on from there as a host's do: limits, collisions and the
ladder hold for them too. Flash is read after a tick, a frame or two. Each time through, a show begins at rest
and ends there, with pulses on. Whatever else tells the head what to do, a host or the stop button, ends it.
"""

import board
import files
import micropython
import show_file
from clock import ticks_add, ticks_diff
from head import Head
from machine import Pin
from micropython import const
from refusal import Refusal
from safety import FAULTS
from show_file import ShowFile
from timebase import TimeBase

from facewire.constants import (
    CAUSE_SHOW,
    REARMING,
    REASON_BUSY,
    REASON_BUTTON,
    REASON_NO_PROFILE,
    REASON_SHOW,
    RELEASED,
    RESTING,
    STOPPED,
)

AHEAD_MS = const(300)  # as long as flash may be slow
CUE_MS = const(100)
BOOT_FILE = "shows/boot.txt"  # the name of the show that plays when the board gets power
BUTTON_FILE = "shows/button.txt"
_FRAMES_A_TICK = const(2)
_PRESSED_TICKS = const(3)  # a contact bounces for less
_ENDLESS = const(-1)
_MAX_NAME_BYTES = const(24)


class ShowPlayer:
    """The show that plays, or is about to."""

    def __init__(self, head: Head, timebase: TimeBase) -> None:
        self._head = head
        self._timebase = timebase
        self._button = None if board.PLAY_PIN is None else Pin(board.PLAY_PIN, Pin.IN, Pin.PULL_UP)
        self._cue = None if board.CUE_PIN is None else Pin(board.CUE_PIN, Pin.OPEN_DRAIN, value=1)
        self._file: ShowFile | None = None
        self._name = ""
        self._rounds = 0  # still to come
        self._start_ms = 0  # the time of the first frame
        self._next_ms = 0  # the time of the frame that `_file` has read last
        self._more = False  # whether that has yet to go into the ring
        self._cues = 0  # how many have been given
        self._cue_ms = 0  # when the last one was
        self._cue_on = False
        self._pressed_ticks = 0
        self._asked: tuple[int, str, int] = (0, "", 0)
        self._intend(BOOT_FILE)

    def play(self, request: int, name: str, times: int) -> None:
        """A host asks for a show, so many times (0: without end). Raises Refusal."""
        head = self._head
        asked = (request, name, times)
        if head.on_show and asked == self._asked:
            return
        if head.profile is None:
            raise Refusal(REASON_NO_PROFILE, "nothing moves before a profile is known")
        if head.safety.pressed:
            raise Refusal(REASON_BUTTON, "the stop button is pressed")
        if head.safety.state != RESTING:
            raise Refusal(REASON_BUSY, "the head is not at rest: park it first")
        self._asked = asked
        self._close()
        self._name = name
        self._rounds = times or _ENDLESS
        self._begin()

    @micropython.native
    def turn(self) -> None:
        """What is to be done after each tick."""
        if self._cue_on:
            self._end_cue()
        if self._button is not None:
            if self._button.value():
                self._pressed_ticks = 0
            else:
                self._count_pressed()
        if not self._head.on_show:
            if self._file is not None:
                self._close()
        elif self._file is None:
            self._wait()
        else:
            self._feed(self._file)

    def _intend(self, path: str) -> None:
        """Has the show that a file names play once, as soon as the head is at rest."""
        try:
            with open(path, "rb") as file:
                self._name = "".join([chr(byte) for byte in file.read(_MAX_NAME_BYTES + 1)]).strip()
        except OSError:
            return
        self._asked = (0, "", 0)
        self._rounds = 1
        self._head.enter_show()

    def _count_pressed(self) -> None:
        self._pressed_ticks += 1
        head = self._head
        state = head.safety.state
        if self._pressed_ticks != _PRESSED_TICKS or head.on_show or state == REARMING or state > RESTING:
            return
        self._intend(BUTTON_FILE)
        if head.on_show and state == STOPPED:
            head.go_to_rest(CAUSE_SHOW)

    def _wait(self) -> None:
        """A show is to begin: sees that the head comes to rest, and begins it there."""
        head = self._head
        safety = head.safety
        if safety.state == RESTING:
            try:
                self._begin()
            except Refusal:
                head.leave_show()
        elif safety.state <= STOPPED:
            head.leave_show()
        elif safety.state == RELEASED and safety.cause not in FAULTS:
            head.go_to_rest(CAUSE_SHOW)

    def _begin(self) -> None:
        """Begins the show's next time through. Raises Refusal."""
        head = self._head
        if len(self._name) > _MAX_NAME_BYTES or not files.is_show("shows/" + self._name):
            raise Refusal(REASON_SHOW, "not a name for a show")
        path = files.path("shows/" + self._name)
        show_file.check(path, head.profile)
        self._file = ShowFile(path)
        self._more = self._file.read()
        self._cues = 0
        if self._rounds != _ENDLESS:
            self._rounds -= 1
        head.enter_show()
        head.counters.clear_timing()  # checking the file holds up the ticks
        self._start_ms = self._next_ms = ticks_add(self._timebase.now_ms(), AHEAD_MS)

    def _feed(self, file: ShowFile) -> None:
        """Moves the show on to the present."""
        head = self._head
        now_ms = self._timebase.now_ms()
        if self._cues < len(file.cues) and ticks_diff(now_ms, self._start_ms) >= file.cues[self._cues]:
            self._give_cue(now_ms)
        for _ in range(_FRAMES_A_TICK):
            if not self._more:
                break
            if ticks_diff(self._next_ms, now_ms) > AHEAD_MS:
                return
            head.receive_show(file.positions, self._next_ms)
            self._more = file.read()
            self._next_ms = ticks_add(self._next_ms, file.step_ms)
        if not self._more and not head.ring.depth:
            self._end()

    def _end(self) -> None:
        """The last frame has been played."""
        head = self._head
        self._close()
        if not self._rounds:
            head.leave_show()
        head.go_to_rest(CAUSE_SHOW)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _give_cue(self, now_ms: int) -> None:
        self._cues += 1
        if self._cue is not None:
            self._cue.value(0)
            self._cue_on = True
            self._cue_ms = now_ms

    def _end_cue(self) -> None:
        if ticks_diff(self._timebase.now_ms(), self._cue_ms) >= CUE_MS:
            self._cue_on = False
            if self._cue is not None:
                self._cue.value(1)
