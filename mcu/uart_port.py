"""The board's serial port to the host where that is a UART, whose bytes come in bulk.

Standard input, on USB, hands them out one at a time, which costs a board more than all else about a frame.
"""

import micropython
from clock import wake_on
from machine import UART, Pin
from micropython import const
from serial_port import SerialPort

# What the host speaks to serial chips: four times what full frames need.
BAUD = const(115_200)
_RECEIVED_BYTES = const(1024)  # a collection of memory, or a page written to flash, holds up the reading
_SENT_BYTES = const(512)
# Bytes are waited for so long once the first is there, about twenty; each time that they are looked at costs
# as much as fetching many of them.
_GATHER_US = const(2000)


class UartPort(SerialPort):
    """As a SerialPort. The REPL stays where it is, on USB."""

    def __init__(self, unit: int, tx_pin: int, rx_pin: int) -> None:
        uart = UART(
            unit,
            BAUD,
            tx=Pin(tx_pin),
            rx=Pin(rx_pin),
            rxbuf=_RECEIVED_BYTES,
            txbuf=_SENT_BYTES,
            timeout=0,
            timeout_char=0,
        )
        wake_on(uart, _GATHER_US)
        # Methods that are looked up to be kept are allocated.
        self._any = uart.any
        self._take = uart.readinto
        self._give = uart.write

    @micropython.native
    def readinto(self, buffer: bytearray) -> int:
        """Moves what has arrived and fits to the buffer; returns how many bytes."""
        count = self._any()
        if not count:
            return 0
        room = len(buffer)
        if count > room:
            count = room
        return self._take(buffer, count) or 0

    def write(self, buffer: bytes) -> None:
        """Sends the bytes, or those that fit."""
        self._give(buffer)
