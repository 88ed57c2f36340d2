"""The head profile as the board holds it: checked here too, whatever the host says, and kept on flash.

Without a profile nothing moves; with a kept one the board starts at rest without a host.
"""

import binascii
import os
from array import array

from timebase import TICK_HZ

from facewire import cbor_subset
from facewire.constants import (
    MAX_CHANNELS,
    OUTPUT_MAX,
    POSITION_MAX,
    PULSE_MAX_US,
    PULSE_MIN_US,
    PWM_HZ_MAX,
    PWM_HZ_MIN,
    SPEED_MAX,
    SPEED_MIN,
)

_CRC_BYTES = 4


class Profile:
    """A checked profile, in the form that the tick works with. Raises ValueError, saying what is wrong.

    outputs: chip * 16 + pin of each channel. ends: pulse widths in us at the range's ends, two for each
    channel. rest: positions 0..65535. steps: the furthest that a channel may move in one tick, 1..65535.
    """

    def __init__(self, body: bytes) -> None:
        fields = cbor_subset.loads(body)
        if not isinstance(fields, list) or len(fields) != 2:
            raise ValueError("a profile is a PWM frequency and channels")
        channels = fields[1]
        if not isinstance(channels, list) or not 1 <= len(channels) <= MAX_CHANNELS:
            raise ValueError("a profile has 1 to 32 channels")
        self.body = bytes(body)
        self.crc = binascii.crc32(body)
        self.pwm_hz = _number(fields[0], PWM_HZ_MIN, PWM_HZ_MAX, "PWM frequency")
        self.count = len(channels)
        self.outputs = bytearray(self.count)
        self.ends = array("H", bytes(4 * self.count))
        self.rest = array("H", bytes(2 * self.count))
        self.steps = array("H", bytes(2 * self.count))
        for i in range(self.count):
            self._add(i, channels[i])

    def _add(self, i: int, channel: object) -> None:
        name = "channel " + str(i)
        if not isinstance(channel, list) or len(channel) != 5:
            raise ValueError(name + " has not five settings")
        output = _number(channel[0], 0, OUTPUT_MAX, name + ": output")
        for other in range(i):
            if self.outputs[other] == output:
                raise ValueError("channels " + str(other) + " and " + str(i) + " share output " + str(output))
        self.outputs[i] = output
        self.ends[2 * i] = _number(channel[1], PULSE_MIN_US, PULSE_MAX_US, name + ": pulse at 0")
        self.ends[2 * i + 1] = _number(channel[2], PULSE_MIN_US, PULSE_MAX_US, name + ": pulse at 1")
        if self.ends[2 * i] == self.ends[2 * i + 1]:
            raise ValueError(name + ": its range is empty")
        rest = _number(channel[3], 0, POSITION_MAX, name + ": rest")
        self.rest[i] = rest << 4 | rest >> 8
        speed = _number(channel[4], SPEED_MIN, SPEED_MAX, name + ": speed")
        step = speed * 65535 // (100 * TICK_HZ)
        self.steps[i] = 65535 if step > 65535 else step


def _number(value: object, lowest: int, highest: int, name: str) -> int:
    if not isinstance(value, int) or not lowest <= value <= highest:
        raise ValueError(name + " is not " + str(lowest) + " to " + str(highest))
    return value


def load(path: str) -> "Profile | None":
    """The profile that was kept, or None if there is none or it is damaged."""
    try:
        with open(path, "rb") as file:
            data = file.read()
        body = data[:-_CRC_BYTES]
        if binascii.crc32(body) != int.from_bytes(data[-_CRC_BYTES:], "little"):
            return None
        return Profile(body)
    except (OSError, ValueError):
        return None


def save(path: str, profile: Profile) -> None:
    """Keeps the profile: a board that loses power half-way starts with the old one. Raises OSError."""
    working = path + ".new"
    with open(working, "wb") as file:
        file.write(profile.body + profile.crc.to_bytes(_CRC_BYTES, "little"))
    os.rename(working, path)
