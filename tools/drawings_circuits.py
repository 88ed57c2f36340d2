"""The small circuits beside a board: the stop button and the divider that measures the servo supply."""

from __future__ import annotations

from drawings_pen import GROUND, SENSE, SMALL, STOP, SUPPLY, Sheet

# 8.4 V, two full lithium cells, must stay below the 3.3 V that a pin bears, with resistors 5 % off as well.
UPPER_KOHM, LOWER_KOHM, TOLERANCE = 10.0, 4.7, 0.05
HIGHEST_SUPPLY_V, PIN_LIMIT_V = 8.4, 3.3


def pin_voltage(supply_v: float, tolerance: float = 0.0) -> float:
    """Volts at the pin for volts at V+, with the resistors off by `tolerance` the worse way."""
    upper, lower = UPPER_KOHM * (1 - tolerance), LOWER_KOHM * (1 + tolerance)
    return supply_v * lower / (upper + lower)


def draw_stop(sheet: Sheet, x: float, top: float, pin: str) -> None:
    """The stop button, from its pin down to ground; 80 wide with the button at x, 125 high."""
    sheet.text(x - 36, top, pin, SMALL)
    sheet.wire(STOP, (x, top + 8), (x, top + 52))
    end = sheet.button(x, top + 52)
    sheet.ground(*end)


def draw_sense(sheet: Sheet, x: float, top: float, pin: str) -> None:
    """The divider from V+ to its pin; 170 wide from x on, 165 high."""
    middle, node = x + 76, top + 80
    sheet.text(middle, top, "V+ behind F1", SMALL, "middle")
    sheet.wire(SUPPLY, (middle, top + 8), (middle, top + 22))
    upper = sheet.resistor(middle, top + 22, f"{UPPER_KOHM:g} kΩ")
    sheet.wire(SENSE, upper, (middle, node + 8))
    sheet.wire(SENSE, (middle, node), (middle + 46, node))
    sheet.dot(SENSE, middle, node)
    sheet.text(middle + 20, node - 12, pin, SMALL)
    lower = sheet.resistor(middle, node + 8, f"{LOWER_KOHM:g} kΩ")
    end = sheet.capacitor(middle + 46, node, lower[1] - node, [], polar=False)
    sheet.text(middle + 64, node + 33, "100 nF", SMALL)
    sheet.wire(GROUND, end, lower)
    sheet.ground(*lower)
    sheet.dot(GROUND, *lower)
