"""What the doctor says of ports and of the account that wants to open them, on real ptys and processes."""

import os
import pty
import subprocess
import sys

import pytest

from lipwright.boards import plugged_in
from lipwright.doctor import board
from lipwright.doctor.findings import Note, NotHere
from lipwright.service import account


@pytest.fixture
def port():
    ours, theirs = pty.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_the_program_that_has_the_port_is_named(port):
    code = "import sys, time; port = open(sys.argv[1]); print('open', flush=True); time.sleep(60)"
    monitor = subprocess.Popen([sys.executable, "-c", code, port], stdout=subprocess.PIPE)
    try:
        assert monitor.stdout is not None
        monitor.stdout.readline()
        assert board.programs_with(port) == [f"python (process {monitor.pid})"] or board.programs_with(
            port
        ) == [f"python3 (process {monitor.pid})"]
        with pytest.raises(Note, match=f"process {monitor.pid}.* has {port}: end it"):
            board.users([port])
    finally:
        monitor.kill()
        monitor.wait()
    assert board.programs_with(port) == []
    assert board.users([port]) == "no other program has them"


def test_without_a_port_nobody_has_it():
    with pytest.raises(NotHere):
        board.users([])
    assert board.programs_with("/dev/ttyACM77") == []
    assert board.programs_with("usb:nowhere") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody without groups")
def test_an_account_without_groups_is_told_to_join_and_to_log_in_again():
    code = (
        "import os\n"
        "from lipwright.doctor import board\n"
        "from lipwright.doctor.findings import Note\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try: board.groups([])\n"
        "except Note as note: print(note)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "sudo usermod -aG audio,dialout nobody, then log out and in again" in said


def test_the_groups_that_are_needed_exist():
    assert set(account.needed_groups(None)) <= {"dialout", "audio", "uucp", "plugdev", "tty"}
    assert "audio" in account.needed_groups("usb:not plugged in")


def test_no_board_is_no_fault():
    if plugged_in():
        pytest.skip("a board is plugged in")
    with pytest.raises(Note, match="none is plugged in"):
        board.plugged()
