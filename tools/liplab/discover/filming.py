"""Filming takes: the board moves the head while cameras watch.

A `FilmSet` is where that happens: a head of flesh and plastic before cameras (`RealSet`), or the simulated
one (`simulated_set`). Takes go in, takes with what was seen of them come out, in the same order.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from liplab.discover.asked import Asked
from liplab.discover.judge import Looking, Performed, seen_performance, spoken_take
from liplab.discover.plan import FRAME_S, Take
from liplab.discover.session import FRONT, Filmed, Footage, Pixels
from liplab.eyes.camera import Camera, Frame
from liplab.eyes.sight import Missed, Sight, Tracker
from lipwright.boards import Board
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile
from lipwright.link.board_link import BoardLink
from lipwright.say import AHEAD_S, RUN_IN_S

PICTURES = 6  # kept of every take and view
AFTER_S = 0.3  # the cameras go on this much longer than a take: their pictures come late
PICTURE_EVERY, SHOWN_EVERY = 30, 3  # frames, of those that may be kept
NO_PICTURE: Pixels = np.zeros((0, 0, 3), np.uint8)
LAST_S = 1.0  # before a take's end there must be pictures yet
CAMERA_WAIT_S = 5.0  # for the first picture of a camera that has just been opened

LIPS_RGB, CHIN_RGB, ANCHORS_RGB = (255, 40, 40), (40, 255, 40), (255, 220, 0)  # marks in pictures

Floats = NDArray[np.float32]
Watch = Callable[[str, Sight | Missed, Pixels | None], None]  # view, what was found, the picture


class FilmSet(Protocol):
    """Where takes are filmed."""

    name: str
    eyes: str  # what finds the lips in the front view: the name of a tracker

    def shoot(self, take: Take, view: str) -> None:
        """Performs a take. `view` is what the front camera sees of it: the front, or a turned head."""

    def finished(self, wait: bool) -> Iterator[Filmed]:
        """Takes whose pictures have been looked through, in order; `wait` for all that were shot."""

    def performed(self, targets: Floats, asked: Asked, looking: Looking) -> Performed:
        """Performs targets (n, channels) for a stream, and tells where the lips were."""

    def close(self) -> None:
        """Lets go of the board and the cameras."""


def conduct(link: BoardLink, board: Board, profile: HeadProfile, take: Take) -> float:
    """Plays a take on a board; returns the host time (s) of its first target.

    The head rests before it and for AFTER_S after it, and is held all the while: between takes the board must
    not let it go. Raises LipwrightError when the board is lost.
    """
    clock = board.clock
    rest = profile.rest_targets()
    run_in = round(RUN_IN_S / FRAME_S)
    begin = clock.now() + AHEAD_S
    start = begin + run_in * FRAME_S
    after = [rest] * round(AFTER_S / FRAME_S)
    for number, row in enumerate(itertools.chain([rest] * run_in, take.targets, after)):
        at = begin + number * FRAME_S
        clock.sleep_until(at - AHEAD_S)
        link.send(row, at)
        link.poll()
    clock.sleep_until(start + take.seconds + AFTER_S)
    return start


class RealSet:
    """A board and one or two cameras, in real time."""

    def __init__(
        self,
        board: Board,
        profile: HeadProfile,
        cameras: Mapping[str, Camera],
        trackers: Mapping[str, Tracker],
        watch: Watch,
    ) -> None:
        """`cameras` and `trackers` by view: the front one, and a second one where there is one."""
        self.name = board.name
        self.eyes = trackers[FRONT].name
        self._board = board
        self._profile = profile
        self._link = BoardLink(board, profile)
        self._link.connect()
        self._eyes = {view: _Eye(view, camera, trackers[view], watch) for view, camera in cameras.items()}
        self._done: list[Filmed] = []

    def shoot(self, take: Take, view: str) -> None:
        """Performs a take and films it; raises LipwrightError when the board or a camera is lost."""
        for eye in self._eyes.values():
            eye.begin(SHOWN_EVERY if take.shown_s else PICTURE_EVERY)
        try:
            start = conduct(self._link, self._board, self._profile, take)
        finally:
            for eye in self._eyes.values():
                eye.end()
        views = {}
        for name, eye in self._eyes.items():
            views[view if name == FRONT else name] = eye.footage(start, take)
        self._done.append(Filmed(take, views))

    def finished(self, wait: bool) -> Iterator[Filmed]:
        """Takes that were shot; they are looked through while they are filmed."""
        while self._done:
            yield self._done.pop(0)

    def performed(self, targets: Floats, asked: Asked, looking: Looking) -> Performed:
        """Performs targets (n, channels) for a stream, and tells where the front camera saw the lips."""
        self.shoot(spoken_take(targets, self._profile), FRONT)
        return seen_performance(self._done.pop(), asked, looking, self._profile)

    def close(self) -> None:
        """Lets go of the board and the cameras."""
        for eye in self._eyes.values():
            eye.close()
        self._link.__exit__()
        self._board.close()


class _Eye:
    """One camera and its tracker, each on a thread of its own.

    A tracker that is slower than the camera sees fewer pictures, each in its time, and never falls behind.
    """

    def __init__(self, view: str, camera: Camera, tracker: Tracker, watch: Watch) -> None:
        self._view = view
        self._camera = camera
        self._tracker = tracker
        self._watch = watch
        self._keep = threading.Event()
        self._stop = threading.Event()
        self._seen: list[tuple[float, Sight | Missed, Pixels]] = []
        self._failure: LipwrightError | None = None
        self._every = PICTURE_EVERY
        self._newest: queue.Queue[Frame | None] = queue.Queue(1)
        self._cut = threading.Event()  # the next picture need not be like the one before
        self._threads = [
            threading.Thread(target=work, name=f"{view} {name}", daemon=True)
            for name, work in (("camera", self._grab), ("eyes", self._look))
        ]
        for thread in self._threads:
            thread.start()

    def begin(self, every: int) -> None:
        """From now on, what is seen is kept, and each so many pictures."""
        self._check()
        self._every = every
        self._cut.set()
        self._seen = []
        self._keep.set()

    def end(self) -> None:
        """Keeps no more."""
        self._keep.clear()

    def footage(self, start_s: float, take: Take) -> Footage:
        """What was seen in a take that began at host time `start_s`."""
        self._check()
        frames = [
            (time_s - start_s, sight, picture)
            for time_s, sight, picture in self._seen
            if 0 <= time_s - start_s <= take.seconds + AFTER_S
        ]
        if not frames:
            raise LipwrightError(
                f"{self._camera.name} gave no picture; unplug it, plug it in, and try again."
            )
        if frames[-1][0] < take.seconds - LAST_S:
            raise LipwrightError(
                f"{self._camera.name} gave no more pictures {frames[-1][0]:.0f} s into a take; look after "
                "it, and run the same command again."
            )
        shown = [k for k, frame in enumerate(frames) if frame[2].size]
        times = np.array([frames[k][0] for k in shown])
        kept = [shown[k] for k in kept_pictures(times, take)]
        return Footage(
            np.array([frame[0] for frame in frames]),
            tuple(frame[1] for frame in frames),
            tuple(drawn(frames[k][2], frames[k][1]) for k in kept),
        )

    def close(self) -> None:
        """Ends the thread and lets go of the camera."""
        self._stop.set()
        for thread in self._threads:
            thread.join(CAMERA_WAIT_S)
        self._camera.close()
        self._tracker.close()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _grab(self) -> None:
        try:
            while not self._stop.is_set():
                frame = self._camera.read()
                if frame is None:
                    raise LipwrightError(f"{self._camera.name} has come to its end before the head had.")
                self._hand_on(frame)
        except LipwrightError as error:
            self._failure = error
        finally:
            self._hand_on(None)

    def _hand_on(self, frame: Frame | None) -> None:
        with contextlib.suppress(queue.Empty):
            self._newest.get_nowait()
        self._newest.put(frame)

    def _look(self) -> None:
        while (frame := self._newest.get()) is not None:
            if self._cut.is_set():
                self._cut.clear()
                self._tracker.reset()
            if self._keep.is_set():
                self._take(frame)

    def _take(self, frame: Frame) -> None:
        sight = self._tracker.find(frame.pixels)
        # Whole pictures of minutes would not fit into a small machine's memory.
        picture = frame.pixels if len(self._seen) % self._every == 0 else NO_PICTURE
        self._seen.append((frame.time_s, sight, picture))
        self._watch(self._view, sight, frame.pixels)


def kept_pictures(times_s: NDArray[np.float64], take: Take) -> list[int]:
    """Which of the pictures of these times (n,) are kept of a take."""
    if take.shown_s:
        return [int(np.abs(times_s - moment).argmin()) for moment in take.shown_s]
    count = min(PICTURES, len(times_s))
    return np.linspace(0, len(times_s) - 1, count).astype(int).tolist()


def drawn(picture: Pixels, sight: Sight | Missed) -> Pixels:
    """A picture with what was found in it: lips, chin, anchors as small squares."""
    if isinstance(sight, Missed) or not picture.size:
        return picture
    marked = picture.copy()
    marks = ((sight.lips, LIPS_RGB), (sight.chin[None], CHIN_RGB), (sight.anchors, ANCHORS_RGB))
    for points, colour in marks:
        for x, y in np.round(points).astype(int):
            marked[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2] = colour
    return marked
