"""Servos that are not there: what they would be told goes to a file, to try a profile without a head."""

from array import array

import fast
from clock import ticks_diff, ticks_ms
from drivers import Drivers
from head_profile import Profile
from micropython import const

_EVERY_MS = const(200)
_LONGEST_BYTES = const(32_768)  # flash is small, and wears


class PulseLog(Drivers):
    """Writes a line a few times a second while something moves: board ms, then every width in us, 0 for none.

    The file begins anew with every profile, and ends when it is long enough.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._length = 0
        self._last_ms = 0
        self._widths = array("H")
        self._told = array("H")

    def configure(self, profile: Profile) -> None:
        """Any output will do."""
        self._widths = array("H", bytes(2 * profile.count))
        self._told = array("H", bytes(2 * profile.count))

    def start(self) -> None:
        """Begins the file anew."""
        self._length = 0
        try:
            with open(self._path, "w"):
                pass
            self.ready = True
        except OSError:
            self.errors += 1
            self.ready = False

    def write(self, out: "array[int]", profile: Profile, pulses: bytearray) -> None:
        """Takes note of the widths; a line that is written allocates, which no servo waits for here."""
        fast.widths(out, profile.ends, pulses, self._widths, profile.count)
        now_ms = ticks_ms()
        if ticks_diff(now_ms, self._last_ms) < _EVERY_MS or self._length > _LONGEST_BYTES:
            return
        if self._widths == self._told:
            return
        self._last_ms = now_ms
        fast.copy(self._widths, 0, self._told, 0, profile.count)
        line = " ".join([str(now_ms)] + [str(width // 4) for width in self._widths]) + "\n"
        try:
            with open(self._path, "a") as file:
                file.write(line)
            self._length += len(line)
        except OSError:
            self.errors += 1
            self.ready = False
