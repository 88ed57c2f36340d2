"""What drawings know of a microcontroller board: the pins that its settings name, and where they are."""

from __future__ import annotations

import runpy
from dataclasses import dataclass
from pathlib import Path

BOARDS = Path(__file__).parents[1] / "mcu" / "boards"

# Where GP0, GP1 ... are among the 40 pins of a Pico and a Pico 2 (Raspberry Pi's data sheets).
_PICO_PLACES = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 24, 25, 26, 27, 29)
PICO_PINS = dict(enumerate(_PICO_PLACES)) | {26: 31, 27: 32, 28: 34}
PICO_GROUND, PICO_3V3 = 8, 36
# Which pin can measure the servos' supply where the settings leave it out. None on the ESP32-S3: the firmware
# takes 3.3 V for the full scale of the pin, which is about 1 V there.
PICO_SENSE = 26


@dataclass(frozen=True)
class McuBoard:
    """One board. Pins are named as on the board, with their place among its pins in brackets.

    `stop` and `sense` are None where there is no such pin; `sense_setting` is the line that the settings need
    before the supply is measured, or None if they have it.
    """

    folder: str
    name: str
    sda: str
    scl: str
    ground: str
    logic_supply: str
    stop: str | None
    sense: str | None
    sense_setting: str | None
    sense_full_scale_mv: int
    addresses: tuple[int, ...]

    @property
    def settings(self) -> str:
        """The settings file, as a path in the repository."""
        return f"mcu/boards/{self.folder}/board.py"


def load_boards() -> dict[str, McuBoard]:
    """All boards that have settings, by the name of their folder."""
    return {path.parent.name: load_board(path) for path in sorted(BOARDS.glob("*/board.py"))}


def load_board(path: Path) -> McuBoard:
    """The board that a settings file describes."""
    settings = runpy.run_path(str(path))
    pico = "Pico" in settings["NAME"]

    def pin(number: int) -> str:
        return f"GP{number} (pin {PICO_PINS[number]})" if pico else f"GPIO{number}"

    stop, sense = settings["STOP_PIN"], settings["SUPPLY_PIN"]
    could_sense = PICO_SENSE if pico and sense is None else sense
    return McuBoard(
        folder=path.parent.name,
        name=settings["NAME"],
        sda=pin(settings["I2C_SDA_PIN"]),
        scl=pin(settings["I2C_SCL_PIN"]),
        ground=f"GND (pin {PICO_GROUND})" if pico else "GND",
        logic_supply=f"3V3 (pin {PICO_3V3})" if pico else "3V3",
        stop=None if stop is None else pin(stop),
        sense=None if could_sense is None else pin(could_sense),
        sense_setting=f"SUPPLY_PIN = {could_sense}" if could_sense is not None and sense is None else None,
        sense_full_scale_mv=settings["SUPPLY_FULL_SCALE_MV"],
        addresses=tuple(settings["PCA9685_ADDRESSES"]),
    )
