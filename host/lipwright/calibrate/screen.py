"""What calibrating looks like: the session as lines of text, and a terminal that shows them."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence

from lipwright.calibrate.servos import Servo
from lipwright.calibrate.session import LIMP, Session
from lipwright.calibrate.trial import reach
from lipwright.errors import LipwrightError

# What a small terminal has, and what is drawn where nobody knows.
COLUMNS, ROWS = 80, 24
NOTICE_ROWS = 3
HEAD = "   #  servo              output   min  rest   max  direction  ranges/s"
KEYS = (
    "Space: pulses on, off   left right: 5 us   < >: 20 us   m: min  r: rest  M: max",
    "i: invert  s: speed  t 0: test  u: undo  w: save  n p: servo  ?: help  q: quit",
)
HELP = (
    "Calibrating moves one servo at a time, at a creep; all others are limp.",
    "",
    "  n p, up down      next, previous servo",
    "  5, g              the servo of this number; of a number or name",
    "  Space             pulses on, at rest or where it was left. Again: limp",
    "  left right, - +   5 us shorter, longer",
    "  < >, Shift+arrow  20 us shorter, longer",
    "  m  M              its shortest, longest pulse is the one that it gets now",
    "  r                 it rests where it is now",
    "  i                 turns round what a target of 0 and of 1 is",
    "  s                 its greatest speed; shows it if you say so",
    "  t  0              creeps to minimum, maximum, rest; to rest. Any key stops it",
    "  u                 takes the last change back, and the one before ...",
    "  w                 writes the file, and gives it to the board",
    "  q                 quits; Ctrl-C does at once, without saving",
    "",
    "200 us beyond the ends that are set it stops: set the end there to go on.",
    "Stop before it pushes against something: a servo that hums gets hot.",
)

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J"
_LEAVE = "\x1b[?25h\x1b[?1049l"
_CHOSEN, _PLAIN = "\x1b[7m", "\x1b[0m"


class Screen:
    """A terminal that is drawn on; a context manager that leaves it as it was."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._shown: list[str] = []
        self._size = os.terminal_size((0, 0))

    def __enter__(self) -> Screen:
        self._write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(LipwrightError):  # the terminal is gone
            self._write(_LEAVE)

    @property
    def size(self) -> os.terminal_size:
        """Columns and rows."""
        try:
            return os.get_terminal_size(self._descriptor)
        except OSError:
            return shutil.get_terminal_size((COLUMNS, ROWS))

    def draw(self, lines: Sequence[str]) -> None:
        """Shows the lines, that which begins with > marked; only those that have changed are sent.

        Raises LipwrightError when the terminal is closed.
        """
        size = self.size
        if size != self._size:
            self._size, self._shown = size, []
            self._write("\x1b[2J")
        out = []
        wanted = [line[: size.columns] for line in lines[: size.lines]]
        wanted += [""] * (size.lines - len(wanted))
        for row, line in enumerate(wanted):
            if row >= len(self._shown) or self._shown[row] != line:
                marked = f"{_CHOSEN}{line}{_PLAIN}" if line.startswith(">") else line
                out.append(f"\x1b[{row + 1};1H{marked}\x1b[K")
        if out:
            self._write("".join(out))
            self._shown = wanted

    def _write(self, text: str) -> None:
        data = text.encode()
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            raise LipwrightError("the terminal has been closed.") from None


def session_lines(session: Session, asks: str, size: os.terminal_size) -> list[str]:
    """The session as it is now, for a terminal of this size; `asks` is a question to show below."""
    width = size.columns
    bottom = [
        bar(session.servo, session.at_us, session.goal_us, width),
        _where(session),
        *_wrapped(session.notice, width, NOTICE_ROWS),
        *([asks] if asks else KEYS),
    ]
    room = max(1, size.lines - len(bottom) - 2)
    unsaved = "not saved" if session.unsaved else "saved"
    title = f"{session.file.path.name} on {session.board_name}"
    rows = [servo_line(session, index) for index in range(len(session.settings.servos))]
    first = min(max(0, session.chosen - room // 2), max(0, len(rows) - room))
    return [f"{title[: width - 12]:{width - 12}}{unsaved:>10}", HEAD, *rows[first : first + room], *bottom]


def servo_line(session: Session, index: int) -> str:
    """One servo in the list."""
    servo = session.settings.servos[index]
    mark = ">" if index == session.chosen else " "
    changed = "  changed" if session.settings.is_changed(index) else ""
    direction = "inverted" if servo.inverted else "normal"
    return (
        f"{mark}{index + 1:3}  {servo.name[:18]:18} {servo.output:6}"
        f" {servo.min_us:5.0f} {servo.rest_us:5.0f} {servo.max_us:5.0f}"
        f"  {direction:9}  {servo.speed:8g}{changed}"
    )


def bar(servo: Servo, at_us: float, goal_us: float, width: int) -> str:
    """How far the servo may be tried, with its range, its rest (R), where it goes (:) and where it is (#)."""
    low, high = reach(servo)
    low, high = min(low, at_us), max(high, at_us)
    cells = max(10, width - 14)
    places = [low + (cell + 0.5) * (high - low) / cells for cell in range(cells)]
    drawn = ["=" if servo.min_us <= us <= servo.max_us else "." for us in places]
    for us, sign in ((servo.rest_us, "R"), (goal_us, ":"), (at_us, "#")):
        drawn[min(cells - 1, int((us - low) / (high - low) * cells))] = sign
    return f"{low:5.0f} [{''.join(drawn)}] {high:.0f}"


def _where(session: Session) -> str:
    servo = session.servo
    if session.state == LIMP:
        return f"{servo.name} is limp"
    target = servo.target_of(session.at_us)
    share = f"{target:.3f} of its range" if 0 <= target <= 1 else "outside its range"
    return f"{servo.name} is {session.state} at {session.at_us:.0f} us, {share}"


def _wrapped(text: str, width: int, rows: int) -> list[str]:
    """A text in exactly so many lines; what does not fit is left out."""
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return (lines + [""] * rows)[:rows]
