"""Whatever one end writes, the other reads the same; whatever is malformed, both refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from message_strategies import ANSWERS, MESSAGES, MOTION, REQUESTS

import facewire
from facewire import cobs, framing
from facewire import constants as c
from lipwright.link import messages
from lipwright.link.board_profile import BoardChannel, BoardCollision, BoardProfile
from lipwright.link.elements import (
    CrcError,
    MalformedError,
    VersionError,
    WireError,
    pack_positions,
    unpack_positions,
)
from lipwright.link.messages import (
    CompactFrame,
    FullFrame,
    Hello,
    Message,
    ProfileUpload,
    Refused,
    Splitter,
    decode_payload,
    encode,
)

EXAMPLES = settings(max_examples=200, deadline=None)

VALUES = st.recursive(
    st.one_of(
        st.integers(0, 2**32 - 1),
        st.sampled_from([23, 24, 255, 256, 65535, 65536]),
        st.binary(max_size=300),
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=70),
    ),
    lambda items: st.lists(items, max_size=5),
    max_leaves=20,
)


def for_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, list | tuple):
        return [for_json(item) for item in value]
    return value


def depth(value: Any) -> int:
    return 1 + max((depth(item) for item in value), default=0) if isinstance(value, list) else 0


@EXAMPLES
@given(value=VALUES)
def test_a_value_is_the_same_bytes_on_both_ends(device: Any, value: Any) -> None:
    data = cbor2.dumps(value, canonical=True)
    if depth(value) > c.MAX_DEPTH:
        for command, argument in (("loads", data.hex()), ("dumps", for_json(value))):
            with pytest.raises(ValueError, match="too deep"):
                device(command, argument)
        return
    assert device("loads", data.hex()) == for_json(value)
    assert device("dumps", for_json(value)) == data.hex()


@EXAMPLES
@given(
    data=st.one_of(st.binary(max_size=40), VALUES.map(lambda v: cbor2.dumps(v, canonical=True))),
    cut=st.data(),
)
def test_what_the_board_reads_at_all_cbor2_reads_the_same(
    device: Any, data: bytes, cut: st.DataObject
) -> None:
    """Bytes that are damaged in some way: the board accepts only what has exactly this one encoding."""
    broken = bytearray(data)
    if broken:
        at = cut.draw(st.integers(0, len(broken) - 1))
        how = cut.draw(st.sampled_from(["as it is", "flip", "cut", "append"]))
        if how == "flip":
            broken[at] ^= 1 << cut.draw(st.integers(0, 7))
        elif how == "cut":
            del broken[at:]
        elif how == "append":
            broken.append(cut.draw(st.integers(0, 255)))
    try:
        value = device("loads", broken.hex())
    except ValueError:
        return
    assert for_json(cbor2.loads(bytes(broken))) == value
    assert cbor2.dumps(cbor2.loads(bytes(broken)), canonical=True) == broken


@EXAMPLES
@given(message=MESSAGES)
def test_a_message_survives_the_wire(device: Any, message: Message) -> None:
    frame = encode(message)
    assert len(frame) <= c.MAX_WIRE_BYTES
    assert frame.count(0) == 1 and frame[-1] == 0
    assert messages.decode(frame[:-1]) == message
    payload = device("unwrap", frame[:-1].hex())
    assert device("wrap", payload) == frame.hex()
    assert device("dumps", device("loads", payload)) == payload


@EXAMPLES
@given(sent=st.lists(MESSAGES, min_size=1, max_size=6), data=st.data())
def test_a_stream_is_cut_into_its_messages_wherever_it_is_torn(
    sent: list[Message], data: st.DataObject
) -> None:
    stream = b"\0" + b"".join(encode(message) + b"\0" * data.draw(st.integers(0, 2)) for message in sent)
    splitter = Splitter()
    received: list[Message] = []
    while stream:
        length = data.draw(st.integers(1, 90))
        received += splitter.feed(stream[:length])
        stream = stream[length:]
    assert received == sent
    assert splitter.crc_errors == splitter.malformed == 0


FROM_THE_BOARD = (
    messages.Ack,
    messages.Refused,
    messages.BoardInfo,
    messages.SyncReply,
    messages.BoardStatus,
    messages.FileInfo,
)


@EXAMPLES
@given(message=st.one_of(MOTION, REQUESTS), data=st.data())
def test_a_damaged_payload_means_the_same_to_both_ends(
    device: Any, message: Message, data: st.DataObject
) -> None:
    """The CRC is right, the content is not: the board takes a motion frame or does a request only if the host
    would read the same message."""
    payload = bytearray(cbor2.dumps([message.TYPE, *message.fields()], canonical=True))
    for _ in range(data.draw(st.integers(1, 2))):
        at = data.draw(st.integers(0, len(payload) - 1))
        how = data.draw(st.sampled_from(["flip", "delete", "insert", "cut"]))
        if how == "flip":
            payload[at] ^= 1 << data.draw(st.integers(0, 7))
        elif how == "delete" and len(payload) > 1:
            del payload[at]
        elif how == "cut" and at:
            del payload[at:]
        else:
            payload.insert(at, data.draw(st.integers(0, 255)))
    frame = framing.wrap(bytes(payload))
    if len(payload) > c.MAX_PAYLOAD_BYTES:
        return
    meaning: Message | None = None
    other_version = False
    try:
        meaning = decode_payload(bytes(payload))
    except VersionError:
        other_version = True
    except WireError:
        pass
    device("start", 0, {"PROFILE_FILE": "both_ends.bin"})
    answers = Splitter().feed(bytes.fromhex(device("receive", frame.hex())))
    state = device("state")
    assert state["crc_errors"] == 0
    if frame.startswith(b"\r\x03"):  # the way back to the REPL, which no array begins with
        assert state["escaped"] and meaning is None
        return
    if other_version:  # whose further elements may be anything
        assert (state["received"], state["malformed"] + len(answers)) == (0, 1)
    elif isinstance(meaning, FullFrame | CompactFrame):
        assert (state["received"], state["malformed"], answers) == (1, 0, [])
    elif meaning is None or isinstance(meaning, FROM_THE_BOARD):
        assert state["received"] == 0
        assert state["malformed"] + sum(isinstance(answer, Refused) for answer in answers) == 1
    else:
        assert (state["received"], state["malformed"], len(answers)) == (0, 0, 1)


@EXAMPLES
@given(message=MESSAGES, data=st.data())
def test_no_flipped_bits_get_past_the_crc(device: Any, message: Message, data: st.DataObject) -> None:
    frame = bytearray(encode(message)[:-1])
    for bit in data.draw(st.sets(st.integers(0, 8 * len(frame) - 1), min_size=1, max_size=3)):
        frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CrcError):
        messages.decode(bytes(frame))
    with pytest.raises(ValueError):
        device("unwrap", frame.hex())


@EXAMPLES
@given(message=ANSWERS)
def test_a_board_does_nothing_with_an_answer(device: Any, message: Message) -> None:
    device("start", 0, {"PROFILE_FILE": "both_ends.bin"})
    before = device("state")
    device("receive", encode(message).hex())
    after = device("state")
    assert {name for name in after if after[name] != before[name]} <= {"malformed"}


@EXAMPLES
@given(data=st.binary(max_size=700))
def test_cobs_takes_the_zeros_out_and_brings_them_back(data: bytes) -> None:
    frame = cobs.encode(data)
    assert 0 not in frame
    assert cobs.decode(frame) == data
    assert len(frame) <= len(data) + 1 + len(data) // 254


@EXAMPLES
@given(frame=st.lists(st.one_of(st.sampled_from([0, 1, 2, 3, 254, 255]), st.integers(0, 255)), max_size=600))
def test_cobs_has_one_encoding_only(frame: list[int]) -> None:
    try:
        data = cobs.decode(bytes(frame))
    except ValueError:
        return
    assert cobs.encode(data) == bytes(frame)


@EXAMPLES
@given(positions=st.lists(st.integers(0, 4095), max_size=32))
def test_positions_take_a_byte_and_a_half_each(positions: list[int]) -> None:
    packed = pack_positions(positions)
    assert len(packed) == (3 * len(positions) + 1) // 2
    assert unpack_positions(packed) == tuple(positions)


@pytest.mark.parametrize("positions", [[4096], [-1], [0, 4096], [0, -1]])
def test_positions_outside_their_range_are_refused(positions: list[int]) -> None:
    with pytest.raises(MalformedError):
        pack_positions(positions)


SERVO = BoardChannel(0, 1000, 2000, 0, 100, 2500, 0)


@pytest.mark.parametrize(
    "message",
    [
        FullFrame(65536, 0, (0,)),
        FullFrame(0, 2**30, (0,)),
        FullFrame(0, 0, ()),
        FullFrame(0, 0, (0,) * 33),
        CompactFrame(0, 0, {32: 0}),
        messages.Park(0),
        messages.Refused(1, 5, 3, "ü"),
        messages.Refused(1, 5, 3, "x" * 65),
        Hello.open(1, 0),
        ProfileUpload(1, BoardProfile(50, 100, ())),
        ProfileUpload(1, BoardProfile(500, 100, (SERVO,))),
        ProfileUpload(1, BoardProfile(50, 100, (SERVO, SERVO))),
        ProfileUpload(1, BoardProfile(50, 60, (SERVO,))),
        ProfileUpload(1, BoardProfile(50, 100, (BoardChannel(0, 1000, 1019, 0, 100, 2500, 0),))),
        ProfileUpload(1, BoardProfile(50, 100, (SERVO,), (BoardCollision(0, (1,), (5,)),))),
        messages.FileBegin(1, "hello", 4, 0),
        messages.FileBegin(1, "shows/../main.py", 4, 0),
        messages.FilePart(1, 0, b""),
    ],
    ids=str,
)
def test_the_host_sends_nothing_that_would_be_refused(message: Message) -> None:
    with pytest.raises(MalformedError):
        encode(message)


def test_another_version_is_told_apart_from_damage() -> None:
    frame = framing.wrap(cbor2.dumps([c.BOARD_INFO, 1, 9, 12345, 0, "new", "fields", {}], canonical=True))
    with pytest.raises(VersionError) as raised:
        Splitter().feed(frame)
    assert (raised.value.version, raised.value.schema_hash) == (9, 12345)


@pytest.mark.parametrize(("channels", "size"), [(6, 26), (26, 57), (32, 66)])
def test_a_full_frame_is_never_longer_than_the_specification_says(channels: int, size: int) -> None:
    assert len(encode(FullFrame(65535, c.TICKS_MASK, (4095,) * channels))) == size


@pytest.mark.parametrize(("channels", "size"), [(11, 37), (0, 18)])
def test_a_compact_frame_is_never_longer_than_the_specification_says(channels: int, size: int) -> None:
    changes = {channel: 4095 for channel in range(channels)}
    assert len(encode(CompactFrame(65535, c.TICKS_MASK, changes))) == size


def test_the_frame_that_the_specification_takes_apart() -> None:
    readme = (Path(facewire.__file__).parents[1] / "README.md").read_text()
    shown = re.search(r"```\n((?:[0-9A-F]{2} )+00)\n```", readme)
    assert shown
    assert encode(FullFrame(64, 123456, (2048, 1024, 4095))) == bytes.fromhex(shown[1])
