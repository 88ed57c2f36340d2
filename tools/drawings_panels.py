"""The drawings beside the wiring of whole heads: the overview, and the details that go wrong most often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from drawings_boards import McuBoard
from drawings_circuits import HIGHEST_SUPPLY_V, TOLERANCE, draw_sense, draw_stop, pin_voltage
from drawings_head import BOARD_BLUE, BRASS, GROUP_COLOURS, OTHER_GROUP, PLUG, WIDTH
from drawings_pen import (
    CABLE,
    FAINT,
    INK,
    LARGE,
    NORMAL,
    PAPER,
    PART,
    POWER_GROUND,
    SDA,
    SIGNAL,
    SMALL,
    SOFT_INK,
    STOP,
    SUPPLY,
    TITLE,
    Sheet,
)
from lipwright.face.profile import HeadProfile
from power_budget import OUTPUTS, supply_a

OVERVIEW_HEIGHT, DETAILS_HEIGHT = 604, 754
PANEL_WIDTH, PANEL_HEIGHT, PANEL_GAP = 274, 318, 16
PLUG_NAMES = (("white, yellow, orange", "PWM"), ("red", "V+"), ("black or brown", "GND"))
PIN_TABLE_V = (5.0, 6.0)
DRIVERS = (420, 500)  # tops, in the overview


def draw_overview(profile: HeadProfile) -> Sheet:
    """Which part speaks with which, and who feeds whom."""
    title = "Who speaks with whom, and who feeds whom"
    sheet = Sheet(WIDTH, OVERVIEW_HEIGHT, title)
    sheet.text(24, 38, title, TITLE, bold=True)
    sheet.text(24, 60, "Two supplies: one for the Pi, one for the servos. They meet in GND only.", SMALL)
    _block(sheet, 24, 92, 206, 80, "Pi supply", ["5 V, 3 A for a Pi 4,", "5 A for a Pi 5"])
    _block(sheet, 330, 92, 230, 80, "Raspberry Pi", ["sound in, lip shapes out:", "the command lipwright"])
    _block(sheet, 650, 84, 130, 64, "Amplifier", ["USB, I2S or jack"])
    _block(sheet, 650, 176, 226, 80, "Camera", ["only while a head discovers", "its face"])
    _block(sheet, 24, 266, 206, 80, "Stop button", ["takes the pulses away;", "the main switch takes power"])
    names = ["Pico, Pico 2 or ESP32-S3:", "times, limits, safety"]
    _block(sheet, 330, 266, 230, 80, "Microcontroller", names)
    supply_text = ["5 to 6 V DC,", f"{supply_a(profile):g} A or more"]
    _block(sheet, 24, DRIVERS[0], 130, 140, "Servo supply", supply_text)
    for number, top in enumerate(DRIVERS):
        outputs = f"outputs {OUTPUTS * number} to {OUTPUTS * number + OUTPUTS - 1}"
        _block(sheet, 330, top, 230, 60, f"Driver {number + 1}, PCA9685", [outputs], BOARD_BLUE)
        sheet.wire(CABLE, (560, top + 30), (650, top + 30))
    sheet.wire(CABLE, (230, 132), (330, 132))
    sheet.wire(CABLE, (560, 116), (650, 116))
    sheet.wire(CABLE, (780, 116), (812, 116))
    sheet.rectangle(812, 104, 12, 24, PART)
    sheet.shape([(824, 104), (844, 90), (844, 142), (824, 128)], INK)
    sheet.text(828, 160, "speaker", SMALL, "middle")
    sheet.wire(CABLE, (560, 150), (604, 150), (604, 216), (650, 216))
    sheet.wire(CABLE, (445, 172), (445, 266))
    sheet.lines(456, 206, ["USB: frames, status,", "5 V for the board"])
    sheet.wire(STOP, (230, 306), (330, 306))
    sheet.wire(SDA, (445, 346), (445, 420))
    sheet.wire(SDA, (445, 480), (445, 500))
    sheet.text(456, 388, "I2C: SDA, SCL, 3.3 V, GND", SMALL)
    _draw_overview_power(sheet)
    _draw_groups(sheet, profile)
    return sheet


def _draw_overview_power(sheet: Sheet) -> None:
    (plus, minus), (plus_2, minus_2) = ((top + 16, top + 44) for top in DRIVERS)
    sheet.wire(SUPPLY, (154, plus), (330, plus))
    sheet.wire(POWER_GROUND, (154, minus), (330, minus))
    sheet.wire(SUPPLY, (306, plus), (306, plus_2), (330, plus_2))
    sheet.wire(POWER_GROUND, (286, minus), (286, minus_2), (330, minus_2))
    sheet.dot(SUPPLY, 306, plus)
    sheet.dot(POWER_GROUND, 286, minus)
    sheet.part(227, plus, 100, "switch, fuses")
    sheet.text(160, plus - 8, "V+", NORMAL, bold=True)
    sheet.text(160, minus + 20, "GND", NORMAL, bold=True)


def _draw_groups(sheet: Sheet, profile: HeadProfile) -> None:
    """The servos, counted by group, in the order of the profile."""
    groups = Counter(channel.group for channel in profile.channels)
    step = 140 / len(groups)
    sheet.text(650, DRIVERS[0] - 12, f"{len(profile.channels)} servos", LARGE, bold=True)
    for place, (group, count) in enumerate(groups.items()):
        y = DRIVERS[0] + step * place
        sheet.rectangle(
            650, y, 226, step - 3, GROUP_COLOURS.get(group, OTHER_GROUP), round_by=4, line_width=1
        )
        sheet.text(662, y + step / 2 + 3, group, NORMAL, bold=True)
        sheet.text(864, y + step / 2 + 3, f"{count} servos", NORMAL, "end")


def _block(
    sheet: Sheet,
    x: float,
    y: float,
    width: float,
    height: float,
    title: str,
    lines: Sequence[str],
    fill: str = PART,
) -> None:
    sheet.rectangle(x, y, width, height, fill, round_by=6)
    sheet.text(x + 12, y + 26, title, LARGE, bold=True)
    sheet.lines(x + 12, y + 47, lines)


def draw_details(found: Mapping[str, McuBoard]) -> Sheet:
    """Six small drawings; pins of all boards."""
    title = "Details of the wiring"
    boards = sorted(found.values(), key=lambda board: "Pico" not in board.name)
    sheet = Sheet(WIDTH, DETAILS_HEIGHT, title)
    sheet.text(24, 38, title, TITLE, bold=True)
    sheet.text(24, 60, "Pins from the settings of each board, mcu/boards/*/board.py.", SMALL, colour=SOFT_INK)
    panels = (_stop, _sense, _capacitor, _address, _plug, _strong_servo)
    for place, panel in enumerate(panels):
        x = 24 + (PANEL_WIDTH + PANEL_GAP) * (place % 3)
        y = 78 + (PANEL_HEIGHT + PANEL_GAP) * (place // 3)
        sheet.rectangle(x, y, PANEL_WIDTH, PANEL_HEIGHT, "#fbfbfa", FAINT, round_by=6, line_width=1)
        panel(sheet, x, y, boards)
    return sheet


def _panel_title(sheet: Sheet, x: float, y: float, title: str) -> None:
    sheet.text(x + 14, y + 26, title, LARGE, bold=True)


def _stop(sheet: Sheet, x: float, y: float, boards: Sequence[McuBoard]) -> None:
    _panel_title(sheet, x, y, "A: stop button")
    first = next((board for board in boards if board.stop), None)
    if first is None or first.stop is None:
        return
    draw_stop(sheet, x + 60, y + 56, first.stop)
    pins = [f"{board.name}: {board.stop}" for board in boards if board.stop]
    sheet.lines(x + 14, y + 206, pins)
    more = ["No resistor: the board pulls the pin up.", "It is no emergency stop: the main", "switch is."]
    sheet.lines(x + 14, y + 206 + 17 * len(pins) + 8, more)


def _sense(sheet: Sheet, x: float, y: float, boards: Sequence[McuBoard]) -> None:
    _panel_title(sheet, x, y, "B: supply voltage")
    able = [board for board in boards if board.sense]
    if not able or able[0].sense is None:
        return
    draw_sense(sheet, x + 14, y + 56, able[0].sense)
    volts = ", ".join(f"{v:g} V: {pin_voltage(v):.2f} V" for v in PIN_TABLE_V)
    highest = f"{HIGHEST_SUPPLY_V:g} V"
    lines = [
        f"At the pin, {volts}.",
        f"{highest}: {pin_voltage(HIGHEST_SUPPLY_V):.2f} V, and at most "
        f"{pin_voltage(HIGHEST_SUPPLY_V, TOLERANCE):.2f} V with",
        f"{100 * TOLERANCE:.0f} % resistors: below 3.3 V.",
    ]
    settings = sorted({board.sense_setting for board in able if board.sense_setting})
    lines += [f"Then {setting} in board.py." for setting in settings]
    sheet.lines(x + 14, y + 244, lines)


def _capacitor(sheet: Sheet, x: float, y: float, boards: Sequence[McuBoard]) -> None:
    _panel_title(sheet, x, y, "Capacitor: which way round")
    left, top = x + 96, y + 56
    sheet.rectangle(left, top, 82, 104, "#3f4a56", round_by=8)
    sheet.rectangle(left + 58, top + 1, 18, 102, "#d7dbe0", line="none")
    for row in range(4):
        sheet.stroke([(left + 62, top + 16 + 24 * row), (left + 72, top + 16 + 24 * row)], INK, 2.5)
    sheet.wire(SUPPLY, (left + 20, top + 105), (left + 20, top + 158))
    sheet.wire(POWER_GROUND, (left + 66, top + 105), (left + 66, top + 142))
    sheet.text(left + 12, top + 152, "V+", NORMAL, "end", bold=True)
    sheet.text(left + 78, top + 152, "GND", NORMAL, bold=True)
    sheet.text(left + 90, top + 40, "stripe:", SMALL)
    sheet.text(left + 90, top + 56, "minus", SMALL)
    sheet.text(left - 8, top + 124, "longer leg", SMALL, "end")
    lines = [
        "At the screw terminal of each driver.",
        "10 V or more. The wrong way round",
        "it bursts: look twice.",
    ]
    sheet.lines(x + 14, y + 246, lines)


def _address(sheet: Sheet, x: float, y: float, boards: Sequence[McuBoard]) -> None:
    _panel_title(sheet, x, y, "Second driver: bridge A0")
    sheet.rectangle(x + 30, y + 56, 214, 128, BOARD_BLUE, round_by=4)
    for bit in range(6):
        left = x + 52 + 30 * (5 - bit)
        sheet.text(left + 8, y + 88, f"A{bit}", SMALL, "middle", bold=bit == 0)
        for row in range(2):
            sheet.rectangle(left, y + 98 + 22 * row, 16, 16, BRASS, line_width=1)
    sheet.rectangle(x + 50 + 150, y + 96, 20, 42, "#9aa3ab", round_by=8)
    sheet.text(x + 220, y + 164, "solder", SMALL, "end")
    first, second = (f"{address:#x}" for address in boards[0].addresses[:2])
    lines = [
        f"All open: {first}, the first driver.",
        f"A0 closed: {second}, the second.",
        f"Both left open, nobody is {second}, and",
        "no servo moves (cause: bus).",
    ]
    sheet.lines(x + 14, y + 212, lines)


def _plug(sheet: Sheet, x: float, y: float, boards: Sequence[McuBoard]) -> None:
    _panel_title(sheet, x, y, "Servo plug")
    for place, (colours, name) in enumerate(PLUG_NAMES):
        row = y + 76 + 38 * place
        sheet.rectangle(x + 14, row - 8, 16, 16, PLUG[place])
        sheet.text(x + 40, row + 4.5, name, NORMAL, bold=True)
        sheet.wire(CABLE, (x + 84, row), (x + 112, row))
        sheet.text(x + 120, row + 4.5, colours, SMALL)
    lines = [
        "GND is the row at the board's edge.",
        "Turned round, the servo only stays still:",
        "plus is in the middle. What harms is a",
        "plug that sits one row aside.",
    ]
    sheet.lines(x + 14, y + 212, lines)


def _strong_servo(sheet: Sheet, x: float, y: float, boards: Sequence[McuBoard]) -> None:
    _panel_title(sheet, x, y, "A servo of over 3 A stalled")
    sheet.rectangle(x + 14, y + 56, 84, 76, BOARD_BLUE, round_by=4)
    sheet.text(x + 22, y + 80, "driver", SMALL)
    sheet.text(x + 90, y + 100, "PWM", SMALL, "end")
    sheet.rectangle(x + 14, y + 150, 84, 34, PART, round_by=4)
    sheet.text(x + 22, y + 171, "fuse box", SMALL)
    sheet.rectangle(x + 14, y + 196, 84, 34, PART, round_by=4)
    sheet.text(x + 22, y + 217, "minus bar", SMALL)
    sheet.rectangle(x + 190, y + 126, 66, 78, "#3f4a56", round_by=6)
    sheet.circle(x + 223, y + 150, 12, PAPER, INK)
    sheet.text(x + 223, y + 190, "servo", SMALL, "middle", colour=PAPER)
    sheet.wire(SIGNAL, (x + 98, y + 96), (x + 150, y + 96), (x + 150, y + 142), (x + 190, y + 142))
    sheet.wire(SUPPLY, (x + 98, y + 167), (x + 190, y + 167))
    sheet.wire(POWER_GROUND, (x + 98, y + 213), (x + 150, y + 213), (x + 150, y + 192), (x + 190, y + 192))
    lines = [
        "Its power goes past the driver, with a",
        "fuse of its own; only the signal comes",
        "from there. GND is common to all.",
    ]
    sheet.lines(x + 14, y + 260, lines)
