"""Motion frames as the host makes them, read back as the board reads them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facewire.constants import BASE_INTERVAL, POSITION_MAX
from lipwright.face.profile import load_profile
from lipwright.link.frames import FrameEncoder, board_profile, positions_of
from lipwright.link.messages import CompactFrame, FullFrame, decode

CHANNELS = 26


class Reader:
    """Keeps the base and puts compact frames upon it, as the board does."""

    def __init__(self):
        self.base = None

    def read(self, wire):
        """The positions that a frame stands for, and the frame."""
        assert wire.endswith(b"\0") and wire.count(0) == 1
        frame = decode(wire[:-1])
        if isinstance(frame, CompactFrame):
            assert frame.sequence - frame.sequence % BASE_INTERVAL == self.base.sequence
            positions = list(self.base.positions)
            for channel, position in frame.changes.items():
                positions[channel] = position
            return tuple(positions), frame
        if frame.sequence % BASE_INTERVAL == 0:
            self.base = frame
        return frame.positions, frame


positions = st.lists(st.integers(0, POSITION_MAX), min_size=CHANNELS, max_size=CHANNELS)
moves = st.dictionaries(st.integers(0, CHANNELS - 1), st.integers(0, POSITION_MAX), max_size=CHANNELS)


@given(positions, st.lists(moves, max_size=80))
def test_what_is_read_is_what_was_sent(start, steps):
    encoder, reader, now = FrameEncoder(CHANNELS), Reader(), list(start)
    for number, step in enumerate([{}, *steps]):
        for channel, position in step.items():
            now[channel] = position
        wire = encoder.encode(now, 2**30 - 40 + number, number * 0.02)
        got, frame = reader.read(wire)
        assert got == tuple(now)
        assert frame.sequence == number
        assert len(wire) <= 64


def test_a_mouth_that_moves_alone_costs_little():
    encoder, sizes = FrameEncoder(CHANNELS), []
    for number in range(64):
        now = [1000 + number * (channel < 11) for channel in range(CHANNELS)]
        sizes.append(len(encoder.encode(now, 600_000, number * 0.02)))
    assert max(sizes) <= 57
    assert np.mean(sizes) < 37


def test_a_full_frame_opens_every_32_and_follows_every_doubt():
    encoder, reader = FrameEncoder(CHANNELS), Reader()

    def frame(number, at=None):
        now = [500 + number] * 2 + [7] * (CHANNELS - 2)
        return reader.read(encoder.encode(now, 1000, number * 0.02 if at is None else at))[1]

    kinds = [frame(number) for number in range(40)]
    assert [f.sequence for f in kinds if isinstance(f, FullFrame)] == [0, 32]
    encoder.heed(_status(crc_errors=1))
    assert (frame(40).sequence, type(frame(41))) == (64, CompactFrame)
    encoder.heed(_status(crc_errors=1))  # the same loss is no new doubt
    assert isinstance(frame(42), CompactFrame)
    assert isinstance(frame(43, at=100.0), FullFrame), "the board has forgotten the base by now"


def test_sequence_numbers_wrap():
    encoder, reader = FrameEncoder(1), Reader()
    numbers = [reader.read(encoder.encode([1], 0, 0.0))[1].sequence for _ in range(2**16 + 3)]
    assert numbers[-4:] == [65535, 0, 1, 2]


def test_targets_are_clipped_and_rounded():
    assert positions_of([0, 1, 0.5, -3, 7, np.float32(0.25)]) == (0, 4095, 2048, 0, 4095, 1024)
    with pytest.raises(ValueError, match="not a number"):
        positions_of([float("nan")])


def test_the_wrong_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="3 positions for 26"):
        FrameEncoder(CHANNELS).encode([1, 2, 3], 0, 0.0)


def test_the_board_gets_the_profile_with_inverted_servos_turned_round(tmp_path):
    text = load_profile().path.read_text()
    first = text.index("[[channels]]") + len("[[channels]]")
    turned = tmp_path / "head.toml"
    turned.write_text(text[:first] + "\ninverted = true" + text[first:].replace("inverted = true", "", 1))
    for profile in (load_profile(), load_profile(turned)):
        sent = board_profile(profile)
        assert sent.pwm_hz == profile.pwm_hz
        for channel, there in zip(profile.channels, sent.channels, strict=True):
            assert there.output == channel.output
            assert there.pulse_at_0_us == pytest.approx(channel.pulse_us(0), abs=0.5)
            assert there.pulse_at_1_us == pytest.approx(channel.pulse_us(1), abs=0.5)
            assert there.rest == round(channel.rest * 4095)
            assert there.speed == round(100 * channel.speed)
    assert board_profile(load_profile()).crc != board_profile(load_profile(turned)).crc


def _status(crc_errors):
    from facewire.constants import DROP_NAMES
    from lipwright.link.messages import BoardStatus

    return BoardStatus(0, 1, 0, 1, 0, 0, 0, 0, (0,) * len(DROP_NAMES), crc_errors, 0, 0, 0, 0, 0, 0, 0, 0)
