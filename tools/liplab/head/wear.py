"""What time and hasty hands do to a head: cables exchanged, servos dead, horns off, rubber gone hard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wear:
    """How a head differs from the one that was built. Servos go by their names in the body.

    `swapped`: these two servos' cables are exchanged. `reversed`: these turn the other way. `dead`: these
    have jammed at neutral, whatever pulses come. `horn_offsets_deg`: these servos' horns sit this far round
    on their shafts, in degrees, positive the way the joint turns. `stiffness`: factor on that of the
    silicone.
    """

    swapped: tuple[str, str] | None = None
    reversed: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    horn_offsets_deg: Mapping[str, float] = field(default_factory=dict)
    stiffness: float = 1.0

    @property
    def servos(self) -> tuple[str, ...]:
        """Names of all servos that are not as built, each once."""
        return tuple(
            dict.fromkeys((*(self.swapped or ()), *self.reversed, *self.dead, *self.horn_offsets_deg))
        )


AS_BUILT = Wear()
# The reference head after a bad year. With the cables of the lower lip's sides exchanged, and those two
# mounted mirrored, both sides go down when told to go up.
WORN = Wear(
    swapped=("lower_lip_left", "lower_lip_right"),
    reversed=("corner_right",),
    dead=("upper_lip_left",),
    horn_offsets_deg={"lower_lip_mid": 10.0},
    stiffness=2.0,
)
