"""Where frames can go: a board on a serial port, or one that another package registers."""

from __future__ import annotations

import errno
import grp
import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import serial
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from lipwright.clock import Clock, RealClock
from lipwright.errors import LipwrightError

if TYPE_CHECKING:
    from lipwright.audio.decode import Sound
    from lipwright.say import Performance

BOARDS_GROUP = "lipwright.boards"
# USB makers of the boards that run MicroPython and of the serial chips on them.
BOARD_MAKERS = {
    0x2E8A: "Raspberry Pi",
    0x303A: "Espressif",
    0xF055: "MicroPython",
    0x239A: "Adafruit",
    0x1A86: "WCH",
    0x10C4: "Silicon Labs",
    0x0403: "FTDI",
}
USB_NAME = "usb:"  # begins the name of a board that goes by its USB serial number
BAUD = 115_200  # USB ignores it; a serial chip needs it
WRITE_TIMEOUT_S = 1.0


@runtime_checkable
class Board(Protocol):
    """Something that takes frames on a serial port, and the clock that goes with it.

    Attributes:
        name: What messages to the user call it.
        clock: What to tell the time by and to wait with.
    """

    name: str
    clock: Clock

    def open(self) -> serial.Serial:
        """Opens the port; reads on it return at once with what is there. Raises LipwrightError."""

    def close(self) -> None:
        """Lets go of everything; may be called twice."""


@runtime_checkable
class Stage(Protocol):
    """A board that can also watch the head on it: the simulated one."""

    def check_sound(self, sound: Sound) -> None:
        """Raises LipwrightError for a sound that cannot be performed here."""

    def measure(self, performance: Performance) -> dict[str, Any]:
        """The lips' part of the report."""

    def record(self, performance: Performance, report: dict[str, Any], folder: Path) -> list[Path]:
        """Makes film and picture; returns the files written."""


@runtime_checkable
class PicturedBoard(Protocol):
    """A board whose head can be drawn as it is now: the simulated one."""

    def jpeg(self) -> bytes:
        """A JPEG of the head; always called from one thread. Raises LipwrightError if nothing can draw."""


class SerialBoard:
    """A board on a serial port of this machine."""

    def __init__(self, port: str) -> None:
        """`port` as the system calls it, for instance /dev/ttyACM0, or "usb:" and the board's USB serial
        number: that finds the board under whatever path it has when it is opened."""
        self.name = f"the board on {port}"
        self.clock: Clock = RealClock()
        self._port = port
        self._serial: serial.Serial | None = None

    def open(self) -> serial.Serial:
        """Opens the port for this program alone. Raises LipwrightError that says what to do."""
        path = present_path(self._port)
        try:
            self._serial = serial.Serial(path, BAUD, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
        except (serial.SerialException, OSError) as error:
            raise LipwrightError(_explained(path, error)) from None
        return self._serial

    def close(self) -> None:
        """Closes the port."""
        if self._serial is not None:
            self._serial.close()


def plugged_in() -> list[ListPortInfo]:
    """The serial ports behind which there is likely a board, in order of their paths."""
    found = [port for port in list_ports.comports() if port.vid in BOARD_MAKERS]
    return sorted(found, key=lambda port: port.device)


def find_ports() -> list[str]:
    """The paths of the serial ports of all boards that are plugged in."""
    return [port.device for port in plugged_in()]


def described(port: ListPortInfo) -> str:
    """A board's port and maker, for instance "/dev/ttyACM0 (Raspberry Pi)"."""
    return f"{port.device} ({BOARD_MAKERS[port.vid]})"


def find_port() -> str:
    """The serial port of the only board that is plugged in. Raises LipwrightError for none or several."""
    found = find_ports()
    if not found:
        raise LipwrightError(
            "no board is plugged in: connect one, name its port with --port,"
            " or add --sim to use the simulated head."
        )
    if len(found) > 1:
        raise LipwrightError(f"several boards are plugged in ({', '.join(found)}): choose one with --port.")
    return found[0]


def lasting_name(path: str) -> str | None:
    """The name by which a board is found again under another path: "usb:" and its USB serial number.

    None for a port without one, and for a number that boards share: some makers give all the same.
    """
    real = os.path.realpath(path)
    for port in list_ports.comports():
        if port.device == real and port.serial_number and len(_devices(port.serial_number)) == 1:
            return USB_NAME + port.serial_number
    return None


def present_path(name: str) -> str:
    """The path that a port has now: of a lasting name, where the board is; any other name is a path already.

    Raises LipwrightError if the board is not plugged in, or several have its number.
    """
    if not name.startswith(USB_NAME):
        return name
    number = name.removeprefix(USB_NAME)
    devices = _devices(number)
    if not devices:
        raise LipwrightError(
            f"the board with the USB serial number {number} is not plugged in: connect it, or choose another"
            " port with --port."
        )
    if len(devices) > 1:
        raise LipwrightError(
            f"several boards have the USB serial number {number} ({', '.join(devices)}): choose one of these"
            " with --port."
        )
    return devices[0]


def _devices(serial_number: str) -> list[str]:
    """The first port of each USB device with that serial number; a device may have several ports."""
    first: dict[str, str] = {}
    for port in sorted(list_ports.comports(), key=lambda port: port.device):
        if port.serial_number == serial_number:
            first.setdefault((port.location or port.device).partition(":")[0], port.device)
    return list(first.values())


def load_board(name: str, **options: Any) -> Board:
    """Makes the board that a package registered under this name (entry point group ``lipwright.boards``).

    What it needs comes with the extra of the same name.

    Raises LipwrightError that names the extra to install if nobody has.
    """
    extra = f"lipwright[{name}]"
    for entry in entry_points(group=BOARDS_GROUP, name=name):
        try:
            make = entry.load()
        except ModuleNotFoundError as error:
            raise LipwrightError(
                f"the board {name!r} needs {error.name}, which is not installed: run `pip install '{extra}'`."
            ) from None
        board: Board = make(**options)
        return board
    raise LipwrightError(f"the board {name!r} is not installed: run `pip install '{extra}'`.")


def _explained(port: str, error: OSError) -> str:
    if error.errno == errno.ENOENT:
        return f"there is no serial port {port}: plug the board in, or choose another port with --port."
    if error.errno == errno.EACCES:
        return (
            f"you may not open {port}: run `sudo usermod -aG {group_of(port)} $USER`,"
            " log out and in again, and try once more."
        )
    if error.errno in (errno.EBUSY, errno.EAGAIN):
        return f"{port} is in use by another program: close that (a serial monitor, perhaps) and try again."
    if error.errno in (errno.ENXIO, errno.EIO, errno.ENODEV):
        return f"{port} does not answer: unplug the board, plug it in again, and try once more."
    return f"{port} is not a serial port: choose another one with --port."


def group_of(port: str) -> str:
    """The group that may open the port; dialout on Debian, uucp on others."""
    try:
        return grp.getgrgid(os.stat(port).st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"
