"""`lipwright board --sim`: a port for any host program."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lipwright.boards import SerialBoard
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink


@pytest.fixture
def command(tmp_path):
    """The command, running with a link in the test's folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lipwright", "board", "--sim", "--link", str(tmp_path / "head")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


def test_any_host_program_can_talk_to_it_until_ctrl_c(command, tmp_path):
    port = command.stdout.readline().split()[1]
    interpreter = command.stdout.readline().partition(":")[2].strip()
    assert port == str(tmp_path / "head")
    assert os.readlink(port).startswith("/dev/pts/")
    board = SerialBoard(port)
    with BoardLink(board, load_profile()) as link:
        info = link.connect()
        assert info.interpreter.startswith(interpreter.split(" (")[0].split(" with")[0])
        link.send(load_profile().rest_targets(), board.clock.now() + 0.1)
        assert link.finish().played == 1
    board.close()
    command.send_signal(signal.SIGINT)
    assert command.wait(10) == 0
    assert "Traceback" not in command.stderr.read()
    assert not Path(port).is_symlink()


def test_a_link_does_not_replace_a_file(tmp_path):
    file = tmp_path / "precious"
    file.write_text("keep me")
    done = subprocess.run(
        [sys.executable, "-m", "lipwright", "board", "--sim", "--link", str(file)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "precious is a file" in done.stderr
    assert file.read_text() == "keep me"
