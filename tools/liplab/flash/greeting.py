"""Says hello to a board that has just been started, and hears which firmware speaks there."""

from __future__ import annotations

from collections.abc import Iterator

import serial

from liplab.flash.ports import Port
from lipwright.boards import SerialBoard
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError
from lipwright.link.elements import VersionError
from lipwright.link.messages import BoardInfo, Hello, Splitter, encode

# A greeting that comes before main.py runs would interrupt it.
BOOT_S = 1.5
PATIENCE_S = 12.0
REPEAT_S = 0.3
LOOK_S = 0.01


def greet(port: Port) -> BoardInfo | None:
    """Waits for the board to be back after a restart, and greets it.

    Returns its answer, or None if none of this wire's version comes in time. Raises LipwrightError if the
    port does not come back.
    """
    clock = RealClock()
    clock.sleep_until(clock.now() + BOOT_S)
    deadline = clock.now() + PATIENCE_S
    failure: LipwrightError | None = None
    while clock.now() < deadline:
        board = SerialBoard(port.now)
        try:
            for info in _answers(board.open(), clock, deadline):
                return info
            failure = None
        except LipwrightError as error:  # the port is not back yet
            failure = error
        except (OSError, serial.SerialException):
            pass
        except VersionError:
            return None
        finally:
            board.close()
        clock.sleep_until(clock.now() + REPEAT_S)
    if failure is not None:
        raise failure
    return None


def _answers(wire: serial.Serial, clock: RealClock, deadline: float) -> Iterator[BoardInfo]:
    splitter, number = Splitter(), 0
    session = int(clock.now() * 1000) % 0xFFFF + 1
    while clock.now() < deadline:
        number += 1
        wire.write(b"\0" + encode(Hello.open(number, session)))
        until = clock.now() + REPEAT_S
        while clock.now() < until:
            clock.sleep_until(clock.now() + LOOK_S)
            for message in splitter.feed(wire.read(wire.in_waiting or 1)):
                if isinstance(message, BoardInfo):
                    yield message
