"""A show as it lies on flash: where every channel has to be when, and when to give a cue.

protocol/README.md has the format, in "Shows". It is read as a stream, a frame at a time: what is compressed
needs 1 KB of memory however long the show is.
"""

import binascii
import struct
from array import array

import checksum
import deflate
from head_profile import Profile
from refusal import Refusal

from facewire.constants import (
    MAX_CHANNELS,
    POSITION_MAX,
    REASON_SHOW,
    SHOW_CHANGE_BIAS,
    SHOW_CRC_FROM,
    SHOW_CUE,
    SHOW_HEADER,
    SHOW_MAGIC,
    SHOW_VERSION,
    SHOW_WINDOW_BITS,
)

_BITS = b"\x00\x01\x01\x02\x01\x02\x02\x03\x01\x02\x02\x03\x02\x03\x03\x04"  # ones in four bits


def check(path: str, profile: "Profile | None") -> None:
    """Raises Refusal unless a file is a show, whole, and made for the head of the profile.

    Without a profile, any head will do.
    """
    size = struct.calcsize(SHOW_HEADER)
    try:
        with open(path, "rb") as file:
            data = file.read(size)
            _, crc = checksum.rest_of(file, binascii.crc32(data[SHOW_CRC_FROM:]))
    except OSError:
        raise Refusal(REASON_SHOW, "there is no show of this name")
    if len(data) < size or data[:4] != SHOW_MAGIC:
        raise Refusal(REASON_SHOW, "not a show: record it again")
    _, found, version, channels, _, _, profile_crc, _, _ = struct.unpack(SHOW_HEADER, data)
    if found != crc:
        raise Refusal(REASON_SHOW, "the show is damaged: store it again")
    if version != SHOW_VERSION or channels > MAX_CHANNELS:
        raise Refusal(REASON_SHOW, "not a show that this firmware plays: record it again")
    if profile is not None and (channels, profile_crc) != (profile.count, profile.crc):
        raise Refusal(REASON_SHOW, "made for another head: record it with this head's profile")


class ShowFile:
    """A show that is being read; `check` comes first. Raises OSError if it cannot be opened.

    positions: of the frame read last, 0..65535 for each channel. step_ms: its time, from the frame before.
    cues: their times in ms, from the first frame.
    """

    def __init__(self, path: str) -> None:
        self.positions = array("H", bytes(2 * MAX_CHANNELS))
        self.step_ms = 0
        self._file = open(path, "rb")  # noqa: SIM115
        header = struct.unpack(SHOW_HEADER, self._file.read(struct.calcsize(SHOW_HEADER)))
        size = struct.calcsize(SHOW_CUE)
        cues = self._file.read(size * header[4])
        self.cues = [struct.unpack_from(SHOW_CUE, cues, at)[0] for at in range(0, len(cues) - size + 1, size)]
        self._first = True
        self._left = header[8]
        self._stream = deflate.DeflateIO(self._file, deflate.RAW, SHOW_WINDOW_BITS)
        # Step and mask; the changes of the channels in it; a whole position.
        self._head = bytearray(1 + (header[3] + 7) // 8)
        self._changes = bytearray(MAX_CHANNELS)
        self._whole = bytearray(2)

    def read(self) -> bool:
        """Reads the next frame. Returns whether there is one."""
        if not self._left:
            return False
        self._left -= 1
        try:
            self._read_frame()
        except (OSError, EOFError, ValueError):  # nothing that a whole file does
            self._left = 0
            return False
        return True

    def close(self) -> None:
        """Lets go of the file."""
        self._file.close()

    def _read_frame(self) -> None:
        head = self._head
        changes = self._changes
        positions = self.positions
        self._fill(head, len(head))
        if (head[0] == 0) != self._first:
            raise ValueError("times that do not grow")
        self._first = False
        self.step_ms = head[0]
        moved = 0
        for i in range(1, len(head)):
            moved += _BITS[head[i] & 15] + _BITS[head[i] >> 4]
        self._fill(changes, moved)
        moved = 0
        for byte in range(1, len(head)):
            mask = head[byte]
            i = (byte - 1) << 3
            while mask:
                if mask & 1:
                    change = changes[moved]
                    moved += 1
                    if change:
                        position = (positions[i] >> 4) + change - SHOW_CHANGE_BIAS
                    else:
                        position = self._whole_position()
                    if not 0 <= position <= POSITION_MAX:
                        raise ValueError("beyond the range")
                    positions[i] = position << 4 | position >> 8
                mask >>= 1
                i += 1

    def _whole_position(self) -> int:
        self._fill(self._whole, 2)
        return self._whole[0] | self._whole[1] << 8

    def _fill(self, buffer: bytearray, count: int) -> None:
        if self._stream.readinto(buffer, count) != count:
            raise EOFError("broken off")
