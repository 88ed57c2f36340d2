"""Sound files of any kind, read in blocks: an hour of sound needs no more memory than a second.

libsndfile reads WAV, FLAC, OGG and MP3. A video's sound, and whatever else, is read through PyAV where it is
installed (extra ``sim``), else through the ffmpeg program where that is installed.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from lipwright.errors import LipwrightError

RATE = 16000  # Hz, of all that the models hear
BLOCK_FRAMES = 16384  # frames read from the file at a time
FFMPEG_RATE = 48000  # Hz, asked of the ffmpeg program, which resamples whatever it reads

# Loudness of each speaker of 5.1 (front left, right, centre, bass, rear left, right) in the left and the
# right side of stereo: ITU-R BS.775 without the bass, scaled so that no side can clip.
SURROUND_TO_STEREO = np.array(
    [[1, 0], [0, 1], [0.7071, 0.7071], [0, 0], [0.7071, 0], [0, 0.7071]], np.float32
) / np.float32(1 + 2 * 0.7071)

Samples = NDArray[np.float32]
Opener = Callable[[], Iterator[Samples]]  # from the start, blocks (n, channels) at the file's own rate


class Sound:
    """A sound file, opened: read it as often as needed, always from its start."""

    def __init__(self, path: Path, original_rate: int, frames: int, opener: Opener) -> None:
        self.path = path
        self.rate = RATE
        self.original_rate = original_rate  # Hz, as recorded
        self.duration_s = frames / original_rate
        self._opener = opener

    def blocks(self, size: int) -> Iterator[Samples]:
        """The sound as the models hear it: mono at 16 kHz, float32 (size,), the last block shorter.

        Raises LipwrightError where the file turns out to be damaged.
        """
        return _regroup(self._mono(), size)

    def original_blocks(self, size: int) -> Iterator[Samples]:
        """The sound as it is played: float32 (size, 1 or 2) at ``original_rate``, the last block shorter."""
        return _regroup(self._opener(), size)

    def _mono(self) -> Iterator[Samples]:
        # A stream of its own kind for 16 kHz too: soxr passes equal rates through unchanged.
        stream = soxr.ResampleStream(self.original_rate, RATE, 1, dtype="float32")
        for block in self._opener():
            yield stream.resample_chunk(np.ascontiguousarray(block.mean(axis=1)))
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def open_sound(path: str | Path) -> Sound:
    """Opens a sound or video file; raises LipwrightError with one clear sentence where that is impossible."""
    path = Path(path)
    _check_readable(path)
    sound = _open_sndfile(path) or _open_av(path) or _open_ffmpeg(path)
    if sound is None:
        raise LipwrightError(
            f"{path} is not a WAV, FLAC, OGG or MP3 file; to read the sound of a video or of another kind of "
            "file, install ffmpeg (sudo apt install ffmpeg) or pip install 'lipwright[sim]'."
        )
    if sound.duration_s <= 0:
        raise LipwrightError(f"{path} is a sound file, but there is no sound in it; record it again.")
    return sound


def _check_readable(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise LipwrightError(f"{path} is a folder; give the path of one sound file in it.")
        if not stat.S_ISREG(mode):
            raise LipwrightError(f"{path} is not a file but a device or a pipe; record it to a file first.")
        with path.open("rb") as file:
            if not file.read(1):
                raise LipwrightError(f"{path} is empty (0 bytes); record or copy it again.")
    except FileNotFoundError:
        raise LipwrightError(f"There is no file {path}; check the path.") from None
    except OSError as error:
        raise LipwrightError(f"{path} cannot be read: {error.strerror}.") from None


def _regroup(blocks: Iterator[Samples], size: int) -> Iterator[Samples]:
    """The same samples in blocks of ``size``, whatever sizes they come in."""
    held: list[Samples] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= size:
            joined = np.concatenate(held)
            whole = count - count % size
            for start in range(0, whole, size):
                yield joined[start : start + size]
            held, count = [joined[whole:]], count - whole
    if count:
        yield np.concatenate(held)


def _to_stereo(block: Samples, is_surround: bool) -> Samples:
    """At most two channels, and no infinities or NaNs, which float files may hold."""
    if is_surround:
        block = block @ SURROUND_TO_STEREO
    elif block.shape[1] > 2:
        block = block.mean(axis=1, keepdims=True)
    return np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0)


def _open_sndfile(path: Path) -> Sound | None:
    try:
        with soundfile.SoundFile(path) as file:
            rate, frames = file.samplerate, file.frames
            # Vorbis orders its six channels in another way; they are then all taken alike.
            is_surround = file.channels == 6 and file.subtype != "VORBIS"
    except (soundfile.LibsndfileError, TypeError):  # TypeError: a name that ends in .raw
        return None

    def read() -> Iterator[Samples]:
        done = 0
        try:
            with soundfile.SoundFile(path) as file:
                while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
                    done += len(block)
                    yield _to_stereo(block, is_surround)
        except soundfile.LibsndfileError as error:
            raise _damaged(path, done / rate, str(error)) from error

    return Sound(path, rate, frames, read)


def _open_av(path: Path) -> Sound | None:
    try:
        import av
    except ImportError:
        return None

    def read() -> Iterator[Samples]:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="flt", layout="stereo", rate=rate)
            for frame in _frames(container):
                yield from map(_interleaved, resampler.resample(frame))
            yield from map(_interleaved, resampler.resample(None))

    def _frames(container: Any) -> Iterator[Any]:
        for packet in container.demux(container.streams.audio[0]):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                continue  # one damaged packet, as at the cut of a film: players skip it too

    def _interleaved(frame: Any) -> Samples:
        return _to_stereo(frame.to_ndarray().reshape(-1, 2).astype(np.float32, copy=False), False)

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise LipwrightError(f"{path} has no sound track; give a file with sound in it.")
            rate = container.streams.audio[0].rate
        # What a film says of its length is seldom exact, so it is counted.
        frames = sum(len(block) for block in read()) if rate else 0
    except (av.error.FFmpegError, OSError):
        rate = 0
    if not rate:
        raise LipwrightError(
            f"{path} is not a sound that can be read; give a WAV, FLAC, OGG or MP3 file, or a video."
        )
    return Sound(path, rate, frames, read)


def _open_ffmpeg(path: Path) -> Sound | None:
    program = shutil.which("ffmpeg")
    if program is None:
        return None

    def read() -> Iterator[Samples]:
        command = [program, "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0"]
        command += ["-f", "f32le", "-ac", "2", "-ar", str(FFMPEG_RATE), "pipe:1"]
        with (
            tempfile.TemporaryFile() as complaint,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaint) as process,
        ):
            assert process.stdout is not None
            done = 0
            try:
                while data := process.stdout.read(BLOCK_FRAMES * 8):
                    block = np.frombuffer(data[: len(data) // 8 * 8], "<f4").reshape(-1, 2)
                    done += len(block)
                    yield _to_stereo(block, False)
            except BaseException:  # also where the reader stops early
                process.kill()
                raise
            if process.wait() > 0 and not done:
                complaint.seek(0)
                text = os.fsdecode(complaint.read()).strip().rpartition("\n")[2]
                raise LipwrightError(f"ffmpeg finds no sound in {path} ({text}); give a sound or video file.")

    frames = sum(len(block) for block in read())
    return Sound(path, FFMPEG_RATE, frames, read)


def _damaged(path: Path, after_s: float, reason: str) -> LipwrightError:
    return LipwrightError(f"{path} is damaged after {after_s:.1f} s ({reason}); record or copy it again.")
