"""The drawing of a whole head: microcontroller, supply, driver boards, and every servo on its output."""

from __future__ import annotations

from drawings_boards import McuBoard
from drawings_circuits import draw_sense, draw_stop
from drawings_pen import (
    CABLE,
    FAINT,
    GROUND,
    INK,
    LARGE,
    LOGIC,
    NORMAL,
    PAPER,
    POWER_GROUND,
    SCL,
    SDA,
    SENSE,
    SMALL,
    SOFT_INK,
    STOP,
    SUPPLY,
    TITLE,
    Sheet,
)
from lipwright.face.profile import Channel, HeadProfile
from power_budget import OUTPUTS, STRONG, Feed, feeds, servo_class, supply_a, wire_for

WIDTH = 900
# Tints of Okabe and Ito's colours; the group's name stands in the label as well.
GROUP_COLOURS = {
    "mouth": "#fbe0cc",
    "eyes": "#d3e8f7",
    "lids": "#d2efe4",
    "brows": "#fbf2c0",
    "neck": "#f0dcea",
}
OTHER_GROUP = "#ececec"
BRASS, BOARD_BLUE, TERMINAL_BLUE = "#e8c547", "#e8eef5", "#9db8d6"
# Signal, plus, ground: from the chip to the board's edge.
PLUG, PLUG_SIGNS = ("#f0d040", SUPPLY.colour, INK), "S+–"

ROW = 24  # a servo's height
DRIVER_LEFT, DRIVER_WIDTH, DRIVER_HEIGHT = 492, 150, 16 * ROW + 40
PLUG_LEFT, PLUG_STEP = DRIVER_LEFT + 113, 12
DRIVER_TOPS = (112, 580)
FIRST_ROW, TERMINAL_PLUS, TERMINAL_MINUS, HEADER_FIRST = 28, 28, 98, 196  # below a driver's top
HEADER = ("GND", "OE", "SCL", "SDA", "VCC", "V+")  # the order on the boards of the trade
HEADER_NETS = {"GND": GROUND, "SCL": SCL, "SDA": SDA, "VCC": LOGIC}
HEADER_STEP = 24
SERVO_LEFT, SERVO_RIGHT = 660, 884
MCU_LEFT, MCU_WIDTH = 108, 178
FUSES_LEFT, FUSES_WIDTH, FUSE_STEP = 272, 120, 30
# From the first driver down to the second.
TAPS = {"VCC": 330, "SDA": 346, "SCL": 362, "GND": 378}
GROUND_TAP, FEED_TAP = 410, 426
CAPACITOR_X = DRIVER_LEFT - 22


def draw_head(board: McuBoard, profile: HeadProfile) -> Sheet:
    """The wiring of one head on one microcontroller board."""
    found = feeds(profile)
    bottom = DRIVER_TOPS[len(found) - 1] + DRIVER_HEIGHT
    notes_top = 520 if len(found) > 1 else bottom + 34
    legend_top = bottom + 34 if len(found) > 1 else notes_top + 246
    servos = f"{len(profile.channels)} servos" if len(profile.channels) > 1 else "one servo"
    drivers = f"{'two' if len(found) > 1 else 'one'} PCA9685"
    title = f"{profile.name}: {board.name}, {drivers}, {servos}"
    sheet = Sheet(WIDTH, legend_top + 62, title)
    sheet.text(24, 38, title, TITLE, bold=True)
    source = f"Pins from {board.settings}, outputs from models/{profile.path.name}."
    sheet.text(24, 60, f"{source} Not to scale: find pins by their names.", SMALL, colour=SOFT_INK)
    _draw_supply(sheet, profile)
    _draw_fuses(sheet, found)
    _draw_mcu(sheet, board, len(found))
    for feed in found:
        _draw_driver(sheet, feed, board.addresses[feed.board])
        for row in range(OUTPUTS):
            _draw_output(sheet, feed, row)
    _draw_notes(sheet, board, found, notes_top)
    _draw_legend(sheet, board, legend_top)
    return sheet


def _draw_supply(sheet: Sheet, profile: HeadProfile) -> None:
    """Supply and main switch."""
    plus, minus = (DRIVER_TOPS[0] + below for below in (TERMINAL_PLUS, TERMINAL_MINUS))
    rating = supply_a(profile)
    sheet.rectangle(24, plus - 30, 124, 130, round_by=6)
    sheet.text(34, plus - 10, "Servo supply", LARGE, bold=True)
    sheet.lines(34, plus + 20, ["5 to 6 V DC", f"{rating:g} A or more,", "apart from", "the Pi's own"])
    sheet.text(140, plus + 6, "+", LARGE, "end", bold=True)
    sheet.text(140, minus + 5, "–", LARGE, "end", bold=True)
    sheet.wire(SUPPLY, (148, plus), (182, plus))
    sheet.wire(SUPPLY, (222, plus), (FUSES_LEFT, plus))
    sheet.stroke([(183, plus), (216, plus - 17)], INK, 3)
    for x in (182, 222):
        sheet.circle(x, plus, 5, PAPER, INK)
    sheet.text(206, plus + 24, "main switch", SMALL, "middle")
    sheet.wire(POWER_GROUND, (148, minus), (FUSES_LEFT, minus))
    sheet.text(210, minus + 22, wire_for(rating), SMALL, "middle")


def _draw_fuses(sheet: Sheet, found: list[Feed]) -> None:
    """A fuse for each driver, the common minus, and the two thick wires to each driver."""
    plus, minus = (DRIVER_TOPS[0] + below for below in (TERMINAL_PLUS, TERMINAL_MINUS))
    right = FUSES_LEFT + FUSES_WIDTH
    more = len(found) - 1
    sheet.rectangle(FUSES_LEFT, plus - 22, FUSES_WIDTH, 44 + 24 * more, round_by=6)
    sheet.text(FUSES_LEFT, plus - 29, "fuse box", SMALL)
    sheet.rectangle(FUSES_LEFT, minus - 16, FUSES_WIDTH, 32 + 20 * more, round_by=6)
    wires = " and ".join(sorted({feed.wire for feed in found}))
    sheet.lines(
        FUSES_LEFT + 20, minus + 52, ["minus bar", f"to the driver{'s' * bool(more)}:", wires], step=15
    )
    for feed in found:
        top = DRIVER_TOPS[feed.board]
        fuse_y, minus_y = plus + FUSE_STEP * feed.board, minus + 22 * feed.board
        plus_end, minus_end = (DRIVER_LEFT, top + TERMINAL_PLUS), (DRIVER_LEFT, top + TERMINAL_MINUS)
        if feed.board == 0:
            sheet.wire(SUPPLY, (FUSES_LEFT, plus), plus_end)
            sheet.wire(POWER_GROUND, (FUSES_LEFT, minus), minus_end)
        else:
            fork = FUSES_LEFT + 14
            sheet.wire(
                SUPPLY,
                (fork, plus),
                (fork, fuse_y),
                (FEED_TAP, fuse_y),
                (FEED_TAP, plus_end[1]),
                plus_end,
            )
            sheet.wire(
                POWER_GROUND,
                (fork, minus),
                (fork, minus_y),
                (GROUND_TAP, minus_y),
                (GROUND_TAP, minus_end[1]),
                minus_end,
            )
            sheet.dot(SUPPLY, fork, plus)
            sheet.dot(POWER_GROUND, fork, minus)
        sheet.part(right - 49, fuse_y, 78, f"F{feed.board + 1}: {feed.fuse_a:g} A")


def _draw_mcu(sheet: Sheet, board: McuBoard, drivers: int) -> None:
    """The microcontroller, and the four wires that all drivers share."""
    rows = {name: DRIVER_TOPS[0] + HEADER_FIRST + HEADER_STEP * place for place, name in enumerate(HEADER)}
    right = MCU_LEFT + MCU_WIDTH
    marked = [
        (net, pin, mark) for net, pin, mark in ((STOP, board.stop, "A"), (SENSE, board.sense, "B")) if pin
    ]
    top, height = rows["GND"] - 54, 54 + HEADER_STEP * (5 + len(marked))
    sheet.rectangle(MCU_LEFT, top, MCU_WIDTH, height, round_by=6)
    sheet.text(MCU_LEFT + MCU_WIDTH / 2, top + 22, board.name, NORMAL, "middle", bold=True)
    pins = {"GND": board.ground, "SCL": board.scl, "SDA": board.sda, "VCC": board.logic_supply}
    for name, pin in pins.items():
        sheet.text(right - 8, rows[name] + 4.5, pin, NORMAL, "end")
        sheet.wire(HEADER_NETS[name], (right, rows[name]), (DRIVER_LEFT + 8, rows[name]))
    for place, (net, pin, mark) in enumerate(marked):
        y = rows["V+"] + HEADER_STEP * place
        sheet.text(right - 8, y + 4.5, pin, NORMAL, "end")
        sheet.wire(net, (right, y), (right + 14, y))
        sheet.mark(right + 23, y, mark)
    usb = rows["SDA"]
    sheet.rectangle(MCU_LEFT - 10, usb - 15, 26, 30, PAPER)
    sheet.wire(CABLE, (24, usb), (MCU_LEFT - 10, usb))
    sheet.lines(24, usb - 42, ["USB cable", "to the Pi"])
    if drivers > 1:
        below = DRIVER_TOPS[1] - DRIVER_TOPS[0]
        for name, x in TAPS.items():
            net, y = HEADER_NETS[name], rows[name]
            sheet.wire(net, (x, y), (x, y + below), (DRIVER_LEFT + 8, y + below))
            sheet.dot(net, x, y)


def _draw_driver(sheet: Sheet, feed: Feed, address: int) -> None:
    """A driver board with its terminal, its control pins and its capacitor."""
    top, number = DRIVER_TOPS[feed.board], feed.board + 1
    plus, minus = top + TERMINAL_PLUS, top + TERMINAL_MINUS
    bridge = "bridged" if feed.board else "open"
    sheet.text(DRIVER_LEFT, top - 10, f"Driver {number}: {address:#x} (A0 {bridge})", NORMAL, bold=True)
    sheet.rectangle(DRIVER_LEFT, top, DRIVER_WIDTH, DRIVER_HEIGHT, BOARD_BLUE, round_by=4)
    for name, y in (("V+", plus), ("GND", minus)):
        sheet.rectangle(DRIVER_LEFT - 4, y - 12, 22, 24, TERMINAL_BLUE)
        sheet.circle(DRIVER_LEFT + 7, y, 5, PAPER, INK)
        sheet.text(DRIVER_LEFT + 24, y + 4.5, name, NORMAL, bold=True)
    sheet.lines(DRIVER_LEFT + 24, (plus + minus) / 2 - 3, ["screw", "terminal"], step=14)
    for place, sign in enumerate(PLUG_SIGNS):
        sheet.text(PLUG_LEFT + 4 + PLUG_STEP * place, top + 13, sign, SMALL, "middle", bold=True)
    sheet.text(SERVO_LEFT + 34, top + 10, "output and servo", SMALL, colour=SOFT_INK)
    for place, name in enumerate(HEADER):
        y = top + HEADER_FIRST + HEADER_STEP * place
        used = name in HEADER_NETS
        sheet.circle(DRIVER_LEFT + 8, y, 5, BRASS if used else PAPER, INK if used else FAINT)
        sheet.text(
            DRIVER_LEFT + 20, y + 4.5, name if used else f"{name} free", SMALL, colour=INK if used else FAINT
        )
    sheet.text(DRIVER_LEFT + 14, top + DRIVER_HEIGHT - 50, "PCA9685", NORMAL, bold=True)
    sheet.capacitor(CAPACITOR_X, plus, minus - plus, [f"C{number}"], polar=True)
    sheet.dot(SUPPLY, CAPACITOR_X, plus)
    sheet.dot(POWER_GROUND, CAPACITOR_X, minus)


def _draw_output(sheet: Sheet, feed: Feed, row: int) -> None:
    """One of the 16 rows of three pins, and the servo on it, if any."""
    y = DRIVER_TOPS[feed.board] + FIRST_ROW + ROW * row
    right = DRIVER_LEFT + DRIVER_WIDTH
    output = OUTPUTS * feed.board + row
    channel = next((c for c in feed.channels if c.output == output), None)
    sheet.text(PLUG_LEFT - 8, y + 4.5, str(row), SMALL, "end", colour=INK if channel else FAINT)
    for place, colour in enumerate(PLUG):
        sheet.rectangle(PLUG_LEFT + PLUG_STEP * place, y - 4, 8, 8, colour, line_width=1)
    if channel is not None:
        sheet.stroke([(right, y), (SERVO_LEFT, y)], CABLE.colour, 3)
        _draw_servo(sheet, channel, y)


def _draw_servo(sheet: Sheet, channel: Channel, y: float) -> None:
    colour = GROUP_COLOURS.get(channel.group, OTHER_GROUP)
    strong = servo_class(channel) is STRONG
    sheet.rectangle(SERVO_LEFT, y - 10.5, SERVO_RIGHT - SERVO_LEFT, 21, colour, round_by=4, line_width=1)
    sheet.text(SERVO_LEFT + 26, y + 4.5, str(channel.output), NORMAL, "end", bold=True)
    sheet.text(SERVO_LEFT + 34, y + 4.5, channel.name, NORMAL)
    sheet.text(SERVO_RIGHT - 20, y + 4.5, channel.group, SMALL, "end", colour=SOFT_INK)
    if strong:
        x = SERVO_RIGHT - 10
        sheet.shape([(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)])


def _draw_notes(sheet: Sheet, board: McuBoard, found: list[Feed], top: float) -> None:
    """What the wiring hangs on, and the circuits at the pins marked A and B."""
    one = len(found) == 1
    capacitors = ", ".join(f"C{feed.board + 1} {feed.capacitor_uf} µF" for feed in found)
    notes = [
        "One ground: supply, drivers and board.",
        "V+ never touches VCC or 3V3.",
        "No servo hangs on the board or the Pi.",
        f"{capacitors}: 10 V or more,",
        "the stripe (minus) to GND.",
        "SDA and SCL have their pull-ups on the",
        "drivers; keep these wires below 30 cm.",
        "Servo plugs: brown or black to GND (–).",
        *(["Driver 2: A0 bridged with solder."] if not one else []),
        *(["Black diamond: a strong servo."] if any(_strong(feed) for feed in found) else []),
    ]
    x, y = (480, top) if one else (24, top + 234)
    sheet.text(x, y, "Check twice", LARGE, bold=True)
    sheet.lines(x, y + 22, notes)
    if board.stop:
        _draw_title(sheet, 33, top, "A", "stop button")
        draw_stop(sheet, 60, top + 24, board.stop)
        sheet.lines(24, top + 160, ["closes while", "pressed"], step=15)
    if board.sense:
        _draw_title(sheet, 166, top, "B", "supply voltage")
        draw_sense(sheet, 134, top + 24, board.sense)
        if board.sense_setting:
            sheet.text(24, top + 208, f"B is an extra, with {board.sense_setting} in board.py", SMALL)


def _draw_title(sheet: Sheet, x: float, y: float, mark: str, title: str) -> None:
    sheet.mark(x, y - 5, mark)
    sheet.text(x + 14, y, title, NORMAL, bold=True)


def _strong(feed: Feed) -> bool:
    return any(servo_class(channel) is STRONG for channel in feed.channels)


def _draw_legend(sheet: Sheet, board: McuBoard, top: float) -> None:
    nets = [SUPPLY, POWER_GROUND, LOGIC, GROUND, SDA, SCL]
    nets += [net for net, pin in ((STOP, board.stop), (SENSE, board.sense)) if pin]
    for place, net in enumerate(nets):
        x, y = 24 + 218 * (place // 2), top + 22 * (place % 2)
        sheet.stroke([(x, y), (x + 30, y)], net.colour, net.width, net.dashes)
        sheet.text(x + 38, y + 4.5, net.name, SMALL)
