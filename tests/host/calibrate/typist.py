"""Somebody at a terminal: starts `lipwright calibrate` on a pty, types keys, reads the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

ROWS, COLUMNS = 24, 80
PATIENCE_S = 30.0
_CONTROL = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")


class Typist:
    """A terminal of 24 rows, and the program in it. `before`: how the terminal was set at first."""

    def __init__(self, *arguments: object, folder: os.PathLike[str] | None = None) -> None:
        self.rows = [""] * ROWS
        self.modes: set[str] = set()
        self.plain = ""  # what was printed outside of the alternate screen
        self._pending = ""
        self._at = (0, 0)
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._theirs = theirs
        self.before = termios.tcgetattr(theirs)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lipwright", "calibrate", *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            preexec_fn=_own_terminal,
        )

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for descriptor in (self.ours, self._theirs):
            if descriptor >= 0:
                os.close(descriptor)
        self.ours = self._theirs = -1

    def hang_up(self) -> None:
        """Closes the terminal, as a broken SSH connection does."""
        os.close(self._theirs)
        os.close(self.ours)
        self.ours = self._theirs = -1

    def resize(self, rows: int, columns: int) -> None:
        """Makes the terminal smaller."""
        fcntl.ioctl(self._theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    @property
    def settings(self) -> list[object]:
        """How the terminal is set now."""
        return termios.tcgetattr(self._theirs)

    @property
    def text(self) -> str:
        return "\n".join(self.rows)

    def type(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def see(self, pattern: str) -> re.Match[str]:
        """Waits until the screen shows this."""
        return self._await(
            lambda: re.search(pattern, self.text), f"{pattern!r} on\n{self.text}\n{self.plain}"
        )

    def see_end(self) -> int:
        """Waits until the program ends; its exit code (minus the signal that killed it)."""
        self._await(lambda: self.process.poll() is not None, f"the end, on\n{self.text}")
        self._read(0.1)
        return self.process.returncode

    def rest(self, seconds: float) -> None:
        """Does nothing for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._read(0.05)

    def _await(self, look, what):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = look()
            if found:
                return found
            assert time.monotonic() < deadline, f"not seen: {what} on\n{self.text}\n{self.plain}"
            self._read(0.05)

    def _read(self, wait_s: float) -> None:
        if self.ours < 0:
            time.sleep(wait_s)
        elif select.select([self.ours], [], [], wait_s)[0]:
            try:
                self._pending += os.read(self.ours, 65536).decode(errors="replace")
            except OSError:
                time.sleep(wait_s)
            self._take()

    def _take(self) -> None:
        """A terminal's work, as far as this program asks for it."""
        text, position = self._pending, 0
        while position < len(text):
            if text[position] != "\x1b":
                self._put(text[position])
                position += 1
                continue
            found = _CONTROL.match(text, position)
            if not found:
                break
            self._control(found[1], found[2])
            position = found.end()
        self._pending = text[position:]

    def _control(self, numbers: str, letter: str) -> None:
        row, column = self._at
        if letter == "H":
            row, column = (int(number) - 1 for number in numbers.split(";"))
            self._at = (row, column)
        elif letter == "K":
            self.rows[row] = self.rows[row][:column]
        elif letter == "J":
            self.rows = [""] * ROWS
        elif letter in "hl":
            (self.modes.add if letter == "h" else self.modes.discard)(numbers)
        else:
            assert letter == "m", f"a control sequence that no terminal rig knows: {numbers}{letter}"

    def _put(self, character: str) -> None:
        if "?1049" not in self.modes:
            self.plain += character
            return
        row, column = self._at
        assert row < ROWS and column < COLUMNS, "drawn beyond the edge"
        line = self.rows[row].ljust(column)
        self.rows[row] = line[:column] + character + line[column + 1 :]
        self._at = (row, column + 1)


def _own_terminal() -> None:
    """The pty becomes the program's controlling terminal: Ctrl-C and hanging up reach it."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
