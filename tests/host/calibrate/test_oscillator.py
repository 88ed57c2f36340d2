"""What a meter reads on one output tells the oscillator of the servo driver, on the real firmware."""

import os
import subprocess
import sys
import threading
import time

import pytest

from liplab.board import SimulatedBoard
from lipwright.calibrate.oscillator import Answers, Expected, calibrate_oscillator, true_khz
from lipwright.calibrate.servos import CannotDo

from .rig import OUTPUTS, Meter

TRUE_KHZ = (23_000, 24_400, 25_000, 26_150, 27_000)


class Loose(SimulatedBoard):
    """A board whose drivers' oscillators are not what its settings say."""

    def __init__(self, khz, meter):
        super().__init__("auto", head=meter, outputs=range(OUTPUTS))
        for chip in self.bus._chips:
            chip.oscillator_hz = khz * 1000.0


@pytest.mark.parametrize("khz", [24_000, 25_000, 26_300])
def test_a_board_that_is_right_reads_what_is_expected(khz):
    expected = Expected.of(khz)
    assert true_khz(expected.hz, khz) == khz
    assert true_khz(expected.pulse_us, khz) == khz
    assert expected.hz == pytest.approx(50, rel=0.005)
    assert expected.pulse_us == pytest.approx(1500, abs=3)


@pytest.mark.parametrize("reading", [0, -50, 5, 70, 333, 1000, 2200, 15_000])
def test_a_reading_that_is_neither_hertz_nor_microseconds_is_refused(reading):
    with pytest.raises(CannotDo, match=r"neither near 50\.03 Hz nor near 1498 us"):
        true_khz(reading, 25_000)


@pytest.mark.parametrize("khz", TRUE_KHZ)
@pytest.mark.parametrize("what", ["hz", "us"])
def test_the_meter_s_reading_gives_the_true_oscillator(khz, what, capsys):
    meter = Meter()
    ours, theirs = os.pipe()
    with Loose(khz, meter) as board, os.fdopen(theirs, "w") as typing:

        def read_the_meter():
            typing.write("\n")
            typing.flush()
            time.sleep(1.0)
            width = meter.widths(5)[-1][1]
            period_us = board.bus._chips[0].period_us
            reading = 1e6 / period_us if what == "hz" else width
            typing.write(f"about\n{reading:.2f}\n".replace(".", "," if what == "us" else "."))
            typing.flush()

        reader = threading.Thread(target=read_the_meter, daemon=True)
        reader.start()
        calibrate_oscillator(board, 5, 25_000, Answers(ours))
        reader.join()
        time.sleep(0.2)
        board.settle()
        assert meter.used() == {5} and not meter.now().any()
    os.close(ours)
    printed = capsys.readouterr().out
    line = next(line for line in printed.splitlines() if "board.py: " in line)
    found = int(line.rpartition("= ")[2])
    assert found == pytest.approx(khz, rel=0.0005)
    assert "'about' is not a number" in printed


def test_nobody_to_answer_lets_go_and_says_so():
    with SimulatedBoard("auto", head=Meter(), outputs=range(OUTPUTS)) as board:
        done = subprocess.run(
            [sys.executable, "-m", "lipwright", "calibrate", "--oscillator", "--port", board.port],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2 and "nobody answers" in done.stderr
