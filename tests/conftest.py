"""Fixtures that run things under real MicroPython."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from liplab.micropython import ARCHITECTURES, get_micropython

ROOT = Path(__file__).parent.parent
# Whatever a developer improved for themselves: tests are about the lip model that ships.
os.environ["LIPWRIGHT_LIP_MODEL"] = "shipped"
MICROPYTHONS = ("micropython64", "micropython32")


def micropython_command(name: str) -> list[str]:
    """What starts a MicroPython; skips where there is none of that width for this kind of machine."""
    bits = int(name.removeprefix("micropython"))
    if bits not in ARCHITECTURES.get(platform.machine(), {}):
        pytest.skip(f"NOT TESTED on {name}: Debian has no {bits}-bit MicroPython for {platform.machine()}")
    return get_micropython(bits).command


@pytest.fixture(scope="session", params=MICROPYTHONS)
def micropython(request: pytest.FixtureRequest) -> list[str]:
    """The command that starts MicroPython, once with 64-bit and once with 32-bit words."""
    return micropython_command(request.param)


@pytest.fixture(scope="session", params=(*MICROPYTHONS, "cpython"))
def device(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """The firmware's modules under each interpreter, with a clock, a bus and a port that the test holds."""
    with Device(request.param, tmp_path_factory.mktemp("flash")) as running:
        yield running


@pytest.fixture(scope="session", params=MICROPYTHONS)
def micropython_device(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Device]:
    """As `device`, but only where viper runs."""
    with Device(request.param, tmp_path_factory.mktemp("flash")) as running:
        yield running


class Device:
    """tests/device/agent.py running under one interpreter; `flash` is its working folder."""

    def __init__(self, interpreter: str, flash: Path) -> None:
        self.interpreter = interpreter
        self.flash = flash
        parts = ("tests/device", "mcu", "mcu/boards/pico", "protocol")
        folders = [str(ROOT / part) for part in parts]
        if interpreter == "cpython":
            command = [sys.executable, "-B"]
            variables = {"PYTHONPATH": os.pathsep.join([*folders, str(ROOT / "mcu/ports/cpython")])}
        else:
            command = micropython_command(interpreter)
            variables = {"MICROPYPATH": ":".join([*folders, ".frozen"])}
        self._process = subprocess.Popen(
            [*command, str(ROOT / "tests/device/agent.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=flash,
            env={**os.environ, **variables},
        )

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)

    def __call__(self, name: str, *arguments: object) -> Any:
        """Runs one of the agent's commands; raises ValueError where the firmware's code does."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps([name, *arguments]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"{self.interpreter} has ended in {name}; its traceback stands above"
        answer = json.loads(line)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["value"]
