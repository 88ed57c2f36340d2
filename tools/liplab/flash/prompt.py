"""A board's files, through MicroPython's prompt (mpremote's transport)."""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import struct
from collections.abc import Callable
from typing import Any

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from liplab.flash.ports import Port
from liplab.flash.targets import Interpreter
from lipwright.boards import SerialBoard
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError

# Bytes to write at once; a board needs a few times as much memory to take them in.
CHUNK_BYTES = 1024
# A board may be slow to answer, and firmware with a watchdog restarts the board to get to the prompt: then
# the port is gone for some seconds.
TRIES = 4
ANSWER_S = 3.0
PAUSE_S = 1.0
PORT_TIMEOUT_S = 2.0
LOOK_S = 0.002
# Ends a frame, interrupts a program, asks for the raw prompt.
ENTER = b"\0\r\x03\r\x01"
RAW_PROMPT = b"raw REPL; CTRL-B to exit\r\n"
RESTART, RESTARTED = b"\x04", b"soft reboot\r\n"
# Interrupts a program, leaves the raw prompt, restarts without losing the port.
LEAVE = b"\r\x03\x02\x04"

# What the board does for us; defined there once.
HELPERS = """
import binascii, os, sys

def interpreter():
    own = sys.implementation
    version = tuple(own.version[:3])
    return own.name, version, sys.platform, getattr(own, "_machine", ""), getattr(own, "_mpy", 0)

def entries(folder):
    try:
        return list(os.ilistdir(folder))
    except OSError:
        return []

def read(name):
    try:
        with open(name) as file:
            return file.read()
    except OSError:
        return ""

def sums(folder):
    found = []
    chunk = memoryview(bytearray(512))
    for entry in entries(folder):
        path = folder + "/" + entry[0]
        if entry[1] & 0x4000:
            found += sums(path)
            continue
        crc = size = 0
        with open(path, "rb") as file:
            count = file.readinto(chunk)
            while count:
                crc = binascii.crc32(chunk[:count], crc)
                size += count
                count = file.readinto(chunk)
        found.append((path, size, crc))
    return found

def remove(path):
    for entry in entries(path):
        remove(path + "/" + entry[0])
    for forget in os.remove, os.rmdir:
        try:
            forget(path)
        except OSError:
            pass

def board_name(slot):
    sys.path.insert(0, slot)
    try:
        import board
        return board.NAME
    except Exception:
        return ""
    finally:
        sys.path.pop(0)

def make(folder):
    try:
        os.mkdir(folder)
    except OSError:
        pass
"""


class ConnectionLost(LipwrightError):
    """The board went away, or stopped answering, while we talked."""


class FlashFull(LipwrightError):
    """The board's flash has no room for what was to be written."""


class Prompt:
    """A board that is at its prompt; a context manager. After an error the board runs its firmware again."""

    def __init__(self, port: Port) -> None:
        """Opens the port and brings the board to its prompt, out of the firmware if that runs.

        Raises LipwrightError that says what to do if the port is not to be had or no MicroPython answers.
        """
        self._port = port
        self._transport = _enter(port)
        self._run(HELPERS)

    def __enter__(self) -> Prompt:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with contextlib.suppress(OSError):
            if kind is not None:
                self._transport.serial.write(LEAVE)
            self._transport.close()

    def interpreter(self) -> Interpreter:
        """What runs there."""
        return Interpreter(*self._value("interpreter()"))

    def read(self, name: str) -> str:
        """The text in a file; empty if there is no such file."""
        return str(self._value(f"read({name!r})"))

    def board_name(self, slot: str) -> str:
        """What the board calls itself by the settings in this folder; empty if there are none."""
        return str(self._value(f"board_name({slot!r})"))

    def sums(self, folder: str) -> dict[str, tuple[int, int]]:
        """Bytes and CRC-32 of the files in and below a folder, by their paths from there."""
        return {path[len(folder) + 1 :]: (size, crc) for path, size, crc in self._value(f"sums({folder!r})")}

    def make_folder(self, path: str) -> None:
        """Makes a folder, if it is not there."""
        self._run(f"make({path!r})")

    def remove(self, path: str) -> None:
        """Removes a file or a folder with all that is in it, if it is there."""
        self._run(f"remove({path!r})")

    def rename(self, old: str, new: str) -> None:
        """Gives a file another name, at once and whole."""
        self._run(f"os.rename({old!r}, {new!r})")

    def write(self, path: str, data: bytes, advance: Callable[[int], object] | None = None) -> None:
        """Writes a file; `advance` is told of every chunk that is written, in bytes."""
        self._run(f"file = open({path!r}, 'wb')")
        for start in range(0, len(data), CHUNK_BYTES):
            chunk = data[start : start + CHUNK_BYTES]
            self._run(f"file.write(binascii.a2b_base64({base64.b64encode(chunk).decode()!r}))")
            if advance is not None:
                advance(len(chunk))
        self._run("file.close()")

    def restart(self) -> None:
        """Restarts the board, as if it got power; this prompt is of no use any more."""
        with contextlib.suppress(OSError, TransportError), contextlib.redirect_stdout(io.StringIO()):
            self._transport.exec_raw_no_follow("import machine; machine.reset()")
        with contextlib.suppress(OSError):
            self._transport.close()

    def _value(self, expression: str) -> Any:
        return ast.literal_eval(self._run(f"print(repr({expression}))").decode())

    def _run(self, program: str) -> bytes:
        try:
            output: bytes = self._transport.exec(program)
        except TransportExecError as error:
            raise self._explained(error.error_output) from None
        except (OSError, TransportError, struct.error):
            raise ConnectionLost(
                f"the connection to the board on {self._port.path} broke: check the cable, plug the board in "
                "again, and start once more."
            ) from None
        return output

    def _explained(self, traceback: str) -> LipwrightError:
        last = traceback.strip().splitlines()[-1]
        if "ENOSPC" in last or last == "OSError: 28":
            return FlashFull(
                "the board's flash is full: delete files of yours from it (`mpremote fs ls`, "
                "`mpremote fs rm`), and start once more."
            )
        return LipwrightError(f"the board on {self._port.path} cannot do what it should: {last}.")


def _enter(port: Port) -> SerialTransport:
    clock = RealClock()
    for attempt in range(TRIES):
        if attempt:
            clock.sleep_until(clock.now() + PAUSE_S)
        try:
            probe = SerialBoard(port.now)  # says better than mpremote what is wrong with a port
            probe.open()
            probe.close()
        except LipwrightError:
            if attempt in (0, TRIES - 1):
                raise
            continue
        transport = None
        try:
            transport = SerialTransport(port.now, timeout=PORT_TIMEOUT_S)
            transport.serial.write_timeout = PORT_TIMEOUT_S
            if _reach(transport.serial, clock.now() + ANSWER_S):
                transport.in_raw_repl = True
                return transport
        except (OSError, TransportError):
            pass
        if transport is not None:
            with contextlib.suppress(OSError):
                transport.close()
    raise LipwrightError(
        f"no MicroPython answers on {port.path}: put it on the board first, with `lipwright flash "
        "--micropython download` (docs/flashing.md shows how), or choose another port with --port."
    )


def _reach(wire: serial.Serial, deadline: float) -> bool:
    """Brings the board to its raw prompt, with its memory empty; returns whether it is there.

    As mpremote does, but with an end where a program talks all the time and does not listen.
    """
    for said, expected in ((ENTER, RAW_PROMPT + b">"), (RESTART, RESTARTED), (b"", RAW_PROMPT)):
        wire.write(said)
        if not _hear(wire, expected, deadline):
            return False
    return True


def _hear(wire: serial.Serial, expected: bytes, deadline: float) -> bool:
    """Reads up to what is expected; returns whether it came before the deadline."""
    clock = RealClock()
    heard = b""
    while not heard.endswith(expected):
        if clock.now() > deadline:
            return False
        if wire.in_waiting:
            heard = (heard + wire.read(1))[-len(expected) :]
        else:
            clock.sleep_until(clock.now() + LOOK_S)
    return True
