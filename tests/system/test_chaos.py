"""What happens to a head that stands on a shelf for months: it speaks again by itself within five seconds.

The service is a process of its own, the board the real firmware on a pty whose name is a link, as udev makes
them; somebody talks to it all the time.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from liplab.board import SimulatedBoard
from liplab.sound_server import SoundServer
from lipwright import resources
from lipwright.audio.decode import RATE, open_sound
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.live.service_socket import NAME
from lipwright.service.unit import RESTART_S

pytestmark = pytest.mark.alone  # of the head's seconds, those that others take from it would be most
AGAIN_S = 5.0
PATIENCE_S = 30.0  # a head that takes longer than this, on whatever machine, does not come back
STIRS_US = 40.0
SPOKEN_MOVES = 8  # a jaw on its way to rest makes fewer
WORDS_S = (2.54, 4.38)  # "I move my lips at every word", of the shipped sentence: it has no pause
# Loaded before the C library: the wall clock, and no other, runs off by the seconds in a file.
WALL_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <sys/time.h>
static long offset(void) {
    long seconds = 0;
    FILE *file = fopen(getenv("WALL_CLOCK_OFFSET"), "r");
    if (file) { if (fscanf(file, "%ld", &seconds) != 1) seconds = 0; fclose(file); }
    return seconds;
}
int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, at);
    if (clock == CLOCK_REALTIME && result == 0) at->tv_sec += offset();
    return result;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return result;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""
JAW = load_profile().index("jaw")


class Jaw:
    """In the head's place: how often the jaw's pulse became another one."""

    def __init__(self) -> None:
        self.moves = 0
        self._at_us = 0.0

    def set_pulses(self, pulses_us: np.ndarray, t: float) -> None:
        if abs(pulses_us[JAW] - self._at_us) > STIRS_US and pulses_us[JAW] > 0:
            self._at_us = float(pulses_us[JAW])
            self.moves += 1

    def advance(self, t: float) -> None:
        """Nothing moves here."""


class Shelf:
    """A head on a shelf: its board, its service with whoever starts it again, and somebody who talks."""

    def __init__(self, folder: Path, server: SoundServer | None, environment: dict[str, str]) -> None:
        self.folder = folder
        self.server = server
        self.port = folder / "port"
        self.jaw = Jaw()
        self.board: SimulatedBoard | None = None
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **os.environ,
            "STATE_DIRECTORY": str(folder),
            "RUNTIME_DIRECTORY": str(folder),
            **(server.environment if server else {}),
            **environment,
        }
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._keep, self._talk)]

    def plug(self) -> None:
        self.board = SimulatedBoard(head=self.jaw, outputs=[c.output for c in load_profile().channels])
        self.port.unlink(missing_ok=True)
        self.port.symlink_to(self.board.port)

    def pull(self) -> None:
        assert self.board is not None
        self.port.unlink()
        self.board.close()

    def start(self) -> None:
        self.plug()
        for thread in self._threads:
            thread.start()
        self.speaks_again()

    def close(self) -> None:
        self._closing.set()
        if self.process is not None:
            self.process.terminate()
        for thread in self._threads:
            thread.join(20)
        self.pull()

    def speaks_again(self) -> float:
        """Waits until the jaw speaks, from now on; returns how long that took."""
        begin, before = time.monotonic(), self.jaw.moves
        while self.jaw.moves < before + SPOKEN_MOVES:
            assert time.monotonic() - begin < PATIENCE_S, self.log()[-3000:]
            time.sleep(0.01)
        return time.monotonic() - begin

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def url(self) -> str:
        return "http://" + self.log().rpartition("the panel is at http://")[2].split()[0].rstrip("/")

    def state(self) -> dict:
        with urllib.request.urlopen(f"{self.url()}/api/v1/state", timeout=10) as answer:
            return json.load(answer)

    def interrupt(self) -> None:
        asked = urllib.request.Request(f"{self.url()}/api/v1/interrupt", method="POST")
        urllib.request.urlopen(asked, timeout=10).close()

    def told(self, text: str) -> bool:
        """Whether the panel says so."""
        return any(text in entry["text"] for entry in self.state()["journal"])

    def _keep(self) -> None:
        """As systemd does it."""
        command = [sys.executable, "-m", "lipwright", "serve", "--http-port", "0", "--port", str(self.port)]
        if self.server is None:
            command.append("--mute")
        while not self._closing.is_set():
            with (self.folder / "log").open("ab") as log:
                self.process = subprocess.Popen(command, stderr=log, env=self._environment)
            self.process.wait()
            self._closing.wait(RESTART_S)

    def _talk(self) -> None:
        """Without an end, so that what is waited for is the head and never the talker."""
        samples = np.concatenate(list(open_sound(resources.shipped_clip()).blocks(RATE)))
        first, last = (round(time_s * RATE) for time_s in WORDS_S)
        data = (samples[first:last] * 32767).astype("<i2").tobytes()
        while not self._closing.wait(0.1):
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                client.settimeout(PATIENCE_S)
                client.connect(str(self.folder / NAME))
                client.sendall(b'{"rate": 16000}\n')
                while not self._closing.is_set():
                    client.sendall(data)  # held back to the pace of speech


@pytest.fixture(scope="module")
def clock_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clock") / "offset"


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, clock_file: Path) -> Iterator[Shelf]:
    folder = tmp_path_factory.mktemp("shelf")
    environment: dict[str, str] = {}
    with contextlib.ExitStack() as closing:
        server: SoundServer | None = None
        with contextlib.suppress(LipwrightError):  # not installed
            server = closing.enter_context(SoundServer(folder))
        if shutil.which("cc") is not None:
            clock_file.write_text("0")
            source, library = folder / "wall_clock.c", folder / "wall_clock.so"
            source.write_text(WALL_CLOCK)
            subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
            environment |= {"LD_PRELOAD": str(library), "WALL_CLOCK_OFFSET": str(clock_file)}
        shelf = Shelf(folder, server, environment)
        closing.callback(shelf.close)
        shelf.start()
        yield shelf


@pytest.fixture(autouse=True)
def no_traceback_is_logged(shelf: Shelf) -> Iterator[None]:
    yield
    assert "Traceback" not in shelf.log()


def soon(took_s: float) -> bool:
    """Whether that is soon enough; a machine that has other things to do is only asked to come back."""
    return took_s <= AGAIN_S or os.getloadavg()[0] > (os.cpu_count() or 1)


def test_a_cable_that_is_pulled_and_put_back_under_another_name(shelf: Shelf) -> None:
    shelf.pull()
    time.sleep(1.5)
    assert shelf.told("connection") or shelf.told("lost")
    shelf.plug()
    assert soon(shelf.speaks_again())
    assert shelf.told("Connected to")


def test_a_board_that_restarts(shelf: Shelf) -> None:
    shelf.pull()
    shelf.plug()
    assert soon(shelf.speaks_again())


def test_a_service_that_is_killed(shelf: Shelf) -> None:
    assert shelf.process is not None
    shelf.process.send_signal(signal.SIGKILL)
    assert soon(shelf.speaks_again())


def test_a_thousand_connections_and_clients_that_send_rubbish(shelf: Shelf) -> None:
    address = shelf.url().removeprefix("http://").split(":")
    with contextlib.ExitStack() as closing:
        for number in range(1000):
            client = closing.enter_context(socket.socket())
            client.settimeout(5)
            with contextlib.suppress(OSError):
                client.connect((address[0], int(address[1])))
                client.sendall(os.urandom(64) if number % 2 else b"GET /api/v1/events HTTP/1.1\r\n")
        assert soon(shelf.speaks_again())
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            assert shelf.state()["snapshot"]["connected"]
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.5)


def test_rubbish_on_the_unix_socket(shelf: Shelf) -> None:
    for rubbish in (b"RIFF" + os.urandom(5000), b"OggS" + os.urandom(5000), b'{"rate": -1}\nx', b""):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(shelf.folder / NAME))
            client.sendall(rubbish)
            client.shutdown(socket.SHUT_WR)
            client.makefile(errors="replace").readline()
    assert soon(shelf.speaks_again())


def test_a_clock_that_is_set_by_an_hour(shelf: Shelf, clock_file: Path) -> None:
    if not clock_file.exists():
        pytest.skip("NOT TESTED: there is no C compiler")
    for offset in (3600, -3600, 0):
        clock_file.write_text(str(offset))
        assert soon(shelf.speaks_again())
        shelf.interrupt()
        time.sleep(0.5)
        assert abs(shelf.state()["journal"][-1]["at"] - time.time() - offset) < 60  # it did see the step


def test_a_sound_card_that_goes(shelf: Shelf) -> None:
    if shelf.server is None:
        pytest.skip("NOT TESTED: PulseAudio is not installed")
    modules = subprocess.run(
        ["pactl", "list", "short", "modules"],
        env=shelf._environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for line in modules.splitlines():
        if "null-sink" in line:
            subprocess.run(["pactl", "unload-module", line.split()[0]], env=shelf._environment, check=True)
    assert soon(shelf.speaks_again())


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    jaw = Jaw()
    with SimulatedBoard(head=jaw, outputs=[c.output for c in load_profile().channels]) as board:
        command = [
            sys.executable,
            "-m",
            "lipwright",
            "serve",
            "--http-port",
            "0",
            "--mute",
            "--port",
            board.port,
        ]
        environment = {**os.environ, "STATE_DIRECTORY": str(tmp_path), "RUNTIME_DIRECTORY": str(tmp_path)}

        def fill_up() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

        with Path("/dev/full").open("wb") as full:
            process = subprocess.Popen(command, stderr=full, env=environment, preexec_fn=fill_up)
        try:
            deadline = time.monotonic() + PATIENCE_S
            while jaw.moves < SPOKEN_MOVES:
                assert process.poll() is None and time.monotonic() < deadline
                with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
                    client.connect(str(tmp_path / NAME))
                    client.sendall(resources.shipped_clip().read_bytes())
                    client.shutdown(socket.SHUT_WR)
                    client.makefile().readline()
                time.sleep(0.2)
        finally:
            process.terminate()
            code = process.wait(20)
        assert code == 0
