"""The viper loops do what the plain ones do, bit for bit, with 64-bit and with 32-bit words."""

from __future__ import annotations

import math
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


SPEED_BIAS, SUM_BIAS = kernels_plain.SPEED_BIAS, kernels_plain.SUM_BIAS


def stopping(speed: int, change: int) -> int:
    """How far a channel still comes that brakes from the next tick on."""
    way = 0
    while speed > change:
        speed -= change
        way += speed
    return way


@st.composite
def limits(draw: st.DrawFn, count: int) -> tuple[list[int], list[int]]:
    """Steps and accelerations of channels that can stop within their range, as the board sees to."""
    accelerations = draw(
        st.lists(st.sampled_from([1, 2, 7, 90, 1000, 65535]), min_size=count, max_size=count)
    )
    steps = [draw(st.integers(1, min(65535, math.isqrt(131072 * a)))) for a in accelerations]
    return steps, accelerations


@EXAMPLES
@given(data=st.data(), count=st.integers(1, 6), cap=st.one_of(st.just(65535), st.integers(1, 65535)))
def test_aim_keeps_to_speed_acceleration_and_range(
    micropython_device: Any, data: st.DataObject, count: int, cap: int
) -> None:
    steps, accelerations = data.draw(limits(count))
    out, before = data.draw(positions(count)), data.draw(positions(count))
    velocity, pulses = [SPEED_BIAS] * count, [1] * count
    for _ in range(3):
        track = data.draw(positions(count))
        for _ in range(data.draw(st.integers(1, 5))):
            _, arrays = agree(
                micropython_device,
                "aim",
                *(("H", track), ("H", before), ("H", out), ("i", velocity), ("H", steps)),
                *(("H", accelerations), ("B", pulses), cap, ("i", [0] * count), count),
            )
            wish = [value - SPEED_BIAS for value in arrays[-1]]
            for i in range(count):
                speed = velocity[i] - SPEED_BIAS
                assert abs(wish[i] - speed) <= accelerations[i]
                assert abs(wish[i]) <= max(min(steps[i], cap), abs(speed) - accelerations[i])
                way = wish[i] + (1 if wish[i] > 0 else -1) * stopping(abs(wish[i]), accelerations[i])
                assert 0 <= out[i] + way <= 65535
            out = [a + b for a, b in zip(out, wish, strict=True)]
            velocity, before = list(arrays[-1]), track


def test_a_channel_without_pulses_stands(micropython_device: Any) -> None:
    _, arrays = agree(
        micropython_device,
        "aim",
        *(("H", [9, 9]), ("H", [9, 9]), ("H", [1, 1]), ("i", [SPEED_BIAS + 3] * 2), ("H", [8, 8])),
        *(("H", [5, 5]), ("B", [0, 1]), 65535, ("i", [0, 0]), 2),
    )
    assert arrays[-1] == [SPEED_BIAS, SPEED_BIAS + 6], "6 now, 1 while it brakes: 8 would be too far"


def test_a_track_that_can_be_followed_is_followed_exactly() -> None:
    track = [round(32768 + 20000 * math.sin(k / 10)) for k in range(200)]
    out, velocity, wish = array("H", track[:1]), array("i", [SPEED_BIAS]), array("i", [0])
    steps, accelerations = array("H", [3000]), array("H", [300])
    for k in range(1, len(track)):
        now, before = array("H", [track[k]]), array("H", [track[k - 1]])
        kernels_plain.aim(now, before, out, velocity, steps, accelerations, bytearray([1]), 65535, wish, 1)
        behind = kernels_plain.move(out, velocity, wish, now, 1)
        assert abs(out[0] - track[k]) < 100 or k < 22, "from a standing start it catches up"
        assert behind == 0 or k < 47


@EXAMPLES
@given(data=st.data())
def test_channels_that_would_collide_brake_in_time(micropython_device: Any, data: st.DataObject) -> None:
    count = 4
    steps, accelerations = data.draw(limits(count))
    pairs = data.draw(st.integers(1, 3))
    chosen = [
        data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3, unique=True))
        for _ in range(pairs)
    ]
    weight = st.integers(-127, 127).filter(bool)
    terms, firsts = [], [0]
    for channels in chosen:
        for channel in channels:
            terms += [channel, data.draw(weight) + 128]
        firsts.append(len(terms) // 2)
    out = data.draw(positions(count))

    def sums() -> list[int]:
        return [
            sum((terms[2 * j + 1] - 128) * out[terms[2 * j]] for j in range(firsts[k], firsts[k + 1]))
            for k in range(pairs)
        ]

    mosts = [total + data.draw(st.integers(0, 2_000_000)) for total in sums()]
    velocity, before, pulses = [SPEED_BIAS] * count, list(out), [1] * count
    for _ in range(4):
        track = data.draw(positions(count))
        for _ in range(data.draw(st.integers(1, 8))):
            given = [array("H", x) for x in (track, before, out)]
            wish = array("i", [0] * count)
            kernels_plain.aim(
                *given,
                array("i", velocity),
                array("H", steps),
                array("H", accelerations),
                bytearray(pulses),
                65535,
                wish,
                count,
            )
            _, arrays = agree(
                micropython_device,
                "part",
                *(("H", out), ("i", velocity), ("i", list(wish)), ("H", accelerations), ("B", firsts)),
                *(("B", terms), ("i", [most + SUM_BIAS for most in mosts]), pairs),
            )
            parted = [value - SPEED_BIAS for value in arrays[2]]
            for i in range(count):
                assert abs(parted[i] - velocity[i] + SPEED_BIAS) <= accelerations[i]
            out = [a + b for a, b in zip(out, parted, strict=True)]
            assert all(0 <= position <= 65535 for position in out)
            assert all(total <= most for total, most in zip(sums(), mosts, strict=True))
            velocity, before = list(arrays[2]), track


@EXAMPLES
@given(data=st.data(), count=COUNT)
def test_move_makes_the_wish_the_velocity(micropython_device: Any, data: st.DataObject, count: int) -> None:
    out = data.draw(st.lists(st.integers(1000, 2000), min_size=count, max_size=count))
    wish = data.draw(st.lists(st.integers(-1000, 1000), min_size=count, max_size=count))
    track = [a + b + data.draw(st.sampled_from([0, 1])) for a, b in zip(out, wish, strict=True)]
    behind, (moved, velocity, *_) = agree(
        micropython_device,
        "move",
        *(("H", out), ("i", [0] * count), ("i", [w + SPEED_BIAS for w in wish]), ("H", track), count),
    )
    assert moved == [a + b for a, b in zip(out, wish, strict=True)]
    assert velocity == [w + SPEED_BIAS for w in wish]
    assert behind == sum(a != b for a, b in zip(moved, track, strict=True))


@EXAMPLES
@given(data=st.data(), pwm_hz=st.integers(40, 333), count=COUNT)
def test_registers_hold_the_pulse_to_a_step_and_within_its_ends(
    micropython_device: Any, data: st.DataObject, pwm_hz: int, count: int
) -> None:
    out = data.draw(positions(count))
    ends = [data.draw(st.integers(400, 1480)) for _ in range(2 * count)]
    for i in range(count):
        ends[2 * i + data.draw(st.integers(0, 1))] += 1100
    places = data.draw(st.permutations(range(32)))[:count]
    pulses = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    prescale = round(25e6 / 4096 / pwm_hz)
    step_us = prescale / 25
    rate = (25000 << 14) // (prescale * 1000)
    bounds, told = [], []
    for i in range(count):
        low, high = min(ends[2 * i : 2 * i + 2]), max(ends[2 * i : 2 * i + 2])
        bounds += [(low * rate + 16383) >> 14, (high * rate) >> 14]
        told.append(data.draw(st.sampled_from([0, bounds[-2], bounds[-1], sum(bounds[-2:]) // 2])))
    before = data.draw(st.sampled_from([[0, 0, 0, 16] * 32, [0, 0, bounds[0] & 255, bounds[0] >> 8] * 32]))
    switched, (_, _, _, _, counts, registers, _, spans) = agree(
        micropython_device,
        "registers",
        *(("H", out), ("H", ends), ("B", places), rate, ("H", bounds), ("H", told), ("B", before)),
        *(("B", pulses), count, ("B", [99] * 4), 2),
    )
    was_on = [before[4 * place + 3] != 16 for place in places]
    assert bool(switched) == (was_on != [pulse != 0 for pulse in pulses])
    for chip in range(2):
        first, end = spans[2 * chip : 2 * chip + 2]
        changed = [
            pin // 4
            for pin in range(16)
            if registers[64 * chip + 4 * pin :][:4] != before[64 * chip + 4 * pin :][:4]
        ]
        assert (first, end) == ((min(changed), max(changed) + 1) if changed else (4, 0))
    for i in range(count):
        on_low, on_high, off_low, off_high = registers[4 * places[i] : 4 * places[i] + 4]
        assert on_low == on_high == 0
        if not pulses[i]:
            assert (off_low, off_high, counts[i]) == (0, 16, told[i])
            continue
        assert off_low | off_high << 8 == counts[i]
        assert bounds[2 * i] <= counts[i] <= bounds[2 * i + 1]
        wanted_us = ends[2 * i] + (ends[2 * i + 1] - ends[2 * i]) * out[i] / 65535
        # The hysteresis is three quarters of a count; the ends may take a whole one.
        assert abs(counts[i] * step_us - wanted_us) <= 0.5 + step_us * 1.05
    untouched = set(range(32)) - set(places)
    assert all(registers[4 * output :][:4] == before[4 * output :][:4] for output in untouched)


def test_a_position_that_trembles_between_two_counts_does_not_move_the_servo() -> None:
    rate = (25000 << 14) // (122 * 1000)
    bounds, counts = array("H", [205, 409]), array("H", [0])
    data = bytearray(4)
    told = set()
    for k in range(50):
        out = array("H", [32000 + (40 if k % 2 else 0)])
        ends = array("H", [1000, 2000])
        kernels_plain.registers(
            *(out, ends, bytearray(1), rate, bounds, counts, data, bytearray([1]), 1, bytearray(2), 1)
        )
        told.add(counts[0])
    assert len(told) == 1


@EXAMPLES
@given(data=st.data(), count=COUNT)
def test_widths_keep_within_the_ends_and_near_the_position(
    micropython_device: Any, data: st.DataObject, count: int
) -> None:
    out = data.draw(positions(count))
    ends = data.draw(st.lists(st.integers(400, 2600), min_size=2 * count, max_size=2 * count))
    pulses = data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count))
    before = data.draw(st.lists(st.sampled_from([0, 1600, 6000, 10400]), min_size=count, max_size=count))
    _, (*_, told) = agree(
        micropython_device, "widths", ("H", out), ("H", ends), ("B", pulses), ("H", before), count
    )
    for i in range(count):
        low, high = sorted(ends[2 * i : 2 * i + 2])
        wanted_us = ends[2 * i] + (ends[2 * i + 1] - ends[2 * i]) * out[i] / 65535
        if not pulses[i]:
            assert told[i] == 0
        else:
            assert 4 * low <= told[i] <= 4 * high
            assert abs(told[i] / 4 - wanted_us) <= 1.01
