"""The board's own clock and port, and the whole program, on MicroPython at the end of a pty."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from wired_board import make_profile

from facewire import constants as c
from lipwright.link.messages import (
    Ack,
    BoardInfo,
    BoardStatus,
    FullFrame,
    Hello,
    Message,
    ProfileUpload,
    Splitter,
    StatusRequest,
    Sync,
    SyncReply,
    encode,
)

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0  # a loaded machine may take its time

# Says when it was woken, and what it read then.
LISTENER = """
from binascii import hexlify

import clock
import serial_port
import micropython

micropython.kbd_intr(-1)
port = serial_port.SerialPort()
buffer = bytearray(16)
port.write(b"ready\\n")
while True:
    before = clock.ticks_us()
    clock.idle_until(clock.ticks_add(before, 300_000))
    waited = clock.ticks_diff(clock.ticks_us(), before) // 1000
    count = port.readinto(buffer)
    said = "%d %d %s\\n" % (waited, count, hexlify(bytes(buffer[:count])).decode())
    port.write(said.encode())
    if count and buffer[0] == 0x51:
        break
"""


# The firmware with a UART that is a pty.
ON_A_UART = """
import io
import select
import sys

import board
import ffi
import machine

ioctl = ffi.open(None).func("i", "ioctl", "iip")
POLL, HOW_MANY = 3, 0x541B


class UART(io.IOBase):
    def __init__(self, unit, baud, *, tx, rx, rxbuf, txbuf, timeout, timeout_char):
        self._file = open(sys.argv[1], "r+b")
        self._count = bytearray(4)

    def any(self):
        ioctl(self._file.fileno(), HOW_MANY, self._count)
        return self._count[0] | self._count[1] << 8

    def readinto(self, buffer, count):
        assert count <= self.any(), "it would wait for the rest"
        return self._file.readinto(buffer, count)

    def write(self, buffer):
        return self._file.write(buffer)

    def ioctl(self, request, argument):
        return argument & select.POLLIN if request == POLL and self.any() else 0


machine.UART = UART
board.UART_UNIT = 1
import firmware

firmware.run()
"""


class Terminal:
    """A MicroPython whose standard input and output are a pty; this is the other end."""

    def __init__(self, command: list[str], arguments: list[str], folder: Path) -> None:
        board_end, self.port = pty.openpty()
        tty.setraw(self.port)
        path = f"{ROOT}/mcu:{ROOT}/mcu/boards/pico:{ROOT}/protocol:{ROOT}/tests/device:.frozen"
        self.process = subprocess.Popen(
            [*command, *arguments],
            stdin=board_end,
            stdout=board_end,
            cwd=folder,
            env={**os.environ, "MICROPYPATH": path},
        )
        os.close(board_end)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.port)

    def write(self, data: bytes) -> None:
        os.write(self.port, data)

    def read(self, enough: Callable[[bytes], bool]) -> bytes:
        """What comes until it is enough."""
        data = b""
        deadline = time.monotonic() + PATIENCE_S
        while not enough(data):
            ready, _, _ = select.select([self.port], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"only {data!r} came"
            part = os.read(self.port, 4096)
            assert part, f"the program has ended after {data!r}"
            data += part
        return data

    def line(self) -> str:
        return self.read(lambda data: data.endswith(b"\n")).decode().strip()


@pytest.fixture
def terminal(micropython: list[str], tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        opened.append(Terminal(micropython, list(arguments), tmp_path))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_waiting_ends_at_the_deadline_or_with_the_first_byte(terminal: Callable[..., Terminal]) -> None:
    listener = terminal("-c", LISTENER)
    assert listener.line() == "ready"
    waited, count = (int(word) for word in listener.line().split()[:2])
    assert waited >= 300
    assert count == 0
    time.sleep(0.05)
    listener.write(b"\x00\xffabc")
    waited, count, read = listener.line().split()
    assert int(waited) < 290
    assert bytes.fromhex(read)[:1] == b"\x00", "every byte value gets through"


def test_a_read_takes_what_is_there_and_no_more_than_fits(terminal: Callable[..., Terminal]) -> None:
    listener = terminal("-c", LISTENER)
    listener.line()
    listener.write(bytes(range(100, 140)))
    got = b""
    while len(got) < 40:
        for line in listener.line().splitlines():
            words = line.split()
            if int(words[1]):
                assert int(words[1]) <= 16
                got += bytes.fromhex(words[2])
    assert got == bytes(range(100, 140))


def test_a_read_ends_at_the_byte_that_may_ask_for_the_repl(terminal: Callable[..., Terminal]) -> None:
    listener = terminal("-c", LISTENER)
    listener.line()
    listener.write(b"\r\x03\r\x01Q")
    reads: list[str] = []
    while "".join(reads) != "0d030d0151":
        reads += [line.split()[2] for line in listener.line().splitlines() if len(line.split()) == 3]
    assert "".join(reads[:2]).startswith("0d03")
    assert not any("030d" in read for read in reads), "what follows the 3 is left for the REPL"


def converse(board: Terminal, *messages: Message) -> list[Message]:
    """Sends the messages; returns what comes up to the first answer, reports left out."""
    received: list[Message] = []

    def enough(data: bytes) -> bool:
        received[:] = [m for m in Splitter().feed(data) if getattr(m, "request", 1)]
        return bool(received)

    board.write(b"".join(encode(message) for message in messages))
    board.read(enough)
    return received


def test_the_firmware_speaks_the_wire_and_gives_way_to_the_repl(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    board = terminal(str(ROOT / "mcu/main.py"))
    (info,) = converse(board, Hello.open(1, 99))
    assert isinstance(info, BoardInfo) and info.session == 99
    assert converse(board, ProfileUpload(2, make_profile(26))) == [Ack(2, c.PROFILE)]
    assert (tmp_path / "profile.bin").exists()
    (reply,) = converse(board, Sync(3))
    assert isinstance(reply, SyncReply)
    frames = [FullFrame(i, (reply.received_ms + 1500 + 3 * i) & c.TICKS_MASK, (3,) * 26) for i in range(20)]
    (status,) = converse(board, *frames, StatusRequest(4))
    assert isinstance(status, BoardStatus)
    assert (status.received, status.crc_errors, status.malformed) == (20, 0, 0)
    assert status.received == status.played + status.dropped + status.ring_depth
    board.write(b"\r\x03")
    assert board.process.wait(PATIENCE_S) == 0, "the program has ended, and left the port to the REPL"


def test_a_flood_of_requests_does_not_use_up_the_memory(terminal: Callable[..., Terminal]) -> None:
    """Some megabytes of garbage, on less memory than a Pico leaves."""
    board = terminal("-X", "heapsize=160wK", str(ROOT / "mcu/main.py"))
    converse(board, Hello.open(1, 99))
    for request in range(2, 152):
        profile = make_profile(32, rest=request)
        assert converse(board, ProfileUpload(request, profile)) == [Ack(request, c.PROFILE)]
    (status,) = converse(board, StatusRequest(200))
    assert isinstance(status, BoardStatus)


def test_over_a_uart_the_wire_has_bulk_reads_and_usb_the_repl(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    host_end, board_end = pty.openpty()
    tty.setraw(board_end)
    board = terminal("-c", ON_A_UART, os.ttyname(board_end))
    usb, board.port = board.port, host_end
    try:
        (info,) = converse(board, Hello.open(1, 99))
        assert isinstance(info, BoardInfo) and info.session == 99
        board.write(b"\r\x03\0")  # noise may look so, and the REPL is not here
        assert converse(board, ProfileUpload(2, make_profile(26))) == [Ack(2, c.PROFILE)]
        (reply,) = converse(board, Sync(3))
        assert isinstance(reply, SyncReply)
        now_ms = reply.received_ms
        frames = [FullFrame(i, (now_ms + 1500 + 3 * i) & c.TICKS_MASK, (3,) * 26) for i in range(20)]
        (status,) = converse(board, *frames, StatusRequest(4))
        assert isinstance(status, BoardStatus)
        assert (status.received, status.crc_errors, status.malformed) == (20, 1, 0)
        board.process.send_signal(signal.SIGINT)  # Ctrl-C over USB
        assert board.process.wait(PATIENCE_S) == 0
        assert (tmp_path / "repl").exists(), "main.py starts into the REPL: a watchdog cannot be stopped"
    finally:
        board.port = usb
        os.close(host_end)
        os.close(board_end)
