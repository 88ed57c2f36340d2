"""What drives the servos, behind one interface: PCA9685 chips, the board's own pins, or a log."""

from array import array

from head_profile import Profile


class Servo:
    """One servo on a pin of the board's own."""

    def tell(self, quarters: int) -> bool:
        """Pulses of so many quarters of a microsecond from the next period on, 0 for none.

        Returns whether it has been taken; if not, it is to be told again.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Lets go of the pin."""
        raise NotImplementedError


class Drivers:
    """ready: pulses go out as told. errors: how often they could not. whole: the next `write` is to tell
    every servo, whatever it was told before."""

    def __init__(self) -> None:
        self.ready = False
        self.whole = True
        self.errors = 0

    def configure(self, profile: Profile) -> None:
        """Takes a profile's outputs and PWM frequency. Raises ValueError for an output that is not there."""
        raise NotImplementedError

    def start(self) -> None:
        """Sets everything up with all outputs off; ready tells whether that went well."""
        raise NotImplementedError

    def write(self, out: "array[int]", profile: Profile, pulses: bytearray) -> None:
        """Pulses for out (0..65535 of each channel's range) where pulses[i] is 1, none for the others.

        Allocates nothing.
        """
        raise NotImplementedError
