"""The boards that the firmware runs on, and how a board is recognised."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipwright.errors import LipwrightError
from lipwright.resources import firmware_dir

# What `sys.implementation._mpy` calls the machine code that an interpreter loads, in its order.
ARCHITECTURES = (
    *("", "x86", "x64", "armv6", "armv6m", "armv7m", "armv7em", "armv7emsp", "armv7emdp"),
    *("xtensa", "xtensawin", "rv32imc", "rv64imc"),
)
# The firmware needs the first, is tested on the second, and mpy-cross makes files of the third kind.
OLDEST = (1, 24)
TESTED = "1.25"
MPY_VERSION = (6, 3)


@dataclass(frozen=True)
class Target:
    """A kind of board.

    Attributes:
        key: What its folder in mcu/boards and its PlatformIO environment are called.
        title: What people call it.
        platform: Its `sys.platform`.
        chip: Words in its `sys.implementation._machine`.
        architecture: mpy-cross's name for its machine code.
        download: Where its MicroPython is to be had.
    """

    key: str
    title: str
    platform: str
    chip: str
    architecture: str
    download: str

    @property
    def settings(self) -> Path:
        """Its shipped board.py."""
        return self.folder / "board.py"

    @property
    def folder(self) -> Path:
        """What of the firmware is for this kind of board only."""
        return firmware_dir() / ("ports/unix" if self is UNIX else f"boards/{self.key}")


PICO = Target(
    "pico", "Raspberry Pi Pico", "rp2", "RP2040", "armv6m", "https://micropython.org/download/RPI_PICO"
)
PICO2 = Target(
    "pico2", "Raspberry Pi Pico 2", "rp2", "RP2350", "armv7emsp", "https://micropython.org/download/RPI_PICO2"
)
ESP32S3 = Target(
    "esp32s3",
    "ESP32-S3",
    "esp32",
    "ESP32S3",
    "xtensawin",
    "https://micropython.org/download/ESP32_GENERIC_S3",
)
UNIX = Target("unix", "board that is a process", "linux", "", "x64", "https://micropython.org/download")
TARGETS = {target.key: target for target in (PICO, PICO2, ESP32S3, UNIX)}


@dataclass(frozen=True)
class Interpreter:
    """What a board says of its Python: elements of `sys.implementation`, and `sys.platform`."""

    name: str
    version: tuple[int, ...]
    platform: str
    machine: str
    mpy: int

    @property
    def architecture(self) -> str:
        """The machine code that it loads, by mpy-cross's name; empty if it loads none."""
        number = self.mpy >> 10 & 0xF
        return ARCHITECTURES[number] if number < len(ARCHITECTURES) else ""

    @property
    def words(self) -> str:
        """For instance "Raspberry Pi Pico with RP2040, MicroPython 1.25.0"."""
        machine = "a board that is a process" if self.platform == UNIX.platform else self.machine
        return f"{machine or self.platform}, MicroPython {dotted(self.version)}"

    def target(self) -> Target:
        """The kind of board; raises LipwrightError, saying what to do, if the firmware cannot run on it."""
        if self.name != "micropython":
            raise LipwrightError(
                f"the board runs {self.name}, not MicroPython: put MicroPython on it (docs/flashing.md)."
            )
        for target in TARGETS.values():
            if target.platform == self.platform and target.chip in self.machine:
                break
        else:
            kinds = ", ".join(target.title for target in (PICO, PICO2, ESP32S3))
            raise LipwrightError(
                f"the firmware does not run on {self.machine or self.platform}: take one of {kinds}."
            )
        if self.version[:2] < OLDEST:
            raise LipwrightError(
                f"MicroPython {dotted(self.version)} is too old, {dotted(OLDEST)} is the oldest that works "
                f"({TESTED} is tested): get a newer one from {target.download} and put it on with "
                "--micropython FILE."
            )
        if (self.mpy & 0xFF, self.mpy >> 8 & 3) != MPY_VERSION or (
            target is not UNIX and self.architecture != target.architecture
        ):
            raise LipwrightError(
                f"this MicroPython does not load what mpy-cross makes for a {target.title}: get the usual "
                f"one ({TESTED}) from {target.download} and put it on with --micropython FILE."
            )
        return target


def dotted(version: tuple[int, ...]) -> str:
    """A version as people write it."""
    return ".".join(map(str, version))
