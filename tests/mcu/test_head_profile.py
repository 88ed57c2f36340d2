"""A profile is checked on the board too, and kept so that no power cut can spoil it."""

from __future__ import annotations

from typing import Any

import pytest
from wired_board import Board, make_profile

from facewire import cbor_subset, framing
from facewire import constants as c
from lipwright.link.messages import Ack, BoardChannel, BoardProfile, Hello, ProfileUpload, Refused

GOOD = [[0, 1000, 2000, 2048, 600], [1, 2000, 1000, 0, 600]]


def upload(board: Board, body: Any) -> Any:
    """The answer to a profile whose body is this value, whatever it is."""
    data = cbor_subset.dumps([c.PROFILE, 3, cbor_subset.dumps(body)])
    (answer,) = board.send_bytes(framing.wrap(data))
    return answer


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ([50, [GOOD[0], [0, 1000, 2000, 0, 600]]], "channels 0 and 1 share output 0"),
        ([50, []], "1 to 32"),
        ([50, [[i % 32, 1000, 2000, 0, 600] for i in range(33)]], "1 to 32"),
        ([39, GOOD], "PWM frequency"),
        ([334, GOOD], "PWM frequency"),
        ([50, [[32, 1000, 2000, 0, 600]]], "output"),
        ([50, [[0, 399, 2000, 0, 600]]], "channel 0: pulse at 0"),
        ([50, [[0, 1000, 2601, 0, 600]]], "channel 0: pulse at 1"),
        ([50, [[0, 1500, 1500, 0, 600]]], "empty"),
        ([50, [[0, 1000, 2000, 4096, 600]]], "rest"),
        ([50, [[0, 1000, 2000, 0, 19]]], "speed"),
        ([50, [[0, 1000, 2000, 0, 10001]]], "speed"),
        ([50, [[0, 1000, 2000, 0]]], "five"),
        ([50, [[0, b"", 2000, 0, 600]]], "pulse"),
        ([50, [7]], "five"),
        ([50, GOOD, 1], "PWM frequency and channels"),
        (7, "PWM frequency and channels"),
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
    assert isinstance(upload(board, [50, GOOD]), Ack)


def test_a_refused_profile_leaves_the_old_one_in_force(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(3))
    assert isinstance(upload(board, [50, []]), Refused)
    (info,) = board.send(Hello.open(4, 1))
    assert (info.channel_count, info.profile_crc) == (3, make_profile(3).crc)
    assert board["state"] == c.RESTING


def test_outputs_on_a_chip_that_is_not_there_are_refused(fresh: Any) -> None:
    board: Board = fresh(PCA9685_ADDRESSES=[0x40])
    board.send(Hello.open(1, 1))
    answer = upload(board, [50, [[16, 1000, 2000, 0, 600]]])
    board.device("start", 0, {"PCA9685_ADDRESSES": [0x40, 0x41]})
    assert isinstance(answer, Refused)
    assert "output 16" in answer.text


def test_the_profile_is_kept_with_its_crc(fresh: Any) -> None:
    board: Board = fresh()
    board.connect(make_profile(32))
    again = Board(board.device)
    (info,) = again.send(Hello.open(1, 1))
    assert (info.channel_count, info.profile_crc) == (32, make_profile(32).crc)
    again.run(50)
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
    board.run(50)
    assert board["state"] == c.RESTING


def test_pulses_never_leave_the_profile(fresh: Any) -> None:
    board: Board = fresh()
    channels = (
        BoardChannel(0, 400, 2600, 0, 10000),
        BoardChannel(5, 2600, 400, 0, 10000),
        BoardChannel(17, 1400, 1500, 0, 10000),
    )
    board.connect(BoardProfile(50, channels))
    widths: dict[int, set[float]] = {channel.output: set() for channel in channels}
    start = board.now_ms
    for i in range(40):
        board.frame(start + 100 + 20 * i, [(0, 4095)[i % 2], (4095, 0)[i % 3 % 2], (i * 997) % 4096])
    board.device("bus", True, True)
    board.run(95)
    for address, register, data in board.device("bus", False, True):
        assert register == 6
        values = bytes.fromhex(data)
        for output in widths:
            if output // 16 == address - 0x40:
                at = output % 16 * 4
                widths[output].add((values[at + 2] | values[at + 3] << 8) * 122 / 25)
    for channel in channels:
        low, high = sorted((channel.pulse_at_0_us, channel.pulse_at_1_us))
        assert min(widths[channel.output]) == pytest.approx(low, abs=2.7)
        assert max(widths[channel.output]) == pytest.approx(high, abs=2.7)
