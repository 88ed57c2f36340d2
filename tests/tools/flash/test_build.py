"""The firmware as it is built for each kind of board."""

import subprocess
import zlib
from pathlib import Path

import pytest

import facewire
from liplab.flash.build import MANIFEST, build, sources
from liplab.flash.targets import ARCHITECTURES, TARGETS, UNIX
from lipwright.errors import LipwrightError
from lipwright.resources import firmware_dir

BOARDS = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@BOARDS
def test_every_module_is_there_compiled_for_the_boards_machine_code(target):
    files = build(target).files
    firmware = {path.stem for path in firmware_dir().glob("*.py")} - {"main", "kernels_plain"}
    wire = {f"facewire/{path.stem}" for path in Path(facewire.__file__).parent.glob("*.py")}
    assert {name.removesuffix(".mpy") for name in files} == firmware | wire | {"board", MANIFEST}
    architectures = set()
    for name, data in files.items():
        if name != MANIFEST:
            assert data[:2] == b"M\x06", name
            architectures.add(ARCHITECTURES[data[2] >> 2])
    assert architectures == {"", target.architecture}, "plain modules run anywhere, the kernels there"


@BOARDS
def test_the_manifest_names_every_file_and_the_build_is_its_crc(target):
    image = build(target)
    lines = [line.split() for line in image.files[MANIFEST].decode().splitlines()]
    named = {name: (int(crc, 16), int(size)) for crc, size, name in lines}
    assert named == {
        name: (zlib.crc32(data), len(data)) for name, data in image.files.items() if name != MANIFEST
    }
    assert image.build == f"+{zlib.crc32(image.files[MANIFEST]):08x}"


def test_a_build_is_the_same_each_time_and_knows_nothing_of_this_machine():
    one, other = build(UNIX), build(UNIX)
    assert one == other
    here = str(firmware_dir().parent).encode()
    assert not [name for name, data in one.files.items() if here in data]


def test_the_board_that_is_a_process_has_its_own_clock_and_port_and_settings():
    folder = firmware_dir() / "ports/unix"
    found = sources(UNIX)
    assert {name for name, path in found.items() if path.parent == folder} == {
        "board",
        "clock",
        "serial_port",
    }


def test_settings_of_the_users_are_built_in(tmp_path):
    settings = tmp_path / "my board.py"
    settings.write_text(UNIX.settings.read_text().replace("simulated board", "simulated board, my own"))
    image = build(UNIX, settings=settings)
    assert b"my own" in image.files["board.mpy"]
    assert image.build != build(UNIX).build


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("NAME = 'x'\n", r"lacks .*I2C_FREQUENCY, .*: start from a copy of .*board\.py"),
        ("NAME = \n", "is not Python"),
        (
            UNIX.settings.read_text().replace("simulated", "emulated"),
            "needs a NAME of its own that begins with",
        ),
        (UNIX.settings.read_text() + "# mine", 'like "simulated board, my head"'),
        (None, "cannot read"),
    ],
)
def test_settings_that_will_not_do_are_refused(tmp_path, text, says):
    settings = tmp_path / "mine.py"
    if text is not None:
        settings.write_text(text)
    with pytest.raises(LipwrightError, match=says):
        build(UNIX, settings=settings)


def test_settings_that_only_micropython_refuses_are_refused(tmp_path):
    settings = tmp_path / "mine.py"
    named = UNIX.settings.read_text().replace("simulated board", "simulated board, my own")
    settings.write_text(named + "\nmatch NAME:\n    case _:\n        pass\n")
    with pytest.raises(LipwrightError, match=r"mine\.py cannot be compiled: .*Error"):
        build(UNIX, settings=settings)


def test_what_is_built_loads_on_micropython(micropython, tmp_path):
    print_architecture = "import sys; print(sys.implementation._mpy >> 10 & 15)"
    number = subprocess.run(
        [*micropython, "-c", print_architecture], capture_output=True, text=True, check=True
    ).stdout
    build(UNIX, ARCHITECTURES[int(number)]).write(tmp_path)
    code = "import sys; sys.path.insert(0, sys.argv[1]); import kernels, fast; print(fast.__file__)"
    done = subprocess.run([*micropython, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout.strip() == f"{tmp_path}/fast.mpy", done.stderr
