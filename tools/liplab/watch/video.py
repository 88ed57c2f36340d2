"""A video's pictures and sound, each at its own time, in portions of a minute.

A portion is read from the file by itself, so one can be done without those before it, again, or elsewhere,
and always comes out alike. Times are those of the file, not counted: pictures may come at any rate.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from liplab.eyes.sight import Pixels
from lipwright.audio.decode import RATE
from lipwright.errors import LipwrightError

PORTION_S = 60.0
# Sound before a portion and after it: the lip model looks back about a second, and the sound may be late.
BEFORE_S, AFTER_S = 2.0, 1.0
SEEK_EARLIER_S = 3.0  # files without an index find a place only roughly
LARGEST = 1280  # pixels of the longer side: the mesh sees a face in 192
MOST_HZ = 31.0  # pictures that come faster are left out, every other one of 60 a second
LEAST_STEP_S = 1 / MOST_HZ
LOST_S = 0.04  # sound that is this far from where its time says is moved there
HASHED_AT_ONCE = 1 << 20
PICTURES_AFTER = 120  # that came since the last sound: it has ended before them

Samples = NDArray[np.float32]


@dataclass(frozen=True)
class Picture:
    """One picture (h, w, 3), RGB, and its time in the video in s."""

    time_s: float
    pixels: Pixels


@dataclass
class Portion:
    """Part `number` of a video. Its sound is whole once all its pictures were read.

    Attributes:
        sound: Mono 16 kHz (n,), from BEFORE_S before the portion to AFTER_S after it; None: no sound track.
        last: The video ends here.
        damage: What was wrong with the file, in words.
    """

    path: Path
    number: int
    sound: Samples | None = None
    last: bool = False
    damage: str = ""

    @property
    def start_s(self) -> float:
        """Where it begins in the video, in s."""
        return self.number * PORTION_S

    @property
    def sound_start_s(self) -> float:
        """Where its sound begins in the video, in s; negative for the first."""
        return self.start_s - BEFORE_S

    def pictures(self) -> Iterator[Picture]:
        """The portion's pictures in their order. Raises LipwrightError for a file that is no video."""
        with _opened(self.path) as container:
            yield from _Reader(container, self).pictures()


def video_hash(path: Path) -> str:
    """What names a video, whatever its file is called: 16 hexadecimal digits of its content's SHA-256.

    Raises LipwrightError where it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(HASHED_AT_ONCE):
                digest.update(block)
    except OSError as error:
        raise LipwrightError(f"{path} cannot be read: {error.strerror}.") from None
    return digest.hexdigest()[:16]


def seconds_of(path: Path) -> float | None:
    """How long the file says that it is; None where it does not. Raises LipwrightError: no video."""
    with _opened(path) as container:
        return container.duration / av.time_base if container.duration else None


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise LipwrightError(f"There is no video {path}; check the path.")
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.error.FFmpegError, OSError, ValueError):
        raise LipwrightError(f"{path} cannot be read as a video; copy it again, or convert it.") from None
    video = container.streams.video
    # FFmpeg shows a text file as a film of its letters, and a song's cover as a film of one picture.
    if not video or container.format.name == "tty" or _is_still(video[0]):
        container.close()
        raise LipwrightError(f"{path} has no moving pictures; give a video.")
    return container


def _is_still(stream: Any) -> bool:
    return bool(stream.disposition & av.stream.Disposition.attached_pic)


class _Reader:
    """Reads one portion from an open file."""

    def __init__(self, container: Any, portion: Portion) -> None:
        self._container = container
        self._portion = portion
        self._video = container.streams.video[0]
        self._audio = container.streams.audio[0] if container.streams.audio else None
        self._zero_s = max((container.start_time or 0) / av.time_base, 0.0)
        self._end_s = portion.start_s + PORTION_S
        self._last_s = -1.0
        self._counted = 0
        self._rate = float(self._video.average_rate or 25)

    def pictures(self) -> Iterator[Picture]:
        portion = self._portion
        if portion.number:
            self._seek()
        sound = _Sound(portion, self._audio.rate) if self._audio is not None and self._audio.rate else None
        streams = [self._video] if sound is None else [self._video, self._audio]
        pictures_end = sound_end = False
        portion.last = True
        for stream, frame in self._frames(streams):
            if stream.type == "audio":
                assert sound is not None
                sound_end = sound.take(frame, self._time_s(frame)) or sound_end
            else:
                time_s = self._picture_time_s(frame)
                if time_s >= self._end_s:
                    pictures_end, portion.last = True, False
                elif time_s >= portion.start_s and time_s - self._last_s >= LEAST_STEP_S - 0.002:
                    self._last_s = time_s
                    yield Picture(time_s, _pixels(frame))
            if pictures_end and (sound_end or sound is None or sound.is_over()):
                break
        portion.sound = None if sound is None else sound.whole()

    def _seek(self) -> None:
        """Goes to a little before the portion; where a file cannot do that, it is read from its beginning."""
        wanted = max(self._portion.sound_start_s - SEEK_EARLIER_S, 0.0) + self._zero_s
        with contextlib.suppress(av.error.FFmpegError):
            self._container.seek(round(wanted * av.time_base))
            frame = next(self._container.decode(self._video), None)
            if frame is not None and self._time_s(frame) <= self._portion.start_s:
                self._container.seek(round(wanted * av.time_base))
                return
        with contextlib.suppress(av.error.FFmpegError):
            self._container.seek(0)

    def _frames(self, streams: list[Any]) -> Iterator[tuple[Any, Any]]:
        packets = self._container.demux(streams)
        wrong = 0
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                for frame in packet.decode():
                    yield packet.stream, frame
            except av.error.InvalidDataError:
                wrong += 1  # one damaged packet: players skip it too
            except av.error.EOFError:
                continue
            except (av.error.FFmpegError, OSError) as error:
                self._portion.damage = f"the file breaks off ({error.strerror or error})"
                break
        if wrong and not self._portion.damage:
            self._portion.damage = f"{wrong} damaged pieces were left out"

    def _time_s(self, frame: Any) -> float:
        if frame.pts is None or frame.time_base is None:
            return -1.0
        return float(frame.pts * Fraction(frame.time_base)) - self._zero_s

    def _picture_time_s(self, frame: Any) -> float:
        if frame.pts is None:  # as in some old AVI files
            self._counted += 1
            return (self._counted - 1) / self._rate
        return self._time_s(frame)


class _Sound:
    """Puts sound where its time says; silence where there is none."""

    def __init__(self, portion: Portion, rate: int) -> None:
        self._rate = rate
        self._start_s = portion.sound_start_s
        self._seconds = BEFORE_S + PORTION_S + AFTER_S
        self._samples = np.zeros(round(self._seconds * rate), np.float32)
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        self._place: int | None = None
        self._waited = 0
        self._last = 0

    def take(self, frame: Any, time_s: float) -> bool:
        """Takes a frame of sound; True: the portion's sound is over."""
        self._waited = 0
        try:
            pieces = [piece.to_ndarray().reshape(-1) for piece in self._resampler.resample(frame)]
            block = np.concatenate([np.zeros(0, np.float32), *pieces]).astype(np.float32)
        except (av.error.FFmpegError, ValueError):  # a frame of another kind than those before it
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=self._rate)
            return False
        said = round((time_s - self._start_s) * self._rate)
        place = said if self._place is None else self._place
        if abs(said - place) > LOST_S * self._rate:
            place = said
        first, last = max(place, 0), min(place + len(block), len(self._samples))
        if first < last:
            self._samples[first:last] = np.nan_to_num(block[first - place : last - place])
            self._last = max(self._last, last)
        self._place = place + len(block)
        return self._place >= len(self._samples)

    def is_over(self) -> bool:
        """Asked at every picture behind the portion: whether they come for long without sound."""
        self._waited += 1
        return self._waited > PICTURES_AFTER

    def whole(self) -> Samples | None:
        """All of it at 16 kHz, and AFTER_S of silence where it ends earlier; None where there was none."""
        if self._place is None:
            return None
        end = self._last + round(AFTER_S * self._rate)
        return np.asarray(soxr.resample(self._samples[:end], self._rate, RATE), np.float32)


def _pixels(frame: Any) -> Pixels:
    scale = min(1.0, LARGEST / max(frame.width, frame.height))
    width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
    pixels = frame.reformat(width=width, height=height, format="rgb24").to_ndarray()
    turned = round(getattr(frame, "rotation", 0) / 90) % 4  # telephones film lying down and note it
    return np.ascontiguousarray(np.rot90(pixels, turned))
