"""The head profile as the board holds it: checked here too, whatever the host says, and kept on flash.

Without a profile nothing moves; with a kept one the board starts at rest without a host.
"""

import binascii
import os
from array import array

from facewire import cbor_subset
from facewire.constants import (
    ACCELERATION_MAX,
    GROUP_MAX,
    MAX_CHANNELS,
    MAX_COLLISIONS,
    MAX_TERMS,
    OUTPUT_MAX,
    POSITION_MAX,
    PULSE_MAX_US,
    PULSE_MIN_US,
    PWM_HZ_MAX,
    PWM_HZ_MIN,
    RANGE_MIN_US,
    SPEED_MAX,
    SPEED_MIN,
    SUM_BIAS,
    TICK_RATES_HZ,
    WEIGHT_BIAS,
)

_CRC_BYTES = 4


class Profile:
    """A checked profile, in the form that the tick works with. Raises ValueError, saying what is wrong.

    outputs: chip * 16 + pin of each channel. ends: pulse widths in us at the range's ends, two for each
    channel. rest: positions 0..65535. steps: the furthest that a channel may move in one tick, 1..65535.
    accelerations: how much a step may differ from the one before, 1..65535. order: channels as they get
    pulses, group after group; group_ends: after how many of them each group is complete. firsts, terms,
    mosts, pairs: collisions, as kernels_plain.part takes them.
    """

    def __init__(self, body: bytes) -> None:
        fields = cbor_subset.loads(body)
        if not isinstance(fields, list) or len(fields) != 4:
            raise ValueError("a profile is two frequencies, channels and collisions")
        channels = fields[2]
        if not isinstance(channels, list) or not 1 <= len(channels) <= MAX_CHANNELS:
            raise ValueError("a profile has 1 to 32 channels")
        self.body = bytes(body)
        self.crc = binascii.crc32(body)
        self.pwm_hz = _number(fields[0], PWM_HZ_MIN, PWM_HZ_MAX, "PWM frequency")
        if fields[1] not in TICK_RATES_HZ:
            raise ValueError("ticks per second are not 50, 100 or 200")
        self.tick_hz = _number(fields[1], 1, 1000, "ticks per second")
        self.count = len(channels)
        self.outputs = bytearray(self.count)
        self.ends = array("H", bytes(4 * self.count))
        self.rest = array("H", bytes(2 * self.count))
        self.steps = array("H", bytes(2 * self.count))
        self.accelerations = array("H", bytes(2 * self.count))
        groups = [self._add(i, channels[i]) for i in range(self.count)]
        self.order = bytearray(
            [i for group in range(GROUP_MAX + 1) for i in range(self.count) if groups[i] == group]
        )
        self.group_ends = [sum([1 for one in groups if one <= group]) for group in sorted(set(groups))]
        self._add_collisions(fields[3])

    def _add(self, i: int, channel: object) -> int:
        """Takes channel i; returns its group."""
        name = "channel " + str(i)
        if not isinstance(channel, list) or len(channel) != 7:
            raise ValueError(name + " has not seven settings")
        output = _number(channel[0], 0, OUTPUT_MAX, name + ": output")
        for other in range(i):
            if self.outputs[other] == output:
                raise ValueError("channels " + str(other) + " and " + str(i) + " share output " + str(output))
        self.outputs[i] = output
        self.ends[2 * i] = _number(channel[1], PULSE_MIN_US, PULSE_MAX_US, name + ": pulse at 0")
        self.ends[2 * i + 1] = _number(channel[2], PULSE_MIN_US, PULSE_MAX_US, name + ": pulse at 1")
        if abs(self.ends[2 * i] - self.ends[2 * i + 1]) < RANGE_MIN_US:
            raise ValueError(name + ": its range is empty")
        rest = _number(channel[3], 0, POSITION_MAX, name + ": rest")
        self.rest[i] = rest << 4 | rest >> 8
        speed = _number(channel[4], SPEED_MIN, SPEED_MAX, name + ": speed")
        change = _number(channel[5], 1, ACCELERATION_MAX, name + ": acceleration")
        change = change * 65535 // (self.tick_hz * self.tick_hz)
        self.accelerations[i] = min(65535, max(1, change))
        # No faster than what it can stop from within its range; this also keeps kernels_plain.aim in 32 bits.
        step = min(65535, max(1, speed * 65535 // (100 * self.tick_hz)))
        while step * step > 131072 * self.accelerations[i]:
            step = (step + 131072 * self.accelerations[i] // step) >> 1
        self.steps[i] = step
        return _number(channel[6], 0, GROUP_MAX, name + ": group")

    def _add_collisions(self, collisions: object) -> None:
        if not isinstance(collisions, list) or len(collisions) > MAX_COLLISIONS:
            raise ValueError("a profile has at most 16 collisions")
        self.pairs = len(collisions)
        self.firsts = bytearray(1)
        self.terms = bytearray()
        self.mosts = array("i", bytes(4 * self.pairs))
        for k in range(self.pairs):
            name = "collision " + str(k)
            pair = collisions[k]
            if not isinstance(pair, list) or not 3 <= len(pair) <= 1 + 2 * MAX_TERMS or len(pair) % 2 == 0:
                raise ValueError(name + " is not a sum of one to six channels")
            self.mosts[k] = _number(pair[0], 0, 2 * SUM_BIAS - 1, name + ": most")
            total = 0
            for j in range(1, len(pair), 2):
                channel = _number(pair[j], 0, self.count - 1, name + ": channel")
                weight = _number(pair[j + 1], WEIGHT_BIAS - 127, WEIGHT_BIAS + 127, name + ": weight")
                self.terms.append(channel)
                self.terms.append(weight)
                total += (weight - WEIGHT_BIAS) * self.rest[channel]
            self.firsts.append(len(self.terms) // 2)
            if total > self.mosts[k] - SUM_BIAS:
                raise ValueError(name + " is broken by the rest pose")


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
