"""A profile is checked on the board too, and kept so that no power cut can spoil it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from wired_board import START_TICKS, Board, Chips, make_profile

from facewire import cbor_subset, framing
from facewire import constants as c
from lipwright.link.board_profile import BoardChannel, BoardProfile
from lipwright.link.messages import Ack, Hello, ProfileUpload, Refused

GOOD = [[0, 1000, 2000, 0, 600, 150, 0], [1, 1000, 2000, 0, 600, 150, 0]]


def upload(board: Board, body: Any) -> Any:
    """The answer to a profile whose body is this value, whatever it is."""
    data = cbor_subset.dumps([c.PROFILE, 3, cbor_subset.dumps(body), 1])
    (answer,) = board.send_bytes(framing.wrap(data))
    return answer


SERVO = [0, 1000, 2000, 0, 600, 150, 0]
CLOSE = c.SUM_BIAS + 10


def changed(place: int, value: Any) -> list[Any]:
    return [50, 100, [[*SERVO[:place], value, *SERVO[place + 1 :]]], []]


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ([50, 100, [SERVO, SERVO], []], "channels 0 and 1 share output 0"),
        ([50, 100, [], []], "1 to 32"),
        ([50, 100, [[i % 32, *SERVO[1:]] for i in range(33)], []], "1 to 32"),
        ([39, 100, GOOD, []], "PWM frequency"),
        ([334, 100, GOOD, []], "PWM frequency"),
        ([50, 99, GOOD, []], "50, 100 or 200"),
        ([50, b"", GOOD, []], "50, 100 or 200"),
        (changed(0, 32), "output"),
        (changed(1, 399), "channel 0: pulse at 0"),
        (changed(2, 2601), "channel 0: pulse at 1"),
        (changed(2, 1019), "empty"),
        (changed(3, 4096), "rest"),
        (changed(4, 4), "speed"),
        (changed(4, 10001), "speed"),
        (changed(5, 0), "acceleration"),
        (changed(5, 20001), "acceleration"),
        (changed(6, 8), "group"),
        (changed(1, b""), "pulse"),
        ([50, 100, [SERVO[:6]], []], "seven"),
        ([50, 100, [7], []], "seven"),
        ([50, 100, GOOD, [[CLOSE, 0, 1]] * 17], "16 collisions"),
        ([50, 100, GOOD, 7], "16 collisions"),
        ([50, 100, GOOD, [[CLOSE, 0]]], "one to six"),
        ([50, 100, GOOD, [[CLOSE, *[0, 130] * 7]]], "one to six"),
        ([50, 100, GOOD, [[CLOSE, 9, 130]]], "collision 0: channel"),
        ([50, 100, GOOD, [[CLOSE, 0, 0]]], "collision 0: weight"),
        ([50, 100, GOOD, [[2**28, 0, 130]]], "collision 0: most"),
        ([50, 100, GOOD, [[c.SUM_BIAS - 1, 0, 130]]], "broken by the rest pose"),
        ([50, 100, GOOD], "channels and collisions"),
        (7, "channels and collisions"),
    ],
)
def test_a_profile_that_breaks_a_limit_is_refused_in_words(fresh: Any, body: Any, word: str) -> None:
    board: Board = fresh()
    board.send(Hello.open(1, 1))
    answer = upload(board, body)
    assert isinstance(answer, Refused)
    assert (answer.request, answer.message_type, answer.reason) == (3, c.PROFILE, c.REASON_PROFILE)
    assert word in answer.text
    assert board["state"] == c.UNCONFIGURED
    assert not (board.device.flash / "profile.bin").exists()
    assert isinstance(upload(board, [50, 100, GOOD, []]), Ack)


def test_a_refused_profile_leaves_the_old_one_in_force(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(3))
    assert isinstance(upload(board, [50, 100, [], []]), Refused)
    (info,) = board.send(Hello.open(4, 1))
    assert (info.channel_count, info.profile_crc) == (3, make_profile(3).crc)
    assert board["state"] == c.RESTING


def test_outputs_on_a_chip_that_is_not_there_are_refused(fresh: Any) -> None:
    board: Board = fresh(PCA9685_ADDRESSES=[0x40])
    board.send(Hello.open(1, 1))
    answer = upload(board, [50, 100, [[16, *SERVO[1:]]], []])
    board.device("start", 0, {"PCA9685_ADDRESSES": [0x40, 0x41]})
    assert isinstance(answer, Refused)
    assert "output 16" in answer.text


def test_the_profile_is_kept_with_its_crc(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(32))
    again = Board(board.device)
    (info,) = again.send(Hello.open(1, 1))
    assert (info.channel_count, info.profile_crc) == (32, make_profile(32).crc)
    again.run(START_TICKS)
    assert again["state"] == c.RESTING


@pytest.mark.parametrize("damage", ["empty", "cut", "bit"])
def test_a_damaged_kept_profile_counts_as_none(fresh: Any, damage: str) -> None:
    board: Board = fresh()
    board.connect(make_profile(4))
    file = board.device.flash / "profile.bin"
    kept = file.read_bytes()
    changed = {"empty": b"", "cut": kept[:-3], "bit": bytes([*kept[:9], kept[9] ^ 4, *kept[10:]])}[damage]
    file.write_bytes(changed)
    again = Board(board.device)
    again.run(50)
    assert again["state"] == c.UNCONFIGURED


def test_power_lost_while_keeping_leaves_the_old_profile(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(4))
    (board.device.flash / "profile.bin.new").write_bytes(b"half a prof")
    again = Board(board.device)
    (info,) = again.send(Hello.open(1, 1))
    assert info.channel_count == 4
    again.send(ProfileUpload(2, make_profile(5)))
    assert not (board.device.flash / "profile.bin.new").exists()


def test_a_profile_that_cannot_be_kept_is_in_use_all_the_same(fresh: Any) -> None:
    board: Board = fresh(PROFILE_FILE="no/such/folder/profile.bin")
    board.send(Hello.open(1, 1))
    (answer,) = board.send(ProfileUpload(2, make_profile(4)))
    assert isinstance(answer, Refused) and answer.reason == c.REASON_STORAGE
    board.run(START_TICKS)
    assert board["state"] == c.RESTING


def test_pulses_never_leave_the_profile(fresh: Any) -> None:
    board: Board = fresh()
    channels = (
        BoardChannel(0, 400, 2600, 0, 10000, c.ACCELERATION_MAX, 0),
        BoardChannel(5, 2600, 400, 0, 10000, c.ACCELERATION_MAX, 0),
        BoardChannel(17, 1400, 1500, 0, 10000, c.ACCELERATION_MAX, 0),
    )
    board.connect(BoardProfile(50, 100, channels))
    widths: dict[int, set[float]] = {channel.output: set() for channel in channels}
    chips = Chips()
    board.device("bus", True, True)
    board.run(25)  # until everything is told again
    chips.take(board.device("bus", True, True))
    start = board.now_ms
    for i in range(40):
        board.frame(start + 100 + 20 * i, [(0, 4095)[i % 2], (4095, 0)[i % 3 % 2], (i * 997) % 4096])
    for _ in range(95):
        board.run(1)
        chips.take(board.device("bus", True, True))
        for output in widths:
            widths[output].add(chips.counts(output) * 122 / 25)
    for channel in channels:
        low, high = sorted((channel.pulse_at_0_us, channel.pulse_at_1_us))
        assert low <= min(widths[channel.output]) < low + 5
        assert high - 5 < max(widths[channel.output]) <= high


def test_a_trial_profile_is_in_use_and_not_kept(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(4))
    assert board.send(ProfileUpload(5, make_profile(2), keep=False)) == [Ack(5, c.PROFILE)]
    (info,) = board.send(Hello.open(6, 1))
    assert info.channel_count == 2
    again = Board(board.device)
    (info,) = again.send(Hello.open(1, 1))
    assert info.channel_count == 4
    board = again
    board.send(ProfileUpload(5, make_profile(2), keep=False))
    board.send(ProfileUpload(6, make_profile(2)))
    (info,) = Board(board.device).send(Hello.open(1, 1))
    assert info.channel_count == 2, "the same profile is kept as soon as that is asked"


def test_a_servo_that_could_not_stop_within_its_range_is_slowed_down(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(1, speed=10000, acceleration=2, rest=0))
    start = board.now_ms
    for i in range(60):
        board.frame(start + 100 + 20 * i, [4095])
        board.run(2)
    out = [out[0] for _, _, out, _ in board.run(10)]
    assert 0 < out[-1] - out[-2] < 65535
    for i in range(60, 160):
        board.frame(start + 100 + 20 * i, [4095])
        out += [ticked[0] for _, _, ticked, _ in board.run(2)]
    steps = [b - a for a, b in pairwise(out)]
    assert max(abs(b - a) for a, b in pairwise(steps)) <= 2 * 65535 // 100**2
    assert out[-1] <= 65535
