"""Filming the simulated head: the real firmware moves it in virtual time, processes draw and look.

The camera is honest: it takes pictures at 30 a second, hands each over late by a delay that nobody tells the
learner, and what is learned comes from its pictures alone.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liplab.board import SimulatedBoard
from liplab.discover.asked import Asked
from liplab.discover.filming import AFTER_S, conduct, drawn, kept_pictures
from liplab.discover.judge import Looking, Performed, asked_at, heard_s, spoken_take
from liplab.discover.plan import FRAME_S, REST_S, Take
from liplab.discover.session import FRONT, SECOND, Filmed, Footage
from liplab.eyes.find import open_tracker
from liplab.eyes.mirror import RIGHT as MIRROR_RIGHT
from liplab.eyes.mirror import halves
from liplab.eyes.sight import Missed, Sight, Tracker
from liplab.family import end_with_parent
from liplab.head.bodies import AS_BUILT, Wear, body_for, body_named
from liplab.head.head import Head
from liplab.head.render import HeadRenderer
from liplab.scores import RATE_HZ, resample
from lipwright.face.profile import HeadProfile
from lipwright.link.board_link import BoardLink

CAMERA_HZ = 30.0
CAMERA_DELAY_S = 0.035  # from exposure to the time that the picture carries
SIZE = (480, 360)
CAMERAS = {FRONT: "face", SECOND: "face_side"}
MIRROR_CAMERA, MIRROR_SIZE = "mirror", (960, 400)  # the mirror is in the right half

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Job:
    """What a process needs to draw and look through one view of a take."""

    body: str
    eyes: str
    camera: str
    view: str
    joints: Floats
    kept: tuple[int, ...]


class SimulatedSet:
    """The simulated head on the simulated board, in virtual time, before one or two cameras."""

    def __init__(
        self,
        profile: HeadProfile,
        eyes: str,
        wear: Wear = AS_BUILT,
        second: str | None = None,
    ) -> None:
        """`eyes`: "mesh" or "dots" (they are painted on then). A `second` view beside the front one is seen
        by another camera ("camera") or in a mirror ("mirror")."""
        self.name = "the simulated head"
        self._body = body_for(profile)
        self._profile = profile
        self.eyes = eyes
        self._views = (FRONT, SECOND) if second else (FRONT,)
        self._mirror = second == "mirror"
        self.head = Head(body=self._body, wear=wear)
        outputs = [channel.output for channel in profile.channels]
        self.board = SimulatedBoard(virtual=True, head=self.head, outputs=outputs)
        self._link = BoardLink(self.board, profile)
        self._link.connect()
        context = multiprocessing.get_context("spawn")
        self._workers = ProcessPoolExecutor(
            os.cpu_count() or 1, mp_context=context, initializer=end_with_parent
        )
        self._filmed: deque[tuple[Take, Floats, dict[str, Future[Any]]]] = deque()
        self._random = np.random.default_rng(0)

    @property
    def interpreter(self) -> str:
        """What runs the firmware."""
        return self._link.info.interpreter

    def shoot(self, take: Take, view: str) -> None:
        """Performs a take; its pictures are drawn and looked through in other processes."""
        start = self.board.head_time(self.conduct(take))
        phase = self._random.random() / CAMERA_HZ
        times = np.arange(phase, take.seconds + AFTER_S, 1 / CAMERA_HZ)
        history = self.head.history
        joints = resample(history.times_s, history.joints, start + times - CAMERA_DELAY_S)
        kept = tuple(kept_pictures(times - CAMERA_DELAY_S, take))
        jobs = {}
        for name in self._views:
            camera = MIRROR_CAMERA if self._mirror else CAMERAS[name]
            job = _Job(self._body.name, self.eyes, camera, name, joints, kept)
            jobs[view if name == FRONT else name] = self._workers.submit(_look_through, job)
        self._filmed.append((take, times, jobs))

    def conduct(self, take: Take) -> float:
        """Performs a take unfilmed; returns the host time (s) of its first target."""
        return conduct(self._link, self.board, self._profile, take)

    def performed(self, targets: NDArray[np.float32], asked: Asked, looking: Looking) -> Performed:
        """Performs targets (n, channels) for a stream, and reads off where the lips were, in three dimensions
        and without a camera: for judging only, nothing learns from it."""
        take = spoken_take(targets, self._profile)
        start = self.board.head_time(self.conduct(take))
        history = self.head.history
        rest_s = np.arange(start + REST_S / 2, start + REST_S, 1 / RATE_HZ)
        rest = resample(history.times_s, history.lips_mm, rest_s).mean(axis=0)
        sound_s = np.arange(0, (len(asked) - 1) * FRAME_S, 1 / RATE_HZ)
        times = start + heard_s(self._profile) + sound_s
        lips = (resample(history.times_s, history.lips_mm, times) - rest) * np.array([1, -1, 1])
        gap = resample(history.times_s, history.articulation_mm, times)[:, 0]
        return Performed(lips, gap, *asked_at(asked, sound_s, self._profile.articulation.aperture_mm))

    def finished(self, wait: bool) -> Iterator[Filmed]:
        """Takes whose pictures have been looked through, in order; `wait` for all that were shot."""
        while self._filmed:
            take, times, jobs = self._filmed[0]
            if not wait and not all(job.done() for job in jobs.values()):
                return
            views = {}
            for view, job in jobs.items():
                sights, pictures = job.result()
                views[view] = Footage(times, tuple(sights), tuple(pictures))
            self._filmed.popleft()
            yield Filmed(take, views)

    def close(self) -> None:
        """Ends the processes and the board."""
        self._workers.shutdown(cancel_futures=True)
        self._link.__exit__()
        self.board.close()


_drawers: dict[tuple[str, bool, str], HeadRenderer] = {}
_trackers: dict[tuple[str, str], Tracker] = {}


def _look_through(job: _Job) -> tuple[list[Sight | Missed], list[NDArray[np.uint8]]]:
    """Draws a take's pictures and finds the face in each; a process keeps its renderers and its trackers."""
    dots, mirror = job.eyes == "dots", job.camera == MIRROR_CAMERA
    key = (job.body, dots, job.camera)
    if key not in _drawers:
        size = MIRROR_SIZE if mirror else SIZE
        _drawers[key] = HeadRenderer(size, dots=dots, body=body_named(job.body))
        atexit.register(_drawers[key].close)

    def picture(joints: Floats) -> NDArray[np.uint8]:
        drawn_picture = _drawers[key].draw(joints, job.camera)
        if not mirror:
            return drawn_picture
        own, mirrored = halves(drawn_picture, MIRROR_RIGHT)
        return own if job.view == FRONT else mirrored

    if (job.eyes, job.view) not in _trackers:
        _trackers[job.eyes, job.view] = open_tracker(job.eyes, [picture(job.joints[0])])
    tracker = _trackers[job.eyes, job.view]
    tracker.reset()
    sights: list[Sight | Missed] = []
    pictures: dict[int, NDArray[np.uint8]] = {}
    for number, joints in enumerate(job.joints):
        pixels = picture(joints)
        sights.append(tracker.find(pixels))
        if number in job.kept:
            pictures[number] = drawn(pixels, sights[-1])
    return sights, [pictures[number] for number in job.kept]
