"""Shows as files: frames with cues, small enough for a board's flash. protocol/README.md has the format.

The board's end is mcu/show_file.py. A file on the host and one on the board are the same bytes.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facewire import constants as wire
from lipwright.errors import LipwrightError

_HEADER = struct.Struct(wire.SHOW_HEADER)
_CUE = struct.Struct(wire.SHOW_CUE)
_LONGEST_STEP_MS = 255
_MOST_CUES = 255
_MOST_CHANGE = wire.SHOW_CHANGE_BIAS - 1


@dataclass(frozen=True)
class Cue:
    """A moment at which the board gives a signal, in ms from the first frame; `number` is yours to choose."""

    time_ms: int
    number: int


@dataclass(frozen=True)
class Show:
    """Frames for one head, and cues.

    profile_crc: of the head's profile as the board has it. times_ms: (frames,), the first is 0. positions:
    (frames, channels), 0..4095.
    """

    profile_crc: int
    times_ms: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]
    cues: tuple[Cue, ...] = ()

    @property
    def duration_ms(self) -> int:
        """From the first frame to the last."""
        return int(self.times_ms[-1])

    def encode(self) -> bytes:
        """The show as a file. Raises ValueError for one that cannot be a file."""
        steps = np.diff(self.times_ms, prepend=self.times_ms[:1])
        count, channels = self.positions.shape
        if (
            len(steps) != count
            or self.times_ms[0]
            or (steps[1:] < 1).any()
            or (steps > _LONGEST_STEP_MS).any()
        ):
            raise ValueError("times begin at 0, and grow by 1 to 255 ms")
        if not 1 <= channels <= wire.MAX_CHANNELS or (self.positions & ~wire.POSITION_MAX).any():
            raise ValueError("a show has 1 to 32 channels, with positions from 0 to 4095")
        cues = sorted(self.cues, key=lambda cue: cue.time_ms)
        if len(cues) > _MOST_CUES or not all(0 <= cue.time_ms <= self.duration_ms for cue in cues):
            raise ValueError("at most 255 cues, each while the show lasts")
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -wire.SHOW_WINDOW_BITS, 9)
        body = b"".join(_CUE.pack(cue.time_ms, cue.number) for cue in cues)
        body += squeeze.compress(_frames(steps, self.positions)) + squeeze.flush()
        rest = (wire.SHOW_VERSION, channels, len(cues), 0, self.profile_crc, self.duration_ms, count)
        crc = zlib.crc32(body, zlib.crc32(_HEADER.pack(wire.SHOW_MAGIC, 0, *rest)[wire.SHOW_CRC_FROM :]))
        return _HEADER.pack(wire.SHOW_MAGIC, crc, *rest) + body

    @classmethod
    def decode(cls, data: bytes) -> Show:
        """The show in a file's bytes. Raises ValueError for what is none, or is damaged."""
        if len(data) < _HEADER.size or data[: len(wire.SHOW_MAGIC)] != wire.SHOW_MAGIC:
            raise ValueError("no show")
        _, crc, version, channels, cue_count, _, profile_crc, _, count = _HEADER.unpack_from(data)
        if crc != zlib.crc32(data[wire.SHOW_CRC_FROM :]):
            raise ValueError("a damaged show")
        if version != wire.SHOW_VERSION:
            raise ValueError("a show of another version")
        end = _HEADER.size + cue_count * _CUE.size
        cues = tuple(Cue(*_CUE.unpack_from(data, at)) for at in range(_HEADER.size, end, _CUE.size))
        try:
            raw = zlib.decompressobj(-wire.SHOW_WINDOW_BITS).decompress(data[end:])
            if count > len(raw):
                raise IndexError
            times, positions = _parse(raw, channels, count)
        except (zlib.error, IndexError):
            raise ValueError("a show with frames that are none") from None
        return cls(profile_crc, times, positions, cues)


def read_show(path: Path) -> tuple[Show, bytes]:
    """A show's file, and its bytes. Raises LipwrightError that says what to do."""
    try:
        data = path.read_bytes()
        return Show.decode(data), data
    except OSError as error:
        raise LipwrightError(f"cannot read the show {path}: {error.strerror}; check the path.") from None
    except ValueError as error:
        raise LipwrightError(
            f"{path} is {error}: make one with `lipwright show record CLIP -o {path.stem}.show`."
        ) from None


def _frames(steps: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]) -> bytes:
    """The frames before they are compressed."""
    mask_bytes = (positions.shape[1] + 7) // 8
    changes = np.diff(positions, axis=0, prepend=np.zeros_like(positions[:1]))
    packed = bytearray()
    for step, change, position in zip(steps, changes, positions, strict=True):
        moved = np.flatnonzero(change)
        mask = sum(1 << int(channel) for channel in moved)
        far = np.abs(change[moved]) > _MOST_CHANGE
        packed += bytes([step]) + mask.to_bytes(mask_bytes, "little")
        packed += bytes(np.where(far, 0, change[moved] + wire.SHOW_CHANGE_BIAS).tolist())
        packed += position[moved][far].astype("<u2").tobytes()
    return bytes(packed)


def _parse(raw: bytes, channels: int, count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Times (frames,) and positions (frames, channels) of frames. Raises IndexError if they break off."""
    mask_bytes = (channels + 7) // 8
    times, positions = np.zeros(count, np.int64), np.zeros((count, channels), np.int64)
    now, at = 0, np.zeros(channels, np.int64)
    place = 0
    for number in range(count):
        now += raw[place]
        mask = int.from_bytes(raw[place + 1 : place + 1 + mask_bytes], "little")
        place += 1 + mask_bytes
        moved = [channel for channel in range(channels) if mask >> channel & 1]
        changes = raw[place : place + len(moved)]
        place += len(moved)
        for channel, change in zip(moved, changes, strict=False):
            if change:
                at[channel] += change - wire.SHOW_CHANGE_BIAS
            else:
                at[channel] = raw[place] | raw[place + 1] << 8
                place += 2
        times[number], positions[number] = now, at
    return times, positions
