"""What MicroPython runs when the board gets power: finds the firmware, and starts it.

The firmware lies in two folders, the slots /a and /b, so that a new one can be put beside the one that runs.
The file `slot` names the good one. The file `trial` names one to try: it is started once, and is the good one
as soon as a host has greeted it (slots.py). If it does not start, or the board restarts before the greeting,
the old one is back; if it hangs, the board's watchdog restarts it. Without these files the modules on the
path run, as they lie in the repository.

This file stays what it is when firmware comes over the wire.
"""

import micropython

# Before the rest is loaded: a host may be greeting already, and every greeting has a byte 3 in it, which
# would interrupt and leave the board without its firmware.
micropython.kbd_intr(-1)

import binascii
import os
import sys

_CHUNK_BYTES = 512
_CONTROL_C = 3
# Loading the firmware takes a few seconds; an RP2040's watchdog waits for 8.3 s at most.
_LOADING_MS = 8_000


def read(name: str) -> str:
    """The text in a file, or none if there is no such file."""
    try:
        with open(name) as file:
            text: str = file.read()
            return text.strip()
    except OSError:
        return ""


def check(slot: str) -> None:
    """Raises ValueError or OSError unless the slot's files are those that its manifest names."""
    chunk = memoryview(bytearray(_CHUNK_BYTES))
    with open("/" + slot + "/manifest") as manifest:
        for line in manifest:
            crc, size, name = line.split()
            found = length = 0
            with open("/" + slot + "/" + name, "rb") as file:
                count = file.readinto(chunk)
                while count:
                    found = binascii.crc32(chunk[:count], found)
                    length += count
                    count = file.readinto(chunk)
            if found != int(crc, 16) or length != int(size):
                raise ValueError(name + " is damaged")


def run(slot: str, on_trial: bool = False) -> None:
    """Runs the firmware in this slot; without one, what is on the path."""
    if slot:
        sys.path.insert(0, "/" + slot)
    if on_trial:
        import board

        if board.WATCHDOG_MS:  # until the firmware starts it anew, with its own time
            from machine import WDT

            WDT(timeout=_LOADING_MS)
    import firmware

    firmware.run()


def found(name: str) -> bool:
    """Whether there was such a file; it is gone then."""
    try:
        os.remove(name)
        return True
    except OSError:
        return False


def try_out() -> None:
    """Runs the firmware on trial. If it fails before a host has greeted it, the board restarts with the old
    one, and the file `failed` says why."""
    try:
        slot = read("tried")
        check(slot)
        run(slot, True)
    except Exception as error:
        if not found("tried"):  # it has been greeted: it is no longer on trial
            raise error
        with open("failed", "w") as file:
            sys.print_exception(error, file)
        import machine

        machine.reset()


if found("repl"):  # the firmware restarts the board to get rid of its watchdog, when a host wants the REPL
    micropython.kbd_intr(_CONTROL_C)
else:
    try:
        os.rename("trial", "tried")  # whatever comes, it is not tried twice
        on_trial = True
    except OSError:
        on_trial = False
        found("tried")  # nobody has greeted it
    if on_trial:
        try_out()
    else:
        run(read("slot"))
