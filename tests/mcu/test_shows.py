"""Shows: what is stored plays as if a host had sent it, by command, at boot or by button, and gives way."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from shows import (
    AHEAD_TICKS,
    CHANNELS,
    END_TICKS,
    FRAMES,
    PINS,
    PROFILE,
    WRAP_MS,
    make_show,
    play,
    press,
    states,
)
from wired_board import PERIOD_MS, START_TICKS, Board, make_profile

from facewire import constants as c
from lipwright.link.file_messages import FileInfo, FileList
from lipwright.link.messages import (
    Ack,
    BoardInfo,
    BoardStatus,
    FullFrame,
    Hello,
    Message,
    Park,
    ProfileUpload,
    Refused,
    StatusRequest,
    Stop,
    encode,
)
from lipwright.show_file import Cue


@pytest.mark.parametrize("start_ms", [0, WRAP_MS - 1500])
def test_a_stored_show_moves_the_servos_as_the_frames_sent_live_do(make: Any, start_ms: int) -> None:
    show = make_show()
    live: Board = make(start_ms)
    start = live.now_ms + 300
    sent, told = 0, []
    for tick in range(AHEAD_TICKS + show.duration_ms // PERIOD_MS):
        while sent < FRAMES and show.times_ms[sent] <= 10 * tick - 300 + 120:
            live.frame(start + int(show.times_ms[sent]), show.positions[sent].tolist())
            sent += 1
        told += live.run(1)
    assert sent == FRAMES and live["played"] >= FRAMES - 1

    board: Board = make(start_ms, hello=show.encode())
    assert play(board) == Ack(50, c.SHOW_PLAY)
    played = board.run(len(told))
    first = AHEAD_TICKS - 1
    assert [out for _, _, out, _ in played[first:]] == [out for _, _, out, _ in told[first:]]
    assert board["played"] >= FRAMES - 1
    limits = np.abs(np.diff([out for _, _, out, _ in played], axis=0)).max()
    assert 1000 < limits <= 3 * 65536 // 100, "it moves, as fast as the profile allows and no faster"


def test_a_show_ends_at_rest_with_pulses_on_and_says_why(make: Any) -> None:
    board: Board = make(hello=make_show().encode())
    play(board)
    ticks = board.run(10)
    assert (board["state"], board["cause"]) == (c.FOLLOWING, c.CAUSE_SHOW)
    assert c.CAUSE_NAMES[c.CAUSE_SHOW] == "show"
    ticks += board.run(AHEAD_TICKS + make_show().duration_ms // PERIOD_MS + END_TICKS)
    assert states(ticks) == ["resting", "following", "easing", "resting"]
    assert ticks[-1][1] == CHANNELS
    assert ticks[-1][2] == [1000 << 4 | 1000 >> 8] * CHANNELS
    board.run(300)
    assert (board["state"], board["cause"]) == (c.RESTING, c.CAUSE_SHOW)


def test_every_frame_of_a_show_is_accounted_for(make: Any) -> None:
    board: Board = make(hello=make_show().encode())
    play(board)
    for _ in range(45):
        board.run(5)
        (status,) = board.send(StatusRequest(60))
        assert isinstance(status, BoardStatus)
        assert status.received == status.played + status.dropped + status.ring_depth
        assert status.ring_depth <= 17
    assert (status.received, status.played) == (FRAMES, FRAMES)


def test_a_show_plays_so_many_times_each_from_rest_to_rest(make: Any) -> None:
    board: Board = make(hello=make_show(frames=10).encode())
    play(board, times=3)
    assert states(board.run(500)) == ["resting", "following", "easing"] * 3 + ["resting"]
    assert board["played"] == 30


def test_a_show_plays_again_and_again_until_it_is_parked(make: Any) -> None:
    board: Board = make(hello=make_show(frames=10).encode())
    play(board, times=0)
    assert states(board.run(2000)).count("resting") >= 15
    board.send(Park(60))
    board.run(END_TICKS)
    assert states(board.run(300)) == ["resting"]


def test_a_request_that_comes_twice_does_not_begin_the_show_anew(make: Any) -> None:
    board: Board = make(hello=make_show().encode())
    play(board)
    board.run(80)
    before = board["played"]
    assert play(board) == Ack(50, c.SHOW_PLAY)
    board.run(200)
    assert before < board["played"] == FRAMES
    assert play(board, request=51) == Ack(51, c.SHOW_PLAY)
    board.run(200)
    assert board["played"] == 2 * FRAMES


def test_a_show_plays_at_boot_with_no_host_once_the_head_is_at_rest(make: Any) -> None:
    board: Board = make(hello=make_show().encode(), boot__txt=b"hello\n")
    again = Board(board.device, 5000, **PINS)
    ticks = again.run(START_TICKS + AHEAD_TICKS + make_show().duration_ms // PERIOD_MS + END_TICKS)
    assert states(ticks) == ["easing", "resting", "following", "easing", "resting"]
    assert again["played"] == FRAMES
    assert states(again.run(500)) == ["resting"], "once"


@pytest.mark.parametrize("name", [b"", b"gone", b"../profile.bin", b"boot.txt", b"\xff\x00", b"x" * 500])
def test_a_boot_file_that_names_no_show_does_nothing(make: Any, name: bytes) -> None:
    board: Board = make(hello=make_show().encode(), boot__txt=name)
    again = Board(board.device, **PINS)
    assert states(again.run(200)) == ["easing", "resting"]


def test_a_board_that_knows_no_head_does_not_play_at_boot(make: Any) -> None:
    board: Board = make(hello=make_show().encode(), boot__txt=b"hello")
    (board.device.flash / "profile.bin").unlink()
    again = Board(board.device, **PINS)
    assert states(again.run(200)) == ["unconfigured"]
    again.connect(PROFILE)
    assert states(again.run(200)) == ["resting"]


def test_the_button_plays_its_show(make: Any) -> None:
    board: Board = make(hello=make_show().encode(), button__txt=b"hello")
    again = Board(board.device, **PINS)
    again.run(START_TICKS)
    press(again, play=True)
    assert states(again.run(2)) == ["resting"], "a contact bounces"
    ticks = again.run(60)
    press(again)
    ticks += again.run(40)
    press(again, play=True)  # in the middle: it goes on
    ticks += again.run(300)
    assert states(ticks) == ["resting", "following", "easing", "resting"]
    assert again["played"] == FRAMES
    press(again)
    again.run(1)
    press(again, play=True)
    assert states(again.run(300)) == ["resting", "following", "easing", "resting"]


def test_the_button_brings_back_a_head_that_was_stopped(make: Any) -> None:
    board: Board = make(hello=make_show().encode(), button__txt=b"hello")
    press(board, stop=True)
    board.run(5)
    press(board, stop=True, play=True)
    assert states(board.run(100)) == ["stopped"], "as long as the stop button is pressed, nothing moves"
    press(board)
    assert states(board.run(100)) == ["stopped"]
    press(board, play=True)
    ticks = board.run(400)
    assert states(ticks) == ["stopped", "easing", "resting", "following", "easing", "resting"]


def test_the_button_brings_back_a_head_that_a_host_has_left(make: Any) -> None:
    board: Board = make(hello=make_show().encode(), button__txt=b"hello")
    board.frame(board.now_ms + 100, [2000] * CHANNELS)
    board.run(150)
    assert board["state"] == c.RELEASED
    press(board, play=True)
    assert states(board.run(400)) == ["released", "easing", "resting", "following", "easing", "resting"]


def test_the_button_leaves_a_host_that_moves_the_head_alone(make: Any) -> None:
    board: Board = make(hello=make_show().encode(), button__txt=b"hello")
    press(board, play=True)
    for _ in range(30):
        board.frame(board.now_ms + 100, [2000] * CHANNELS)
        board.run(2)
    assert (board["state"], board["cause"], board["received"]) == (c.FOLLOWING, c.CAUSE_FRAMES, 30)
    assert board.drops == {}
    assert states(board.run(300))[-1] == "released"


def test_a_cue_pulls_its_pin_low_for_a_tenth_of_a_second(make: Any) -> None:
    cues = (Cue(200, 1), Cue(700, 2))
    board: Board = make(hello=make_show(cues=cues).encode())
    play(board)
    low = []
    for tick in range(1, 200):
        board.run(1)
        if not board.device("level", PINS["CUE_PIN"]):
            low.append(10 * tick - 300)
    assert [low[0], low[9], low[10], low[-1]] == [200, 290, 700, 790]
    assert len(low) == 20


def test_a_board_without_pins_for_it_plays_all_the_same(make: Any) -> None:
    board: Board = make(hello=make_show(cues=(Cue(0, 1),)).encode(), boot__txt=b"hello")
    again = Board(board.device, STOP_PIN=None, PLAY_PIN=None, CUE_PIN=None)
    assert "following" in states(again.run(200))


# ---- whoever takes over


@pytest.mark.parametrize(
    "message", [Hello.open(60, 77), Park(60), Stop(60), ProfileUpload(60, PROFILE, False)]
)
@pytest.mark.parametrize("ticks", [5, 80])
def test_a_host_takes_over_at_once(make: Any, message: Message, ticks: int) -> None:
    board: Board = make(hello=make_show(cues=(Cue(0, 1), Cue(500, 1))).encode())
    play(board, times=0)
    board.run(ticks)
    assert not isinstance(board.send(message)[0], Refused)
    assert board["ring_depth"] == 0
    ticks_after = board.run(400)
    assert "following" not in states(ticks_after)[: 1 if ticks == 5 else None]
    assert board["received"] == (0 if isinstance(message, Hello) else board["played"] + sum(board["drops"]))
    assert states(ticks_after)[-1] == ("stopped" if isinstance(message, Stop) else "resting")
    assert board.device("level", PINS["CUE_PIN"]) == 1
    assert board["cause"] != c.CAUSE_SHOW


def test_the_stop_button_ends_a_show_at_once_and_for_good(make: Any) -> None:
    board: Board = make(hello=make_show().encode())
    play(board, times=0)
    board.run(80)
    press(board, stop=True)
    assert board.run(1)[0][:2] == [c.STOPPED, 0]
    press(board)
    assert states(board.run(300)) == ["stopped"]


def test_a_host_s_frames_take_over_without_a_jump(make: Any) -> None:
    board: Board = make(hello=make_show().encode())
    play(board, times=0)
    ticks = board.run(100)
    for _ in range(100):
        board.frame(board.now_ms + 100, [3000] * CHANNELS)
        ticks += board.run(2)
    assert (board["state"], board["cause"]) == (c.FOLLOWING, c.CAUSE_FRAMES)
    assert states(ticks) == ["resting", "following"]
    goal = 3000 << 4 | 3000 >> 8
    assert ticks[-1][2][2:] == [goal] * (CHANNELS - 2), "the first two would collide there"
    assert np.abs(np.diff([out for _, _, out, _ in ticks], axis=0)).max() <= 3 * 65536 // 100
    assert "following" not in states(board.run(400))[1:]


@pytest.mark.parametrize("start_ms", [0, WRAP_MS - 1500])
def test_a_host_that_only_asks_leaves_a_show_as_it_is(make: Any, start_ms: int) -> None:
    data = make_show().encode()
    turns = (AHEAD_TICKS + make_show().duration_ms // PERIOD_MS + END_TICKS) // 2
    undisturbed: Board = make(start_ms, hello=data, boot__txt=b"hello")
    play(undisturbed, times=2)
    told = undisturbed.run(4 * turns)

    board: Board = make(start_ms, hello=data, boot__txt=b"hello")
    play(board, times=2)
    ours: list[list[Any]] = []
    for turn in range(turns):
        questions = [FileList(3 * turn + 3, "shows", number) for number in range(2)]
        info, boot, hello = board.send(Hello.ask(3 * turn + 2), *questions)
        assert isinstance(info, BoardInfo) and info.session == 1, "that of the host that has gone"
        assert isinstance(boot, FileInfo) and isinstance(hello, FileInfo)
        assert (boot.name, boot.size, boot.crc) == ("shows/boot.txt", 5, zlib.crc32(b"hello"))
        assert (hello.count, hello.name, hello.size) == (2, "shows/hello", len(data))
        still = board["state"] == c.RESTING
        assert hello.crc == (zlib.crc32(data) if still else 0), "reading it would hold up the ticks"
        ours += board.run(4)
    assert ours == told
    assert {"following", "resting"} <= set(states(ours)) and board["played"] == 2 * FRAMES


@pytest.mark.parametrize("left_ms", [20, 200, 400])
def test_a_host_s_frames_while_a_show_ends_do_not_keep_the_head_from_rest(make: Any, left_ms: int) -> None:
    """Frames that begin just before, in or after the way to rest between two rounds."""
    show = make_show()
    board: Board = make(hello=show.encode())
    play(board, times=0)
    board.run(AHEAD_TICKS + (show.duration_ms + 300 - left_ms) // PERIOD_MS)
    board.frame(board.now_ms + 30, [3000] * CHANNELS)
    ticks = board.run(300)
    assert states(ticks)[-1] in ("resting", "released")
    assert ticks[-1][2] == [1000 << 4 | 1000 >> 8] * CHANNELS


def test_a_show_does_not_mix_with_frames_that_a_host_has_sent_ahead(make: Any) -> None:
    board: Board = make(hello=make_show().encode())
    board.frame(board.now_ms + 310, [4095] * CHANNELS)
    board.frame(board.now_ms + 1900, [4095] * CHANNELS)
    assert play(board) == Ack(50, c.SHOW_PLAY)
    assert board.drops == {"flushed": 2}
    board.run(400)
    assert board["played"] == FRAMES


@pytest.mark.parametrize("tick_hz", [50, 200])
def test_a_show_plays_at_any_rate_of_ticks(make: Any, tick_hz: int) -> None:
    profile = make_profile(32, tick_hz=tick_hz)
    show = make_show(profile, positions=np.tile(np.arange(FRAMES)[:, None] * 60 + 500, 32))
    board: Board = make(profile=profile, hello=show.encode())
    play(board)
    board.run((show.duration_ms + 900) * tick_hz // 1000)
    assert (board["played"], board["state"]) == (FRAMES, c.RESTING)


def test_ticks_with_a_show_allocate_nothing_nor_does_a_host_that_takes_over(
    micropython_device: Any, make_on: Any
) -> None:
    board: Board = make_on(micropython_device, hello=make_show().encode())
    play(board)
    assert board.device("allocated", [], 100) == [0, 0]
    assert (board["state"], board["cause"]) == (c.FOLLOWING, c.CAUSE_SHOW)
    frame = FullFrame(0, board.now_ms + 100 & c.TICKS_MASK, (2000,) * CHANNELS)
    assert board.device("allocated", [encode(frame).hex()], 30) == [0, 0]
    assert board["received"] == board["played"] + sum(board["drops"])
    assert board["cause"] == c.CAUSE_SILENCE
