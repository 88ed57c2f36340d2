"""What the firmware uses of MicroPython and CPython lacks, so that its files run where no MicroPython is.

Importing this module also gives `time` the tick functions, `gc` the memory figures, and builtins the pointer
types of viper kernels.
"""

import builtins
import functools
import gc
import time


def const(value):
    """A constant, which MicroPython folds into the code."""
    return value


def native(function):
    """Compiles on a microcontroller; the function itself here."""
    return function


def viper(function):
    """Compiles with machine words on a microcontroller; here only pointer arguments become pointers.

    Integers keep all their bits, where a microcontroller keeps 32.
    """
    parameters = [kind for name, kind in function.__annotations__.items() if name != "return"]
    if not any(issubclass(kind, _Pointer) for kind in parameters):
        return function

    @functools.wraps(function)
    def call(*arguments):
        return function(
            *(
                kind(argument) if issubclass(kind, _Pointer) else argument
                for kind, argument in zip(parameters, arguments, strict=True)
            )
        )

    return call


def kbd_intr(character):
    """Which byte on the input interrupts; none ever does here."""


def mem_info(verbose=False):
    """Prints what the heap holds; nothing here."""


class _Pointer:
    """Elements of a buffer by number, as viper reads and writes them: high bits are cut off."""

    SIGNED = False

    def __init__(self, buffer):
        whole = buffer.bytes if isinstance(buffer, _Pointer) else memoryview(buffer).cast("B")
        self.bytes = whole
        self._items = whole[: len(whole) // self.SIZE * self.SIZE].cast(self.FORMAT)

    def __getitem__(self, index):
        return self._items[index]

    def __setitem__(self, index, value):
        value &= self.MASK
        if self.SIGNED and value > self.MASK >> 1:
            value -= self.MASK + 1
        self._items[index] = value


class ptr8(_Pointer):
    FORMAT, SIZE, MASK = "B", 1, 0xFF


class ptr16(_Pointer):
    FORMAT, SIZE, MASK = "H", 2, 0xFFFF


class ptr32(_Pointer):
    FORMAT, SIZE, MASK, SIGNED = "i", 4, 0xFFFFFFFF, True


class uint(int):
    """An unsigned machine word."""

    def __new__(cls, value=0):
        return int.__new__(cls, value & 0xFFFFFFFF)


_TICKS_MASK = 0x3FFFFFFF
_HALF_TURN = 0x20000000


def _ticks_diff(end, start):
    return ((end - start + _HALF_TURN) & _TICKS_MASK) - _HALF_TURN


for _name in (ptr8, ptr16, ptr32, uint):
    setattr(builtins, _name.__name__, _name)
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
