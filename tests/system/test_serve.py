"""``lipwright serve`` as a process: it starts, says where it is, takes sound from programs, and ends."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from liplab.board import SimulatedBoard
from lipwright import resources

PORT = 7797
LIPWRIGHT = [sys.executable, "-m", "lipwright"]


@pytest.fixture(scope="module")
def board():
    with SimulatedBoard("auto") as board:
        yield board


def environment(folder):
    return {**os.environ, "STATE_DIRECTORY": str(folder), "RUNTIME_DIRECTORY": str(folder)}


def ask(path, body=None, port=PORT):
    with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}{path}", body)) as answer:
        return json.loads(answer.read())


@contextmanager
def serving(folder, *arguments, port=PORT):
    command = [*LIPWRIGHT, "serve", "--mute", "--http-port", str(port), *arguments]
    process = subprocess.Popen(command, env=environment(folder), stderr=subprocess.PIPE, text=True)
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until and process.poll() is None:
            try:
                ask("/api/v1/state", port=port)
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(what, limit_s=15):
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < limit_s, ask("/api/v1/state")["snapshot"]["cause"]
        time.sleep(0.1)


def connected():
    return ask("/api/v1/state")["snapshot"]["connected"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_it_serves_until_a_signal_and_ends_with_0(board, tmp_path, number):
    with serving(tmp_path, "--port", board.port) as process:
        until(connected)
        process.send_signal(number)
        began = time.monotonic()
        _, said = process.communicate(timeout=10)
        assert process.returncode == 0 and time.monotonic() - began < 5
    assert f"the panel is at http://127.0.0.1:{PORT}/" in said
    assert "Traceback" not in said and "rror" not in said
    assert not list(tmp_path.glob("*.sock"))


def test_a_program_here_speaks_through_the_socket_of_the_service(board, tmp_path):
    with serving(tmp_path, "--port", board.port):
        until(connected)
        variables = {**environment(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
        sound = resources.shipped_clip().read_bytes()
        command = [*LIPWRIGHT, "say", "-"]
        done = subprocess.run(command, input=sound, env=variables, capture_output=True, timeout=30)
        assert done.returncode == 0, done.stderr.decode()
        entries = [entry["text"] for entry in ask("/api/v1/state")["journal"]]
        assert any("A program here" in text for text in entries), entries


def test_a_second_one_says_so_in_a_sentence(board, tmp_path):
    with serving(tmp_path, "--port", board.port) as process:
        command = [*LIPWRIGHT, "serve", "--http-port", "7798"]
        done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=30)
        assert done.returncode == 2
        assert f"Lipwright serves here already (process {process.pid})" in done.stderr
        (tmp_path / "other").mkdir()
        command = [*LIPWRIGHT, "serve", "--http-port", str(PORT), "--port", board.port]
        variables = environment(tmp_path / "other")
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=30)
        assert done.returncode == 2 and f"port {PORT} is in use" in done.stderr
        assert "Traceback" not in done.stderr


def test_without_a_board_it_serves_and_says_what_is_missing(tmp_path):
    with serving(tmp_path, "--port", str(tmp_path / "none")):
        found = ask("/api/v1/state")["snapshot"]
        until(lambda: "no serial port" in ask("/api/v1/state")["snapshot"]["cause"])
        assert found["state"] == "no board" and not found["connected"]


def test_the_simulated_head_can_be_seen(tmp_path):
    with serving(tmp_path, "--sim"):
        until(connected, 30)
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/v1/picture") as answer:
            picture = answer.read()
        assert picture.startswith(b"\xff\xd8\xff") and len(picture) > 3000
