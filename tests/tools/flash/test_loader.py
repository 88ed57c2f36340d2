"""main.py on a board: which slot it starts, and how it gets back to the old one."""

import time
import zlib

import pytest

from liplab.flash.build import loader

# A firmware of one module that says that it was started, and then does something.
FIRMWARE = """
with open("ran", "a") as file:
    file.write("{slot}")
{first}
def run():
    {body}
"""
WAITS = "import clock\n    while True: clock.idle_until(clock.ticks_us() + 10000)"
GREETED = "import os; os.rename('tried', 'slot')\n    " + WAITS  # what mcu/slots.py does at a greeting


@pytest.fixture
def loaded(any_board):
    """A board, off, with our main.py on it; and what puts a firmware into a slot."""
    any_board.off()
    (any_board.flash / "main.py").write_bytes(loader())
    return any_board


def put(board, slot, body=WAITS, damage=0, leave_out=False, first=""):
    """Puts a firmware into a slot, with a manifest that fits unless it is damaged."""
    folder = board.flash / slot
    folder.mkdir()
    source = FIRMWARE.format(slot=slot, body=body, first=first).encode()
    manifest = f"{zlib.crc32(source) ^ damage:08x} {len(source)} firmware.py\n"
    if leave_out:
        manifest += "00000000 0 other.mpy\n"
    (folder / "manifest").write_text(manifest)
    (folder / "firmware.py").write_bytes(source)


def run(board, starts):
    """Gives the board power until so many firmwares have been started and it is quiet; what was started."""
    board.on()
    for _ in range(200):
        if len(board.file("ran")) >= starts:
            break
        time.sleep(0.02)
    time.sleep(0.2)  # one start too many would show
    board.off()
    return board.file("ran")


def test_the_good_slot_is_started_again_and_again(loaded):
    put(loaded, "a"), put(loaded, "b")
    (loaded.flash / "slot").write_text("b")
    assert run(loaded, 1) == "b"
    assert run(loaded, 2) == "bb"


def test_a_slot_on_trial_is_started_once_and_is_gone_if_nobody_greets_it(loaded):
    put(loaded, "a"), put(loaded, "b")
    (loaded.flash / "slot").write_text("a")
    (loaded.flash / "trial").write_text("b")
    assert run(loaded, 1) == "b"
    assert run(loaded, 2) == "ba"
    assert run(loaded, 3) == "baa"
    assert sorted(path.name for path in loaded.flash.iterdir()) == ["a", "b", "main.py", "ran", "slot"]


def test_a_slot_that_was_greeted_stays(loaded):
    put(loaded, "a"), put(loaded, "b", GREETED)
    (loaded.flash / "slot").write_text("a")
    (loaded.flash / "trial").write_text("b")
    assert run(loaded, 1) == "b"
    assert loaded.file("slot") == "b"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"body": "1 // 0"}, "ZeroDivisionError"),
        ({"body": "import nothing_of_this_name"}, "nothing_of_this_name"),
        ({"damage": 1}, "firmware.py is damaged"),
        ({"leave_out": True}, "ENOENT"),
    ],
    ids=["fails", "lacks a module", "damaged file", "missing file"],
)
def test_a_trial_that_fails_brings_the_old_one_back_at_once(loaded, settings, reason):
    put(loaded, "a"), put(loaded, "b", **settings)
    (loaded.flash / "slot").write_text("a")
    (loaded.flash / "trial").write_text("b")
    started = run(loaded, 2 if "body" in settings else 1)
    assert started == ("ba" if "body" in settings else "a")
    assert reason in loaded.file("failed")
    assert loaded.file("slot") == "a"


# Watchdogs: of the loader, shortened; and of a firmware, that hangs once it runs.
LOADING = (b"_LOADING_MS = 8_000", b"_LOADING_MS = 300")
HANGS = "while True: pass"
HANGS_IN_ITS_LOOP = "from machine import WDT; WDT(timeout=300)\n    while True: pass"


@pytest.mark.parametrize(
    ("body", "at_import"),
    [("pass", True), (HANGS, False), (HANGS_IN_ITS_LOOP, False)],
    ids=["as it is loaded", "before its watchdog runs", "in its loop"],
)
def test_a_watchdog_brings_the_old_one_back_if_a_trial_hangs(loaded, body, at_import):
    if body is not HANGS_IN_ITS_LOOP:
        assert LOADING[0] in loader()
        (loaded.flash / "main.py").write_bytes(loader().replace(*LOADING))
    put(loaded, "a"), put(loaded, "b", body, first="while True: pass" if at_import else "")
    (loaded.flash / "b/board.py").write_text("WATCHDOG_MS = 2_000\n")
    (loaded.flash / "slot").write_text("a")
    (loaded.flash / "trial").write_text("b")
    assert run(loaded, 2) == "ba"
    assert sorted(path.name for path in loaded.flash.iterdir()) == ["a", "b", "main.py", "ran", "slot"]
    assert loaded.file("slot") == "a"


def test_a_trial_that_hangs_without_a_watchdog_goes_with_the_power(loaded):
    put(loaded, "a"), put(loaded, "b", HANGS)
    (loaded.flash / "main.py").write_bytes(loader().replace(*LOADING))
    (loaded.flash / "b/board.py").write_text("WATCHDOG_MS = 0\n")
    (loaded.flash / "slot").write_text("a")
    (loaded.flash / "trial").write_text("b")
    loaded.on()
    time.sleep(1.0)
    loaded.off()
    assert loaded.file("ran") == "b", "nothing has restarted it"
    assert run(loaded, 2) == "ba"


def test_an_error_long_after_the_greeting_does_not_bring_the_old_one_back(loaded):
    put(loaded, "a"), put(loaded, "b", "import os; os.rename('tried', 'slot')\n    1 // 0")
    (loaded.flash / "slot").write_text("a")
    (loaded.flash / "trial").write_text("b")
    assert run(loaded, 1) == "b"
    assert loaded.file("slot") == "b" and loaded.file("failed") == ""


def test_without_slots_the_modules_beside_main_py_run(loaded):
    (loaded.flash / "firmware.py").write_text(FIRMWARE.format(slot="-", body=WAITS, first=""))
    assert run(loaded, 1) == "-"


def test_a_firmware_that_restarted_for_the_prompt_is_not_started_but_once_more_after_that(loaded):
    put(loaded, "a")
    (loaded.flash / "slot").write_text("a")
    (loaded.flash / "repl").write_text("")
    loaded.on()
    assert loaded.mpremote("resume", "eval", "__name__") == "__main__\n"
    assert loaded.file("ran") == ""
    loaded.off()
    assert run(loaded, 1) == "a"
