"""Calibrating a head, one servo at a time: it is moved; its ends, rest, direction and speed are set.

Nothing here knows a terminal. Whoever uses it calls `step` every 20 ms or so, shows what the attributes say,
and calls `close` at the end, whatever that is.
"""

from __future__ import annotations

from collections.abc import Iterator

from lipwright.boards import Board
from lipwright.calibrate.mover import Mover
from lipwright.calibrate.profile_file import ProfileFile
from lipwright.calibrate.servos import CannotDo, Servo, Settings
from lipwright.calibrate.trial import REACH_US, Trial, reach
from lipwright.calibrate.trial_link import TrialLink
from lipwright.errors import LipwrightError
from lipwright.face.profile import PULSE_LIMITS_US
from lipwright.link.frames import board_profile

# A servo that pushes against something gets hot. After this long without a wish it is let go.
IDLE_S = 45.0
# How long the servo stands at each end when it is shown, for somebody to look.
LOOK_S = 0.4
# A speed is shown from this on, ranges per second, each round twice as fast as the one before.
FIRST_SPEED = 0.5

LIMP = "limp"
MOVING = "moving"
HOLDING = "holding"


class Session:
    """A calibration.

    Attributes:
        settings: What is set.
        file: The profile's file.
        board_name: What messages call the board.
        chosen: Place of the servo that is calibrated now.
        notice: What happened last, in words.
    """

    def __init__(self, board: Board, file: ProfileFile) -> None:
        """Nothing is opened before `open`."""
        self.file = file
        self.board_name = board.name
        self.settings = Settings.of(file.profile)
        self.chosen = 0
        self.notice = ""
        self._link = TrialLink(board)
        self._mover = Mover(self._link)
        self._script: Iterator[None] | None = None
        self._shows_speed = False
        self._wished_s = 0.0
        self._board_has_file = False
        self._left: dict[int, float] = {}  # where servos stood when they were let go

    # ---- what there is to see

    @property
    def servo(self) -> Servo:
        """The servo that is calibrated now."""
        return self.settings.servos[self.chosen]

    @property
    def unsaved(self) -> bool:
        """Whether there is anything to save."""
        return self.settings.unsaved or self.file.is_new

    @property
    def state(self) -> str:
        """LIMP, MOVING or HOLDING."""
        if not self._mover.powered:
            return LIMP
        return HOLDING if self._mover.settled and self._script is None else MOVING

    @property
    def shows(self) -> bool:
        """Whether the servo moves by itself, through its range."""
        return self._script is not None

    @property
    def at_us(self) -> float:
        """The pulse that the servo gets; while it is limp, the one that it will get first."""
        return self._mover.at_us if self._mover.powered else self._left.get(self.chosen, self.servo.rest_us)

    @property
    def goal_us(self) -> float:
        """Where the servo is on its way to."""
        return self._mover.goal_us if self._mover.powered else self.at_us

    # ---- beginning and end

    def open(self) -> None:
        """Greets the board; all servos are limp then. Raises LipwrightError."""
        info = self._link.connect()
        self._board_has_file = info.profile_crc == board_profile(self.file.profile).crc

    def close(self) -> None:
        """Lets all servos go, and the board have the profile again that it had, if that is the file's.

        Raises LipwrightError if the board is lost; it lets go by itself then.
        """
        try:
            self._mover.let_go()
            if self._board_has_file:
                self._link.keep(board_profile(self.file.profile))
        finally:
            self.drop()

    def drop(self) -> None:
        """Closes the port only."""
        self._link.__exit__()

    def stop(self) -> None:
        """All pulses off, now. Raises LipwrightError if the board is lost."""
        was_powered = self._mover.powered
        self._script = None
        self._shows_speed = False
        self._mover.let_go()
        if was_powered:
            self._left[self.chosen] = self._mover.at_us

    def step(self) -> None:
        """Goes on with what is under way. Raises LipwrightError when the board is lost."""
        was_powered = self._mover.powered
        if self._script is not None and was_powered:
            self._go_on(self._script)
        self._mover.step()
        if was_powered and not self._mover.powered:
            self._script = None
            self._shows_speed = False
            self._left[self.chosen] = self._mover.at_us
            self.notice = f"{self.servo.name} is limp: {self._mover.let_go_because}"
        elif was_powered and self._link.clock.now() - self._wished_s > IDLE_S:
            self.let_go()
            self.notice = f"{self.servo.name} is limp: {IDLE_S:.0f} s without a wish, and holding warms it."

    # ---- wishes. Each raises CannotDo, with nothing changed, where it cannot be.

    def choose(self, index: int) -> None:
        """Goes on with another servo, which is limp at first."""
        if index != self.chosen:
            if self._mover.powered:
                self.let_go()
            self.chosen = index
            self.notice = ""

    def power(self) -> None:
        """Gives the servo pulses where it was let go; at first, where it rests."""
        self._touch()
        self.stop()
        self._mover.start(Trial.around(self.servo, self.at_us, self._pwm_hz))
        self.notice = f"{self.servo.name} has pulses, first at {self.at_us:.0f} us."

    def let_go(self) -> None:
        """Takes the pulses off."""
        self.stop()
        self.notice = f"{self.servo.name} is limp."

    def move(self, by_us: float) -> None:
        """A little further, up or down, at most 200 us beyond the ends that are set."""
        self._need_still()
        low, high = reach(self.servo)
        wanted = min(high, max(low, self._mover.goal_us + by_us))
        if not self._mover.holds(wanted) and self._mover.settled:
            self._mover.start(Trial.around(self.servo, self._mover.at_us, self._pwm_hz))
        self._mover.nudge(wanted - self._mover.goal_us)
        self.notice = ""
        if wanted in (low, high) and self._mover.goal_us == wanted:
            self.notice = (
                "no servo bears pulses beyond this."
                if wanted in PULSE_LIMITS_US
                else f"{REACH_US:.0f} us beyond the end that is set: set it here to go on, if that is right."
            )

    def halt(self) -> None:
        """Ends what is shown; the servo stays where it is."""
        if self._script is not None:
            self._touch()
            self._mover.halt()
            self._script = self._calm() if self._shows_speed else None
            self.notice = f"stopped at {self.at_us:.0f} us."

    def set_minimum(self) -> None:
        """The servo's shortest pulse is the one that it gets now."""
        self._set_here(self.servo.with_ends(min_us=self._here()), "minimum")

    def set_rest(self) -> None:
        """The servo rests where it is now."""
        self._set_here(self.servo.with_rest(self._here()), "rest")

    def set_maximum(self) -> None:
        """The servo's longest pulse is the one that it gets now."""
        self._set_here(self.servo.with_ends(max_us=self._here()), "maximum")

    def invert(self) -> None:
        """Turns the servo's direction round; it does not move."""
        inverted = not self.servo.inverted
        self._set(self.servo.with_inverted(inverted), "direction")
        self.notice = f"a target of 1 is now the {'shortest' if inverted else 'longest'} pulse."

    def set_speed(self, ranges_s: float) -> None:
        """How fast the servo may be when it speaks, in ranges per second."""
        self._set(self.servo.with_speed(ranges_s), "speed")
        self.notice = f"{self.servo.name} may move {self.servo.speed:g} ranges per second."

    def undo(self) -> None:
        """Takes the last change back, whichever servo it was; nothing moves."""
        self._touch()
        self.notice = f"taken back: {self.settings.undo()}."

    def show_range(self) -> None:
        """Creeps to the minimum, to the maximum, and back to rest."""
        self._need_still()
        self._script = self._sweep()
        self.notice = "to the minimum, to the maximum, and to rest; any key stops it."

    def show_rest(self) -> None:
        """Creeps to where it rests."""
        self._need_still()
        self._script = self._go(self.servo.rest_us)
        self.notice = "to rest; any key stops it."

    def show_speed(self) -> None:
        """Moves between the ends, faster each round, up to the speed that is set: not a creep. Ask before."""
        self._need_still()
        self._script = self._rounds()
        self.notice = f"faster each round, up to {self.servo.speed:g} ranges per second; any key stops it."

    def save(self) -> None:
        """Writes the profile, and has the board keep it; all servos are limp then.

        The old profile stays, here and there, if the new one cannot be used or written.
        """
        self.stop()
        try:
            profile = board_profile(self.file.save(self.settings.servos))
        except LipwrightError as error:
            raise CannotDo(str(error)) from None
        self.settings.mark_saved()
        self._board_has_file = True
        try:
            there, here = self._link.keep(profile).profile_crc, profile.crc
        except LipwrightError as error:
            raise CannotDo(f"{self.file.path} is saved, but the board has not got it: {error}") from None
        if there != here:
            raise CannotDo(
                f"{self.file.path} is saved ({here:08x}), but the board has {there:08x}: save again."
            )
        self.notice = (
            f"saved to {self.file.path.name}; file and board agree: {here:08x}. All servos are limp."
        )

    # ---- parts

    @property
    def _pwm_hz(self) -> float:
        return self.file.profile.pwm_hz

    def _touch(self) -> None:
        self._wished_s = self._link.clock.now()

    def _need_still(self) -> None:
        self._touch()
        if not self._mover.powered:
            raise CannotDo(f"{self.servo.name} is limp: give it pulses first (Space).")
        if self._script is not None:
            raise CannotDo(f"{self.servo.name} is being shown: stop it first.")

    def _here(self) -> float:
        self._need_still()
        self._mover.halt()
        return self._mover.at_us

    def _set_here(self, servo: Servo, what: str) -> None:
        self._set(servo, what)
        self.notice = f"{servo.name}: {what} is {self._mover.at_us:.0f} us."

    def _set(self, servo: Servo, what: str) -> None:
        self._touch()
        self.settings.change(self.chosen, servo, what)

    # ---- what takes its time: each goes on with every step, until it is through

    def _go_on(self, script: Iterator[None]) -> None:
        self._touch()
        try:
            next(script)
        except StopIteration:
            self._script = None
        except CannotDo:  # the servo is limp, and `step` says why
            self._script = None

    def _sweep(self) -> Iterator[None]:
        servo = self.servo
        for us in (servo.min_us, servo.max_us, servo.rest_us):
            yield from self._go(us)

    def _rounds(self) -> Iterator[None]:
        servo = self.servo
        if not servo.min_us <= self._mover.at_us <= servo.max_us:
            yield from self._go(servo.rest_us)
        yield from self._settle()
        self._shows_speed = True
        self._mover.start(Trial.at_speed(servo, self._mover.at_us, self._pwm_hz))
        speed = min(FIRST_SPEED, servo.speed)
        yield from self._round(servo, speed)
        while speed < servo.speed:
            speed = min(2 * speed, servo.speed)
            yield from self._round(servo, speed)
        yield from self._calm()
        yield from self._go(servo.rest_us)

    def _round(self, servo: Servo, speed: float) -> Iterator[None]:
        self._mover.set_pace(speed * (servo.max_us - servo.min_us))
        for us in (servo.min_us, servo.max_us):
            yield from self._go(us)

    def _calm(self) -> Iterator[None]:
        """Back to the creep, from a speed that was shown."""
        yield from self._creep_again()
        self._shows_speed = False

    def _creep_again(self) -> Iterator[None]:
        yield from self._settle()
        self._mover.start(Trial.around(self.servo, self._mover.at_us, self._pwm_hz))

    def _settle(self) -> Iterator[None]:
        while not self._mover.settled:
            yield

    def _go(self, us: float) -> Iterator[None]:
        if not self._mover.holds(us):
            yield from self._creep_again()
        self._mover.go(us)
        yield from self._settle()
        until = self._link.clock.now() + LOOK_S
        while self._link.clock.now() < until:
            yield
