"""The wiring that is drawn is the wiring that firmware and profiles expect, and it can be read."""

import importlib
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from lipwright.face.profile import load_profile
from lipwright.resources import models_dir

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs/images"
BOARDS = sorted(path.parent.name for path in (ROOT / "mcu/boards").glob("*/board.py"))
WHOLE_HEADS = {f"wiring_{board}.svg": (board, "reference_head") for board in BOARDS} | {
    f"wiring_{head}.svg": ("pico", head) for head in ("six_servo_mouth", "jaw_skull")
}
NAMES = sorted([*WHOLE_HEADS, "overview.svg", "wiring_details.svg"])
SMALLEST_TEXT = 12  # at the width at which pages show it
RIGHT_OF_DRIVERS = 640

each_drawing = pytest.mark.parametrize("name", NAMES)
each_head = pytest.mark.parametrize("name", sorted(WHOLE_HEADS))


@pytest.fixture(scope="module")
def tools():
    """Imports a module that lies beside the scripts in tools."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "tools")
        yield importlib.import_module


@pytest.fixture(scope="module")
def sheets(tools):
    return tools("drawings").drawings()


def texts(sheet):
    """Every text of a drawing: (text, x, y), as a viewer places it."""
    root = ElementTree.fromstring(sheet.svg())
    return [
        (node.text, float(node.get("x")), float(node.get("y")))
        for node in root.iter("{http://www.w3.org/2000/svg}text")
    ]


def setting(board, name):
    """A number in a board's settings, read without the code that draws."""
    source = (ROOT / f"mcu/boards/{board}/board.py").read_text()
    return int(re.search(rf"^{name} = ([0-9_]+)$", source, re.MULTILINE)[1])


def on_board(board, pin):
    return f"GPIO{pin}" if board.startswith("esp") else f"GP{pin} (pin "


def test_the_files_are_what_would_be_drawn_now(sheets):
    assert sorted(path.name for path in IMAGES.glob("*.svg")) == sorted(sheets) == NAMES
    for name, sheet in sheets.items():
        assert (IMAGES / name).read_text(encoding="utf-8") == sheet.svg(), "run: python tools/drawings.py"


@each_head
def test_every_servo_hangs_on_the_output_of_the_profile(sheets, name):
    profile = load_profile(models_dir() / f"{WHOLE_HEADS[name][1]}.toml")
    shown = texts(sheets[name])
    drivers = {int(text[7]): y for text, _x, y in shown if re.match(r"Driver \d: 0x", text)}
    assert sorted(drivers) == list(range(1, max(c.output for c in profile.channels) // 16 + 2))
    for channel in profile.channels:
        row = next(y for text, _x, y in shown if text == channel.name)
        beside = {text for text, x, y in shown if y == row and x > RIGHT_OF_DRIVERS}
        pins = {text for text, x, y in shown if y == row and x < RIGHT_OF_DRIVERS}
        assert {str(channel.output), channel.name} <= beside
        assert str(channel.output % 16) in pins
        assert max(number for number, y in drivers.items() if y < row) == channel.output // 16 + 1
    names = [text for text, x, _y in shown if x > RIGHT_OF_DRIVERS and "_" in text]
    assert len(names) == sum("_" in channel.name for channel in profile.channels)


@each_head
def test_every_wire_starts_at_the_pin_of_the_settings(sheets, name):
    board = WHOLE_HEADS[name][0]
    shown = texts(sheets[name])
    for label, key in (("SDA", "I2C_SDA_PIN"), ("SCL", "I2C_SCL_PIN")):
        pin = next(y for text, _x, y in shown if text.startswith(on_board(board, setting(board, key))))
        first = min(y for text, _x, y in shown if text == label)
        assert pin == first
    stop = on_board(board, setting(board, "STOP_PIN"))
    assert sum(text.startswith(stop) for text, _x, _y in shown) == 2, "at the board, and at its circuit"


def test_other_settings_make_another_drawing(tools, tmp_path):
    source = (ROOT / "mcu/boards/pico/board.py").read_text()
    source = re.sub("I2C_SDA_PIN = .*", "I2C_SDA_PIN = 20", source)
    source = re.sub("STOP_PIN = .*", "STOP_PIN = None", source)
    (tmp_path / "board.py").write_text(source)
    board = tools("drawings_boards").load_board(tmp_path / "board.py")
    shown = [text for text, _x, _y in texts(tools("drawings_head").draw_head(board, load_profile()))]
    assert "GP20 (pin 26)" in shown
    assert not any("stop button" in text for text in shown)


def test_pins_of_a_pico_are_where_its_maker_put_them(tools):
    pins = tools("drawings_boards").PICO_PINS
    assert [pins[number] for number in (0, 4, 5, 15, 16, 22, 26, 28)] == [1, 6, 7, 20, 21, 29, 31, 34]
    grounds = {3, 8, 13, 18, 23, 28, 33, 38}
    assert sorted({*pins.values(), *grounds}) == sorted({*range(1, 35), 38} - {30})


@pytest.mark.parametrize("board", BOARDS)
def test_the_divider_keeps_the_pin_whole_and_is_the_one_of_the_firmware(tools, board):
    circuits = tools("drawings_circuits")
    assert circuits.pin_voltage(8.4, tolerance=0.05) < 3.3
    most_v = 3.1 if board == "esp32s3" else 3.3  # that its ADC can read
    at_full_scale = circuits.pin_voltage(setting(board, "SUPPLY_FULL_SCALE_MV") / 1000)
    assert at_full_scale == pytest.approx(most_v, abs=0.001)


@each_drawing
def test_no_text_covers_another_or_leaves_the_sheet(sheets, name):
    sheet = sheets[name]
    for place, box in enumerate(sheet.boxes):
        assert box.left >= 0 and box.right <= sheet.width, box
        assert box.top >= 0 and box.bottom <= sheet.height, box
        assert not [other for other in sheet.boxes[:place] if box.meets(other)], box


@each_drawing
def test_no_wire_runs_through_a_text(sheets, name):
    sheet = sheets[name]
    assert sheet.strokes
    for box in sheet.boxes:
        assert not [stroke for stroke in sheet.strokes if box.is_crossed(*stroke)], box


@each_drawing
def test_texts_are_large_enough_and_stand_on_white(sheets, name):
    root = ElementTree.fromstring(sheets[name].svg())
    assert root.get("width") == "900"
    sizes = [float(node.get("font-size")) for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert min(sizes) >= SMALLEST_TEXT
    ground = root.find("{http://www.w3.org/2000/svg}rect")
    assert (ground.get("fill"), ground.get("width")) == ("#ffffff", "900")
