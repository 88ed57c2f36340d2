"""Shows: what is stored plays as if a host had sent it, by command, at boot or by button, and gives way."""

from __future__ import annotations

import functools
import shutil
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wired_board import PERIOD_MS, START_TICKS, Board, make_profile

from facewire import constants as c
from lipwright.link.board_profile import BoardCollision, BoardProfile
from lipwright.link.file_messages import (
    FileBegin,
    FileDelete,
    FileEnd,
    FileInfo,
    FileList,
    FilePart,
    ShowPlay,
)
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
from lipwright.show_file import Cue, Show

WRAP_MS = 2**30
CHANNELS = 5
STEP_MS = 20
FRAMES = 50
AHEAD_TICKS = 300 // PERIOD_MS
END_TICKS = 60  # the way to rest after a show, and a little
# Slow, and with a pair that must not meet: a show has to keep to this.
PAIR = BoardCollision(127 * 65535 * 6 // 5, (0, 1), (127, 127))
PROFILE = make_profile(CHANNELS, speed=300, rest=1000, acceleration=40, collisions=(PAIR,))
PINS = {"STOP_PIN": 15, "PLAY_PIN": 14, "CUE_PIN": 13}


def make_show(profile: BoardProfile = PROFILE, frames: int = FRAMES, **changes: Any) -> Show:
    """Channels that swing, some of them far, one that stands still, and a frame at an odd time."""
    turns = np.arange(frames)[:, None] * np.linspace(0.05, 0.6, len(profile.channels))
    positions = np.rint(2047.5 + 2047.5 * np.sin(turns)).astype(int)
    positions[:, -1] = positions[0] = 1000
    times = np.arange(frames) * STEP_MS
    times[frames // 2 :] += 7
    return Show(**{"profile_crc": profile.crc, "times_ms": times, "positions": positions, **changes})


def store(board: Board, name: str, data: bytes) -> Message:
    """Brings a file to the board; returns the last answer, or the first refusal."""
    begin = FileBegin(100, name, len(data), zlib.crc32(data))
    parts = [FilePart(101 + i, 512 * i, data[512 * i : 512 * i + 512]) for i in range(-(-len(data) // 512))]
    answer: Message = Ack(0, 0)
    for message in (begin, *parts, FileEnd(99)):
        (answer,) = board.send(message)
        if isinstance(answer, Refused):
            break
    return answer


def play(board: Board, name: str = "hello", times: int = 1, request: int = 50) -> Message:
    (answer,) = board.send(ShowPlay(request, name, times))
    return answer


def states(ticks: list[list[Any]]) -> list[str]:
    """Each state once, in order."""
    names = [c.STATE_NAMES[state] for state, *_ in ticks]
    return [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]


def press(board: Board, **pressed: bool) -> None:
    pins = {"stop": "15", "play": "14"}
    board.device("set_machine", "levels", {pins[name]: 0 if down else 1 for name, down in pressed.items()})


@pytest.fixture
def make_on() -> Iterator[Any]:
    """Makes boards at rest on a device, whose flash has these files in shows/; "__" stands for a dot."""
    folders = []

    def connected(device: Any, start_ms: int = 0, profile: BoardProfile = PROFILE, **files: bytes) -> Board:
        folders.append(device.flash / "shows")
        shutil.rmtree(folders[-1], ignore_errors=True)
        (device.flash / "profile.bin").unlink(missing_ok=True)
        board = Board(device, start_ms, **PINS)
        press(board)
        board.connect(profile, START_TICKS * profile.tick_hz // 100)
        for name, data in files.items():
            assert store(board, "shows/" + name.replace("__", "."), data) == Ack(99, c.FILE_END)
        return board

    yield connected
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make(device: Any, make_on: Any) -> Any:
    """The same, on each device in turn."""
    return functools.partial(make_on, device)


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


# ---- what is refused


def refused(answer: Message) -> tuple[int, str]:
    assert isinstance(answer, Refused), answer
    return answer.reason, answer.text


def test_a_show_for_another_head_is_neither_stored_nor_played(make: Any) -> None:
    other = make_profile(CHANNELS, speed=301)
    board: Board = make()
    answer = refused(store(board, "shows/hello", make_show(other).encode()))
    assert answer[0] == c.REASON_SHOW and "another head" in answer[1]
    assert store(board, "shows/hello", make_show().encode()) == Ack(99, c.FILE_END)
    board.send(ProfileUpload(60, other))
    board.run(END_TICKS)
    answer = refused(play(board))
    assert answer[0] == c.REASON_SHOW and "another head" in answer[1]
    assert states(board.run(100)) == ["resting"]


def test_what_is_no_show_is_not_stored_and_leaves_the_old_one(make: Any) -> None:
    board: Board = make(hello=make_show().encode())
    good = make_show().encode()
    for data in (b"", b"hello", good[:-1], b"x" + good[1:], good + b"\0", good[:8] + b"\2" + good[9:]):
        reason, text = refused(store(board, "shows/hello", data))
        assert reason == c.REASON_SHOW and "again" in text
    assert (board.device.flash / "shows/hello").read_bytes() == good
    assert play(board) == Ack(50, c.SHOW_PLAY)


def test_a_show_whose_flash_has_lost_a_bit_is_not_played(make: Any) -> None:
    board: Board = make(hello=make_show().encode())
    path = board.device.flash / "shows/hello"
    good = path.read_bytes()
    for place in range(0, len(good), 7):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1 << place % 8]) + good[place + 1 :])
        assert refused(play(board))[0] == c.REASON_SHOW
    path.write_bytes(good)
    assert play(board) == Ack(50, c.SHOW_PLAY)


@pytest.mark.parametrize("name", ["gone", "boot.txt", "a/../../profile", "no name", "x" * 40, "Hello"])
def test_a_name_that_no_show_has_is_refused(make: Any, name: str) -> None:
    board: Board = make(boot__txt=b"hello")
    assert refused(play(board, name))[0] in (c.REASON_SHOW, c.REASON_FILE)
    assert states(board.run(100)) == ["resting"]


def test_a_show_begins_at_rest_only(make: Any, fresh: Any) -> None:
    board: Board = make(hello=make_show().encode())
    board.send(Stop(60))
    assert refused(play(board))[0] == c.REASON_BUSY
    press(board, stop=True)
    board.run(2)
    assert refused(play(board))[0] == c.REASON_BUTTON
    press(board)
    board.run(2)
    board.send(Park(61))
    assert refused(play(board))[0] == c.REASON_BUSY
    board.run(START_TICKS)
    play(board)
    board.run(80)
    assert refused(play(board, request=51))[0] == c.REASON_BUSY
    bare: Board = fresh(**PINS)
    bare.send(Hello.open(1, 1))
    assert refused(play(bare))[0] == c.REASON_NO_PROFILE


def test_a_show_with_many_names_is_listed_and_removed(make: Any) -> None:
    board: Board = make(hello=make_show().encode(), by_e=make_show(frames=2).encode(), boot__txt=b"hello")
    board.send(FileDelete(60, "shows/by_e"))
    (info,) = board.send(FileList(61, "shows", 1))
    assert (info.count, info.name, info.size) == (2, "shows/hello", len(make_show().encode()))


# ---- what a whole file with rubbish in it can do


def pack(profile: BoardProfile, raw: bytes, frames: int) -> bytes:
    """A file with a right CRC-32 around frames that may be anything."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -c.SHOW_WINDOW_BITS)
    rest = (1, len(profile.channels), 0, 0, profile.crc, 0, frames)
    body = struct.pack(c.SHOW_HEADER, c.SHOW_MAGIC, 0, *rest)[c.SHOW_CRC_FROM :]
    body += squeeze.compress(raw) + squeeze.flush()
    return c.SHOW_MAGIC + zlib.crc32(body).to_bytes(4, "little") + body


@pytest.mark.parametrize(
    ("raw", "played"),
    [
        (b"\0\1\0\xff\x0f" + b"\x14\1\x90" * 2, 1),  # on from the end of the range
        (b"\0\1\0\0\0" + b"\x14\1\x10" * 2, 1),  # and from its beginning
        (b"\0\1\0\0\x10" + b"\x14\0" * 2, 0),  # a whole position beyond the range
        (b"\0\0\0\0\0\0", 1),  # no time between two frames
        (b"\x14\0\x14\0\x14\0", 0),  # time before the first
        (b"\0\1\0\0\0\x14\1", 1),  # broken off
        (b"\0\xfe" + b"\x80" * 7 + b"\x14\xff" + b"\x81" * 8, 2),  # channels that are not there
    ],
)
def test_frames_that_no_show_has_end_it_at_rest(make: Any, raw: bytes, played: int) -> None:
    profile = make_profile(1, speed=300)
    board: Board = make(profile=profile, hello=pack(profile, raw, 3))
    assert play(board) == Ack(50, c.SHOW_PLAY)
    board.run(200)
    assert (board["state"], board["played"]) == (c.RESTING, played)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_content_harms_the_board(make: Any, data: st.DataObject) -> None:
    """Files with a right CRC-32 whose frames or header are anything: the head ends at rest, within limits."""
    profile = make_profile(3, speed=300)
    raw = data.draw(st.binary(max_size=200) | st.binary(max_size=8).map(lambda some: some * 100))
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -c.SHOW_WINDOW_BITS)
    packed = squeeze.compress(raw) + squeeze.flush()
    packed = data.draw(st.sampled_from([packed, raw, packed[:-3]]))
    counts = st.sampled_from([0, 1, 5, 100, 0xFFFFFFFF])
    cues = data.draw(st.sampled_from([0, 1, 255]))
    channels = data.draw(st.sampled_from([3, 3, 3, 0, 33, 255]))
    body = data.draw(st.binary(max_size=10)) * bool(cues) + packed
    rest = (1, channels, cues, 0, profile.crc, data.draw(counts), data.draw(counts))
    head = struct.pack(c.SHOW_HEADER, c.SHOW_MAGIC, 0, *rest)[c.SHOW_CRC_FROM :]
    crc = zlib.crc32(head + body)
    board: Board = make(profile=profile)
    answer = store(board, "shows/hello", c.SHOW_MAGIC + crc.to_bytes(4, "little") + head + body)
    if channels != 3:
        assert refused(answer)[0] == c.REASON_SHOW
        return
    assert answer == Ack(99, c.FILE_END)
    assert play(board, times=2) == Ack(50, c.SHOW_PLAY)
    ticks = board.run(400)
    assert board["received"] == board["played"] + board["ring_depth"] + sum(board["drops"])
    assert np.abs(np.diff([out for _, _, out, _ in ticks], axis=0)).max() <= 3 * 65536 // 100
    board.send(Park(70))
    assert board.run(400)[-1][0] == c.RESTING


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
