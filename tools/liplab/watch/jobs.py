"""What a worker does for `liplab watch`: looks what a video is, and watches a portion of one.

A process has one mesh and one lip model, made for its first portion. Nothing is written: tracks go back to
who asked for them.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from liplab.eyes.mesh import MeshTracker
from liplab.watch.faces import MOST_FACES
from liplab.watch.portion import Watched, watch_portion
from liplab.watch.store import pack
from liplab.watch.video import Portion, seconds_of, video_hash
from lipwright.errors import LipwrightError
from lipwright.lips.chosen import shipped_model
from lipwright.lips.model import LipModel
from lipwright.quiet import quiet
from lipwright.tflite import read_model


@dataclass(frozen=True)
class Looked:
    """What a video is: its content's hash, its file's size in bytes, and how long it says that it is."""

    video_hash: str
    size: int
    seconds: float | None


@dataclass(frozen=True)
class Look:
    """Asks what a video is."""

    path: Path

    def __str__(self) -> str:
        return f"Reading {self.path}"


@dataclass(frozen=True)
class Watch:
    """Asks for portion `number` of a video."""

    path: Path
    number: int
    looked: Looked

    def __str__(self) -> str:
        return f"Portion {self.number} of {self.path}"


class UnableError(LipwrightError):
    """This process can watch nothing, whatever the video: it lacks files or programs."""


def look(job: Look) -> Looked:
    """Raises LipwrightError where the file is no video or cannot be read."""
    seconds = seconds_of(job.path)
    return Looked(video_hash(job.path), job.path.stat().st_size, seconds)


def watch(job: Watch, seen: Callable[[float], None] = lambda time_s: None) -> Watched:
    """As `watch_portion`, which it does with the tools of this process."""
    mesh, model = tools()
    return watch_portion(Portion(job.path, job.number), job.looked.video_hash, mesh, model, seen)


def shipped_hash() -> str:
    """What names the lip model that ships, which always watches: the hash of its content."""
    return str(read_model(shipped_model())[1]["sha256"])


def do_elsewhere(model: str, job: Look | Watch) -> Looked | Watched:
    """Does a job in a worker, which may be on another machine, with the lip model that has this hash.

    Raises UnableError where that does not see the videos that the others see, lacks programs, or uses another
    lip model; and LipwrightError as `look` and `watch`.
    """
    where = socket.gethostname()
    if not os.access(job.path, os.R_OK):
        raise UnableError(
            f"{where} cannot read {job.path}. All machines must see the videos under the same path."
        )
    if isinstance(job, Look):
        return look(job)
    if job.path.stat().st_size != job.looked.size:
        raise UnableError(
            f"{where} has another video at {job.path}. All machines must see the same videos, which must not "
            "change meanwhile."
        )
    try:
        tools()
        if shipped_hash() != model:
            raise LipwrightError("another version of Lipwright is there; install the same on all machines.")
    except LipwrightError as error:
        raise UnableError(f"{where}: {error}") from None
    with quiet():  # MediaPipe notes what is known, in the midst of the bar
        watched = watch(job)
    return replace(watched, clips=[pack(clip) for clip in watched.clips])


@cache
def tools() -> tuple[MeshTracker, LipModel]:
    """The mesh and the lip model of this process. Raises LipwrightError where MediaPipe is missing."""
    return MeshTracker(MOST_FACES), LipModel.load(shipped_model())


def load() -> None:
    """Makes the tools of this process, before they are needed."""
    tools()


def put_away() -> None:
    """Ends what `tools` began."""
    if tools.cache_info().currsize:
        tools()[0].close()
        tools.cache_clear()
