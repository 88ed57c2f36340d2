"""Firmware over the wire: a board that speaks gets a new one, or goes on with the old one."""

import random
import signal
import subprocess
import sys
import time
import zlib

import pytest

from facewire.constants import UPDATE
from liplab.flash import over_wire
from liplab.flash.build import build
from liplab.flash.over_wire import kind_of
from liplab.flash.targets import PICO, PICO2, UNIX
from lipwright.boards import SerialBoard
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.file_messages import Update
from lipwright.link.file_transfer import store_file
from lipwright.link.messages import Ack

COMMAND = (sys.executable, "-m", "lipwright", "flash")


def settings(path, more=""):
    """A board.py of the user's."""
    shipped = 'NAME = "simulated board'
    path.write_text(UNIX.settings.read_text().replace(shipped, f"{shipped}, my head") + more)
    return path


def test_new_firmware_comes_over_the_wire_and_takes_over(any_board, flash, tmp_path):
    assert flash("--port", any_board.port)[0] == 0
    old = any_board.greet()
    code, said = flash("--port", any_board.port, "--over-wire", "--settings", settings(tmp_path / "mine.py"))
    assert code == 0, said
    assert f"found: simulated board, firmware {old.firmware_version}" in said
    assert "the board speaks: simulated board, my head" in said
    assert any_board.file("slot") == "b"
    any_board.off()
    assert any_board.on().greet().board == "simulated board, my head"


def test_a_firmware_that_is_there_already_is_not_sent(board, flash):
    assert flash("--port", board.port)[0] == 0
    code, said = flash("--port", board.port, "--over-wire")
    assert code == 0 and "has this firmware already" in said
    assert not (board.flash / "b").exists()


@pytest.mark.parametrize("more", ["\n1 // 0\n", "\nimport nothing_of_this_name\n"])
def test_a_new_firmware_that_does_not_start_leaves_the_old_one_speaking(board, flash, tmp_path, more):
    assert flash("--port", board.port)[0] == 0
    old = board.greet()
    mine = settings(tmp_path / "mine.py", more)
    code, said = flash("--port", board.port, "--over-wire", "--settings", mine)
    assert code == 2
    assert f"the board is back with its old one, {old.firmware_version}" in said
    assert board.greet().firmware_version == old.firmware_version
    assert board.file("slot") == "a"


def test_a_head_that_was_at_rest_keeps_its_profile_and_its_rest(board, flash, tmp_path):
    assert flash("--port", board.port)[0] == 0
    profile = load_profile()
    wired = SerialBoard(board.port)
    with BoardLink(wired, profile) as link:
        crc = link.connect().profile_crc
    code, said = flash("--port", board.port, "--over-wire", "--settings", settings(tmp_path / "mine.py"))
    assert code == 0, said
    assert board.greet().profile_crc == crc


@pytest.mark.parametrize("what", ["the command", "the power"])
def test_an_update_that_is_cut_anywhere_leaves_the_old_firmware_speaking(board, flash, tmp_path, what):
    """At three moments drawn by lot; afterwards the same command does it."""
    assert flash("--port", board.port)[0] == 0
    old, mine = board.greet().firmware_version, settings(tmp_path / "mine.py")
    total = build(UNIX, "x64", mine).size
    lot = random.Random(what)
    for _ in range(3):
        process = subprocess.Popen(
            [*COMMAND, "--over-wire", "--port", board.port, "--settings", mine],
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until_sent(board, lot.uniform(0.0, 0.9) * total)
        if what == "the command":
            process.send_signal(signal.SIGKILL)
            process.wait()
        else:
            board.off()
            _, said = process.communicate(timeout=30)
            assert process.returncode == 2 and "Traceback" not in said
            board.on()
        assert board.greet().firmware_version == old
        board.off()
        assert board.on().greet().firmware_version == old
    code, said = flash("--port", board.port, "--over-wire", "--settings", mine)
    assert code == 0 and "the board speaks: simulated board, my head" in said


def wait_until_sent(board, count):
    """Returns when that many bytes of the new firmware have come."""
    for _ in range(4000):
        files = [path for path in (board.flash / "b").rglob("*") if path.is_file()]
        try:
            if sum(path.stat().st_size for path in files) >= count and files:
                return
        except FileNotFoundError:  # renamed meanwhile
            pass
        time.sleep(0.005)
    pytest.fail("nothing was sent")


def test_power_that_fails_between_update_and_greeting_brings_the_old_one_back(
    board, flash, tmp_path, monkeypatch
):
    assert flash("--port", board.port)[0] == 0
    old = board.greet().firmware_version
    monkeypatch.setattr(over_wire, "greet", lambda port: board.off())  # the cable goes, and power with it
    code, said = flash("--port", board.port, "--over-wire", "--settings", settings(tmp_path / "mine.py"))
    assert code == 2 and "unplug it and plug it in, and it starts its old firmware" in said
    time.sleep(0.2)
    board.on()
    # It had one start without a greeting; or none, and then this is its one.
    spoke = board.greet().firmware_version
    board.off()
    assert board.on().greet().firmware_version == spoke
    assert spoke == old or board.file("slot") == "b"


@pytest.fixture
def speaking(board, flash):
    """A board with firmware, and a link to it."""
    assert flash("--port", board.port)[0] == 0
    wired = SerialBoard(board.port)
    with BoardLink(wired, load_profile()) as link:
        link.connect()
        yield link
    wired.close()


def test_an_update_is_refused_without_the_firmware_that_it_names(speaking, board):
    with pytest.raises(LipwrightError, match="refused: no firmware was sent"):
        speaking.ask(lambda number: Update(number, 1), Ack)
    store_file(speaking, "slot/manifest", b"00000000 0 firmware.mpy\n")
    with pytest.raises(LipwrightError, match="refused: another firmware was sent"):
        speaking.ask(lambda number: Update(number, 1), Ack)
    assert not (board.flash / "trial").exists()


def test_an_update_waits_until_the_head_is_still(speaking, board):
    clock = speaking.clock
    for frame in range(20):
        speaking.send(load_profile().rest_targets(), clock.now() + 0.15 + 0.02 * frame)
    clock.sleep_until(clock.now() + 0.3)
    with pytest.raises(LipwrightError, match="refused: the head moves: park it first"):
        speaking.ask(lambda number: Update(number, 1), Ack)


def test_an_update_may_be_asked_for_twice(speaking, board):
    manifest = b"00000000 0 nothing.mpy\n"
    store_file(speaking, "slot/manifest", manifest)
    for _ in range(2):
        assert speaking.ask(lambda number: Update(number, zlib.crc32(manifest)), Ack).message_type == UPDATE
    for _ in range(100):
        if board.file("failed"):
            break
        time.sleep(0.05)
    assert "ENOENT" in board.file("failed"), "it restarts a little later, and tries it"


def test_firmware_that_lies_in_no_slot_is_not_renewed(board, flash):
    info = SimpleInfo("0.1.0", "simulated board", "MicroPython 1.25.0 unix 64-bit")
    with pytest.raises(LipwrightError, match=r"copied by hand.*without --over-wire, once"):
        kind_of(info)


@pytest.mark.parametrize(
    ("name", "interpreter", "kind"),
    [
        ("Raspberry Pi Pico", "MicroPython 1.25.0 rp2 32-bit", (PICO, "armv6m")),
        ("Raspberry Pi Pico, my skull", "MicroPython 1.25.0 rp2 32-bit", (PICO, "armv6m")),
        ("Raspberry Pi Pico 2", "MicroPython 1.25.0 rp2 32-bit", (PICO2, "armv7emsp")),
        ("Raspberry Pi Pico 2, my skull", "MicroPython 1.25.0 rp2 32-bit", (PICO2, "armv7emsp")),
        ("simulated board", "MicroPython 1.25.0 unix 32-bit", (UNIX, "x86")),
    ],
)
def test_the_kind_of_a_board_is_told_by_its_name(name, interpreter, kind):
    assert kind_of(SimpleInfo("0.1.0+00000000", name, interpreter)) == kind


def test_a_name_that_tells_no_kind_is_refused():
    with pytest.raises(LipwrightError, match="calls itself Skully"):
        kind_of(SimpleInfo("0.1.0+00000000", "Skully", "MicroPython 1.25.0 rp2 32-bit"))


def test_micropython_itself_does_not_go_over_the_wire(flash):
    code, said = flash("--over-wire", "--micropython", "x.uf2")
    assert code == 2 and "does not go over the wire" in said


class SimpleInfo:
    """Of a board's answer, what tells its kind."""

    def __init__(self, firmware_version, board, interpreter):
        self.firmware_version, self.board, self.interpreter = firmware_version, board, interpreter
