"""The servo driver chip, register by register."""

import struct

import numpy as np
import pytest

from liplab.bus import ADDRESSES, Pca9685, ServoBus

AWAKE_WITH_INCREMENT = 0x21
PERIOD_US = 4096 * 122 * 0.04  # prescaler 121 at 25 MHz: about 50 Hz


def burst(*counts: int) -> bytes:
    """Register bytes of outputs that are on from count 0 to these counts."""
    return b"".join(struct.pack("<HH", 0, count) for count in counts)


@pytest.fixture
def chip() -> Pca9685:
    """A chip as a servo driver sets it up at time 0."""
    chip = Pca9685(0x40)
    chip.write(0, 0xFE, bytes([121]))
    chip.write(0, 0x00, bytes([AWAKE_WITH_INCREMENT]))
    return chip


def test_no_pulses_after_power_on():
    assert Pca9685(0x40).changes(1e6) == []


def test_width_is_the_count_times_the_step(chip):
    chip.write(100, 0x06, burst(307, 205))
    [(at, widths)] = chip.changes(1e6)
    assert widths[:3] == pytest.approx([307 * 4.88, 205 * 4.88, 0])
    assert at == pytest.approx(PERIOD_US)
    assert chip.problems == []


def test_new_values_wait_for_the_end_of_the_cycle(chip):
    chip.write(100, 0x06, burst(307))
    assert chip.changes(PERIOD_US - 1) == []
    assert len(chip.changes(PERIOD_US)) == 1
    chip.write(2.5 * PERIOD_US, 0x06, burst(400))
    assert chip.changes(2.9 * PERIOD_US) == []
    assert [at for at, _ in chip.changes(9 * PERIOD_US)] == pytest.approx([3 * PERIOD_US])


def test_of_two_writes_in_one_cycle_the_last_counts(chip):
    chip.write(100, 0x06, burst(307))
    chip.write(200, 0x06, burst(310))
    [(_, widths)] = chip.changes(1e6)
    assert widths[0] == pytest.approx(310 * 4.88)


def test_a_change_is_told_at_its_time_even_if_asked_for_late(chip):
    chip.write(100, 0x06, burst(307))
    chip.write(1.5 * PERIOD_US, 0x06, burst(400))
    assert [at for at, _ in chip.changes(1e6)] == pytest.approx([PERIOD_US, 2 * PERIOD_US])


def test_width_runs_from_on_to_off_and_round_the_end(chip):
    chip.write(0, 0x06, struct.pack("<HHHH", 1000, 1300, 4000, 204))
    [(_, widths)] = chip.changes(1e6)
    assert widths[:2] == pytest.approx([300 * 4.88, 300 * 4.88])


def test_full_off_wins_over_everything(chip):
    chip.write(0, 0x06, burst(307, 307))
    chip.write(PERIOD_US * 1.5, 0x06, struct.pack("<HH", 0x1000, 0x1000 | 307))
    assert chip.changes(1e6)[-1][1][:2] == pytest.approx([0, 307 * 4.88])


def test_all_outputs_at_once(chip):
    chip.write(0, 0xFA, burst(307))
    [(_, widths)] = chip.changes(1e6)
    assert widths == pytest.approx(np.full(16, 307 * 4.88))
    assert chip.problems == []


def test_sleep_ends_the_pulses_at_once_and_restart_brings_them_back(chip):
    chip.write(0, 0x06, burst(307))
    assert chip.changes(1e5)
    chip.write(1e5, 0x00, bytes([AWAKE_WITH_INCREMENT | 0x10]))
    [(at, widths)] = chip.changes(2e5)
    assert (at, widths.any()) == (1e5, False)
    chip.write(2e5, 0x00, bytes([AWAKE_WITH_INCREMENT]))
    assert chip.changes(3e5) == []
    chip.write(3e5, 0x00, bytes([AWAKE_WITH_INCREMENT | 0x80]))
    [(_, widths)] = chip.changes(4e5)
    assert widths[0] == pytest.approx(307 * 4.88)


def test_the_prescaler_sets_the_frequency_of_a_sleeping_chip_only(chip):
    assert 1e6 / chip.period_us == pytest.approx(50, abs=0.1)
    chip.write(0, 0xFE, bytes([30]))
    assert 1e6 / chip.period_us == pytest.approx(50, abs=0.1)
    assert "ignores" in chip.problems[0]


def test_oscillator_stretches_the_pulses():
    chip = Pca9685(0x40, oscillator_hz=27e6)
    chip.write(0, 0xFE, bytes([121]))
    chip.write(0, 0x00, bytes([AWAKE_WITH_INCREMENT]))
    chip.write(0, 0x06, burst(307))
    [(_, widths)] = chip.changes(1e6)
    assert widths[0] == pytest.approx(307 * 4.88 * 25 / 27, rel=1e-3)


def test_without_auto_increment_every_byte_goes_to_the_one_register():
    chip = Pca9685(0x40)
    chip.write(0, 0x00, bytes([0x01]))
    chip.write(0, 0x08, b"\x10\x20")
    chip.write(0, 0x09, b"\x01")
    [(_, widths)] = chip.changes(1e6)
    assert widths[0] == pytest.approx(0x120 * chip.period_us / 4096)
    assert "without auto-increment" in chip.problems[0]


@pytest.mark.parametrize(
    ("register", "data", "says"),
    [
        (0x06, burst(*[307] * 17), "past the last output"),
        (0x80, b"\x01", "reserved"),
        (0x06, struct.pack("<HH", 0, 0x8000 | 307), "reserved"),
        (0x06, struct.pack("<HH", 307, 307), "same count"),
        (0x06, struct.pack("<HH", 0x1000, 0), "always on"),
        (0x01, b"\x14", "inverts"),
        (0x06, b"", "nothing"),
    ],
)
def test_what_no_driver_can_want_is_reported(chip, register, data, says):
    chip.write(10, register, data)
    chip.changes(1e6)
    assert any(says in problem for problem in chip.problems)


def test_servos_read_the_outputs_that_they_hang_on():
    bus = ServoBus(outputs=[17, 0, 31])
    for address in ADDRESSES:
        bus.write(0, address, 0xFE, bytes([121]))
        bus.write(0, address, 0x00, bytes([AWAKE_WITH_INCREMENT]))
    bus.write(100, 0x40, 0x06, burst(300))
    bus.write(100, 0x41, 0x06, burst(*range(301, 317)))
    changes = bus.changes(1e6)
    assert changes[-1][1] == pytest.approx(np.array([302, 300, 316]) * 4.88)
    assert [at for at, _ in changes] == sorted(at for at, _ in changes)
    assert bus.problems == []


def test_a_chip_that_is_not_there_is_reported():
    bus = ServoBus(outputs=[0])
    bus.write(0, 0x55, 0x00, b"\x21")
    assert "0x55" in bus.problems[0]
