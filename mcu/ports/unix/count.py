"""Parts of the firmware's work, so and so often, for an instruction counter; `liplab bench firmware` runs it.

Reads a line of JSON: {"part", "kind", "times", "profile", "frames"}. The profile's bytes and the frames, of
each kind a list, are hexadecimal digits; the frames are for a board that has been on for START_MS. Bytes for
the parts that read the port follow the line. The figures of the parts that have any come back as JSON.

What a board has in C is in C here too, clock, pins and bus: the port's own are in Python.
"""

import binascii
import gc
import io
import json
import select
import sys
import time

import board
import driven
import kernels_plain
import machine
from fast import uncobs

from facewire import cbor_subset, framing
from facewire.constants import HELLO, PROFILE, PROTOCOL_VERSION, SCHEMA_HASH

START_MS = 6000
TICKS_A_FRAME = 2
SETTLE_FRAMES = 16  # until the first frames' time has come, and all channels are on their way
# For parts that cost little: what a process needs to start differs by some ten thousand instructions.
ROUNDS = 20
READ_ROUNDS = 4
CHUNK_BYTES = 64
FRAME_BYTES = 34

_now = io.BytesIO()  # a file of no bytes, whose place is the time: what asks for it is in C


class Pin(machine.Pin):
    """A pin with a button that nobody presses."""

    def __init__(self, number, mode=machine.Pin.IN, pull=None, value=1):
        self.value = "up".isalpha  # in C, and true


class Bus:
    """A bus whose transfers take no time: what they cost is told by their bits."""

    def __init__(self, unit, *, scl=None, sda=None, freq=400000):
        self.writeto_mem = "".format  # in C, takes anything, and says nothing


def idle_until(deadline_us):
    """As a board's, but time passes at once."""
    while True:
        left = time.ticks_diff(deadline_us, _now.tell())
        if left <= 0:
            return
        for _ in _stdin.ipoll(0):
            return
        if _bytes_come:
            return
        _now.seek(deadline_us)


def wake_on(stream, gather_us):
    """Nothing comes."""


class Uart:
    """A UART that has received a frame whenever it is asked; in C."""

    def __init__(self, unit, baud, **options):
        received = io.BytesIO()
        received.seek(FRAME_BYTES)
        self.any = received.tell
        self.readinto = open("/dev/zero", "rb").readinto  # noqa: SIM115
        self.write = "".format


_bytes_come = False
_stdin = select.poll()  # of nothing
driven.clock.ticks_us = _now.tell
driven.clock.ticks_add, driven.clock.ticks_diff = time.ticks_add, time.ticks_diff
driven.clock.idle_until, driven.clock.wake_on = idle_until, wake_on
machine.Pin, machine.I2C, machine.UART = Pin, Bus, Uart
board.STOP_PIN, board.PLAY_PIN = 15, 14

import firmware  # noqa: E402  (it takes them as it is loaded)

# The board's own ports, in place of this one's.
del sys.modules["serial_port"]
sys.path.insert(0, firmware.__file__.rsplit("/", 1)[0])
import serial_port as board_port  # noqa: E402
import uart_port  # noqa: E402


class Uncollected:
    """In place of `gc` in the firmware: once a second, it costs what the heap is like, and is told apart."""

    @staticmethod
    def collect():
        """Nothing."""

    @staticmethod
    def mem_free():
        """No figure."""
        return 0


def run():
    """Does what it is asked."""
    asked = json.loads(sys.stdin.readline())
    firmware.gc = Uncollected
    board = start(binascii.unhexlify(asked["profile"]))
    frames = {}
    for kind in asked["frames"]:
        frames[kind] = [binascii.unhexlify(frame) for frame in asked["frames"][kind]]
    gc.collect()
    gc.disable()
    figures = globals()["do_" + asked["part"]](board, frames[asked["kind"]], asked["times"])
    print(json.dumps(figures))


def start(profile):
    """A board at rest, START_MS after it got power."""
    driven.restart(0)
    board = firmware.Firmware()
    port = driven.Wire()
    board.wire.port = port
    for message in ((HELLO, 1, PROTOCOL_VERSION, SCHEMA_HASH, 1), (PROFILE, 2, profile, 0)):
        port.give(framing.wrap(cbor_subset.dumps(message)), 64)
        while port.unread:
            board.wire.poll()
    while board.timebase.tick_ms < START_MS:
        board.turn()
    return board


class BytecodePort:
    """Reads standard input as the emulated board did."""

    def __init__(self):
        self._input = sys.stdin.buffer
        self._readable = select.poll()
        self._readable.register(sys.stdin, select.POLLIN)
        self._byte = bytearray(1)

    def readinto(self, buffer):
        """Moves what has arrived and fits; returns how many bytes."""
        count = 0
        room = len(buffer)
        while count < room:
            ready = False
            for _ in self._readable.ipoll(0):
                ready = True
            if not ready:
                break
            self._input.readinto(self._byte)
            buffer[count] = self._byte[0]
            count += 1
            if self._byte[0] == 3:
                break
        return count


def read_all(port, times):
    """Reads as many bytes as fit, so many times."""
    buffer = bytearray(CHUNK_BYTES)
    for _ in range(times):
        port.readinto(buffer)


def give(board, frame):
    """Puts a frame where the port puts its bytes; returns how many."""
    board.wire.chunk[: len(frame)] = frame
    return len(frame)


def do_nothing(board, frames, times):
    """Rounds of a loop."""
    for _ in range(times):
        pass


def do_rest(board, frames, times):
    """Ticks at rest, without frames."""
    for _ in range(times):
        board.turn()


def do_give(board, frames, times):
    """What do_read does besides reading."""
    for _ in range(READ_ROUNDS):
        for i in range(times):
            give(board, frames[i])
        board.head.ring.clear()


def do_read(board, frames, times):
    """Frames that are read, READ_ROUNDS for each time."""
    for _ in range(READ_ROUNDS):
        for i in range(times):
            board.wire.read(give(board, frames[i]))
        board.head.ring.clear()


def follow(board, frames):
    """Frames that are read, and followed for two ticks each."""
    for frame in frames:
        board.wire.read(give(board, frame))
        for _ in range(TICKS_A_FRAME):
            board.turn()


def do_settle(board, frames, times):
    """What do_follow does besides following."""
    follow(board, frames[:SETTLE_FRAMES])


def do_follow(board, frames, times):
    """Frames that are read and followed, when all is on its way."""
    follow(board, frames[: SETTLE_FRAMES + times])


def do_bus(board, frames, times):
    """Transfers and bytes of data on the bus in a tick of do_follow, on average."""
    transfers = []

    def writeto_mem(address, register, data):
        transfers.append(len(data))

    follow(board, frames[:SETTLE_FRAMES])
    board.head._drivers._bus.writeto_mem = writeto_mem
    follow(board, frames[SETTLE_FRAMES : SETTLE_FRAMES + times])
    ticks = times * TICKS_A_FRAME
    return {"transfers": len(transfers) / ticks, "bytes": sum(transfers) / ticks}


def do_wake(board, frames, times):
    """Rounds of the loop because bytes have come, without the bytes."""
    global _bytes_come
    _bytes_come = True
    for _ in range(times):
        board.turn()


def do_stdin(board, frames, times):
    """Bytes that the board's own port reads, as many as fit each time."""
    read_all(board_port.SerialPort(), times)


def do_stdin_bytecode(board, frames, times):
    """The same by the loop whose time on a board is known."""
    read_all(BytecodePort(), times)


def do_uart(board, frames, times):
    """FRAME_BYTES in bulk, ROUNDS for each time."""
    port = uart_port.UartPort(0, 0, 1)
    for _ in range(times * ROUNDS):
        port.readinto(board.wire.chunk)


def do_restore(board, frames, times):
    """What `decode` does besides decoding."""
    frame = frames[0]
    buffer = bytearray(frame)
    for _ in range(times * ROUNDS):
        buffer[:] = frame


def do_uncobs(board, frames, times):
    """Frames that lose their COBS, in machine code, ROUNDS for each time."""
    decode(frames[0], uncobs, times)


def do_uncobs_plain(board, frames, times):
    """The same in bytecode."""
    decode(frames[0], kernels_plain.uncobs, times)


def decode(frame, form, times):
    """Nothing global is named in the loop: how long a name is looked for changes with the names there are."""
    buffer = bytearray(frame)
    length = len(frame) - 1
    for _ in range(times * ROUNDS):
        buffer[:] = frame
        form(buffer, length)
