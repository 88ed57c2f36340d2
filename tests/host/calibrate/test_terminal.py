"""Somebody at a real terminal with the real firmware: keys, screen, and limp servos however it ends."""

import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from liplab.board import SimulatedBoard
from lipwright.boards import SerialBoard
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.frames import board_profile

from .rig import COUNT_US, OUTPUTS, Meter, own_profile, relay_class
from .typist import Typist

READY = "all servos are limp"


@pytest.fixture(scope="module")
def board():
    meter = Meter()
    with SimulatedBoard("auto", head=meter, outputs=range(OUTPUTS)) as running:
        running.meter = meter
        yield running


@pytest.fixture
def sit(board, tmp_path):
    """Starts the program in a terminal; the jaw has pulses then, if wanted."""
    typists = []

    def start(*arguments, powered=False, port=None):
        path = tmp_path / "my_head.toml"
        if not path.exists():
            own_profile(tmp_path)
        typist = Typist("--profile", path, "--port", port or board.port, *arguments, folder=tmp_path)
        typists.append(typist)
        typist.see(READY)
        if powered:
            typist.type(" ")
            typist.see("jaw is holding at 1500 us")
            typist.rest(1.0)
            assert board.meter.now()[0] > 0
        return typist

    yield start
    for typist in typists:
        typist.close()


def wait_until_limp(board, patience_s=5.0):
    """Seconds until no output has pulses."""
    start = time.monotonic()
    while board.meter.now().any():
        assert time.monotonic() < start + patience_s, "there are still pulses"
        time.sleep(0.02)
    return time.monotonic() - start


def test_a_servo_is_calibrated_saved_and_given_to_the_board_by_keys_alone(sit, board, tmp_path):
    typist = sit()
    typist.see(r"(?m)^> +1  jaw +0  1500  1500  1989  normal +13\.6$")
    typist.type("\x1b[B\x1b[Bp")
    typist.see("(?m)^> +2  upper_lip_mid")
    typist.type("10\r")
    typist.see("(?m)^> +10  corner_left")
    typist.type("gcorner_r\r")
    typist.see("(?m)^> +11  corner_right")
    typist.type(" ")
    typist.see("corner_right is holding at 1500 us, 0.500 of its range")
    for keys, us in (
        (">>", 1540),
        ("+", 1545),
        ("\x1b[1;2C", 1565),
        ("-<", 1540),
        ("\x1b[D\x1b[D\x1b[C", 1535),
    ):
        typist.type(keys)
        typist.see(f"holding at {us} us")
    typist.type("+")
    typist.see("holding at 1540 us")
    typist.type("r")
    typist.see(r"(?m)^> +11 .* 1000  1540  2000  inverted +6\.7  changed$")
    typist.type(">>")
    typist.see("holding at 1580 us")
    typist.type("M")
    typist.see("maximum is 1580 us")
    typist.type("i")
    typist.see("(?m)^> .* 1000  1540  1580  normal")
    typist.type("s4.5\r")
    typist.see("Hands off")
    typist.type("n")
    typist.see(r"normal +4\.5  changed")
    typist.type("uu")
    typist.see("taken back: corner_right: direction")
    typist.type("w")
    typist.see(r"saved to .*; file and board agree: [0-9a-f]{8}")
    assert not board.meter.now().any()
    typist.type("q")
    assert typist.see_end() == 0
    assert typist.settings == typist.before and typist.modes == {"?25"}
    assert "All servos are limp" in typist.plain and "Traceback" not in typist.plain
    channel = load_profile(tmp_path / "my_head.toml").channels[10]
    assert (channel.pulse_min_us, channel.pulse_max_us, channel.inverted, channel.speed) == (
        1000,
        1580,
        True,
        6.7,
    )
    assert channel.pulse_us(channel.rest) == pytest.approx(1540, abs=0.1)
    serial_board = SerialBoard(board.port)
    with BoardLink(serial_board, None) as link:
        assert link.connect().profile_crc == board_profile(load_profile(tmp_path / "my_head.toml")).crc
    assert board.meter.used() <= {0, 10}


def test_the_range_is_shown_and_any_key_stops_it(sit, board):
    typist = sit(powered=True)
    typist.type("t")
    typist.see("jaw is moving at 15[2-9]. us")
    typist.type("x")
    typist.see("stopped at")
    at = float(typist.see(r"holding at (\d+) us")[1])
    typist.rest(1.0)
    assert board.meter.now()[0] == pytest.approx(at, abs=COUNT_US)
    typist.type("0")
    typist.see("holding at 1500 us")
    typist.type("q")
    assert typist.see_end() == 0
    wait_until_limp(board, 0.5)


def test_what_a_key_cannot_do_is_said_and_what_is_not_saved_can_be_set_again(sit, board):
    typist = sit()
    typist.type("m")
    typist.see("jaw is limp: give it pulses first")
    typist.type("z")
    typist.see(r"\? shows what the keys do")
    typist.type("gnose\r")
    typist.see("there is no servo nose")
    typist.type("sfast\r")
    typist.see("fast is not a number")
    typist.type("s99\x7f\x7f77\r")
    typist.see("a speed is 0.2 to 50")
    typist.type("s\x1b")
    typist.type("u")
    typist.see("nothing to undo")
    typist.type("?")
    typist.see("takes the last change back, and the one before")
    typist.type("x")
    typist.see("jaw is limp")
    typist.type("i")
    typist.see("inverted")
    typist.type("qz")
    typist.see("shortest pulse")
    typist.type("qq")
    assert typist.see_end() == 0
    command = re.search(r"(?m)^  lipwright calibrate (.* --set inverted=yes .*)$", typist.plain)[1].split()
    again = subprocess.run(
        [sys.executable, "-m", "lipwright", "calibrate", *command, "--port", board.port],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert again.returncode == 0, again.stderr
    assert load_profile(command[1]).channels[0].inverted


def end_by_ctrl_c(typist):
    typist.type("\x03")
    return 130


def end_by_q(typist):
    typist.type("xq")
    return 0


def end_by_sigterm(typist):
    typist.process.send_signal(signal.SIGTERM)
    return 143


def end_by_hanging_up(typist):
    typist.hang_up()
    return 129


@pytest.mark.parametrize("end", [end_by_ctrl_c, end_by_q, end_by_sigterm, end_by_hanging_up])
def test_servos_are_limp_and_the_terminal_is_as_it_was(end, sit, board):
    typist = sit(powered=True)
    typist.type("t")
    typist.see("jaw is moving at 15[2-9]. us")
    start = time.monotonic()
    code = end(typist)
    assert typist.see_end() == code
    wait_until_limp(board, 1.0)
    assert time.monotonic() - start < 3.0
    if end is not end_by_hanging_up:
        assert typist.settings == typist.before
        assert typist.modes == {"?25"}
        assert "Traceback" not in typist.plain


def test_a_program_that_is_killed_leaves_a_servo_that_goes_back_slowly_and_is_let_go(sit, board):
    typist = sit(powered=True)
    typist.type(">>>>")
    typist.see("holding at 1540 us")
    board.meter.forget()
    typist.process.kill()
    typist.process.wait()
    assert wait_until_limp(board, 4.0) > 0.15
    times, widths = np.array(board.meter.widths(0)).T
    assert widths[-1] == pytest.approx(1500, abs=2 * COUNT_US), "to where it began"
    assert np.all(np.abs(np.diff(widths)) <= 2 * COUNT_US)
    assert np.ptp(widths) <= 120 * np.ptp(times) + 2 * COUNT_US


def test_a_program_that_is_killed_as_it_gives_the_first_pulses_leaves_a_limp_servo_too(sit, board):
    typist = sit()
    board.meter.forget()
    typist.type(" ")
    while not board.meter.used():
        time.sleep(0.005)
    typist.process.kill()
    typist.process.wait()
    time.sleep(0.1)
    wait_until_limp(board, 4.0)
    time.sleep(1.5)
    assert not board.meter.now().any(), "and it stays limp"


def test_a_cable_that_is_pulled_ends_it_and_the_board_lets_go(sit, board):
    serial_board = SerialBoard(board.port)
    relay = relay_class()(serial_board.open())
    try:
        typist = sit(powered=True, port=relay.port)
        relay.pull()
        assert typist.see_end() == 2
        assert "is lost: check the cable" in typist.plain and "Traceback" not in typist.plain
        assert typist.settings == typist.before
        wait_until_limp(board, 4.0)
    finally:
        relay.pull()
        serial_board.close()


def test_a_program_that_stands_still_and_goes_on_does_not_move_the_servo_by_itself(sit, board):
    typist = sit(powered=True)
    typist.process.send_signal(signal.SIGSTOP)
    wait_until_limp(board, 4.0)
    typist.process.send_signal(signal.SIGCONT)
    typist.see("jaw is limp: this program was held up")
    typist.rest(1.0)
    assert not board.meter.now().any()
    typist.type("qq")
    assert typist.see_end() == 0


def test_a_small_terminal_shows_the_servo_and_what_it_does(sit):
    typist = sit()
    typist.resize(12, 50)
    typist.type("20\r")
    typist.see("(?m)^> +20  brow_left_inner")
    typist.see("brow_left_inner is limp")
    typist.type("q")
    assert typist.see_end() == 0


def test_a_copy_of_the_shipped_profile_is_begun_on_a_board_of_another_process(tmp_path):
    port = tmp_path / "head"
    running = subprocess.Popen(
        [sys.executable, "-m", "lipwright", "board", "--sim", "--link", port],
        stdout=subprocess.PIPE,
        text=True,
    )
    typist = None
    try:
        running.stdout.readline()
        typist = Typist("-o", "mine.toml", "--port", port, "--servo", "neck_yaw", folder=tmp_path)
        typist.see(READY)
        typist.see("(?m)^> +24  neck_yaw")
        typist.type("qw")
        assert typist.see_end() == 0
        assert load_profile(tmp_path / "mine.toml").channels == load_profile().channels
        assert sorted(os.listdir(tmp_path)) == ["head", "mine.toml"]
    finally:
        running.kill()
        running.wait()
        if typist is not None:
            typist.close()


def test_without_a_terminal_it_says_what_else_there_is():
    done = subprocess.run(
        [sys.executable, "-m", "lipwright", "calibrate", "--port", "/dev/null"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--servo NAME --set KEY=VALUE" in done.stderr
