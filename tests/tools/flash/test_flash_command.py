"""`lipwright flash` on a board: the firmware comes on and speaks, or the old one stays."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from liplab.flash import command, greeting, ports, prompt
from liplab.flash import install as installing
from liplab.flash.build import build, loader
from liplab.flash.install import install
from liplab.flash.targets import TARGETS, UNIX
from lipwright.boards import SerialBoard
from lipwright.cli import main
from lipwright.errors import LipwrightError

MODULES = "print(sorted(m.__file__ for m in __import__('sys').modules.values() if hasattr(m, '__file__')))"


def settings(path: Path, more: str = "") -> Path:
    """A board.py of the user's."""
    shipped = 'NAME = "simulated board'
    path.write_text(UNIX.settings.read_text().replace(shipped, f"{shipped}, my head") + more)
    return path


def test_an_empty_board_gets_the_firmware_and_speaks(any_board, flash):
    code, said = flash("--port", any_board.port)
    assert code == 0, said
    assert re.search(
        r"^found: a board that is a process, MicroPython 1\.\d+\.\d+, on /dev/pts/\d+$", said, re.M
    )
    assert re.search(
        r"^the board speaks: simulated board, firmware 0\.1\.0\+[0-9a-f]{8}, MicroPython", said, re.M
    )
    assert any_board.file("slot") == "a"
    assert (any_board.flash / "main.py").read_bytes() == loader()
    info = any_board.greet()
    assert info is not None and info.firmware_version in said


def test_what_runs_is_what_was_copied_and_it_gives_way_to_mpremote(any_board, flash):
    assert flash("--port", any_board.port)[0] == 0
    # Out of the firmware, with its modules still there: no soft reset.
    loaded = any_board.mpremote("resume", "exec", MODULES)
    paths = {Path(path) for path in re.findall(r"'(.*?)'", loaded)}
    ours = {path.stem for path in (any_board.flash / "a").rglob("*.mpy")}
    copied = {path.stem for path in paths if path.parts[1] == "a"}
    assert {"firmware", "head", "kernels", "clock", "serial_port", "board", "wire", "cobs"} <= copied
    assert not ours & {path.stem for path in paths if path.parts[1] != "a"}
    assert "main.py" in any_board.mpremote("ls")


def test_new_firmware_goes_beside_the_old_one_and_takes_over(board, flash, tmp_path):
    assert flash("--port", board.port)[0] == 0
    old = {path: path.read_bytes() for path in (board.flash / "a").rglob("*.mpy")}
    code, said = flash("--port", board.port, "--settings", settings(tmp_path / "mine.py"))
    assert code == 0 and "the board speaks: simulated board, my head" in said
    assert board.file("slot") == "b"
    assert {path: path.read_bytes() for path in (board.flash / "a").rglob("*.mpy")} == old
    code, said = flash("--port", board.port, "--settings", UNIX.settings)
    assert code == 0 and "the board speaks: simulated board, firmware" in said
    assert board.file("slot") == "a"


def test_settings_of_the_users_are_not_replaced_unasked(board, flash, tmp_path):
    assert flash("--port", board.port, "--settings", settings(tmp_path / "mine.py"))[0] == 0
    before = board.greet()
    code, said = flash("--port", board.port)
    assert code == 2
    assert "has settings of yours (simulated board, my head): give their file with --settings, or /" in said
    assert board.greet().firmware_version == before.firmware_version


def test_firmware_that_is_there_already_is_not_copied_again(board, flash):
    assert flash("--port", board.port)[0] == 0
    before = {path: path.stat().st_mtime_ns for path in board.flash.rglob("*.mpy")}
    code, said = flash("--port", board.port)
    assert code == 0 and "has this firmware already" in said and "the board speaks" in said
    assert {path: path.stat().st_mtime_ns for path in board.flash.rglob("*.mpy")} == before


def test_files_of_an_older_firmware_do_not_stay_in_the_slot(board, flash):
    (board.flash / "a/facewire").mkdir(parents=True)
    (board.flash / "a/facewire/old.mpy").write_bytes(b"old")
    (board.flash / "a/wire.mpy").write_bytes(b"old")
    assert flash("--port", board.port)[0] == 0
    files = build(UNIX, "x64").files
    assert {
        path.relative_to(board.flash / "a").as_posix()
        for path in (board.flash / "a").rglob("*.*")
        if path.is_file()
    } == set(files) - {"manifest"}
    assert (board.flash / "a/wire.mpy").read_bytes() == files["wire.mpy"]


def test_a_program_of_the_users_is_kept_under_another_name(board, flash):
    (board.flash / "main.py").write_text("print('mine')\n")
    code, said = flash("--port", board.port)
    assert code == 0 and "now called main_before.py" in said
    assert board.file("main_before.py") == "print('mine')\n"


def test_the_firmware_that_was_copied_by_hand_is_no_program_of_the_users(board, flash):
    (board.flash / "main.py").write_text(
        '"""What MicroPython runs when the board gets power: the firmware."""\nimport firmware\n'
    )
    assert flash("--port", board.port)[0] == 0
    assert not (board.flash / "main_before.py").exists()


@pytest.mark.parametrize("more", ["\n1 // 0\n", "\nimport nothing_of_this_name\n"])
def test_a_new_firmware_that_does_not_start_leaves_the_old_one_speaking(board, flash, tmp_path, more):
    assert flash("--port", board.port)[0] == 0
    old = board.greet()
    code, said = flash("--port", board.port, "--settings", settings(tmp_path / "mine.py", more))
    assert code == 2
    reason = "ZeroDivisionError" if "//" in more else "nothing_of_this_name"
    assert re.search(
        rf"the new firmware does not run \(.*{reason}.*\); the board is back with its old one", said
    )
    assert board.greet().firmware_version == old.firmware_version
    assert board.file("slot") == "a"
    assert flash("--port", board.port, "--settings", settings(tmp_path / "mine.py"))[0] == 0


def test_a_first_firmware_that_does_not_start_says_why(board, flash, tmp_path, monkeypatch):
    monkeypatch.setattr(greeting, "PATIENCE_S", 1.5)
    code, said = flash("--port", board.port, "--settings", settings(tmp_path / "mine.py", "\n1 // 0\n"))
    assert code == 2
    assert "does not answer (ZeroDivisionError" in said and "Traceback" not in said


def test_with_a_watchdog_the_firmware_restarts_the_board_to_give_way(board, flash, tmp_path):
    mine = settings(tmp_path / "mine.py")
    mine.write_text(re.sub(r"WATCHDOG_MS = \d+", "WATCHDOG_MS = 2_000", mine.read_text()))
    assert flash("--port", board.port, "--settings", mine)[0] == 0
    code, said = flash("--port", board.port, "--settings", UNIX.settings)
    assert code == 0 and "the board speaks: simulated board, firmware" in said


def test_a_new_firmware_that_hangs_is_ended_by_the_watchdog(board, flash, tmp_path, monkeypatch):
    """In the drivers, before it has a watchdog of its own: by the one of the loader, here a shorter one."""
    quick = loader().replace(b"_LOADING_MS = 8_000", b"_LOADING_MS = 1_500")
    assert quick != loader()
    monkeypatch.setattr(installing, "loader", lambda: quick)
    assert flash("--port", board.port)[0] == 0
    old = board.greet()
    endless = (
        "class Endless:\n    def __len__(self):\n        while True: pass\nPCA9685_ADDRESSES = Endless()\n"
    )
    mine = settings(tmp_path / "mine.py", endless)
    mine.write_text(re.sub(r"WATCHDOG_MS = \d+", "WATCHDOG_MS = 2_000", mine.read_text()))
    code, said = flash("--port", board.port, "--settings", mine)
    assert code == 2 and "the new firmware does not run; the board is back with its old one" in said
    assert board.greet().firmware_version == old.firmware_version
    assert board.file("slot") == "a"


# ---- what breaks off


def flashing(board, *arguments: object) -> subprocess.Popen:
    """The command in a process of its own, which can be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "lipwright", "flash", "--port", board.port, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_copied(board, slot: str, share: float) -> None:
    """Returns when that share of the bytes of a slot has come."""
    total = build(UNIX, "x64").size
    for _ in range(2000):
        if (
            sum(path.stat().st_size for path in (board.flash / slot).rglob("*") if path.is_file())
            >= share * total
        ):
            return
        time.sleep(0.005)
    pytest.fail("nothing was copied")


@pytest.mark.parametrize("share", [0.01, 0.4, 0.8])
def test_a_pulled_cable_is_told_and_leaves_the_old_firmware_speaking(board, flash, tmp_path, share):
    assert flash("--port", board.port)[0] == 0
    old = board.greet()
    process = flashing(board, "--settings", settings(tmp_path / "mine.py"))
    wait_until_copied(board, "b", share)
    board.off()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert (
        "broke: check the cable" in said and "still has its old firmware" in said and "Traceback" not in said
    )
    board.on()
    assert board.greet().firmware_version == old.firmware_version
    code, said = flash("--port", board.port, "--settings", tmp_path / "mine.py")
    assert code == 0 and "the board speaks: simulated board, my head" in said


def test_a_command_that_is_stopped_lets_the_old_firmware_run_again(board, flash, tmp_path):
    assert flash("--port", board.port)[0] == 0
    old = board.greet()
    process = flashing(board, "--settings", settings(tmp_path / "mine.py"))
    wait_until_copied(board, "b", 0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said
    assert board.greet().firmware_version == old.firmware_version


def test_power_may_fail_at_any_step(board, flash, tmp_path, monkeypatch):
    """Before each of the last steps, from the end of the copy to the restart."""
    assert flash("--port", board.port)[0] == 0
    old, mine = board.greet().firmware_version[-9:], settings(tmp_path / "mine.py")
    new = build(UNIX, "x64", mine).build
    original = prompt.Prompt._run
    steps = []
    left = 10_000

    def failing(self, program):
        nonlocal left
        left -= 1
        if left < 0:
            board.off()
            raise prompt.ConnectionLost("power failed.")
        steps.append(program)
        return original(self, program)

    def attempt(fail_after):
        """A board with the old firmware and an older main.py, flashed until power fails; what speaks then."""
        nonlocal left
        board.off()
        (board.flash / "slot").write_text("a")
        (board.flash / "main.py").write_bytes(loader() + b"# of an older version\n")
        (board.flash / "b/wire.mpy").unlink(missing_ok=True)
        board.on()
        left = fail_after
        steps.clear()
        flash("--port", board.port, "--settings", mine)
        board.off()
        return board.on().greet()

    monkeypatch.setattr(prompt.Prompt, "_run", failing)
    for _ in range(2):  # the first copies everything
        assert attempt(10_000).firmware_version.endswith(new)
    took = len(steps)
    assert took > 20
    came = []
    for fail_after in range(took - 14, took + 1):
        info = attempt(fail_after)
        assert info is not None, f"nothing speaks after {steps[-1]!r}"
        came.append(info.firmware_version[-9:])
    # Once the board knows of the trial, power makes no difference: it starts it, and is greeted.
    assert came == [old] * 14 + [new]


@pytest.mark.parametrize("what", ["kernels.mpy", "main.py.new", "trial.new"])
def test_a_flash_that_is_full_is_told_and_the_old_firmware_speaks(board, flash, tmp_path, monkeypatch, what):
    assert flash("--port", board.port)[0] == 0
    old = board.greet()
    (board.flash / "main.py").write_bytes(loader() + b"# of an older version\n")
    original = prompt.Prompt.write

    def filling(self, path, data, advance=None):
        if path.endswith(what):  # whatever is written there, the disk is full
            (board.flash / path.lstrip("/")).symlink_to("/dev/full")
        original(self, path, data, advance)

    monkeypatch.setattr(prompt.Prompt, "write", filling)
    code, said = flash("--port", board.port, "--settings", settings(tmp_path / "mine.py"))
    assert code == 2
    assert "flash is full: delete files of yours" in said and "Traceback" not in said
    assert board.greet().firmware_version == old.firmware_version
    assert not (board.flash / "b").exists(), "what was begun takes no room"


def test_a_file_that_does_not_arrive_as_it_was_sent_is_noticed(board, flash, tmp_path, monkeypatch):
    assert flash("--port", board.port)[0] == 0
    old = board.greet()
    original = prompt.Prompt.write

    def damaging(self, path, data, advance=None):
        if path.endswith("/wire.mpy"):
            data = data[:50] + bytes([data[50] ^ 1]) + data[51:]
        original(self, path, data, advance)

    monkeypatch.setattr(prompt.Prompt, "write", damaging)
    code, said = flash("--port", board.port, "--settings", settings(tmp_path / "mine.py"))
    assert code == 2 and "wire.mpy did not arrive as it was sent" in said
    assert board.greet().firmware_version == old.firmware_version


# ---- what is not there, or in the way


def test_no_board(flash, monkeypatch):
    monkeypatch.setattr(ports.list_ports, "comports", lambda: [])
    code, said = flash()
    assert code == 2 and "no board is plugged in: connect one with a cable that carries data" in said


def test_two_boards_are_named_with_how_to_choose(flash, monkeypatch):
    monkeypatch.setattr(
        ports.list_ports, "comports", lambda: [plugged("/dev/ttyACM1"), plugged("/dev/ttyACM0")]
    )
    code, said = flash()
    assert code == 2
    assert "2 boards are plugged in: /dev/ttyACM0 (Raspberry Pi), /dev/ttyACM1 (Raspberry Pi)." in said
    assert "Choose one with --port" in said


def test_a_board_is_known_again_by_its_serial_number(monkeypatch):
    monkeypatch.setattr(ports.list_ports, "comports", lambda: [plugged("/dev/ttyACM0", "E661")])
    port = ports.find(None)
    assert port.now == "/dev/ttyACM0"
    monkeypatch.setattr(
        ports.list_ports,
        "comports",
        lambda: [plugged("/dev/ttyACM0", "F772"), plugged("/dev/ttyACM1", "E661")],
    )
    assert port.now == "/dev/ttyACM1"


def plugged(device, serial_number=None):
    port = ListPortInfo(device)
    port.vid, port.serial_number = 0x2E8A, serial_number
    return port


def test_a_port_that_another_program_uses(board, flash):
    other = SerialBoard(board.port)
    other.open()
    code, said = flash("--port", board.port)
    other.close()
    assert code == 2 and "is in use by another program: close that" in said


def test_a_port_that_is_not_there(flash):
    code, said = flash("--port", "/dev/ttyACM77")
    assert code == 2 and "there is no serial port /dev/ttyACM77" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights to a port")
def test_a_port_that_the_user_may_not_open(board):
    os.chmod(board.port, 0o600)
    code = (
        "import os, sys, liplab.flash.over_wire, liplab.flash.bootloader\nfrom lipwright.cli import main\n"
        "os.setgid(65534); os.setuid(65534)\nsys.exit(main(['flash', '--port', sys.argv[1]]))"
    )
    done = subprocess.run([sys.executable, "-c", code, board.port], capture_output=True, text=True)
    assert done.returncode == 2
    assert "usermod -aG" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "program", ["", "while True:\n    print('hello')\n    import time; time.sleep_ms(20)\n"]
)
def test_a_board_without_micropython(board, flash, monkeypatch, program):
    """One that says nothing, and one that runs another program and does not listen."""
    monkeypatch.setattr(prompt, "ANSWER_S", 0.3)
    monkeypatch.setattr(prompt, "PAUSE_S", 0.05)
    (board.flash / "main.py").write_text(program or "import time\nwhile True: time.sleep(1)\n")
    board.off()
    board.on()
    time.sleep(0.3)
    code, said = flash("--port", board.port)
    assert code == 2
    assert "no MicroPython answers" in said and "lipwright flash --micropython download" in said
    assert len(said.strip().splitlines()) == 1


def test_another_kind_of_board_than_was_wanted(board):
    with pytest.raises(LipwrightError, match="is a board that is a process, not a Raspberry Pi Pico"):
        install(ports.find(board.port), wanted=TARGETS["pico"])


def test_without_the_extra_the_command_names_it(monkeypatch, flash):
    monkeypatch.setattr(command, "NEEDED", ("mpremote", "no_such_tool"))
    code, said = flash("--port", "/dev/ttyACM0")
    assert code == 2 and "needs no_such_tool" in said and "pip install 'lipwright[flash]'" in said


def test_help_shows_examples(capsys):
    with pytest.raises(SystemExit):
        main(["flash", "--help"])
    said = capsys.readouterr().out
    assert said.startswith("usage: lipwright flash") and "lipwright flash --micropython FILE.uf2" in said
