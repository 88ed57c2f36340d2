"""What arrives on the wire: every frame is accounted for, and what is damaged does nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wired_board import PERIOD_MS, Board, make_profile

import lipwright
from facewire import cbor_subset, framing
from facewire import constants as c
from lipwright.link.messages import (
    BoardInfo,
    BoardStatus,
    CompactFrame,
    FullFrame,
    Hello,
    Message,
    Park,
    ProfileUpload,
    Refused,
    StatusRequest,
    Stop,
    Sync,
    SyncReply,
    encode,
)

CHANNELS = 5
MIDDLE = [2048] * CHANNELS
WRAP_MS = 2**30


@pytest.fixture(params=[0, WRAP_MS - 700], ids=["from 0", "over the wrap"])
def board(fresh: Any, request: pytest.FixtureRequest) -> Board:
    """A resting board with five channels; its clock starts at 0, or wraps soon."""
    made: Board = fresh(request.param)
    made.connect(make_profile(CHANNELS))
    return made


def test_frames_on_time_are_played(board: Board) -> None:
    start = board.now_ms
    for i in range(60):
        board.frame(start + 120 + 20 * i, [100 * i % 4096] * CHANNELS)
        board.run(2)
    board.run(20)
    state = board.state
    assert (state["received"], state["played"], state["ring_depth"]) == (60, 60, 0)
    assert board.drops == {}


@pytest.mark.parametrize(
    ("ahead_ms", "cause"),
    [
        (1, None),
        (c.MAX_AHEAD_MS, None),
        (c.MAX_AHEAD_MS + 1, "absurd_time"),
        (2**29 - 1, "absurd_time"),
        (2**29, "absurd_time"),
        (0, "late"),
        (-1, "late"),
        (-c.MAX_BEHIND_MS, "late"),
        (-c.MAX_BEHIND_MS - 1, "absurd_time"),
    ],
)
def test_the_time_of_a_frame(board: Board, ahead_ms: int, cause: str | None) -> None:
    board.frame(board.now_ms + ahead_ms, MIDDLE)
    assert board.drops == ({cause: 1} if cause else {})
    assert board["ring_depth"] == (0 if cause else 1)


def test_times_must_grow(board: Board) -> None:
    now = board.now_ms
    for ahead in (100, 100, 80, 101):
        board.frame(now + ahead, MIDDLE)
    assert board.drops == {"order": 2}
    assert board["ring_depth"] == 2


def test_a_full_ring_drops_what_comes(board: Board) -> None:
    now = board.now_ms
    for i in range(70):
        board.frame(now + 100 + i, MIDDLE)
    assert board.drops == {"ring_full": 6}
    assert board["ring_depth"] == 64


def test_a_frame_with_another_number_of_channels_is_dropped(board: Board) -> None:
    board.frame(board.now_ms + 50, [0] * (CHANNELS + 1))
    board.frame(board.now_ms + 60, [0] * (CHANNELS - 1))
    assert board.drops == {"channels": 2}


def test_nothing_is_taken_before_hello_and_profile(fresh: Any) -> None:
    board = fresh()
    board.frame(50, MIDDLE)
    board.send(Hello.open(1, 7))
    assert board["received"] == 0, "a session counts from zero"
    board.frame(50, MIDDLE)
    assert board.drops == {"not_ready": 1}


def test_compact_frames_build_on_the_last_base(board: Board) -> None:
    now = board.now_ms
    board.frame(now + 20, [16, 32, 48, 64, 80])
    board.compact(now + 40, {1: 4095, 4: 0})
    assert board.device("newest_frame") == [256, 65535, 768, 1024, 0]
    board.compact(now + 60, {0: 4095})
    assert board.device("newest_frame") == [65535, 512, 768, 1024, 1280], "on the base, not on each other"
    board.compact(now + 80, {})
    assert board.device("newest_frame") == [256, 512, 768, 1024, 1280]
    board.sequence = 20
    board.frame(now + 100, [0] * CHANNELS)  # no base: its sequence is no multiple of 32
    board.compact(now + 120, {2: 16})
    assert board.device("newest_frame") == [256, 512, 256, 1024, 1280]
    assert board.drops == {}


def test_compact_frames_without_their_base_are_orphans(board: Board) -> None:
    now = board.now_ms
    board.sequence = 5
    board.compact(now + 20, {0: 1})
    board.sequence = 32
    board.frame(now + 40, MIDDLE)
    board.sequence = 64  # the base 64 is lost
    board.compact(now + 60, {0: 1})
    board.compact(now + 80, {0: 1})
    board.sequence = 31
    board.compact(now + 90, {0: 1})
    assert board.drops == {"orphan": 4}


def test_a_base_serves_although_it_was_late_itself(board: Board) -> None:
    now = board.now_ms
    board.frame(now - 5, [16] * CHANNELS)
    board.compact(now + 40, {0: 0})
    assert board.drops == {"late": 1}
    assert board.device("newest_frame") == [0, 256, 256, 256, 256]


def test_an_old_base_is_forgotten(board: Board) -> None:
    board.frame(board.now_ms + 20, MIDDLE)
    board.run(c.MAX_BASE_AGE_MS // PERIOD_MS + 1)
    board.compact(board.now_ms + 20, {0: 1})
    assert board.drops == {"orphan": 1}


def test_a_mask_beyond_the_channels_is_dropped(board: Board) -> None:
    board.frame(board.now_ms + 20, MIDDLE)
    board.compact(board.now_ms + 40, {CHANNELS: 1})
    assert board.drops == {"channels": 1}
    assert board["ring_depth"] == 1


def test_hello_tells_what_the_board_is_and_counts_from_zero(board: Board) -> None:
    board.frame(board.now_ms - 5, MIDDLE)
    (info,) = board.send(Hello.open(9, 2))
    assert isinstance(info, BoardInfo)
    assert (info.request, info.session, info.channel_count, info.tick_hz) == (9, 2, CHANNELS, 100)
    assert info.profile_crc == make_profile(CHANNELS).crc
    assert info.firmware_version == lipwright.__version__
    words = info.interpreter.split()
    assert words[0] == ("CPython" if board.device.interpreter == "cpython" else "MicroPython")
    assert words[-1] == ("32-bit" if board.device.interpreter == "micropython32" else "64-bit")
    assert board["received"] == 0
    board.frame(board.now_ms + 5, MIDDLE)
    board.send(Hello.open(10, 2))
    assert board["received"] == 1, "a repeated hello opens nothing anew"


def test_another_version_is_told_ours_and_gets_no_session(fresh: Any) -> None:
    board = fresh()
    for fields in (
        [c.HELLO, 1, c.PROTOCOL_VERSION + 1, c.SCHEMA_HASH, 5],
        [c.HELLO, 1, c.PROTOCOL_VERSION, c.SCHEMA_HASH ^ 1, 5],
        [c.HELLO, 1, c.PROTOCOL_VERSION + 1, c.SCHEMA_HASH, 5, "what", [1], b"may come"],
    ):
        (info,) = board.send_bytes(framing.wrap(cbor_subset.dumps(fields)))
        assert (info.version, info.schema_hash, info.session) == (c.PROTOCOL_VERSION, c.SCHEMA_HASH, 0)


def test_sync_tells_board_time(board: Board) -> None:
    expected = board.now_ms
    board.device("pass_time", 2345)
    (reply,) = board.send(Sync(77))
    assert reply == SyncReply(77, (expected + 2) % WRAP_MS, 345, 0)


def test_every_request_is_answered_each_time_it_comes(board: Board) -> None:
    for request in (Park(3), Park(3), Stop(4), Stop(4), Park(5), ProfileUpload(6, make_profile(CHANNELS))):
        (answer,) = board.send(request)
        assert (answer.request, answer.message_type) == (request.request, request.TYPE)
    (status,) = board.send(StatusRequest(8))
    assert isinstance(status, BoardStatus) and status.request == 8
    assert status.received == status.played + status.dropped + status.ring_depth


def test_an_unknown_request_is_refused_in_words(board: Board) -> None:
    (answer,) = board.send_bytes(framing.wrap(cbor_subset.dumps([99, 5])))
    assert isinstance(answer, Refused)
    assert (answer.request, answer.message_type, answer.reason) == (5, 99, c.REASON_UNKNOWN)
    for fields in ([c.PARK, 5, 0], [c.SYNC, 5, b""], [c.PROFILE, 5], [c.PROFILE, 5, 7], [c.HELLO, 5]):
        (answer,) = board.send_bytes(framing.wrap(cbor_subset.dumps(fields)))
        assert isinstance(answer, Refused)
        assert (answer.request, answer.message_type, answer.reason) == (5, fields[0], c.REASON_SHAPE)


def test_the_board_reports_twice_a_second_while_it_hears_the_host(board: Board) -> None:
    board.device("sent")
    board.send(Sync(1))
    board.run(200)
    reports = board.splitter.feed(bytes.fromhex(board.device("sent")))
    assert [type(report) for report in reports] == [BoardStatus] * 4
    assert {report.request for report in reports} == {0}
    board.run(150)
    board.device("sent")
    board.run(200)
    assert board.device("sent") == "", "nobody has spoken for three seconds: nobody may be reading"


def test_the_way_back_to_the_repl(board: Board) -> None:
    board.send_bytes(b"\r\x03")
    assert board["escaped"]


def test_the_way_back_to_the_repl_after_a_broken_off_frame(board: Board) -> None:
    board.send_bytes(b"\x09\x82\x04")
    board.run(30)
    assert board["crc_errors"] == 1
    board.send_bytes(b"\r\x03")
    assert board["escaped"]


def test_no_frame_looks_like_the_way_back(board: Board) -> None:
    for message in (
        FullFrame(3, 3, (3,) * CHANNELS),
        CompactFrame(3, 3, {}),
        Hello.open(3, 3),
        ProfileUpload(3, make_profile(3)),
    ):
        board.send(message)
    assert not board["escaped"]


def host_messages(now_ms: int) -> st.SearchStrategy[Message]:
    """What a host may send, sensible or not."""
    times = st.integers(-40, 400).map(lambda ahead: (now_ms + ahead) % WRAP_MS)
    sequences = st.sampled_from([0, 0, 1, 31, 32, 33, 65535])
    position = st.integers(0, 4095)
    return st.one_of(
        st.builds(FullFrame, sequences, times, st.lists(position, min_size=5, max_size=6).map(tuple)),
        st.builds(CompactFrame, sequences, times, st.dictionaries(st.integers(0, 5), position)),
        st.builds(Park, st.just(1)),
        st.builds(Stop, st.just(2)),
        st.builds(Hello.open, st.just(3), st.integers(1, 2)),
        st.builds(Sync, st.just(4)),
        st.builds(ProfileUpload, st.just(5), st.sampled_from([make_profile(5), make_profile(6)])),
    )


@settings(max_examples=60, deadline=None)
@given(data=st.data(), start_ms=st.sampled_from([0, WRAP_MS - 500]))
def test_received_is_played_plus_dropped_plus_waiting(
    device: Any, data: st.DataObject, start_ms: int
) -> None:
    board = Board(device, start_ms)
    board.send(Hello.open(1, 1), ProfileUpload(2, make_profile(CHANNELS)))
    sent = 0
    for _ in range(data.draw(st.integers(1, 25))):
        message = data.draw(host_messages(board.now_ms))
        before = board["received"]
        board.send(message)
        if isinstance(message, FullFrame | CompactFrame):
            sent += 1
            assert board["received"] == before + 1
        board.run(data.draw(st.integers(0, 12)))
        state = board.state
        assert state["received"] == state["played"] + sum(state["drops"]) + state["ring_depth"]
    board.run(50)
    state = board.state
    assert state["ring_depth"] == 0
    assert state["received"] == state["played"] + sum(state["drops"])
    assert (state["crc_errors"], state["malformed"]) == (0, 0)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_stream_loses_only_the_frames_that_were_hit(device: Any, data: st.DataObject) -> None:
    board = Board(device)
    board.connect(make_profile(CHANNELS))
    now = board.now_ms
    frames = [
        encode(FullFrame(i, now + 100 + i, tuple(data.draw(st.integers(0, 4095)) for _ in MIDDLE)))
        for i in range(8)
    ]
    hit = data.draw(st.sets(st.integers(0, 7), max_size=4))
    stream = b""
    for i, frame in enumerate(frames):
        if i in hit:
            broken = bytearray(frame[:-1])
            at = data.draw(st.integers(0, len(broken) - 1))
            broken[at] ^= 1 << data.draw(st.integers(0, 7))
            stream += bytes(broken) + b"\0"
        else:
            stream += frame
    while stream:
        length = data.draw(st.integers(1, 60))
        board.send_bytes(stream[:length])
        stream = stream[length:]
    state = board.state
    assert state["received"] == state["ring_depth"] == 8 - len(hit)
    assert len(hit) <= state["crc_errors"] <= 2 * len(hit), "a flipped bit may make a zero, and two frames"


def test_noise_moves_nothing(board: Board) -> None:
    chance = random.Random(2)
    for _ in range(60):
        noise = bytes(chance.choice((0, chance.randrange(256))) for _ in range(700))
        if b"\r\x03" in noise:
            continue
        board.send_bytes(noise)
    state = board.state
    assert state["received"] == 0
    assert state["state"] == c.RESTING
    assert state["crc_errors"] > 1000
    board.send_bytes(b"\0")
    board.frame(board.now_ms + 50, MIDDLE)
    assert board["received"] == 1
