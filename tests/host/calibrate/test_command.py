"""Calibrating for scripts: values, the way back, and whether board and file agree."""

import os
import re
import subprocess
import sys

import pytest

from liplab.board import SimulatedBoard
from lipwright.boards import SerialBoard
from lipwright.calibrate.command import give_to_board, with_values
from lipwright.calibrate.servos import CannotDo, Servo
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.frames import board_profile

from .rig import OUTPUTS, Meter, own_profile

SERVO = Servo("jaw", 7, 1000.0, 1300.0, 2000.0, False, 8.0, None)


@pytest.fixture(scope="module")
def board():
    meter = Meter()
    with SimulatedBoard("auto", head=meter, outputs=range(OUTPUTS)) as running:
        running.meter = meter
        yield running


def calibrate(*arguments, folder):
    return subprocess.run(
        [sys.executable, "-m", "lipwright", "calibrate", *map(str, arguments)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"min": 900}, (900, 1300, 2000, False, 8.0)),
        ({"max": 900, "min": 500}, (500, 900, 900, False, 8.0)),
        ({"rest": 0.25}, (1000, 1250, 2000, False, 8.0)),
        ({"rest": 1400.4}, (1000, 1400, 2000, False, 8.0)),
        ({"inverted": 1, "rest": 0.25, "max": 1400}, (1000, 1300, 1400, True, 8.0)),
        ({"inverted": 1}, (1000, 1300, 2000, True, 8.0)),
        ({"speed": 3}, (1000, 1300, 2000, False, 3)),
    ],
)
def test_values_are_set_together_in_whatever_order_they_are_named(values, found):
    made = with_values(SERVO, values)
    assert (made.min_us, made.rest_us, made.max_us, made.inverted, made.speed) == found


@pytest.mark.parametrize("values", [{"min": 1990}, {"rest": 2100}, {"rest": 5}, {"rest": -1}, {"speed": 0}])
def test_values_that_cannot_be_are_refused(values):
    with pytest.raises(CannotDo):
        with_values(SERVO, values)


@pytest.mark.parametrize("text", ["min", "min=", "min=low", "middle=3", "inverted=maybe", "rest=nan", "=3"])
def test_what_is_no_value_is_explained(text, tmp_path):
    done = calibrate("--profile", own_profile(tmp_path), "--servo", "jaw", "--set", text, folder=tmp_path)
    assert done.returncode == 2 and f"--set {text} is not understood" in done.stderr
    assert os.listdir(tmp_path) == ["my_head.toml"]


def test_a_script_sets_checks_and_takes_back_with_a_board_that_never_moves(board, tmp_path):
    path = own_profile(tmp_path)
    where = ("--profile", path, "--port", board.port)
    done = calibrate(*where, "--servo", "jaw", "--set", "max=1900", "--set", "rest=0.5", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    crc = board_profile(load_profile(path)).crc
    assert f"26 servos, {crc:08x}, the same as {path}" in done.stdout
    assert load_profile(path).channels[0].pulse_max_us == 1900
    done = calibrate(*where, "--check", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")

    path.write_text(path.read_text().replace("pulse_max_us = 1900", "pulse_max_us = 1800", 1))
    other = board_profile(load_profile(path)).crc
    done = calibrate(*where, "--check", folder=tmp_path)
    assert done.returncode == 2
    assert f"{crc:08x}, NOT that of {path} ({other:08x})" in done.stdout
    assert re.search("does not have this profile: .*say --profile.* brings it there", done.stderr)

    done = calibrate(*where, "--undo", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert load_profile(path).channels == load_profile().channels
    assert f"{board_profile(load_profile()).crc:08x}, the same as" in done.stdout
    assert board.meter.used() == set()


@pytest.mark.parametrize("arguments", [["--undo"], ["--servo", "jaw", "--set", "min=900"], []])
def test_the_shipped_profile_is_left_alone(arguments, board, tmp_path):
    before = load_profile()
    done = calibrate("--port", board.port, *arguments, folder=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert load_profile() == before and not os.listdir(tmp_path)


def test_a_servo_has_to_be_named(tmp_path):
    done = calibrate("--profile", own_profile(tmp_path), "--set", "min=900", folder=tmp_path)
    assert done.returncode == 2 and "say which servo with --servo" in done.stderr


def test_without_a_board_values_are_saved_and_that_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("lipwright.calibrate.command.find_ports", list)
    give_to_board(load_profile(own_profile(tmp_path)), None)
    assert "No board is connected: it gets the profile from the next program" in capsys.readouterr().out


def test_a_trial_that_was_left_is_told_apart_from_the_profile(board, tmp_path):
    """As a program leaves it that was killed: the board drives by one servo's trial until it loses power."""
    from lipwright.calibrate.trial import Trial
    from lipwright.calibrate.trial_link import TrialLink

    serial_board = SerialBoard(board.port)
    with TrialLink(serial_board) as link:
        link.connect()
        link.use(Trial.around(SERVO, 1500, 50).profile())
        link.stop()
    done = calibrate("--profile", own_profile(tmp_path), "--port", board.port, "--check", folder=tmp_path)
    assert done.returncode == 2 and "1 servos" in done.stdout
    with BoardLink(serial_board, load_profile()) as link:
        link.connect()
    done = calibrate("--profile", own_profile(tmp_path), "--port", board.port, "--check", folder=tmp_path)
    assert done.returncode == 0
