"""What a camera sees and a microphone hears just now, on one clock, in portions that end where it is quiet.

Pictures are handed on one by one, and none is kept; sound is kept in memory until its portion was judged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from liplab.eyes.camera import Camera, Frame
from liplab.eyes.mesh import DARK
from liplab.watch.live_sound import LiveSound
from liplab.watch.video import AFTER_S, BEFORE_S, LEAST_STEP_S, Picture, Samples
from lipwright.clock import Clock
from lipwright.errors import LipwrightError

# A portion may end after so long, and then ends where it is quiet, or LONGER_S later anyway. The first is
# short: it tells how late the camera is.
FIRST_S, USUAL_S, LONGER_S = 12.0, 50.0, 20.0
OLD_S = 0.5  # a picture that waited for longer is left out, so that a slow machine does not fall behind
SOUND_COMES_S = 1.0  # sound may lie in buffers for so long
DARK_EVERY = 16  # of the pixels, each way, tell whether it is dark
LITTLE_S = 0.02


class LivePortion:
    """Some time before the camera, as `liplab.watch.portion.Portion`. Times are from its being put on."""

    def __init__(self, live: Live, number: int, start_s: float) -> None:
        self.number = number
        self.start_s = self.end_s = start_s
        self.sound_start_s = start_s - BEFORE_S
        self.sound: Samples | None = None
        self.last = False
        self.damage = ""
        self._live = live

    def pictures(self) -> Iterator[Picture]:
        """Pictures as they come, until it is quiet or all is over."""
        while (frame := self._live.next_frame()) is not None:
            self.end_s = frame.time_s - self._live.start_s
            yield Picture(self.end_s, frame.pixels)
            if self._live.may_end(self):
                return
        self.last = True

    def listen(self) -> None:
        """Waits until its sound has come, and takes it."""
        start_s, sound = self._live.start_s, self._live.sound
        until_s = start_s + self.end_s + AFTER_S
        patience_s = time.monotonic() + AFTER_S + SOUND_COMES_S
        while sound.until_s < until_s and time.monotonic() < patience_s:
            time.sleep(LITTLE_S)
        if sound.until_s > float("-inf"):
            self.sound = sound.between(start_s + self.sound_start_s, min(until_s, sound.until_s))

    def forget(self) -> None:
        """Its sound is needed no more, but for what the next portion begins with."""
        self.sound = None
        self._live.sound.forget(self._live.start_s + self.end_s - BEFORE_S)


class Live:
    """A camera and a microphone that are on.

    Attributes:
        start_s: Host time at which it began.
        sound: What is heard.
        missed: Pictures that were left out, since they came too late to be looked at.
        is_dark: Whether the newest picture is.
        why: Why nothing more comes, in words; empty while it goes on.
        failure: What went wrong, if that is why.
    """

    def __init__(
        self, camera: Camera, sound: LiveSound, clock: Clock, why_end: Callable[[], str] = str
    ) -> None:
        """`why_end`: asked at every picture whether to end, and why."""
        self.sound = sound
        self.start_s = clock.now()
        self.missed = 0
        self.is_dark = False
        self.why = ""
        self.failure: LipwrightError | None = None
        self._camera = camera
        self._clock = clock
        self._why_end = why_end
        self._last_s = float("-inf")

    def portions(self) -> Iterator[LivePortion]:
        """One after the other; each one's pictures are to be read before the next."""
        number, start_s = 0, 0.0
        while not self.why:
            portion = LivePortion(self, number, start_s)
            yield portion
            number, start_s = number + 1, portion.end_s + LITTLE_S

    def end(self, failure: LipwrightError) -> None:
        """Nothing more comes, since something has gone wrong."""
        self.why, self.failure = str(failure), failure

    def may_end(self, portion: LivePortion) -> bool:
        """Whether a portion has been long enough, and it is quiet."""
        lasts_s = portion.end_s - portion.start_s
        least_s = USUAL_S if portion.number else FIRST_S
        return lasts_s >= least_s + LONGER_S or (lasts_s >= least_s and self.sound.is_quiet())

    def next_frame(self) -> Frame | None:
        """Waits for a picture; None: there is an end, and `why` says why."""
        while not self.why:
            self.why = self._why_end()
            if not self.why and self.sound.is_gone:
                self.end(LipwrightError("the microphone has gone: connect it, and start again."))
            frame = None if self.why else self._read()
            if frame is None:
                continue
            self._clock.sleep_until(frame.time_s)  # a file is read sooner than it plays
            if self._clock.now() - frame.time_s > OLD_S:
                self.missed += 1
            elif frame.time_s - self._last_s >= LEAST_STEP_S - 0.002:
                self._last_s = frame.time_s
                self.is_dark = bool(frame.pixels[::DARK_EVERY, ::DARK_EVERY].mean() < DARK)
                return frame
        return None

    def _read(self) -> Frame | None:
        try:
            frame = self._camera.read()
        except LipwrightError as error:
            self.end(error)
            return None
        if frame is None:
            self.why = f"{self._camera.name} has ended"
        return frame
