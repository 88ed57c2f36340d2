"""Boards for the firmware's tests."""

from __future__ import annotations

from typing import Any

import pytest
from wired_board import Board


@pytest.fixture
def fresh(device: Any) -> Any:
    """Makes boards with an empty flash."""

    def make(start_ms: int = 0, **settings: object) -> Board:
        (device.flash / "profile.bin").unlink(missing_ok=True)
        settings = {"DRIVER": "pca9685", **settings}
        return Board(device, start_ms, **settings)

    return make
