"""Shows as files: every frame comes back, and whatever is damaged or something else is told apart."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from facewire import constants as wire
from lipwright.audio.decode import open_sound
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.show import record
from lipwright.show_file import Cue, Show, read_show

DATA = Path(__file__).parents[1] / "data"


@st.composite
def shows(draw):
    frames, channels = draw(st.integers(1, 40)), draw(st.integers(1, wire.MAX_CHANNELS))
    positions = draw(npst.arrays(np.int64, (frames, channels), elements=st.integers(0, wire.POSITION_MAX)))
    if draw(st.booleans()):  # channels that move little, or not at all
        positions = 2000 + (positions & draw(st.sampled_from([0, 1, 127, 128, 255])))
    steps = draw(npst.arrays(np.int64, frames - 1, elements=st.integers(1, 255)))
    times = np.concatenate([[0], np.cumsum(steps)]).astype(np.int64)
    moments = st.lists(st.integers(0, int(times[-1])), max_size=255)
    cues = tuple(Cue(ms, number) for number, ms in enumerate(sorted(draw(moments))))
    return Show(draw(st.integers(0, 0xFFFFFFFF)), times, positions, cues)


@given(show=shows())
def test_every_show_comes_back_as_it_was(show):
    back = Show.decode(show.encode())
    assert (back.profile_crc, back.cues, back.duration_ms) == (
        show.profile_crc,
        show.cues,
        show.times_ms[-1],
    )
    assert (back.times_ms == show.times_ms).all() and (back.positions == show.positions).all()


@given(show=shows(), data=st.data())
def test_a_byte_that_differs_is_noticed(show, data):
    good = bytearray(show.encode())
    place = data.draw(st.integers(0, len(good) - 1))
    good[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="show"):
        Show.decode(bytes(good))
    with pytest.raises(ValueError, match="show"):
        Show.decode(show.encode()[:place])


@given(data=st.binary(max_size=100), magic=st.booleans())
def test_anything_else_is_no_show(data, magic):
    with pytest.raises(ValueError, match="show"):
        Show.decode(wire.SHOW_MAGIC * magic + data)


FRAMES, CHANNELS = 3, 2
GOOD = {
    "profile_crc": 1,
    "times_ms": np.arange(FRAMES) * 20,
    "positions": np.zeros((FRAMES, CHANNELS), np.int64),
}


@pytest.mark.parametrize(
    "bad",
    [
        {"times_ms": np.array([1, 20, 40])},
        {"times_ms": np.array([0, 20, 20])},
        {"times_ms": np.array([0, 20, 276])},
        {"times_ms": np.array([0, 20])},
        {"positions": np.full((FRAMES, CHANNELS), 4096)},
        {"positions": np.full((FRAMES, CHANNELS), -1)},
        {"positions": np.zeros((FRAMES, 0), np.int64)},
        {"positions": np.zeros((FRAMES, 33), np.int64)},
        {"cues": (Cue(41, 1),)},
        {"cues": (Cue(-1, 1),)},
        {"cues": (Cue(0, 1),) * 256},
    ],
    ids=str,
)
def test_what_a_board_could_not_play_is_not_written(bad):
    Show(**GOOD).encode()
    with pytest.raises(ValueError, match=r"times begin|channels|cues"):
        Show(**{**GOOD, **bad}).encode()


@pytest.mark.parametrize("clip", sorted(DATA.glob("*.flac")), ids=lambda clip: clip.stem)
def test_a_second_of_speech_takes_less_than_seven_hundred_bytes(clip):
    show = record(open_sound(clip), load_profile(), 0)
    assert 200 < len(show.encode()) / show.duration_ms * 1000 < 700


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), (b"", "no show"), (b"RIFF" * 20, "no show: make one")]
)
def test_a_file_that_is_none_is_told_of_in_a_sentence(tmp_path, content, says):
    path = tmp_path / "hello.show"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LipwrightError, match=says):
        read_show(path)
