"""Every sample is heard at its moment, whatever the sound card's clock does."""

from __future__ import annotations

import numpy as np
import pytest

from lipwright.live.timeline import FADE_S, Timeline

RATE = 48000
BLOCK = 480


def heard(timeline: Timeline, begin_s: float, seconds: float, ppm: float = 0.0) -> np.ndarray:
    """What a sound card plays, whose clock runs `ppm` fast."""
    blocks = []
    for k in range(round(seconds * RATE / BLOCK)):
        out = np.empty((BLOCK, 2), np.float32)
        timeline.fill(out, begin_s + k * BLOCK / RATE / (1 + ppm * 1e-6))
        blocks.append(out)
    return np.concatenate(blocks)


def test_a_sample_is_heard_at_its_moment() -> None:
    timeline = Timeline(RATE)
    timeline.put(10.5, np.ones((BLOCK, 2), np.float32))
    out = heard(timeline, 10.0, 1.0)
    sounding = np.flatnonzero(out[:, 0])
    assert sounding[0] == pytest.approx(0.5 * RATE, abs=1)
    assert len(sounding) == BLOCK


def test_what_is_put_while_it_plays_joins_without_a_seam() -> None:
    timeline = Timeline(RATE)
    tone = np.sin(np.arange(RATE) * 2 * np.pi * 200 / RATE).astype(np.float32)[:, None].repeat(2, axis=1)
    out = []
    for k in range(50):
        timeline.put(5.3 + k * 0.02, tone[k * 960 : (k + 1) * 960])
        out.append(heard(timeline, 5.0 + k * 0.02, 0.02))
    joined = np.concatenate(out)
    assert np.array_equal(joined[round(0.3 * RATE) :], tone[: len(joined) - round(0.3 * RATE)])


@pytest.mark.parametrize("ppm", [-200.0, 200.0])
def test_a_sound_card_whose_clock_is_off_stays_in_step(ppm: float) -> None:
    timeline = Timeline(RATE)
    seconds = 60
    worst = 0.0
    for k in range(seconds * 50):
        at = 100.0 + k * 0.02
        block = np.zeros((960, 2), np.float32)
        block[0] = 1.0 if k % 50 == 0 else 0.0
        timeline.put(at + 0.2, block)
        out = heard(timeline, at, 0.02, ppm)
        worst = max(worst, abs(timeline.error_s))
        assert out.max() <= 1.0
    assert worst < 0.006


def test_what_is_late_is_dropped() -> None:
    timeline = Timeline(RATE)
    heard(timeline, 1.0, 0.5)
    timeline.put(1.4, np.ones((RATE // 5, 2), np.float32))
    out = heard(timeline, 1.5, 0.5)
    assert np.flatnonzero(out[:, 0]).size == pytest.approx(0.1 * RATE, abs=2)


def test_a_cut_ends_the_sound_with_a_short_fade() -> None:
    timeline = Timeline(RATE)
    heard(timeline, 0.0, 0.1)
    timeline.put(0.2, np.ones((RATE, 2), np.float32))
    timeline.cut(0.5)
    out = heard(timeline, 0.1, 1.0)[:, 0]
    begin = round((0.5 - 0.1) * RATE)
    assert out[begin - 10] == 1.0
    assert not out[begin + round(FADE_S * RATE) + 2 :].any()
    assert np.all(np.diff(out[begin : begin + round(FADE_S * RATE)]) <= 0)


def test_after_a_hitch_it_goes_at_once_to_where_it_should_be() -> None:
    timeline = Timeline(RATE)
    heard(timeline, 0.0, 0.1)
    timeline.put(0.5, np.ones((BLOCK, 2), np.float32))
    out = heard(timeline, 0.4, 0.2)  # the card was silent for 0.3 s
    assert np.flatnonzero(out[:, 0])[0] == pytest.approx(0.1 * RATE, abs=1)
