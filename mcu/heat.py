"""How warm every servo must have become, by a model: no hobby servo says it, and a stalled one burns.

Power goes with the square of the load. What a servo holds against is unknown here, so the way from rest
stands for it: skin pulls the more, the further it is stretched. A servo that has got too hot goes to rest and
stays there until it has cooled down; all others go on.
"""

from array import array

from head_profile import Profile
from micropython import const

from facewire.constants import MAX_CHANNELS

# Plausible for a micro servo, not measured: its winding warms and cools within a minute or so, and it bears
# its full load for about as long.
_WARMS_IN_MS = const(60000)
_ONE = const(1 << 16)  # the heat that full load without end would lead to
_HOT = const(42000)
_COOL = const(26000)
_SPEED_BIAS = const(1 << 20)  # as in kernels_plain


class Heat:
    """hot[i]: 1 where channel i is kept at rest to cool down; hot_count: how many are."""

    def __init__(self) -> None:
        self.hot = bytearray(MAX_CHANNELS)
        self.hot_count = 0
        self._profile: Profile | None = None
        self._heat = array("i", bytes(4 * MAX_CHANNELS))
        self._farthest = array("H", bytes(2 * MAX_CHANNELS))  # from rest to the further end of the range
        self._next = 0

    def configure(self, profile: Profile) -> None:
        """Takes a profile's channels. Servos that were warm stay so."""
        self._profile = profile
        self._next = 0
        self.hot_count = sum(self.hot[: profile.count])
        for i in range(profile.count):
            rest = profile.rest[i]
            self._farthest[i] = rest if rest > 32767 else 65535 - rest

    def look(self, out: "array[int]", speed: "array[int]", passed_ms: int) -> None:
        """Looks at the next channel; one was looked at `passed_ms` ago."""
        profile = self._profile
        if profile is None:
            return
        i = self._next
        self._next = 0 if i + 1 == profile.count else i + 1
        load = abs(out[i] - profile.rest[i]) * 255 // self._farthest[i]
        moving = abs(speed[i] - _SPEED_BIAS) * 180 // profile.steps[i]
        if moving > load:
            load = moving
        heat = self._heat[i]
        heat += (load * load - (heat >> 4)) * passed_ms * profile.count // (_WARMS_IN_MS >> 4)
        self._heat[i] = heat
        if heat > _HOT << 4 and not self.hot[i]:
            self.hot[i] = 1
            self.hot_count += 1
        elif heat < _COOL << 4 and self.hot[i]:
            self.hot[i] = 0
            self.hot_count -= 1

    def rest(self, track: "array[int]") -> None:
        """Takes the track of all that are hot to rest."""
        profile = self._profile
        if profile is not None:
            for i in range(profile.count):
                if self.hot[i]:
                    track[i] = profile.rest[i]
