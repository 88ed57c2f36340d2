"""What is being set of every servo, in microseconds of pulse, and every step back.

A profile says where a servo rests as a share of its range. While it is calibrated the rest is a pulse
instead, so that it stays where it is when an end or the direction changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from facewire.constants import RANGE_MIN_US
from lipwright.errors import LipwrightError
from lipwright.face.profile import (
    ACCELERATION_PER_SPEED,
    PULSE_LIMITS_US,
    SPEED_LIMITS,
    Channel,
    HeadProfile,
)


class CannotDo(LipwrightError):
    """What was asked cannot be done now; nothing has changed."""


@dataclass(frozen=True)
class Servo:
    """One servo as it is set now. Methods return a changed one, or raise CannotDo."""

    name: str
    output: int  # 16 * driver + pin
    min_us: float
    rest_us: float
    max_us: float
    inverted: bool  # a target of 0 is then max_us
    speed: float  # ranges per second
    acceleration: float | None  # ranges per second, per second; None: goes with the speed

    @classmethod
    def of(cls, channel: Channel) -> Servo:
        """A channel of a profile."""
        own = channel.acceleration != ACCELERATION_PER_SPEED * channel.speed
        return cls(
            name=channel.name,
            output=channel.output,
            min_us=channel.pulse_min_us,
            rest_us=channel.pulse_us(channel.rest),
            max_us=channel.pulse_max_us,
            inverted=channel.inverted,
            speed=channel.speed,
            acceleration=channel.acceleration if own else None,
        )

    @property
    def rest(self) -> float:
        """Where it rests, 0 to 1 of its range, as the profile has it."""
        return self.target_of(self.rest_us)

    def target_of(self, us: float) -> float:
        """A pulse as a target: 0 to 1 within the range, beyond that outside."""
        share = (us - self.min_us) / (self.max_us - self.min_us)
        return 1.0 - share if self.inverted else share

    def pulse_of(self, target: float) -> float:
        """A target of 0 to 1 as a pulse in us."""
        share = 1.0 - target if self.inverted else target
        return self.min_us + share * (self.max_us - self.min_us)

    def with_ends(self, min_us: float | None = None, max_us: float | None = None) -> Servo:
        """Other ends, one or both; a rest that is now outside moves to the end."""
        low = self.min_us if min_us is None else _whole_pulse(min_us)
        high = self.max_us if max_us is None else _whole_pulse(max_us)
        if high - low < RANGE_MIN_US:
            raise CannotDo(
                f"the minimum must lie {RANGE_MIN_US} us below the maximum; {low:.0f} and {high:.0f} do not."
            )
        return replace(self, min_us=low, max_us=high, rest_us=min(high, max(low, self.rest_us)))

    def with_rest(self, us: float) -> Servo:
        """Another pulse to rest at."""
        us = _whole_pulse(us)
        if not self.min_us <= us <= self.max_us:
            raise CannotDo(
                f"{us:.0f} us is outside the range of {self.min_us:.0f} to {self.max_us:.0f} us:"
                " set the end first."
            )
        return replace(self, rest_us=us)

    def with_inverted(self, inverted: bool) -> Servo:
        """Turned round, or not; it rests where it rested."""
        return replace(self, inverted=inverted)

    def with_speed(self, speed: float) -> Servo:
        """Another greatest speed, in ranges per second."""
        low, high = SPEED_LIMITS
        if not low <= speed <= high:
            raise CannotDo(f"a speed is {low:g} to {high:g} ranges per second.")
        return replace(self, speed=speed)


class Settings:
    """All servos of a head as they are set now.

    Attributes:
        servos: In the order of the wire.
    """

    def __init__(self, servos: Iterable[Servo]) -> None:
        self.servos = tuple(servos)
        self._saved = self.servos
        self._before: list[tuple[str, tuple[Servo, ...]]] = []

    @classmethod
    def of(cls, profile: HeadProfile) -> Settings:
        """What a profile says."""
        return cls(Servo.of(channel) for channel in profile.channels)

    @property
    def unsaved(self) -> bool:
        """Whether anything differs from what was saved last."""
        return self.servos != self._saved

    def is_changed(self, index: int) -> bool:
        """Whether a servo differs from what was saved last."""
        return self.servos[index] != self._saved[index]

    def find(self, text: str) -> int:
        """The place of a servo by its number (from 1) or its name, or by how only one name begins."""
        names = [servo.name for servo in self.servos]
        if text in names:
            return names.index(text)
        if text.isdecimal() and 1 <= int(text) <= len(names):
            return int(text) - 1
        found = [index for index, name in enumerate(names) if text and name.startswith(text)]
        if len(found) == 1:
            return found[0]
        if found:
            raise CannotDo(f"{text} is the beginning of {', '.join(names[index] for index in found)}.")
        raise CannotDo(f"there is no servo {text}; there are 1 to {len(names)}: {', '.join(names)}.")

    def change(self, index: int, servo: Servo, what: str) -> None:
        """Sets a servo; `what` says for `undo` what that was."""
        if servo != self.servos[index]:
            self._before.append((f"{servo.name}: {what}", self.servos))
            self.servos = (*self.servos[:index], servo, *self.servos[index + 1 :])

    def undo(self) -> str:
        """Takes the last change back; returns what it was. Raises CannotDo if there is none."""
        if not self._before:
            raise CannotDo("there is nothing to undo.")
        what, self.servos = self._before.pop()
        return what

    def mark_saved(self) -> None:
        """What is set now has been saved."""
        self._saved = self.servos


def _whole_pulse(us: float) -> float:
    low, high = PULSE_LIMITS_US
    whole = float(round(us))
    if not low <= whole <= high:
        raise CannotDo(f"a pulse is {low:.0f} to {high:.0f} us.")
    return whole
