"""Which servos have pulses: they come on in stages, so that neither face nor supply takes a shock.

Where servos stand is known once they have been brought to rest and as long as nothing has taken their pulses
unasked: then one comes on each tick. Otherwise a servo would jump at full speed to where it is told to be.
So, group after group, it gets a pulse now and then at first: with one in four it creeps there step by step.
"""

from clock import ticks_diff
from head_profile import Profile
from micropython import const

from facewire.constants import MAX_CHANNELS

CREEP_MS = const(480)  # how long a group gets few pulses
STAGE_MS = const(560)  # from the start of one group to that of the next
_BURST_MS = const(20)  # one period of an analogue servo
_EVERY_MS = const(80)


class Pulses:
    """on[i]: 1 where channel i has pulses. live: how many channels have been switched on to stay."""

    def __init__(self) -> None:
        self.on = bytearray(MAX_CHANNELS)
        self.live = 0
        self.all_on = False
        self.known = False
        self._order = bytearray()
        self._group_ends: list[int] = []
        self._stage = 0
        self._stage_ms = 0
        self._starting = False

    def configure(self, profile: Profile) -> None:
        """Takes a profile's channels; all are off, and nobody knows where they stand."""
        self._order = profile.order
        self._group_ends = profile.group_ends
        self.lose()
        self.off()

    def lose(self) -> None:
        """From now on nobody knows where the servos stand."""
        self.known = False

    def off(self) -> None:
        """No pulses for anybody."""
        for i in range(MAX_CHANNELS):
            self.on[i] = 0
        self.live = 0
        self.all_on = False
        self._starting = False

    def step(self, now_ms: int) -> None:
        """One tick with pulses coming on."""
        if self.known:
            self.on[self._order[self.live]] = 1
            self.live += 1
        else:
            self._creep(now_ms)
        if self.live == len(self._order):
            self.all_on = True
            self.known = True

    def _creep(self, now_ms: int) -> None:
        if not self._starting:
            self._starting = True
            self._stage = 0
            self._stage_ms = now_ms
        passed_ms = ticks_diff(now_ms, self._stage_ms)
        if passed_ms >= STAGE_MS:
            self.live = self._group_ends[self._stage]
            if self.live == len(self._order):
                return
            self._stage += 1
            self._stage_ms = now_ms
            passed_ms = 0
        end = self._group_ends[self._stage]
        pulse = 1 if passed_ms >= CREEP_MS or passed_ms % _EVERY_MS < _BURST_MS else 0
        for place in range(self.live, end):
            self.on[self._order[place]] = pulse
