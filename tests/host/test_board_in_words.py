"""What `lipwright say` and `lipwright doctor` tell about a board, on the real firmware behind a real port."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from weak_supply import weak_supply

from liplab.board import SimulatedBoard
from lipwright.boards import SerialBoard
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.resources import models_dir

CLIP = Path(__file__).parents[1] / "data" / "grid_bbaf2n.flac"


def lipwright(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "lipwright", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.fixture
def weak(tmp_path):
    (tmp_path / "supply.py").write_text(weak_supply(after=5))
    with SimulatedBoard("auto", flash=tmp_path) as board:
        yield board


@pytest.fixture
def well():
    with SimulatedBoard("auto") as board:
        yield board


def test_say_tells_why_nothing_moved(weak):
    done = lipwright("say", CLIP, "--mute", "--port", weak.port)
    assert done.returncode == 0
    assert (
        "the servos are limp (released): the servos' supply is too low (3.90 V): switch it on" in done.stderr
    )
    assert "supply: 3.90 V; errors on the servo bus: 0" in done.stderr


def test_say_tells_nothing_of_the_kind_where_all_is_well(well):
    done = lipwright("say", CLIP, "--mute", "--port", well.port)
    assert done.returncode == 0
    assert "limp" not in done.stderr and "supply" not in done.stderr


def test_doctor_asks_the_board(weak):
    done = lipwright("doctor", "--port", weak.port)
    assert done.returncode == 0, done.stderr
    for part in (
        "ok  board: simulated board, firmware",
        "profile: none; the first program",
        "state: it knows no head profile yet",
        "supply: 3.90 V",
        "too hot: none",
        "errors on the servo bus: 0",
    ):
        assert part in done.stdout


def test_doctor_says_whether_the_board_has_the_profile(well):
    skull = models_dir() / "jaw_skull.toml"
    with closing(SerialBoard(well.port)) as board, BoardLink(board, load_profile(skull)) as link:
        link.connect()
    done = lipwright("doctor", "--port", well.port, "--profile", skull)
    assert "profile: 1 servos" in done.stdout and "the same as" in done.stdout
    done = lipwright("doctor", "--port", well.port)
    assert "NOT that of" in done.stdout


def test_doctor_exits_2_if_the_board_that_was_named_cannot_be_asked():
    done = lipwright("doctor", "--port", "/dev/ttyACM77")
    assert done.returncode == 2
    assert "!!  board: there is no serial port /dev/ttyACM77" in done.stdout
    assert done.stderr == "lipwright: a head cannot speak here: see board above.\n"
