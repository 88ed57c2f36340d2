"""Watches whoever is before a camera, portion by portion, into a store, and says all the time how it goes."""

from __future__ import annotations

import contextlib
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from liplab.eyes.camera import open_camera
from liplab.eyes.mesh import MeshTracker
from liplab.watch.desk import Account
from liplab.watch.faces import MOST_FACES, NO_FACE, Face, FaceFollower
from liplab.watch.live import Live, LivePortion
from liplab.watch.live_sign import Sign
from liplab.watch.live_sound import LiveSound
from liplab.watch.portion import Watched, judge
from liplab.watch.store import Store
from liplab.watch.sync import STILL
from liplab.watch.video import Picture
from liplab.watch.video_file import VideoFile
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError
from lipwright.lips.chosen import shipped_model
from lipwright.lips.model import LipModel
from lipwright.quiet import quiet

NAME_BYTES = 8  # of what names a time of watching, as a video's content names a video
TELL_EVERY_S = 1.0
SHOW_EVERY_S = 0.2
MOVES_WITHIN_S = 1.0
MOST_REASONS = 3
ON = "The camera and the microphone are on; Ctrl-C ends it."
SIDES = {
    1: ("",),
    2: ("the left one ", "the right one "),
    3: ("the left one ", "the middle one ", "the right one "),
}


@dataclass
class LiveAccount(Account):
    """What watching before a camera did."""

    name: str = ""
    person: str = ""
    missed: int = 0
    lasted_s: float = 0.0
    busy_s: float = 0.0  # of one core, with all that the command does
    offsets_s: list[float] = field(default_factory=list)
    why: str = ""

    @property
    def known_s(self) -> float | None:
        """How much later than the lips the sound comes here: a camera is late, and always as much."""
        return float(np.median(self.offsets_s)) if self.offsets_s else None

    @property
    def rate_hz(self) -> float:
        """Pictures a second."""
        return self.pictures / max(self.lasted_s, 1e-9)

    def add(self, watched: Watched) -> None:
        """Counts a portion."""
        super().add(watched)
        self.offsets_s += [clip.match.offset_s for clip in watched.clips]

    def report(self, store: Path) -> Mapping[str, Any]:
        """The figures as they are written down."""
        whole = dict(super().report(store))
        for name in ("videos", "portions_known", "unreadable", "damaged"):
            whole.pop(name, None)
        return whole | {
            "video": self.name,
            "person": self.person,
            "offset_ms": None if self.known_s is None else round(self.known_s * 1000, 1),
            "pictures_missed": self.missed,
            "pictures_per_second": round(self.rate_hz, 1),
            "pictures_per_core_second": round(self.pictures / max(self.busy_s, 1e-9), 1),
            "ended": self.why,
        }


def watch_camera(
    source: str,
    microphone: str | int | None,
    person: str,
    store: Store,
    sign: Sign,
    why_end: Callable[[float], str],
    tags: Sequence[str] = (),
    keep_video: Path | None = None,
) -> tuple[LiveAccount, LipwrightError | None]:
    """Watches until `why_end`, given how long it has lasted in s, says why to end, or something goes wrong.

    What was whole by then is kept, with `tags`; pictures and sound only where `keep_video` names a file. The
    store must be held, consent given, and the sign shown. Raises LipwrightError where camera or microphone
    does not open.
    """
    clock = RealClock()
    with contextlib.ExitStack() as closing:
        mesh = MeshTracker(MOST_FACES)
        closing.callback(mesh.close)
        model = LipModel.load(shipped_model())  # thresholds were set on it
        sound = closing.enter_context(contextlib.closing(LiveSound(microphone)))
        camera = closing.enter_context(contextlib.closing(open_camera(source, clock)))
        began_s, busy_s = time.monotonic(), time.process_time()
        live = Live(camera, sound, clock, lambda: why_end(time.monotonic() - began_s))
        account = LiveAccount(name=f"camera {datetime.now():%Y-%m-%d %H:%M}", person=person)
        print(ON, file=sys.stderr, flush=True)
        video = None if keep_video is None else closing.enter_context(VideoFile(keep_video))
        watching = _Watching(live, store, sign, model, account, tags, video)
        with ThreadPoolExecutor(1, "judge") as thread:
            for portion in live.portions():
                follower = watching.follow(portion, mesh)
                watching.settle()
                watching.judged = thread.submit(watching.judge, portion, follower)
            account.lasted_s = time.monotonic() - began_s
            watching.settle()
        account.busy_s = time.process_time() - busy_s
        account.missed, account.why = live.missed, live.why
    return account, live.failure


class _Watching:
    """What the portions of one time of watching share."""

    def __init__(
        self,
        live: Live,
        store: Store,
        sign: Sign,
        model: LipModel,
        account: LiveAccount,
        tags: Sequence[str],
        video: VideoFile | None,
    ) -> None:
        self.judged: Future[Watched] | None = None
        self._live = live
        self._store = store
        self._sign = sign
        self._model = model
        self._account = account
        self._tags = tags
        self._video = video
        self._hash = secrets.token_hex(NAME_BYTES)
        self._has_seen = False
        self._told_s = self._shown_s = float("-inf")

    def follow(self, portion: LivePortion, mesh: MeshTracker) -> FaceFollower:
        """Looks at a portion's pictures, of which nothing is left afterwards but where faces were."""
        follower = FaceFollower(mesh)
        for picture in portion.pictures():
            with contextlib.nullcontext() if self._has_seen else quiet():  # MediaPipe notes the first face
                follower.look(picture.time_s, picture.pixels)
            self._has_seen = self._has_seen or follower.seen[-1]
            self._keep_picture(picture)
            now_s = time.monotonic()
            if now_s - self._shown_s >= SHOW_EVERY_S and sys.stderr.isatty():
                self._shown_s = now_s
                print(f"\r{self._words(follower, True):<110.110}", end="", file=sys.stderr, flush=True)
            if now_s - self._told_s >= TELL_EVERY_S:
                self._told_s = now_s
                self._tell(self._words(follower, False))
                if self.judged is not None and self.judged.done():
                    self.settle()
        return follower

    def judge(self, portion: LivePortion, follower: FaceFollower) -> Watched:
        """Judges a portion beside the next one, and keeps what it gave. Raises LipwrightError: disk full."""
        portion.listen()
        known_s = self._account.known_s
        watched = judge(portion, self._hash, follower, self._model, known_s or 0.0)
        # A room without anybody is not worth a record.
        if watched.clips or any(one.face is not None for one in watched.refused):
            account = self._account
            self._store.keep(account.name, self._hash, account.person, portion.number, watched, self._tags)
        if self._video is not None and portion.sound is not None:
            self._video.sound(portion.sound_start_s, portion.sound)
        portion.forget()
        return watched

    def settle(self) -> None:
        """Counts the portion that is judged, when it is."""
        judged, self.judged = self.judged, None
        if judged is None:
            return
        try:
            watched = judged.result()
        except LipwrightError as error:
            self._live.end(error)
            return
        self._account.add(watched)
        _print_line(_summary(watched))

    def _keep_picture(self, picture: Picture) -> None:
        if self._video is not None:
            try:
                self._video.picture(picture.time_s, picture.pixels)
            except LipwrightError as error:
                self._live.end(error)

    def _tell(self, words: str) -> None:
        try:
            self._sign.tell(words)
            if self._sign.is_stop_wanted():
                self._live.why = self._live.why or "somebody said stop on the panel"
        except LipwrightError as error:
            self._live.end(error)

    def _words(self, follower: FaceFollower, here: bool) -> str:
        account = self._account
        parts = [_faces(follower, self._live)]
        if here:
            parts.insert(0, f"{_rate_hz(follower):.0f} pictures/s")
        else:
            parts.insert(0, f"Watched: {account.person}")
        parts.append(f"{account.clips} clips kept, {account.kept_s:.0f} s")
        if account.refused_s:
            parts.append("not kept: " + _reasons(account.refused_s.most_common(MOST_REASONS)))
        if account.known_s is not None and here:
            parts.append(f"sound {account.known_s * 1000:+.0f} ms")
        return "; ".join(parts)


def _faces(follower: FaceFollower, live: Live) -> str:
    """How many faces there are, and whose lips move while something is heard."""
    now_s = follower.times_s[-1]
    there = [face for face in follower.faces if face.looks[-1].time_s == now_s]
    if not there:
        return "it is too dark" if live.is_dark else NO_FACE
    there.sort(key=lambda face: face.looks[-1].place[0])
    words = f"{len(there)} face{'s' if len(there) > 1 else ''}"
    moves = [_moves(face, now_s) for face in there]
    most = int(np.argmax(moves))
    if why := there[most].looks[-1].reason:
        return f"{words}, but {why}"
    if moves[most] > STILL and not live.sound.is_quiet():
        return f"{words}, {SIDES[len(there)][most]}speaks"
    return words


def _moves(face: Face, now_s: float) -> float:
    """How far its lips opened and closed in the last second, over the distance of the eyes."""
    recent = [look.measures[0] for look in face.looks[-40:] if now_s - look.time_s < MOVES_WITHIN_S]
    return float(np.ptp(recent))


def _rate_hz(follower: FaceFollower) -> float:
    recent = follower.times_s[-40:]
    return (len(recent) - 1) / max(recent[-1] - recent[0], 1e-9) if len(recent) > 1 else 0.0


def _summary(watched: Watched) -> str:
    """A portion in a line."""
    refused: dict[str, float] = {}
    for one in watched.refused:
        refused[one.reason] = refused.get(one.reason, 0.0) + one.seconds
    line = f"{watched.seconds:.0f} s watched: {len(watched.clips)} clips kept"
    if watched.clips:
        offsets = ", ".join(f"{clip.match.offset_s * 1000:+.0f}" for clip in watched.clips)
        line += f" (sound {offsets} ms, taken out)"
    if refused:
        line += "; not kept: " + _reasons(sorted(refused.items(), key=lambda pair: -pair[1]))
    return line


def _reasons(refused: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{seconds:.0f} s {reason}" for reason, seconds in refused)


def _print_line(line: str) -> None:
    print(f"\r{line:<110}" if sys.stderr.isatty() else line, file=sys.stderr, flush=True)
