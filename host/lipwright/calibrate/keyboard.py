"""Keys of a terminal, one by one, and the terminal as it was when that is over."""

from __future__ import annotations

import contextlib
import os
import select
import termios
from typing import Any

from lipwright.errors import LipwrightError

# A terminal sends a special key as several bytes that begin with an escape; over a slow line they come apart.
ESCAPE_S = 0.1
_ARROWS = {"A": "up", "B": "down", "C": "right", "D": "left"}
_CONTROLS = {0x0D: "enter", 0x0A: "enter", 0x7F: "backspace", 0x08: "backspace", 0x09: "tab"}
_INPUT, _LOCAL, _CHARACTERS = 0, 3, 6  # places in what tcgetattr returns


class Keyboard:
    """A terminal whose keys come at once; a context manager. Ctrl-C stays an interrupt; Ctrl-Z and Ctrl-\\ do
    nothing: a program that stands still, or is killed, could not let servos go."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before: list[Any] = []
        self._pending = b""

    def __enter__(self) -> Keyboard:
        self._before = termios.tcgetattr(self._descriptor)
        ours = termios.tcgetattr(self._descriptor)
        ours[_INPUT] &= ~termios.IXON  # Ctrl-S would stop the screen, and with it the frames
        ours[_LOCAL] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
        off = os.fpathconf(self._descriptor, "PC_VDISABLE").to_bytes(1, "little")
        for place in (termios.VSUSP, termios.VQUIT):
            ours[_CHARACTERS][place] = off
        termios.tcsetattr(self._descriptor, termios.TCSANOW, ours)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(self._descriptor, termios.TCSANOW, self._before)

    def keys(self, wait_s: float) -> list[str]:
        """Keys that have come, after waiting for the first of them so long at most.

        A key is its character, or a name: left, shift-left, up, enter, escape ... Raises LipwrightError when
        the terminal is closed.
        """
        if not select.select([self._descriptor], [], [], wait_s)[0]:
            return []
        self._pending += self._read()
        while self._pending and is_unfinished(self._pending):
            if not select.select([self._descriptor], [], [], ESCAPE_S)[0]:
                break
            self._pending += self._read()
        data, self._pending = self._pending, b""
        return split_keys(data)

    def _read(self) -> bytes:
        try:
            data = os.read(self._descriptor, 1024)
        except OSError:
            data = b""
        if not data:
            raise LipwrightError("the terminal has been closed.")
        return data


def is_unfinished(data: bytes) -> bool:
    """Whether bytes end within a special key."""
    last = data.rfind(b"\x1b")
    return last >= 0 and _escape(data[last:].decode("latin-1"))[1] == 0


def split_keys(data: bytes) -> list[str]:
    """Bytes of a terminal as keys; what is no key of ours is left out."""
    text = data.decode("latin-1")
    keys, position = [], 0
    while position < len(text):
        character = text[position]
        if character == "\x1b":
            key, length = _escape(text[position:])
            key, length = (key, length) if length else ("escape", 1)
        else:
            key, length = _CONTROLS.get(ord(character), character if " " <= character <= "~" else ""), 1
        position += length
        if key:
            keys.append(key)
    return keys


def _escape(text: str) -> tuple[str, int]:
    """The special key that a text begins with ("" for one that we do not know), and its length, 0 if more may
    come."""
    if len(text) == 1:
        return "", 0
    if text[1] not in "[O":
        return "escape", 1
    end = 2
    while end < len(text) and text[end] in "0123456789;":
        end += 1
    if end == len(text):
        return "", 0
    name = _ARROWS.get(text[end], "")
    shifted = text[2:end] == "1;2"
    return ("shift-" + name if name and shifted else name), end + 1
