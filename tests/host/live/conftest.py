"""Tests that need a sound server get one of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from liplab.sound_server import SoundServer
from lipwright.errors import LipwrightError


@pytest.fixture
def sound_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    """A real PulseAudio, in the environment of whatever the test starts."""
    for name in ("PULSE_SINK", "PIPEWIRE_NODE"):
        monkeypatch.delenv(name, raising=False)
    try:
        server = SoundServer(tmp_path)
    except LipwrightError as error:
        pytest.skip(f"NOT TESTED: {error}")
    with server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server
