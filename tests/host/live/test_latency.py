"""Clicks that are played and recorded say how late the speakers are; too few say what to do."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lipwright.errors import LipwrightError
from lipwright.live import latency
from lipwright.live.latency import PROBES, RATE, Latency, agreed, saved_s

BUFFER = 512
OUT_S, IN_S = 0.030, 0.012  # what the driver admits


def recorded(extra_s: float, noise: float = 0.0, deaf: int = 0) -> list[float]:
    """Delays that a recorder finds on a sound card that is later than it says, in a room."""
    recorder = latency._Recorder()
    random = np.random.default_rng(1)
    total = round((PROBES + 1) * latency.EVERY_S * RATE)
    air = np.zeros(total + RATE, np.float32)
    for place in range(0, total, BUFFER):
        now = place / RATE
        times = SimpleNamespace(
            currentTime=now, outputBufferDacTime=now + OUT_S, inputBufferAdcTime=now - IN_S
        )
        first = round((now - IN_S) * RATE)
        heard = air[max(0, first) : max(0, first) + BUFFER] if first >= 0 else np.zeros(BUFFER, np.float32)
        heard = heard + noise * random.standard_normal(len(heard)).astype(np.float32)
        out = np.empty((BUFFER, 1), np.float32)
        recorder.turn(heard[:, None], out, BUFFER, times, None)
        sounds_s = now + OUT_S + extra_s
        if not now < deaf * latency.EVERY_S:
            begin = round(sounds_s * RATE)
            air[begin : begin + BUFFER] += 0.2 * out[: len(air[begin : begin + BUFFER]), 0]
    return recorder.delays()


@pytest.mark.parametrize("extra_s", [0.0, 0.004, 0.18, 0.45])
def test_what_the_driver_does_not_say_is_found_to_a_millisecond(extra_s: float) -> None:
    found_s, spread_s, found = agreed(recorded(extra_s, noise=0.01))
    assert found_s == pytest.approx(extra_s, abs=0.001)
    assert spread_s < 0.002 and found >= PROBES - 1


def test_too_few_clicks_say_what_to_do() -> None:
    with pytest.raises(LipwrightError, match="turn the volume up"):
        agreed(recorded(0.1, noise=0.01, deaf=5))


def test_noise_alone_is_no_click() -> None:
    with pytest.raises(LipwrightError):
        agreed(recorded(0.1, noise=0.05, deaf=PROBES + 1))


def test_what_was_kept_is_used_and_nonsense_is_not(tmp_path: Path) -> None:
    assert saved_s(tmp_path) == 0.0
    latency.save(Latency(0.1234, 0.001, 8, "speaker", "microphone"), tmp_path)
    assert saved_s(tmp_path) == pytest.approx(0.1234)
    for nonsense in ("", "[]", json.dumps({"extra_ms": 9999}), json.dumps({"extra_ms": "late"})):
        (tmp_path / latency.FILE).write_text(nonsense)
        assert saved_s(tmp_path) == 0.0
