"""Files of shows: what is no show, or one for another head, is refused; no content harms the head."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shows import CHANNELS, END_TICKS, PINS, make_show, play, press, states, store
from wired_board import START_TICKS, Board, make_profile

from facewire import constants as c
from lipwright.link.board_profile import BoardProfile
from lipwright.link.file_messages import FileDelete, FileList
from lipwright.link.messages import Ack, Hello, Message, Park, ProfileUpload, Refused, Stop

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
