"""The firmware on a flash of its own (littlefs, as boards have it) that loses power at any of its writes.

One JSON object in: {"blocks", "ticks", "prepare": [frame, ...], "store", "look", "again"}, its frames in
hexadecimal. Prepares the flash, then stores again and again, each time from the same start and with power for
one write or erasure more, until it all goes through. After each try the board starts anew, runs for so many
ticks and hears what looks at it; then likewise with what stores again. One JSON array out for each try:
[whether power was lost, what the board said to the storing, to the looking, to the storing again].
"""

import binascii
import gc
import json
import os
import sys

import clock
import micropython  # noqa: F401
import serial_port
import vfs
from firmware import Firmware

BLOCK_BYTES = 4096
ERASED = b"\xff" * BLOCK_BYTES
NO_POWER = -5  # EIO


class Flash:
    """Flash memory with so many writes and erasures to go before the power is lost, in the middle of one."""

    def __init__(self, content):
        self.content = content
        self.left = -1
        self.lost = False

    def readblocks(self, block, buffer, offset=0):
        if self.lost:
            return NO_POWER
        start = block * BLOCK_BYTES + offset
        buffer[:] = memoryview(self.content)[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        return self._change(block * BLOCK_BYTES + offset, buffer)

    def ioctl(self, operation, argument):
        if operation == 4:
            return len(self.content) // BLOCK_BYTES
        if operation == 5:
            return BLOCK_BYTES
        if operation == 6:
            return self._change(argument * BLOCK_BYTES, ERASED)
        return 0

    def _change(self, start, data):
        if self.lost:
            return NO_POWER
        if self.left == 0:
            self.lost = True
            data = data[: len(data) // 2]
        self.left -= 1
        self.content[start : start + len(data)] = data
        return NO_POWER if self.lost else 0


def start(flash):
    """A board that has just got power, with this flash."""
    os.chdir("/")
    if "flash" in os.listdir("/"):
        vfs.umount("/flash")
    vfs.mount(vfs.VfsLfs2(flash), "/flash")
    os.chdir("/flash")
    serial_port.incoming = bytearray()
    serial_port.outgoing = bytearray()
    gc.collect()
    return Firmware()


def say(firmware, frames):
    """The answers to these frames, in hexadecimal."""
    for frame in frames:
        serial_port.incoming = bytearray(binascii.unhexlify(frame))
        while serial_port.incoming:
            firmware.wire.poll()
    answers = binascii.hexlify(serial_port.outgoing).decode()
    serial_port.outgoing = bytearray()
    return answers


def run(firmware, ticks):
    for _ in range(ticks):
        clock.advance(clock.ticks_diff(firmware.timebase.tick_us, clock.ticks_us()))
        firmware.turn()


def main():
    request = json.loads(sys.stdin.readline())
    first = Flash(bytearray(ERASED * request["blocks"]))
    vfs.VfsLfs2.mkfs(first)
    firmware = start(first)
    for frame in request["prepare"]:
        say(firmware, [frame])
        run(firmware, request["ticks"])
    writes = 0
    lost = True
    while lost:
        flash = Flash(bytearray(first.content))
        firmware = start(flash)
        run(firmware, request["ticks"])
        flash.left = writes
        said = say(firmware, request["store"])
        lost = flash.lost
        flash = Flash(flash.content)
        firmware = start(flash)
        run(firmware, request["ticks"])
        looked = say(firmware, request["look"])
        firmware = start(flash)
        run(firmware, request["ticks"])
        print(json.dumps([lost, said, looked, say(firmware, request["again"])]))
        writes += 1


main()
