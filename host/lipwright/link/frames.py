"""Motion frames: targets as the wire's numbers, whole frames now and then and compact ones between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from facewire import constants as wire
from lipwright.face.profile import Collision, HeadProfile
from lipwright.link import messages as m
from lipwright.link.board_profile import BoardChannel, BoardCollision, BoardProfile

# The board forgets the base of compact frames after 10 s; frames that come seldom get a new one before.
BASE_AGE_S = 5.0


class FrameEncoder:
    """Makes one frame after the other, each as short as can be.

    Every 32nd is a full frame, the base; a compact frame has the channels that differ from the base, so that
    a lost one harms no other. A full frame is also sent where a compact one would be no shorter.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._full_bytes = _bytes_of(channels)
        self._sequence = 0
        self._base: tuple[int, ...] | None = None
        self._base_at_s = 0.0
        self._lost = 0

    def encode(self, positions: Sequence[int], board_ms: int, at: float) -> bytes:
        """The next frame on the wire: positions (channels,) of 0..4095 for a board time; `at`: in host s."""
        if len(positions) != self._channels:
            raise ValueError(f"{len(positions)} positions for {self._channels} channels")
        positions = tuple(positions)
        if self._base is None or at - self._base_at_s > BASE_AGE_S:
            bases = -(-self._sequence // wire.BASE_INTERVAL)  # rounded up: the next number that makes a base
            self._sequence = bases * wire.BASE_INTERVAL & wire.SEQUENCE_MASK
        frame: m.FullFrame | m.CompactFrame | None = None
        if self._sequence % wire.BASE_INTERVAL == 0:
            self._base, self._base_at_s = positions, at
        else:
            pairs = zip(positions, self._base or positions, strict=True)
            changes = {channel: new for channel, (new, old) in enumerate(pairs) if new != old}
            mask = 1 << max(changes, default=0)
            if _bytes_of(len(changes)) + _head_bytes(mask) < self._full_bytes:
                frame = m.CompactFrame(self._sequence, board_ms, changes)
        if frame is None:
            frame = m.FullFrame(self._sequence, board_ms, positions)
        self._sequence = (self._sequence + 1) & wire.SEQUENCE_MASK
        return m.encode(frame)

    def heed(self, status: m.BoardStatus) -> None:
        """Starts again with a whole frame if the board reports that something was lost on the way."""
        lost = status.crc_errors + status.malformed + status.drops[wire.DROP_ORPHAN]
        if lost != self._lost:
            self._lost = lost
            self._base = None


def _bytes_of(positions: int) -> int:
    """Bytes of so many positions as CBOR; with a compact frame's mask, all in which the two kinds differ."""
    packed = (3 * positions + 1) // 2
    return packed + _head_bytes(packed)


def _head_bytes(number: int) -> int:
    """Bytes of a CBOR head with this number in it."""
    return 1 if number < 24 else 2 if number < 0x100 else 3 if number < 0x10000 else 5


def positions_of(targets: npt.ArrayLike) -> tuple[int, ...]:
    """Targets of 0..1 (clipped) as the wire's 0..4095. Raises ValueError for what is no number."""
    values = np.asarray(targets, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a target is not a number")
    return tuple(np.rint(np.clip(values, 0.0, 1.0) * wire.POSITION_MAX).astype(int).tolist())


def board_profile(profile: HeadProfile) -> BoardProfile:
    """What the board needs to know of a head: an inverted servo simply has its pulse widths exchanged."""
    channels = []
    groups = list(dict.fromkeys(channel.group for channel in profile.channels))
    for channel in profile.channels:
        ends = (round(channel.pulse_min_us), round(channel.pulse_max_us))
        at_0, at_1 = reversed(ends) if channel.inverted else ends
        channels.append(
            BoardChannel(
                output=channel.output,
                pulse_at_0_us=at_0,
                pulse_at_1_us=at_1,
                rest=round(channel.rest * wire.POSITION_MAX),
                speed=min(wire.SPEED_MAX, max(wire.SPEED_MIN, round(100 * channel.speed))),
                acceleration=min(wire.ACCELERATION_MAX, max(1, round(channel.acceleration))),
                group=min(wire.GROUP_MAX, groups.index(channel.group)),
            )
        )
    collisions = tuple(_board_collision(pair) for pair in profile.collisions)
    return BoardProfile(round(profile.pwm_hz), profile.tick_hz, tuple(channels), collisions)


def _board_collision(pair: Collision) -> BoardCollision:
    """Whole weights, the greatest 127; what rounding may add to the sum is taken off the most."""
    scale = 127 / max(abs(weight) for weight in pair.weights)
    weights = [round(weight * scale) for weight in pair.weights]
    rounding = sum(abs(w - weight * scale) for w, weight in zip(weights, pair.weights, strict=True))
    most = (pair.most * scale - rounding) * 65535
    limit = wire.SUM_BIAS - 1
    return BoardCollision(int(np.clip(np.floor(most), -limit, limit)), pair.channels, tuple(weights))
