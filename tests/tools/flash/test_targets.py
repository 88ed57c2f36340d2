"""How a board is recognised, from what real boards say of themselves."""

import pytest

from liplab.flash.targets import ESP32S3, PICO, PICO2, UNIX, Interpreter
from lipwright.errors import LipwrightError

# sys.implementation._mpy: bytecode 6.3, and the number of the machine code.
ARMV6M, ARMV7EMSP, XTENSAWIN, X64, RV32IMC = (number << 10 | 3 << 8 | 6 for number in (4, 7, 10, 2, 11))


def interpreter(**changes):
    """A Pico's, but for the changes."""
    usual = {
        "name": "micropython",
        "version": (1, 25, 0),
        "platform": "rp2",
        "machine": "Raspberry Pi Pico with RP2040",
        "mpy": ARMV6M,
    }
    return Interpreter(**usual | changes)


@pytest.mark.parametrize(
    ("says", "target"),
    [
        (("rp2", "Raspberry Pi Pico with RP2040", ARMV6M), PICO),
        (("rp2", "Raspberry Pi Pico W with RP2040", ARMV6M), PICO),
        (("rp2", "Pimoroni Tiny 2040 with RP2040", ARMV6M), PICO),
        (("rp2", "Raspberry Pi Pico2 with RP2350", ARMV7EMSP), PICO2),
        (("rp2", "Raspberry Pi Pico 2 W with RP2350", ARMV7EMSP), PICO2),
        (("esp32", "Generic ESP32S3 module with ESP32S3", XTENSAWIN), ESP32S3),
        (("esp32", "Generic ESP32S3 module with Octal-SPIRAM with ESP32S3", XTENSAWIN), ESP32S3),
        (("linux", "linux [GCC 14.2.0] version", X64), UNIX),
    ],
)
def test_boards_are_recognised_by_their_chip(says, target):
    platform, machine, mpy = says
    found = interpreter(platform=platform, machine=machine, mpy=mpy)
    assert found.target() is target
    assert target is UNIX or found.architecture == target.architecture


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": (1, 23, 0)}, r"1\.23\.0 is too old, 1\.24 is the oldest.*RPI_PICO and put it on"),
        ({"version": (1, 22, 2), "mpy": 4 << 10 | 2 << 8 | 6}, "too old"),
        ({"name": "circuitpython", "version": (9, 1, 0)}, "runs circuitpython, not MicroPython"),
        (
            {"platform": "esp32", "machine": "Generic ESP32 module with ESP32"},
            "does not run on Generic ESP32 module",
        ),
        ({"platform": "esp8266", "machine": ""}, "does not run on esp8266"),
        ({"machine": "Raspberry Pi Pico2 with RP2350", "mpy": RV32IMC}, "does not load what mpy-cross makes"),
        ({"version": (1, 40, 0), "mpy": 4 << 10 | 7}, "does not load what mpy-cross makes"),
        ({"mpy": 3 << 8 | 6}, "does not load what mpy-cross makes"),
    ],
)
def test_what_the_firmware_cannot_run_on_is_refused_with_what_to_do(changes, says):
    with pytest.raises(LipwrightError, match=says):
        interpreter(**changes).target()


def test_newer_ones_than_the_tested_are_taken():
    assert interpreter(version=(1, 29, 0)).target() is PICO
