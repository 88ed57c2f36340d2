"""Finding the serial port of the board to flash, before and after it has restarted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

from lipwright.boards import described, plugged_in, present_path
from lipwright.errors import LipwrightError


@dataclass(frozen=True)
class Port:
    """Where a board is plugged in.

    Attributes:
        path: What the system called the port when it was found.
        serial_number: The board's own, by which it is known again under another path; empty if it has none.
    """

    path: str
    serial_number: str = ""

    @property
    def now(self) -> str:
        """The path that the board has now: a board that restarts may come back under another one."""
        for port in list_ports.comports():
            if self.serial_number and port.serial_number == self.serial_number:
                return str(port.device)
        return self.path


def find(path: str | None) -> Port:
    """The port of that name, or of the only board. Raises LipwrightError for none or several."""
    if path is not None:
        path = present_path(path)
        real = str(Path(path).resolve())
        numbers = {port.device: port.serial_number for port in list_ports.comports()}
        return Port(path, numbers.get(real) or "")
    found = plugged_in()
    if not found:
        raise LipwrightError(
            "no board is plugged in: connect one with a cable that carries data (many only charge); one that "
            "never had MicroPython needs that first, as docs/flashing.md says."
        )
    if len(found) > 1:
        names = ", ".join(described(port) for port in found)
        raise LipwrightError(
            f"{len(found)} boards are plugged in: {names}. Choose one with --port, or unplug the others."
        )
    return Port(found[0].device, found[0].serial_number or "")
