"""Parts of the firmware's work, so and so often, for an instruction counter; `liplab bench firmware` runs it.

Reads a line of JSON: {"part", "kind", "times", "profile", "frames"}. The profile's bytes and the frames, of
each kind a list, are hexadecimal digits; the frames are for a board that has been on for START_MS.
"""

import binascii
import gc
import json
import sys
import time

import driven
import kernels_plain
import machine
from fast import uncobs

from facewire import cbor_subset, framing
from facewire.constants import HELLO, PROFILE, PROTOCOL_VERSION, SCHEMA_HASH

# A board has these in C. The port's own are in bytecode, so that they wrap at 30 bits on every machine.
driven.clock.ticks_add, driven.clock.ticks_diff = time.ticks_add, time.ticks_diff

import firmware  # noqa: E402  (it takes them as it is loaded)

START_MS = 6000
TICKS_A_FRAME = 2


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
    machine.I2C.writeto_mem = pass_on  # what the bus costs is told by its bits
    frames = {}
    for kind in asked["frames"]:
        frames[kind] = [binascii.unhexlify(frame) for frame in asked["frames"][kind]]
    gc.collect()
    gc.disable()
    globals()["do_" + asked["part"]](board, frames[asked["kind"]], asked["times"])
    counters = board.head.counters
    print(json.dumps({"state": board.head.safety.state, "ticks": counters.ticks, "played": counters.played}))


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


def pass_on(bus, address, register, data):
    """In place of a transfer."""


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
    for i in range(times):
        give(board, frames[i])


def do_read(board, frames, times):
    """Frames that are read."""
    for i in range(times):
        board.wire.read(give(board, frames[i]))


def do_follow(board, frames, times):
    """Frames that are read, and followed for two ticks each."""
    for i in range(times):
        board.wire.read(give(board, frames[i]))
        for _ in range(TICKS_A_FRAME):
            board.turn()


def do_restore(board, frames, times):
    """What do_uncobs does besides decoding."""
    buffer = bytearray(frames[0])
    for _ in range(times):
        buffer[:] = frames[0]


def do_uncobs(board, frames, times):
    """Frames that lose their COBS, in machine code."""
    buffer = bytearray(frames[0])
    for _ in range(times):
        buffer[:] = frames[0]
        uncobs(buffer, len(buffer) - 1)


def do_uncobs_plain(board, frames, times):
    """The same in bytecode."""
    buffer = bytearray(frames[0])
    for _ in range(times):
        buffer[:] = frames[0]
        kernels_plain.uncobs(buffer, len(buffer) - 1)
