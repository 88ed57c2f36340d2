"""Writes a video's file, pictures and sound as they come, each at its time; there only when it is whole."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np

from liplab.eyes.sight import Pixels
from liplab.watch.video import Samples
from lipwright.audio.decode import RATE
from lipwright.errors import LipwrightError

CLOCK = Fraction(1, 1000)
USUAL_HZ = 30  # what players are told; each picture has its own time
BIT_RATE = 4_000_000
BLOCK = 1024
PARTIAL = ".part-"


class VideoFile:
    """A file to which any thread may add pictures and sound, mono at 16 kHz."""

    def __init__(self, path: Path) -> None:
        """The name's ending says what kind of file. Raises LipwrightError where it cannot be written."""
        self._path = path
        self._partial = path.with_name(PARTIAL + path.name)
        self._lock = threading.Lock()
        self._video: Any = None
        self._sounded = 0
        self._waiting: list[Any] = []  # pictures, encoded, for which the sound has not come yet
        try:
            self._container: Any = av.open(str(self._partial), "w")
            self._audio: Any = self._container.add_stream("aac", rate=RATE, layout="mono")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise _unable(path, error) from None

    def picture(self, time_s: float, pixels: Pixels) -> None:
        """Adds a picture (h, w, 3), RGB. Raises LipwrightError: disk full."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        frame.pts, frame.time_base = round(time_s * 1000), CLOCK
        with self._lock:
            if self._video is None:
                self._video = self._container.add_stream("mpeg4", rate=USUAL_HZ)
                self._video.height, self._video.width = pixels.shape[:2]
                self._video.pix_fmt, self._video.bit_rate = "yuv420p", BIT_RATE
                self._video.time_base = self._video.codec_context.time_base = CLOCK
            self._encode(self._video, frame)

    def sound(self, start_s: float, samples: Samples) -> None:
        """Adds sound (n,) that begins at a time; what was there already is left out, what is missing is
        silence. After the first picture. Raises LipwrightError: disk full."""
        first = round(start_s * RATE)
        with self._lock:
            if first < self._sounded:
                samples = samples[self._sounded - first :]
            elif first > self._sounded:
                samples = np.concatenate([np.zeros(first - self._sounded, np.float32), samples])
            for begin in range(0, len(samples), BLOCK):
                piece = np.ascontiguousarray(samples[None, begin : begin + BLOCK], np.float32)
                block = av.AudioFrame.from_ndarray(piece, format="flt", layout="mono")
                block.sample_rate, block.pts, block.time_base = RATE, self._sounded, Fraction(1, RATE)
                self._encode(self._audio, block)
                self._sounded += piece.shape[1]
            self._write(self._sounded / RATE)

    def __enter__(self) -> VideoFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whole now; gone if something else was raised, or there was no picture."""
        try:
            if kind is None and self._video is not None:
                for stream in (self._video, self._audio):
                    self._encode(stream, None)
                self._write(float("inf"))
                self._container.close()
                self._partial.replace(self._path)
        except (av.error.FFmpegError, OSError) as failure:
            raise _unable(self._path, failure) from None
        finally:
            self._partial.unlink(missing_ok=True)

    def _encode(self, stream: Any, frame: Any) -> None:
        try:
            self._waiting += stream.encode(frame)
        except (av.error.FFmpegError, OSError) as error:
            raise _unable(self._path, error) from None

    def _write(self, until_s: float) -> None:
        """Pictures and sound before a time, side by side, so that players find both."""
        self._waiting.sort(key=lambda packet: float(packet.dts * packet.time_base))
        try:
            while self._waiting and self._waiting[0].dts * self._waiting[0].time_base < until_s:
                self._container.mux(self._waiting.pop(0))
        except (av.error.FFmpegError, OSError) as error:
            raise _unable(self._path, error) from None


def _unable(path: Path, error: Exception) -> LipwrightError:
    why = getattr(error, "strerror", None) or error
    return LipwrightError(f"cannot write the video {path} ({why}); name another file, such as watched.mkv.")
