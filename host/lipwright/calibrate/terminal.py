"""Calibrating from a terminal: what each key does, and that servos are limp however it ends."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from lipwright.calibrate.keyboard import Keyboard
from lipwright.calibrate.mover import FRAME_S
from lipwright.calibrate.screen import HELP, Screen, session_lines
from lipwright.calibrate.servos import CannotDo
from lipwright.calibrate.session import LIMP, Session
from lipwright.errors import LipwrightError
from lipwright.face.profile import SPEED_LIMITS

SMALL_US, LARGE_US = 5.0, 20.0
ENDING = (signal.SIGTERM, signal.SIGHUP)


class Ended(SystemExit):
    """Somebody wants this program to end: the terminal was closed, or the machine shuts down."""


def calibrate(session: Session) -> None:
    """Opens the session, runs it from this terminal, closes it. Raises LipwrightError."""
    session.open()
    try:
        with (
            signals_raise(),
            Keyboard(sys.stdin.fileno()) as keyboard,
            Screen(sys.stdout.fileno()) as screen,
        ):
            try:
                Terminal(session, keyboard, screen).run()
            except BaseException:
                _ignore_signals()
                with contextlib.suppress(LipwrightError):  # the board is lost: it lets go by itself
                    session.close()
                raise
            _ignore_signals()
            session.close()
    finally:
        session.drop()


class Terminal:
    """The loop: keys in, frames out, the screen as it is now."""

    def __init__(self, session: Session, keyboard: Keyboard, screen: Screen) -> None:
        self._session = session
        self._keyboard = keyboard
        self._screen = screen
        self._over = False
        self._helping = False
        self._question = ""
        self._typed: str | None = None  # what has been typed as an answer; None: one key answers
        self._answer: Callable[[str], None] | None = None
        self._keys: dict[str, Callable[[], None]] = {
            " ": self._power,
            "left": lambda: session.move(-SMALL_US),
            "-": lambda: session.move(-SMALL_US),
            "right": lambda: session.move(SMALL_US),
            "+": lambda: session.move(SMALL_US),
            "shift-left": lambda: session.move(-LARGE_US),
            "<": lambda: session.move(-LARGE_US),
            "shift-right": lambda: session.move(LARGE_US),
            ">": lambda: session.move(LARGE_US),
            "m": session.set_minimum,
            "r": session.set_rest,
            "M": session.set_maximum,
            "i": session.invert,
            "s": self._ask_speed,
            "t": session.show_range,
            "0": session.show_rest,
            "u": session.undo,
            "w": session.save,
            "n": lambda: self._choose_next(1),
            "down": lambda: self._choose_next(1),
            "p": lambda: self._choose_next(-1),
            "up": lambda: self._choose_next(-1),
            "g": lambda: self._ask("servo, number or name: ", self._choose),
            "?": self._help,
            "q": self._quit,
        }

    def run(self) -> None:
        """Until q; raises what ends it otherwise."""
        session = self._session
        session.notice = "all servos are limp. Choose one, then Space gives it pulses. ? helps."
        while not self._over:
            session.step()
            self._draw()
            for key in self._keyboard.keys(FRAME_S):
                try:
                    self._take(key)
                except CannotDo as error:
                    session.notice = str(error)

    def _draw(self) -> None:
        asks = ""
        if self._answer is not None:
            asks = self._question + (self._typed + "_" if self._typed is not None else "")
        lines = HELP if self._helping else session_lines(self._session, asks, self._screen.size)
        self._screen.draw(lines)

    def _take(self, key: str) -> None:
        session = self._session
        if session.shows:  # whatever the key: it stops what moves
            if key == " ":
                session.let_go()
            else:
                session.halt()
        elif self._helping:
            self._helping = False
        elif self._answer is not None:
            self._take_answer(key)
        elif key in "123456789":
            self._ask("servo, number or name: ", self._choose, key)
        elif key in self._keys:
            self._keys[key]()
        else:
            session.notice = "? shows what the keys do."

    # ---- questions

    def _ask(self, question: str, answer: Callable[[str], None], typed: str | None = "") -> None:
        self._question, self._answer, self._typed = question, answer, typed

    def _take_answer(self, key: str) -> None:
        answer, typed = self._answer, self._typed
        assert answer is not None
        if typed is None or key in ("enter", "escape"):
            self._answer = None
            if typed is None:
                answer(key)
            elif key == "enter":
                answer(typed.strip())
        elif key == "backspace":
            self._typed = typed[:-1]
        elif len(key) == 1:
            self._typed = typed + key

    # ---- keys

    def _power(self) -> None:
        if self._session.state == LIMP:
            self._session.power()
        else:
            self._session.let_go()

    def _choose_next(self, by: int) -> None:
        session = self._session
        session.choose((session.chosen + by) % len(session.settings.servos))

    def _choose(self, text: str) -> None:
        if text:
            self._session.choose(self._session.settings.find(text))

    def _ask_speed(self) -> None:
        low, high = SPEED_LIMITS
        now = self._session.servo.speed
        self._ask(f"ranges per second, {low:g} to {high:g} (Enter: {now:g}): ", self._set_speed)

    def _set_speed(self, text: str) -> None:
        session = self._session
        if text:
            try:
                speed = float(text)
            except ValueError:
                raise CannotDo(f"{text} is not a number.") from None
            session.set_speed(speed)
        if session.state != LIMP:
            self._ask(
                "show it, faster each round? Hands off! y shows it, any other key does not", self._show, None
            )

    def _show(self, key: str) -> None:
        if key == "y":
            self._session.show_speed()

    def _help(self) -> None:
        self._helping = True

    def _quit(self) -> None:
        if self._session.unsaved:
            self._ask("not saved: w saves and quits, q quits without, any other key stays", self._leave, None)
        else:
            self._over = True

    def _leave(self, key: str) -> None:
        if key == "w":
            self._session.save()
        self._over = key in ("w", "q")


@contextlib.contextmanager
def signals_raise() -> Iterator[None]:
    """A wish to end comes as an exception, so that what has to be done at the end is done."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended(128 + number)

    before = {number: signal.getsignal(number) for number in (*ENDING, signal.SIGINT)}
    for number in ENDING:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    """What lets servos go must not be interrupted itself."""
    for number in (*ENDING, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
