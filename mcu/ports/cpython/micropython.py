"""What the firmware uses of MicroPython and CPython lacks, so that its files run where no MicroPython is.

Importing this module also gives `time` the tick functions and `gc` the memory figures. The firmware
itself takes its plain kernels where it does not run on MicroPython.
"""

import gc
import time


def const(value):
    """A constant, which MicroPython folds into the code."""
    return value


def native(function):
    """Compiles on a microcontroller; the function itself here."""
    return function


def viper(function):
    """Compiles with machine words on a microcontroller; the function itself here."""
    return function


def kbd_intr(character):
    """Which byte on the input interrupts; none ever does here."""


def mem_info(verbose=False):
    """Prints what the heap holds; nothing here."""


_TICKS_MASK = 0x3FFFFFFF
_HALF_TURN = 0x20000000


def _ticks_diff(end, start):
    return ((end - start + _HALF_TURN) & _TICKS_MASK) - _HALF_TURN


time.ticks_ms = lambda: time.monotonic_ns() // 1_000_000 & _TICKS_MASK
time.ticks_us = lambda: time.monotonic_ns() // 1_000 & _TICKS_MASK
time.ticks_diff = _ticks_diff
time.ticks_add = lambda count, difference: (count + difference) & _TICKS_MASK
time.sleep_ms = lambda duration: time.sleep(duration / 1_000)
time.sleep_us = lambda duration: time.sleep(duration / 1_000_000)
# CPython's heap says nothing about a microcontroller's.
gc.mem_alloc = lambda: 0
gc.mem_free = lambda: 0
gc.threshold = lambda amount=-1: -1
