"""The board that is a process, under the real mpremote: its prompt, its files, its restarts."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from liplab import firmware_process
from liplab.board import SimulatedBoard
from liplab.firmware_process import REPL
from lipwright.errors import LipwrightError


def test_mpremote_runs_programs_and_shows_their_errors(any_board):
    assert any_board.mpremote("eval", "6 * 7") == "42\n"
    assert any_board.mpremote("exec", "print('many ' * 2000)") == "many " * 2000 + "\n"
    failing = subprocess.run(
        [sys.executable, "-m", "mpremote", "connect", any_board.port, "exec", "x = 1\n1 / 0"],
        capture_output=True,
        text=True,
    )
    assert failing.returncode == 1
    assert "ZeroDivisionError" in failing.stdout + failing.stderr


def test_mpremote_copies_lists_shows_and_removes_files(any_board, tmp_path):
    data = bytes(range(256)) * 20
    (tmp_path / "data.bin").write_bytes(data)
    any_board.mpremote("mkdir", "folder", "+", "cp", str(tmp_path / "data.bin"), ":/folder/data.bin")
    assert (any_board.flash / "folder/data.bin").read_bytes() == data
    assert "data.bin" in any_board.mpremote("ls", "folder")
    any_board.mpremote("cp", ":folder/data.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == data
    (any_board.flash / "words.txt").write_text("some words\n")
    assert "some words" in any_board.mpremote("cat", "words.txt")
    any_board.mpremote("rm", ":words.txt", "+", "rm", "-r", ":folder")
    assert list(any_board.flash.iterdir()) == []


def test_a_reset_runs_main_py_and_a_soft_reset_by_mpremote_does_not(any_board):
    any_board.mpremote("exec", "pass")  # it has started, and found nothing
    (any_board.flash / "main.py").write_text(
        "with open('ran', 'a') as file:\n    file.write('x')\nname = 'main'\n"
    )
    any_board.mpremote("soft-reset")
    assert any_board.file("ran") == ""
    any_board.mpremote("reset")
    for _ in range(100):
        if any_board.file("ran") == "x":
            break
        time.sleep(0.05)
    assert any_board.file("ran") == "x"
    assert any_board.mpremote("resume", "eval", "name") == "main\n", "what main.py has made is at the prompt"


def test_a_restart_forgets_all_but_the_files(any_board):
    any_board.mpremote("exec", "import json; kept = 1; open('file', 'w').close()")
    assert (
        any_board.mpremote("eval", "'kept' in globals(), 'json' in __import__('sys').modules")
        == "False False\n"
    )
    assert (any_board.flash / "file").exists()


def test_a_program_of_many_kilobytes_is_pasted_whole(any_board):
    program = "".join(f"x{i} = {i}\n" for i in range(1500)) + "print(x0 + x1499)"
    assert any_board.mpremote("exec", program) == "1499\n"


def test_a_person_at_the_prompt_can_type_a_line(board):
    wire = board._running.open()
    wire.timeout = 5
    wire.write(b"\r\x02")
    wire.write(b"1 + 2\r")
    assert b"1 + 2\r\n3\n>>> " in wire.read_until(b"3\n>>> ")


@pytest.mark.parametrize("doing", ["waiting at the prompt", "running main.py"])
def test_no_process_is_left_when_the_program_is_killed(tmp_path, doing):
    if doing == "running main.py":
        (tmp_path / "main.py").write_text(
            "import clock\nwhile True:\n    clock.idle_until(clock.ticks_us() + 10000)\n"
        )
    code = (
        "import sys, time; from pathlib import Path; from liplab.board import SimulatedBoard\n"
        "board = SimulatedBoard('micropython64', flash=Path(sys.argv[1]), program='repl')\n"
        "print(board._process._process.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
    group = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(100):
        if not _members(group):
            return
        time.sleep(0.05)
    pytest.fail(f"processes {_members(group)} are left")


def test_closing_a_board_frees_every_descriptor_and_process(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    board = SimulatedBoard("micropython64", flash=tmp_path, program=REPL)
    group = board._process._process.pid
    board.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert not _members(group)


def test_the_clock_of_the_head_goes_on_through_a_restart(board):
    running = board._running
    board.mpremote("exec", "pass")  # it has started, and found nothing
    (board.flash / "main.py").write_text(
        "import machine\nfrom machine import I2C\nI2C(0).writeto_mem(64, 6, b'1234')\nimport clock\n"
        "clock.idle_until(clock.ticks_us() + 50000)\nI2C(0).writeto_mem(64, 6, b'1234')\n"
    )
    writes = []
    running.on_bus_write = lambda time_us, *_: writes.append(time_us)
    started = running.clock.now()
    board.mpremote("reset")
    running.clock.sleep_until(running.clock.now() + 0.5)
    board.mpremote("reset")
    running.clock.sleep_until(running.clock.now() + 0.5)
    assert len(writes) == 4
    assert writes == sorted(writes)
    seconds = running.clock.now() - started
    assert writes[-1] - writes[0] < seconds * 1e6
    assert writes[2] - writes[1] > 400_000


def test_the_command_starts_a_board_whose_flash_is_a_folder(tmp_path):
    folder = tmp_path / "my board"
    command = subprocess.Popen(
        [sys.executable, "-m", "lipwright", "board", "--sim", "--flash-dir", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    port = command.stdout.readline().split()[1]
    mpremote = [sys.executable, "-m", "mpremote", "connect", port, "exec", "open('there', 'w').close()"]
    subprocess.run(mpremote, check=True, timeout=60)
    assert (folder / "there").exists()
    command.send_signal(signal.SIGINT)
    assert command.wait(10) == 0
    assert "Traceback" not in command.stderr.read()


@pytest.mark.parametrize("interpreter", ["auto", "cpython"])
def test_such_a_board_needs_micropython(tmp_path, monkeypatch, interpreter):
    monkeypatch.setattr(firmware_process, "find_micropython", lambda bits: None)
    with pytest.raises(LipwrightError, match="needs MicroPython: `sudo apt install micropython`"):
        SimulatedBoard(interpreter, flash=tmp_path, program=REPL)


def _members(group: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found
