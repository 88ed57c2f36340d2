"""Keys as terminals send them, whole or in pieces."""

import contextlib
import os
import pty
import termios
import threading
import time

import pytest

from lipwright.calibrate.keyboard import Keyboard, is_unfinished, split_keys
from lipwright.errors import LipwrightError


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"mM?", ["m", "M", "?"]),
        (b"\x1b[D\x1b[C\x1b[A\x1b[B", ["left", "right", "up", "down"]),
        (b"\x1bOD\x1bOC", ["left", "right"]),
        (b"\x1b[1;2D\x1b[1;2C", ["shift-left", "shift-right"]),
        (b"\x1b[1;5C", ["right"]),
        (b"\x1b[3~\x1b[15~x\x1b[<0;3;4Mq", ["x", "0", ";", "3", ";", "4", "M", "q"]),
        (b"\r\n\x7f\x08 ", ["enter", "enter", "backspace", "backspace", " "]),
        (b"\x1b", ["escape"]),
        (b"\x1b\x1b[D", ["escape", "left"]),
        ("ä\x00\x01x".encode(), ["x"]),
    ],
)
def test_keys_are_told_apart(data, keys):
    assert split_keys(data) == keys


@pytest.mark.parametrize(
    ("data", "unfinished"),
    [
        (b"\x1b", True),
        (b"a\x1b[", True),
        (b"\x1b[1;2", True),
        (b"\x1b[D", False),
        (b"ab", False),
        (b"", False),
    ],
)
def test_what_may_go_on_is_waited_for(data, unfinished):
    assert is_unfinished(data) is unfinished


@pytest.fixture
def terminal():
    ours, theirs = pty.openpty()
    yield ours, theirs
    for descriptor in (ours, theirs):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def test_a_special_key_in_pieces_over_a_slow_line_is_one_key(terminal):
    ours, theirs = terminal

    def type_slowly():
        for piece in (b"\x1b", b"[1", b";2C"):
            os.write(ours, piece)
            time.sleep(0.02)

    with Keyboard(theirs) as keyboard:
        typing = threading.Thread(target=type_slowly)
        typing.start()
        assert keyboard.keys(1.0) == ["shift-right"]
        typing.join()
        os.write(ours, b"\x1b")
        assert keyboard.keys(1.0) == ["escape"]
        assert keyboard.keys(0.0) == []


def test_the_terminal_is_as_it_was_whatever_happens(terminal):
    _, theirs = terminal
    before = termios.tcgetattr(theirs)
    with pytest.raises(RuntimeError), Keyboard(theirs):
        assert termios.tcgetattr(theirs) != before
        raise RuntimeError
    assert termios.tcgetattr(theirs) == before


def test_a_closed_terminal_is_said(terminal):
    ours, theirs = terminal
    with pytest.raises(LipwrightError, match="terminal has been closed"), Keyboard(theirs) as keyboard:
        os.close(ours)
        keyboard.keys(1.0)
