"""Boards without a board: MicroPython at the end of a pty, whose flash is a folder; and the real command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import pytest

from liplab.board import SimulatedBoard
from liplab.firmware_process import REPL
from liplab.flash import greeting
from liplab.flash.ports import Port
from lipwright.cli import main
from lipwright.link.messages import BoardInfo


class PowerableBoard:
    """A board that can be switched off and on again; its files stay."""

    def __init__(self, interpreter: str, flash: Path) -> None:
        self.interpreter = interpreter
        self.flash = flash
        self._running: SimulatedBoard | None = None

    def on(self) -> PowerableBoard:
        """Gives it power; returns itself, to be used in a with statement."""
        self._running = SimulatedBoard(self.interpreter, flash=self.flash, program=REPL, outputs=range(32))
        return self

    def off(self) -> None:
        """Takes its power, at whatever it is."""
        if self._running is not None:
            self._running.close()
            self._running = None

    @property
    def port(self) -> str:
        assert self._running is not None, "the board has no power"
        return self._running.port

    def mpremote(self, *arguments: str) -> str:
        """What mpremote prints; it must not fail."""
        command = [sys.executable, "-m", "mpremote", "connect", self.port, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def file(self, name: str) -> str:
        """Text of a file on its flash; empty if there is none."""
        path = self.flash / name
        return path.read_text() if path.exists() else ""

    def greet(self) -> BoardInfo | None:
        """What the firmware says of itself, if one answers."""
        return greeting.greet(Port(self.port))

    def __enter__(self) -> PowerableBoard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.off()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that is a process starts faster than others."""
    monkeypatch.setattr(greeting, "BOOT_S", 0.3)


@pytest.fixture(params=["micropython64", "micropython32"])
def any_board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PowerableBoard]:
    """An empty board with power, on each width of MicroPython."""
    (tmp_path / "flash").mkdir()
    with PowerableBoard(request.param, tmp_path / "flash").on() as board:
        yield board


@pytest.fixture
def board(tmp_path: Path) -> Iterator[PowerableBoard]:
    """An empty board with power."""
    (tmp_path / "flash").mkdir()
    with PowerableBoard("micropython64", tmp_path / "flash").on() as board:
        yield board


@pytest.fixture
def flash(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Runs `lipwright flash` with these arguments; its exit code, and what it said."""

    def run(*arguments: object) -> tuple[int, str]:
        code = main(["flash", *map(str, arguments)])
        return code, capsys.readouterr().err

    return run
