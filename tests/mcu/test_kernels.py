"""The viper loops do what the plain ones do, bit for bit, with 64-bit and with 32-bit words."""

from __future__ import annotations

import sys
from array import array
from pathlib import Path
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewire import cobs
from lipwright.link.elements import WireError
from lipwright.link.messages import CompactFrame, FullFrame, decode_payload

sys.path.append(str(Path(__file__).parents[2] / "mcu"))
import kernels_plain

EXAMPLES = settings(max_examples=150, deadline=None)
POSITION = st.one_of(st.sampled_from([0, 1, 32767, 32768, 65534, 65535]), st.integers(0, 65535))
COUNT = st.integers(1, 32)
MS = st.one_of(st.sampled_from([1, 2, 20]), st.integers(1, 2500))


def agree(device: Any, name: str, *arguments: Any) -> tuple[Any, list[list[int]]]:
    """Runs a loop in every form that there is and returns the one result and what the arrays hold then."""
    given = [
        bytearray(a[1]) if isinstance(a, tuple) and a[0] == "B" else array(*a) if isinstance(a, tuple) else a
        for a in arguments
    ]
    value = getattr(kernels_plain, name)(*given)
    expected = [value, [list(item) for item in given if not isinstance(item, int)]]
    results = device("kernel", name, [list(a) if isinstance(a, tuple) else a for a in arguments])
    assert len(results) == 2
    for result in results:
        assert result == expected
    return value, expected[1]


def positions(count: int) -> st.SearchStrategy[list[int]]:
    return st.lists(POSITION, min_size=count, max_size=count)


@EXAMPLES
@given(data=st.data())
def test_take_stops_at_the_first_zero(micropython_device: Any, data: st.DataObject) -> None:
    chunk = data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=64))
    start = data.draw(st.integers(0, len(chunk)))
    fill = data.draw(st.integers(0, 40))
    end, (_, frame) = agree(
        micropython_device, "take", ("B", chunk), start, len(chunk), ("B", [7] * 40), fill, 40
    )
    assert end == (chunk.index(0, start) if 0 in chunk[start:] else len(chunk))
    assert frame == ([7] * fill + chunk[start:end] + [7] * 40)[:40]


@EXAMPLES
@given(frame=st.lists(st.one_of(st.sampled_from([1, 2, 3, 255]), st.integers(1, 255)), max_size=600))
def test_uncobs_of_anything_is_what_the_shared_codec_says(micropython_device: Any, frame: list[int]) -> None:
    length, (decoded,) = agree(micropython_device, "uncobs", ("B", frame), len(frame))
    try:
        expected = cobs.decode(bytes(frame))
    except ValueError:
        assert length == -1
    else:
        assert bytes(decoded[:length]) == expected


@EXAMPLES
@given(data=st.one_of(st.binary(max_size=600), st.binary(min_size=250, max_size=260).map(lambda b: b"x" + b)))
def test_uncobs_reverses_cobs(micropython_device: Any, data: bytes) -> None:
    frame = list(cobs.encode(data))
    length, (decoded,) = agree(micropython_device, "uncobs", ("B", frame), len(frame))
    assert bytes(decoded[:length]) == data


FULL = st.builds(
    FullFrame,
    st.integers(0, 65535),
    st.one_of(st.sampled_from([0, 23, 24, 255, 256, 65535, 65536, 2**30 - 1]), st.integers(0, 2**30 - 1)),
    st.lists(st.integers(0, 4095), min_size=1, max_size=32).map(tuple),
)
COMPACT = st.builds(
    CompactFrame,
    st.integers(0, 65535),
    st.integers(0, 2**30 - 1),
    st.dictionaries(st.integers(0, 31), st.integers(0, 4095)),
)


def payload(message: FullFrame | CompactFrame) -> bytes:
    data: bytes = cbor2.dumps([message.TYPE, *message.fields()], canonical=True)
    return data


def read(device: Any, data: bytes) -> tuple[int, list[int], list[int]]:
    """Count, header and values of `read_motion`; what stands behind the message must not matter."""
    results = []
    for rest in (0, 255):
        count, (_, header, values) = agree(
            device,
            "read_motion",
            ("B", list(data) + [rest] * 8),
            len(data),
            ("i", [0] * 5),
            ("H", [9] * 40),
        )
        results.append((count, header, values) if count >= 0 else (count, [], []))
    assert results[0] == results[1]
    return results[0]


@EXAMPLES
@given(message=st.one_of(FULL, COMPACT))
def test_a_motion_frame_is_read_as_it_was_written(
    micropython_device: Any, message: FullFrame | CompactFrame
) -> None:
    count, header, values = read(micropython_device, payload(message))
    mask = 0
    if isinstance(message, FullFrame):
        narrow = list(message.positions)
    else:
        narrow = [message.changes[channel] for channel in sorted(message.changes)]
        mask = sum(1 << channel for channel in message.changes)
    assert header == [message.TYPE, message.sequence, message.time_ms, mask & 0xFFFF, mask >> 16]
    assert values[:count] == [value << 4 | value >> 8 for value in narrow]
    assert values[count:] == [9] * (40 - count)


@EXAMPLES
@given(message=st.one_of(FULL, COMPACT), data=st.data())
def test_a_damaged_motion_frame_is_read_only_if_it_is_another_valid_one(
    micropython_device: Any, message: FullFrame | CompactFrame, data: st.DataObject
) -> None:
    broken = bytearray(payload(message))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(broken) - 1))
        change = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        if change == "flip":
            broken[at] ^= 1 << data.draw(st.integers(0, 7))
        elif change == "cut" and len(broken) > 1:
            del broken[at]
        else:
            broken.insert(at, data.draw(st.integers(0, 255)))
    count, _, _ = read(micropython_device, bytes(broken))
    try:
        decoded = decode_payload(bytes(broken))
    except WireError:
        decoded = None
    assert (count >= 0) == isinstance(decoded, FullFrame | CompactFrame)


@pytest.mark.parametrize("size", range(0, 52))
def test_every_length_of_positions(micropython_device: Any, size: int) -> None:
    head = bytes([0x40 + size]) if size < 24 else bytes([0x58, size])
    data = bytes([0x84, 1, 0, 0]) + head + bytes(size)
    count, _, _ = read(micropython_device, data)
    assert count == (-1 if size % 3 == 1 or size > 48 or size == 0 else size * 2 // 3)


@EXAMPLES
@given(data=st.data(), channels=COUNT)
def test_merge_changes_what_the_mask_names(
    micropython_device: Any, data: st.DataObject, channels: int
) -> None:
    mask = data.draw(st.one_of(st.integers(0, (1 << channels) - 1), st.integers(0, 2**32 - 1)))
    values = data.draw(positions(32))
    base = data.draw(positions(32))
    offset = data.draw(st.integers(0, 5))
    result, (_, _, _, out) = agree(
        micropython_device,
        "merge",
        ("H", values),
        ("i", [2, 0, 0, mask & 0xFFFF, mask >> 16]),
        ("H", base),
        ("H", [5] * 64),
        offset,
        channels,
    )
    assert result == (0 if mask < 1 << channels else -1)
    if result == 0:
        following = iter(values)
        expected = [next(following) if mask >> i & 1 else base[i] for i in range(channels)]
        assert out[offset : offset + channels] == expected
        assert out[offset + channels :] == [5] * (64 - offset - channels)


@EXAMPLES
@given(data=st.data(), count=COUNT)
def test_copy(micropython_device: Any, data: st.DataObject, count: int) -> None:
    source = data.draw(positions(40))
    _, (_, out) = agree(micropython_device, "copy", ("H", source), 3, ("H", [1] * 50), 7, count)
    assert out == [1] * 7 + source[3 : 3 + count] + [1] * (43 - count)


@EXAMPLES
@given(data=st.data(), count=COUNT, come_ms=MS, go_ms=MS)
def test_tangents_and_hermite_never_leave_the_range(
    micropython_device: Any, data: st.DataObject, count: int, come_ms: int, go_ms: int
) -> None:
    before, at, after = (data.draw(positions(count)) for _ in range(3))
    _, arrays = agree(
        micropython_device,
        "tangents",
        ("H", before),
        ("H", at),
        ("H", after),
        0,
        16384 // come_ms,
        16384 // go_ms,
        16384 // (come_ms + go_ms),
        ("i", [0] * count),
        count,
    )
    velocity = arrays[3]
    still = [kernels_plain.VELOCITY_BIAS] * count
    phase = data.draw(st.one_of(st.sampled_from([0, 1, 16383, 16384]), st.integers(0, 16384)))
    for start, goal, first, last, duration in (
        (before, at, still, velocity, come_ms),
        (at, after, velocity, still, go_ms),
    ):
        _, arrays = agree(
            micropython_device,
            "hermite",
            ("H", start),
            ("H", goal),
            ("i", first),
            ("i", last),
            phase,
            duration,
            ("H", [0] * count),
            count,
        )
        for one, other, value in zip(start, goal, arrays[4], strict=True):
            assert min(one, other) <= value <= max(one, other)
            if phase in (0, 16384):
                assert value == (other if phase else one)


@EXAMPLES
@given(data=st.data(), live=st.integers(0, 32))
def test_slew_keeps_to_the_step_and_the_cap(micropython_device: Any, data: st.DataObject, live: int) -> None:
    track, out, steps = (data.draw(positions(32)) for _ in range(3))
    cap = data.draw(st.one_of(st.just(65535), st.integers(1, 65535)))
    behind, (_, moved, _) = agree(
        micropython_device, "slew", ("H", track), ("H", out), ("H", steps), cap, live
    )
    assert behind == sum(moved[i] != track[i] for i in range(live))
    for i in range(32):
        assert abs(moved[i] - out[i]) <= (min(steps[i], cap) if i < live else 0)
        assert moved[i] == track[i] or i >= live or abs(moved[i] - out[i]) == min(steps[i], cap)


@EXAMPLES
@given(data=st.data(), pwm_hz=st.integers(40, 333), count=COUNT)
def test_registers_hold_the_pulse_to_half_a_step(
    micropython_device: Any, data: st.DataObject, pwm_hz: int, count: int
) -> None:
    out = data.draw(positions(count))
    ends = data.draw(st.lists(st.integers(400, 2600), min_size=2 * count, max_size=2 * count))
    places = data.draw(st.permutations(range(32)))[:count]
    live = data.draw(st.integers(0, count))
    prescale = round(25e6 / 4096 / pwm_hz)
    _, (_, _, _, registers) = agree(
        micropython_device,
        "registers",
        ("H", out),
        ("H", ends),
        ("B", places),
        (25000 << 14) // (prescale * 1000),
        ("B", [99] * 128),
        live,
        count,
    )
    for i in range(count):
        on_low, on_high, off_low, off_high = registers[4 * places[i] : 4 * places[i] + 4]
        assert on_low == on_high == 0
        if i >= live:
            assert (off_low, off_high) == (0, 16)
            continue
        wanted_us = ends[2 * i] + (ends[2 * i + 1] - ends[2 * i]) * out[i] / 65535
        step_us = prescale / 25
        # Half a microsecond from rounding the width, half a step from rounding the count.
        assert abs((off_low | off_high << 8) * step_us - wanted_us) <= 0.55 + step_us * 0.55
    untouched = set(range(32)) - set(places)
    assert all(registers[4 * output : 4 * output + 4] == [99] * 4 for output in untouched)
