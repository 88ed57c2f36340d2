"""A cable to spoil: a pty whose bytes are carried to a serial port and back, damaged if asked."""

from __future__ import annotations

import os
import pty
import random
import select
import threading
import tty

import serial


class Relay:
    """Stands between a host and a board. `damage`: share of the bytes that are changed, both ways."""

    def __init__(self, board: serial.Serial) -> None:
        self.damage = 0.0
        self._random = random.Random(5)
        self._board = board
        self._ours, theirs = pty.openpty()
        tty.setraw(theirs)
        self.port = os.ttyname(theirs)
        self._theirs = theirs
        self._over = threading.Event()
        self._carrier = threading.Thread(target=self._carry, daemon=True)
        self._carrier.start()

    def pull(self) -> None:
        """Takes the cable out of the host."""
        if not self._over.is_set():
            self._over.set()
            self._carrier.join()
            os.close(self._theirs)
            os.close(self._ours)

    def _carry(self) -> None:
        board = self._board.fileno()
        while not self._over.is_set():
            for source in select.select([self._ours, board], [], [], 0.02)[0]:
                data = bytearray(os.read(source, 4096))
                for index in range(len(data)):
                    if self._random.random() < self.damage:
                        data[index] ^= 1 << self._random.randrange(8)
                os.write(board if source == self._ours else self._ours, data)
