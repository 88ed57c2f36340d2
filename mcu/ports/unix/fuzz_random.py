"""Chance for the fuzzers: the same numbers from the same seed on every interpreter, without big integers.

An additive lagged Fibonacci generator on words of 16 bits.
"""

import binascii
from array import array

import micropython
from micropython import const

_SIZE = const(1279)
_LAG = const(418)


class Random:
    """Numbers by chance, from a seed of any size."""

    def __init__(self, seed):
        self._words = array("H", bytes(2 * _SIZE))
        for i in range(_SIZE):
            self._words[i] = binascii.crc32(f"{seed}/{i}".encode()) & 0xFFFF
        self._stir()  # CRCs of texts that are alike have much in common
        self._refill()

    @micropython.native
    def _stir(self):
        words = self._words
        for i in range(_LAG):
            words[i] = (words[i] + words[i + _SIZE - _LAG]) & 0xFFFF
        for i in range(_LAG, _SIZE):
            words[i] = (words[i] + words[i - _LAG]) & 0xFFFF

    def _refill(self):
        self._stir()
        self._pool = bytes(memoryview(self._words))
        self._next = 0

    @micropython.native
    def word(self):
        """0 to 65535."""
        if self._next == _SIZE:
            self._refill()
        i = self._next
        self._next = i + 1
        return self._words[i]

    @micropython.native
    def below(self, end):
        """0 to end - 1, where end is at most 16384."""
        return (self.word() * end) >> 16

    @micropython.native
    def one_in(self, often):
        """Whether a chance of one in so many, at most 16384, came up."""
        return self.word() * often < 65536

    @micropython.native
    def pick(self, items):
        """One of the items."""
        return items[(self.word() * len(items)) >> 16]

    def number(self, bits):
        """A number of at most so many bits, of which there are at least 16; any length is as likely."""
        number = self.word()
        for _ in range(bits // 16 - 1):
            number = number << 16 | self.word()
        return number >> self.below(bits)

    def bytes(self, length):
        """So many bytes, at most 2558."""
        words = (length + 1) // 2
        if self._next + words > _SIZE:
            self._refill()
        start = 2 * self._next
        self._next += words
        return self._pool[start : start + length]
