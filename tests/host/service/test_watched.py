"""That somebody is watched is to be seen on the face and the panel, and can be ended there."""

import os
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest

from lipwright.errors import LipwrightError
from lipwright.live.service_socket import NAME, WatchSign
from lipwright.service.sound_socket import SoundSocket

from .running import running

WATCHER = """
import socket, sys, time
from lipwright.live.service_socket import WatchSign
client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
client.connect(sys.argv[1])
WatchSign(client).tell("anna")
time.sleep(60)
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("state")
    with running(folder) as served:
        served.place = folder / NAME
        door = SoundSocket(served.head.talking, served.head.watched, served.place)
        served.run(door.start())
        yield served
        served.run(door.close())


@pytest.fixture
def sign(served):
    served.at_rest()
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(served.place))
    sign = WatchSign(client)
    yield sign
    sign.close()
    served.wait(lambda: not served.head.snapshot().watching)
    served.wait(lambda: served.engine.life.mood == "idle")


def test_the_face_and_the_panel_show_it_as_long_as_it_lasts(served, sign):
    assert served.head.snapshot().watching == "" and served.engine.life.mood == "idle"
    sign.tell("Watched: anna; 2 clips kept")
    served.wait(lambda: served.head.snapshot().watching == "Watched: anna; 2 clips kept")
    assert served.engine.life.mood == "watching"
    sign.tell("Watched: anna; 3 clips kept, äöü \u2003" + "x" * 400)
    served.wait(lambda: "3 clips kept, äöü" in served.head.snapshot().watching)
    sign.close()
    served.wait(lambda: not served.head.snapshot().watching)
    served.wait(lambda: served.engine.life.mood == "idle")
    told = [entry.text for entry in served.engine.journal.since(0)]
    assert told[-2:] == [
        "Camera and microphone are on: somebody is watched.",
        "Camera and microphone are off.",
    ]


def test_somebody_can_end_it_by_the_api(served, sign):
    sign.tell("Watched: anna")
    served.wait(lambda: served.head.snapshot().watching)
    assert not sign.is_stop_wanted()
    assert served.run(served.ask("POST", "/api/v1/watching/stop"))[0] == 200
    served.wait(sign.is_stop_wanted)


def test_without_anybody_who_watches_there_is_nothing_to_end(served):
    status, told = served.run(served.ask("POST", "/api/v1/watching/stop"))
    assert status == 400 and "nobody is watched" in told["error"]


def test_a_watcher_that_is_killed_is_shown_no_more(served):
    served.at_rest()
    with subprocess.Popen([sys.executable, "-c", WATCHER, str(served.place)]) as process:
        served.wait(lambda: served.head.snapshot().watching == "anna")
        os.kill(process.pid, signal.SIGKILL)
    served.wait(lambda: not served.head.snapshot().watching)
    served.wait(lambda: served.engine.life.mood == "idle")


def test_after_an_assistants_moods_and_speech_it_is_shown_again(served, sign):
    sign.tell("Watched: anna")
    served.wait(lambda: served.engine.life.mood == "watching")
    served.engine.life.mood = "thinking"
    sign.tell("Watched: anna.")
    served.wait(lambda: served.head.snapshot().watching.endswith("."))
    assert served.engine.life.mood == "thinking"
    served.engine.life.mood = "idle"
    sign.tell("Watched: anna")
    served.wait(lambda: served.engine.life.mood == "watching")
    speech = served.engine.speak("somebody", 16000)
    speech.push(np.random.default_rng(0).normal(0, 0.1, 16000).astype(np.float32))
    served.wait(lambda: served.engine.snapshot().speaking)
    sign.close()
    served.wait(lambda: not served.head.snapshot().watching)
    speech.finish()
    served.wait(lambda: served.engine.life.mood == "idle")


def test_a_service_that_ends_is_noticed(served, sign):
    sign.tell("Watched: anna")
    served.wait(lambda: served.head.watched.words)
    sign._client.shutdown(socket.SHUT_RDWR)
    with pytest.raises(LipwrightError, match="the service has ended"):
        sign.is_stop_wanted()
    with pytest.raises(LipwrightError, match="the service has ended"):
        sign.tell("Watched: anna")


@pytest.mark.parametrize("line", [b'{"watching":1}\n', b'{"watching":"a","more":1}\n', b'{"watching":"a"\n'])
def test_a_line_that_is_none_is_answered_with_a_sentence(served, line):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(str(served.place))
        client.sendall(line)
        assert client.makefile().readline().startswith("error: ")
    served.wait(lambda: not served.head.snapshot().watching)
