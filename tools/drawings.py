"""Draws the wiring for makers: `python tools/drawings.py` writes the SVG files of docs/images.

Pins are read from mcu/boards/*/board.py, outputs and names of servos from the head profiles in models; fuses
and capacitors are those of tools/power_budget.py. So no drawing can say anything else than firmware and
profile do, and tests/tools/test_drawings.py sees that the files are up to date.
"""

from __future__ import annotations

from pathlib import Path

from drawings_boards import McuBoard, load_boards
from drawings_head import draw_head
from drawings_panels import draw_details, draw_overview
from drawings_pen import Sheet
from lipwright.face.profile import load_profile
from lipwright.resources import models_dir

IMAGES = Path(__file__).parents[1] / "docs" / "images"
REFERENCE = "reference_head"
SMALL_HEADS = ("six_servo_mouth", "jaw_skull")
FIRST_BOARD = "pico"  # small heads are drawn on this one only


def drawings() -> dict[str, Sheet]:
    """Every drawing, by the name of its file."""
    boards = load_boards()
    sheets = {f"wiring_{name}.svg": _head(board, REFERENCE) for name, board in boards.items()}
    for head in SMALL_HEADS:
        sheets[f"wiring_{head}.svg"] = _head(boards[FIRST_BOARD], head)
    sheets["overview.svg"] = draw_overview(load_profile(models_dir() / f"{REFERENCE}.toml"))
    sheets["wiring_details.svg"] = draw_details(boards)
    return sheets


def _head(board: McuBoard, head: str) -> Sheet:
    return draw_head(board, load_profile(models_dir() / f"{head}.toml"))


def main() -> None:
    """Writes all drawings."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, sheet in drawings().items():
        (IMAGES / name).write_text(sheet.svg(), encoding="utf-8")
        print(f"wrote {IMAGES / name}")


if __name__ == "__main__":
    main()
