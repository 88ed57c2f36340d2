"""The head profile as it travels and as the board keeps it: numbers, in the order of the wire."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from facewire import constants as c
from lipwright.link.elements import Fields, MalformedError, dumps, exactly, loads, number


@dataclass(frozen=True)
class BoardChannel(Fields):
    """One servo as the board knows it; no message of its own.

    output: chip * 16 + pin. pulse_at_0_us and pulse_at_1_us: pulse widths at the ends of the target's
    range, the first being the greater in an inverted servo. rest: 0..4095. speed: percent of the range
    per second. acceleration: ranges per second, per second. group: groups get pulses one after the other.
    """

    RULES = (
        number(0, c.OUTPUT_MAX),
        number(c.PULSE_MIN_US, c.PULSE_MAX_US),
        number(c.PULSE_MIN_US, c.PULSE_MAX_US),
        number(0, c.POSITION_MAX),
        number(c.SPEED_MIN, c.SPEED_MAX),
        number(1, c.ACCELERATION_MAX),
        number(0, c.GROUP_MAX),
    )
    output: int
    pulse_at_0_us: int
    pulse_at_1_us: int
    rest: int
    speed: int
    acceleration: int
    group: int


@dataclass(frozen=True)
class BoardCollision:
    """Channels that would run into each other; no message of its own.

    The sum of weight (-127..127) times position (0..65535) stays at or below `most`.
    """

    most: int
    channels: tuple[int, ...]
    weights: tuple[int, ...]

    def fields(self) -> list[int]:
        terms = zip(self.channels, self.weights, strict=True)
        return [self.most + c.SUM_BIAS, *(n for channel, w in terms for n in (channel, w + c.WEIGHT_BIAS))]

    @classmethod
    def from_fields(cls, fields: object, channel_count: int) -> BoardCollision:
        if (
            not isinstance(fields, list)
            or not 3 <= len(fields) <= 1 + 2 * c.MAX_TERMS
            or len(fields) % 2 == 0
        ):
            raise MalformedError("a collision is a sum of one to six channels")
        weight = number(c.WEIGHT_BIAS - 127, c.WEIGHT_BIAS + 127)
        return cls(
            number(0, 2 * c.SUM_BIAS - 1)(fields[0]) - c.SUM_BIAS,
            tuple(number(0, channel_count - 1)(channel) for channel in fields[1::2]),
            tuple(weight(value) - c.WEIGHT_BIAS for value in fields[2::2]),
        )


@dataclass(frozen=True)
class BoardProfile:
    """What the board knows of a head. The board checks the limits again."""

    pwm_hz: int
    tick_hz: int
    channels: tuple[BoardChannel, ...]
    collisions: tuple[BoardCollision, ...] = ()

    def body(self) -> bytes:
        """The bytes that travel and that the board keeps; `crc` is their CRC-32."""
        channels = [channel.fields() for channel in self.channels]
        return dumps([self.pwm_hz, self.tick_hz, channels, [pair.fields() for pair in self.collisions]])

    @property
    def crc(self) -> int:
        return zlib.crc32(self.body())

    @classmethod
    def from_body(cls, body: bytes) -> BoardProfile:
        pwm_hz, tick_hz, channels, collisions = exactly(loads(body), 4)
        if not isinstance(channels, list) or not 1 <= len(channels) <= c.MAX_CHANNELS:
            raise MalformedError("a profile has 1 to 32 channels")
        if type(tick_hz) is not int or tick_hz not in c.TICK_RATES_HZ:
            raise MalformedError(f"a board ticks 50, 100 or 200 times a second, not {tick_hz!r}")
        if not isinstance(collisions, list) or len(collisions) > c.MAX_COLLISIONS:
            raise MalformedError("a profile has at most 16 collisions")
        profile = cls(
            number(c.PWM_HZ_MIN, c.PWM_HZ_MAX)(pwm_hz),
            tick_hz,
            tuple(BoardChannel.from_fields(channel) for channel in channels),
            tuple(BoardCollision.from_fields(pair, len(channels)) for pair in collisions),
        )
        if len({channel.output for channel in profile.channels}) < len(channels):
            raise MalformedError("two channels share an output")
        if any(
            abs(channel.pulse_at_0_us - channel.pulse_at_1_us) < c.RANGE_MIN_US
            for channel in profile.channels
        ):
            raise MalformedError("a channel's range is empty")
        return profile
