"""Boards for the firmware's tests."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from shows import PINS, PROFILE, press, store
from wired_board import START_TICKS, Board

from facewire import constants as c
from lipwright.link.board_profile import BoardProfile
from lipwright.link.messages import Ack


@pytest.fixture
def fresh(device: Any) -> Any:
    """Makes boards with an empty flash."""

    def make(start_ms: int = 0, **settings: object) -> Board:
        (device.flash / "profile.bin").unlink(missing_ok=True)
        settings = {"DRIVER": "pca9685", **settings}
        return Board(device, start_ms, **settings)

    return make


@pytest.fixture
def make_on() -> Iterator[Any]:
    """Makes boards at rest on a device, whose flash has these files in shows/; "__" stands for a dot."""
    folders = []

    def connected(device: Any, start_ms: int = 0, profile: BoardProfile = PROFILE, **files: bytes) -> Board:
        folders.append(device.flash / "shows")
        shutil.rmtree(folders[-1], ignore_errors=True)
        (device.flash / "profile.bin").unlink(missing_ok=True)
        board = Board(device, start_ms, **PINS)
        press(board)
        board.connect(profile, START_TICKS * profile.tick_hz // 100)
        for name, data in files.items():
            assert store(board, "shows/" + name.replace("__", "."), data) == Ack(99, c.FILE_END)
        return board

    yield connected
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make(device: Any, make_on: Any) -> Any:
    """The same, on each device in turn."""
    return functools.partial(make_on, device)
