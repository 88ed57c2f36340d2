"""The pen of tools/drawings.py: shapes, texts and the symbols of circuits, written as SVG.

A sheet knows where its texts and wires lie, so that tests can see that nothing covers a text. One unit is one
pixel at the width of 900 at which GitHub shows a page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
SMALL, NORMAL, LARGE, TITLE = 12, 13, 15, 20
# Widths of characters over the size, a little wider than in these fonts; bold ones are wider still.
NARROW, NARROW_WIDTH = frozenset("fijlrtI.,:;'!|()[]/- "), 0.36
WIDE, WIDE_WIDTH = frozenset("mwABCDEGHKMNOPQRSTUVWXY%+=µΩ²"), 0.76
OTHER_WIDTH, BOLD = 0.58, 1.07
ASCENT, DESCENT = 0.76, 0.22
INK, SOFT_INK, FAINT, PAPER, PART = "#1a1a1a", "#444444", "#767676", "#ffffff", "#f4f4f2"
BRIDGE = 4.0  # how far the wire that passes over another keeps it away, on each side

Point = tuple[float, float]


@dataclass(frozen=True)
class Net:
    """A kind of wire. Colours are Okabe and Ito's, which colour-blind people tell apart; dashes help too."""

    name: str
    colour: str
    width: float
    dashes: str = ""


SUPPLY = Net("V+: the servos' supply, 5 to 6 V", "#d55e00", 5)
POWER_GROUND = Net("GND of the supply", INK, 5)
GROUND = Net("GND", INK, 2.5)
LOGIC = Net("3.3 V: the chips' supply", "#cc79a7", 2.5)
SDA = Net("SDA: data", "#0072b2", 2.5)
SCL = Net("SCL: clock", "#009e73", 2.5, "9 3")
STOP = Net("stop button", "#56b4e9", 2.5)
SENSE = Net("measured supply", "#e69f00", 2.5, "3 3")
SIGNAL = Net("a servo's signal", "#b8960c", 2.5)
CABLE = Net("ready-made cable", "#555555", 4)


@dataclass(frozen=True)
class Box:
    """Where a text lies; on a part that lies over wires, no wire can run through it."""

    left: float
    top: float
    right: float
    bottom: float
    text: str
    on_part: bool = False

    def meets(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def is_crossed(self, start: Point, end: Point, width: float) -> bool:
        """Whether an upright or level stroke from start to end runs through."""
        if self.on_part:
            return False
        half = width / 2
        (left, right), (top, bottom) = sorted((start[0], end[0])), sorted((start[1], end[1]))
        return self.meets(Box(left - half, top - half, right + half, bottom + half, ""))


def text_width(text: str, size: float, bold: bool = False) -> float:
    """How long a line of text is at most."""
    widths = (
        NARROW_WIDTH if mark in NARROW else WIDE_WIDTH if mark in WIDE else OTHER_WIDTH for mark in text
    )
    return size * sum(widths) * (BOLD if bold else 1)


class Sheet:
    """One drawing, white so that it is read in a dark page too; `boxes` and `strokes` are for tests."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.boxes: list[Box] = []
        self.strokes: list[tuple[Point, Point, float]] = []
        self._parts: list[str] = []
        self.rectangle(0, 0, width, height, PAPER, line="none")

    def svg(self) -> str:
        """The file's text."""
        size = f'width="{_number(self.width)}" height="{_number(self.height)}"'
        view = f'viewBox="0 0 {_number(self.width)} {_number(self.height)}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {view} font-family="{FONT}" role="img">'
        return "\n".join([head, f"<title>{escape(self.title)}</title>", *self._parts, "</svg>", ""])

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = NORMAL,
        anchor: str = "start",
        bold: bool = False,
        colour: str = INK,
        on_part: bool = False,
    ) -> None:
        """A line of text whose baseline is at y; anchor is "start", "middle" or "end"."""
        width = text_width(text, size, bold)
        left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        self.boxes.append(Box(left, y - ASCENT * size, left + width, y + DESCENT * size, text, on_part))
        weight = ' font-weight="bold"' if bold else ""
        self._add(
            f'<text x="{_number(x)}" y="{_number(y)}" font-size="{_number(size)}" text-anchor="{anchor}"'
            f' fill="{colour}"{weight}>{escape(text)}</text>'
        )

    def lines(self, x: float, y: float, lines: Sequence[str], size: float = SMALL, step: float = 17) -> None:
        """Lines of text below each other; y is the first one's baseline."""
        for number, line in enumerate(lines):
            self.text(x, y + number * step, line, size)

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str = PART,
        line: str = INK,
        round_by: float = 0,
        line_width: float = 1.5,
        dashes: str = "",
    ) -> None:
        """A box, rounded if asked."""
        self._add(
            f'<rect x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
            f' rx="{_number(round_by)}" fill="{fill}" stroke="{line}" stroke-width="{_number(line_width)}"'
            f"{_dashed(dashes)}/>"
        )

    def circle(self, x: float, y: float, radius: float, fill: str = INK, line: str = "none") -> None:
        """A disc."""
        self._add(
            f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}" fill="{fill}" stroke="{line}"'
            ' stroke-width="1.5"/>'
        )

    def stroke(
        self, points: Sequence[Point], colour: str = INK, width: float = 1.5, dashes: str = ""
    ) -> None:
        """A plain line through points."""
        self._add(
            f'<polyline points="{_path(points)}" fill="none" stroke="{colour}"'
            f' stroke-width="{_number(width)}" stroke-linejoin="round"{_dashed(dashes)}/>'
        )

    def shape(self, points: Sequence[Point], fill: str = INK) -> None:
        """A filled outline."""
        self._add(f'<polygon points="{_path(points)}" fill="{fill}"/>')

    def wire(self, net: Net, *points: Point) -> None:
        """A wire through points, each straight above or beside the one before."""
        for start, end in pairwise(points):
            if start[0] != end[0] and start[1] != end[1]:
                raise ValueError(f"{net.name}: {start} to {end} is neither level nor upright")
            for other in [earlier for earlier in self.strokes if _cross((start, end), earlier[:2])]:
                self._bridge((start, end), other, net)
            self.strokes.append((start, end, net.width))
        self.stroke(points, net.colour, net.width, net.dashes)

    def _bridge(self, over: tuple[Point, Point], under: tuple[Point, Point, float], net: Net) -> None:
        """Whites out the wire below where another passes over it."""
        (x, y), half = over[0], net.width / 2 + BRIDGE
        if over[0][1] == over[1][1]:
            x = under[0][0]
            self.stroke([(x, y - half), (x, y + half)], PAPER, under[2] + 1)
        else:
            y = under[0][1]
            self.stroke([(x - half, y), (x + half, y)], PAPER, under[2] + 1)

    def dot(self, net: Net, x: float, y: float) -> None:
        """A joint: wires that meet here are connected."""
        self.circle(x, y, net.width / 2 + 2.5, net.colour)

    def mark(self, x: float, y: float, letter: str) -> None:
        """A letter in a ring: what bears the same letter belongs together."""
        self.circle(x, y, 9, PAPER, INK)
        self.text(x, y + 4.5, letter, SMALL, "middle", bold=True)

    def part(self, x: float, y: float, width: float, label: str) -> None:
        """A part in a level wire, its middle at (x, y)."""
        self.rectangle(x - width / 2, y - 11, width, 22, PAPER, round_by=11)
        self.text(x, y + 4.5, label, SMALL, "middle", bold=True, on_part=True)

    # ---- symbols; each stands upright between (x, y) and the point that it returns

    def ground(self, x: float, y: float) -> None:
        """GND, hanging from (x, y)."""
        self.wire(GROUND, (x, y), (x, y + 10))
        for number, half in enumerate((12, 8, 4)):
            self.stroke([(x - half, y + 10 + 5 * number), (x + half, y + 10 + 5 * number)], INK, 2.5)

    def resistor(self, x: float, y: float, label: str) -> Point:
        """A resistor, 50 high, its value to the left."""
        self.stroke([(x, y), (x, y + 50)], INK, 2.5)
        self.rectangle(x - 8, y + 8, 16, 34, PAPER, line_width=2)
        self.text(x - 16, y + 30, label, anchor="end")
        return x, y + 50

    def capacitor(self, x: float, y: float, height: float, labels: Sequence[str], polar: bool) -> Point:
        """A capacitor; of a polar one the upper plate is plus."""
        middle = y + height / 2
        self.stroke([(x, y), (x, middle - 4)], INK, 2.5)
        self.stroke([(x, middle + 4), (x, y + height)], INK, 2.5)
        self.rectangle(x - 13, middle - 7, 26, 4, PAPER if polar else INK, line_width=1.5)
        self.rectangle(x - 13, middle + 3, 26, 4, INK)
        if polar:
            self.text(x + 8, middle - 12, "+", LARGE, bold=True)
        for number, label in enumerate(labels):
            self.text(x - 19, middle + 5 + 15 * (number - (len(labels) - 1) / 2), label, SMALL, "end")
        return x, y + height

    def button(self, x: float, y: float) -> Point:
        """A push button that closes while it is pressed, 40 high."""
        self.stroke([(x, y), (x, y + 12)], INK, 2.5)
        self.stroke([(x, y + 28), (x, y + 40)], INK, 2.5)
        self.circle(x, y + 12, 3.5, PAPER, INK)
        self.circle(x, y + 28, 3.5, PAPER, INK)
        self.stroke([(x + 9, y + 7), (x + 9, y + 33)], INK, 2.5)
        self.stroke([(x + 9, y + 20), (x + 22, y + 20)], INK, 2.5)
        self.stroke([(x + 22, y + 13), (x + 22, y + 27)], INK, 2.5)
        return x, y + 40

    def _add(self, part: str) -> None:
        self._parts.append(part)


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Whether a level and an upright stroke pass through each other, each with both ends beyond."""
    level, upright = (one, other) if one[0][1] == one[1][1] else (other, one)
    if level[0][1] != level[1][1] or upright[0][0] != upright[1][0]:
        return False
    x, y = upright[0][0], level[0][1]
    (left, right), (top, bottom) = sorted((level[0][0], level[1][0])), sorted((upright[0][1], upright[1][1]))
    return left < x < right and top < y < bottom


def _number(value: float) -> str:
    return f"{round(value, 1):g}"


def _path(points: Sequence[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _dashed(dashes: str) -> str:
    return f' stroke-dasharray="{dashes}"' if dashes else ""
