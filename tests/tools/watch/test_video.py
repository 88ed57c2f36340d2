"""Videos are read a minute at a time, each picture and each sound at its own moment; what is none is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from liplab.watch.video import AFTER_S, BEFORE_S, LARGEST, PORTION_S, Portion, video_hash
from lipwright.audio.decode import RATE
from lipwright.errors import LipwrightError

SHAPE = (36, 48, 3)


def grey(level: int) -> np.ndarray:
    return np.full(SHAPE, level, np.uint8)


def times_of(portion: Portion) -> list[float]:
    return [picture.time_s for picture in portion.pictures()]


def test_pictures_that_come_unevenly_keep_their_times(tmp_path: Path, film: Callable[..., Path]) -> None:
    times = [0.0, 0.04, 0.2, 0.24, 0.5, 1.1]
    path = film(tmp_path / "uneven.mkv", [grey(100)] * 6, times_s=times)
    assert np.allclose(times_of(Portion(path, 0)), times, atol=0.002)


def test_sound_lies_where_it_is_heard(tmp_path: Path, film: Callable[..., Path]) -> None:
    sound = np.zeros(3 * RATE, np.float32)
    sound[2 * RATE : 2 * RATE + 400] = 0.5  # a click after two seconds
    portion = Portion(film(tmp_path / "click.mp4", [grey(100)] * 75, sound), 0)
    assert len(times_of(portion)) == 75
    assert portion.last and portion.sound is not None
    loud = np.flatnonzero(np.abs(portion.sound) > 0.1)
    assert loud[0] / RATE - BEFORE_S == pytest.approx(2.0, abs=0.01)
    assert len(portion.sound) / RATE == pytest.approx(BEFORE_S + 3.0 + AFTER_S, abs=0.1)


def test_portions_follow_each_other_without_gap_or_overlap(tmp_path: Path, film: Callable[..., Path]) -> None:
    hz, seconds = 2, 2.25 * PORTION_S
    count = round(hz * seconds)
    sound = np.repeat(np.arange(seconds) / 1000, RATE).astype(np.float32)  # its level tells the second
    path = film(tmp_path / "long.mp4", [grey(level % 200) for level in range(count)], sound, hz=hz)
    portions = [Portion(path, number) for number in range(3)]
    times = [times_of(portion) for portion in portions]
    assert np.allclose(np.concatenate(times), np.arange(count) / hz, atol=0.002)
    assert [portion.last for portion in portions] == [False, False, True]
    for portion in portions[1:]:
        assert portion.sound is not None
        level = portion.sound[round((BEFORE_S + 10.5) * RATE)]
        assert level * 1000 == pytest.approx(portion.start_s + 10, abs=0.6)
    assert times_of(Portion(path, 3)) == []


def test_a_large_or_fast_video_is_thinned(tmp_path: Path, film: Callable[..., Path]) -> None:
    path = film(tmp_path / "large.mp4", [np.full((2160, 3840, 3), 90, np.uint8)] * 4, hz=60)
    pictures = list(Portion(path, 0).pictures())
    assert len(pictures) == 2
    assert max(pictures[0].pixels.shape) == LARGEST


def test_a_broken_end_leaves_what_came_before(tmp_path: Path, film: Callable[..., Path]) -> None:
    rng = np.random.default_rng(0)
    noisy = list(rng.integers(0, 255, (50, *SHAPE), dtype=np.uint8))
    path = film(tmp_path / "whole.mkv", noisy, np.zeros(2 * RATE, np.float32))
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert 5 < len(times_of(Portion(broken, 0))) < 50


@pytest.mark.parametrize(
    "content", [b"", b"Dear head,\n" * 400, bytes(range(256)) * 400], ids=["empty", "letter", "noise"]
)
def test_what_is_no_video_is_said_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "thing.mp4"
    path.write_bytes(content)
    with pytest.raises(LipwrightError, match=r"cannot be read as a video|no moving pictures"):
        times_of(Portion(path, 0))


def test_a_sound_file_has_no_pictures() -> None:
    sound = Path(__file__).parents[2] / "data" / "grid_bbaf2n.flac"
    with pytest.raises(LipwrightError, match="no moving pictures"):
        times_of(Portion(sound, 0))


def test_a_video_is_known_by_its_content(tmp_path: Path) -> None:
    one, same, other = (tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4"))
    one.write_bytes(b"x" * 3_000_000)
    same.write_bytes(b"x" * 3_000_000)
    other.write_bytes(b"x" * 2_999_999 + b"y")
    assert video_hash(one) == video_hash(same) != video_hash(other)
