"""The API on the real firmware: sound in, servos out, and all that a client can ask for."""

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from liplab.board import SimulatedBoard
from lipwright import resources, say
from lipwright.audio.decode import open_sound
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.lips.model import LipModel
from lipwright.service import messages as m
from lipwright.service.calibration import DEAD_MAN_S
from lipwright.service.typed_json import parse

from .running import running

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "speak_over_http.py"
WORD_S = 0.75


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(tmp_path_factory.mktemp("state")) as served:
        yield served


@pytest.fixture(autouse=True)
def rest(served):
    served.at_rest()


@pytest.fixture(scope="module")
def word():
    """A word of the sentence that ships, as WAV."""
    samples, rate = soundfile.read(resources.shipped_clip())
    return wav(samples[: round(rate * WORD_S)], rate)


def wav(samples, rate, kind="WAV"):
    data = io.BytesIO()
    soundfile.write(data, samples, rate, format=kind)
    return data.getvalue()


def noise(seconds, rate=16000):
    return wav(np.random.default_rng(0).normal(0, 0.1, round(seconds * rate)), rate)


def test_the_state_says_what_the_head_is_and_can(served):
    status, found = asyncio.run(served.ask("GET", "/api/v1/state"))
    state = parse(m.State, found)
    assert status == 200 and state.head == "Reference head"
    assert [channel.name for channel in state.channels][:2] == ["jaw", "upper_lip_mid"]
    assert state.snapshot.connected and state.snapshot.state == "following" and not state.snapshot.limp
    assert "smile" in state.expressions and "listening" in state.moods
    assert any(entry.kind == "connected" for entry in state.journal)


def test_a_file_that_is_sent_moves_the_servos_as_say_does(served, monkeypatch, tmp_path):
    samples, rate = soundfile.read(resources.shipped_clip())
    clip = tmp_path / "clip.wav"
    clip.write_bytes(wav(samples[: round(2.5 * rate)], rate))
    profile, sound = load_profile(), open_sound(clip)
    sent = []
    send = BoardLink.send

    def listening(link, targets, at):
        sent.append((at, np.array(targets)))
        send(link, targets, at)

    monkeypatch.setattr(BoardLink, "send", listening)
    with SimulatedBoard("auto", virtual=True) as board:
        spoken = say.perform(sound, board, profile, LipModel.load(), FaceModel.load(profile))
    reference = {round((at - spoken.start_s) * 1000): targets for at, targets in sent}
    served.engine.life.enabled = False
    served.wait(lambda: np.allclose(served.engine.snapshot().targets, profile.rest_targets(), atol=1e-3))
    sent.clear()
    lost = served.engine.link.status.dropped
    status, told = asyncio.run(served.ask("POST", "/api/v1/speak?wait=1", clip.read_bytes()))
    assert (status, told["outcome"]) == (200, "spoken")
    live = {round((at - served.engine.started) * 1000): targets for at, targets in sent}
    common = sorted(set(reference) & set(live))
    asked = np.array([reference[ms] for ms in common])
    done = np.array([live[ms] for ms in common])
    assert len(common) > 0.95 * sound.duration_s / 0.02
    assert np.ptp(asked, axis=0).max() > 0.4, "the mouth moves"
    assert np.abs(asked - done).max() < 0.01
    assert served.engine.link.status.dropped - lost <= 0.02 * len(common)


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3"])
def test_compressed_sound_is_spoken(served, kind):
    samples, rate = soundfile.read(resources.shipped_clip())
    data = wav(samples[:rate], rate, kind)
    status, told = asyncio.run(served.ask("POST", "/api/v1/speak?wait=1", data))
    assert (status, told["outcome"]) == (200, "spoken")


def test_the_example_of_the_documentation_speaks_a_file(served, tmp_path, word):
    sound = tmp_path / "word.wav"
    sound.write_bytes(word)
    command = [sys.executable, str(EXAMPLE), str(sound), served.url, ""]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert done.stdout == "spoken\n", done.stderr


def test_raw_samples_are_spoken_where_the_query_says_how_they_lie(served):
    samples = (np.sin(np.arange(8000) / 5) * 9000).astype("<i2").tobytes()
    path = "/api/v1/speak?wait=1&format=s16le&rate=16000&channels=1"
    assert asyncio.run(served.ask("POST", path, samples))[1]["outcome"] == "spoken"
    for query in (
        "format=s16le&rate=3",
        "format=s17le",
        "format=s16le&channels=99",
        "wait=2",
        "format=u8&rate=x",
    ):
        status, told = asyncio.run(served.ask("POST", f"/api/v1/speak?{query}", samples))
        assert status == 400 and told["error"].endswith("."), query


@pytest.mark.parametrize("data", [b"", b"RIFFnothing", b"not a sound at all" * 100, b"OggS" + bytes(500)])
def test_what_is_no_sound_is_refused_in_a_sentence(served, data):
    status, told = asyncio.run(served.ask("POST", "/api/v1/speak?wait=1", data))
    assert status == 400 and told["error"].endswith("."), told
    assert not served.engine.snapshot().speaking


def test_without_wait_the_answer_comes_before_the_sound_is_over(served):
    began = time.monotonic()
    status, told = asyncio.run(served.ask("POST", "/api/v1/speak", noise(4)))
    assert (status, told["outcome"]) == (202, "accepted") and time.monotonic() - began < 2
    served.wait(lambda: served.engine.snapshot().speaking)


def test_sound_is_spoken_while_it_still_comes(served, word):
    async def talk():
        async with served.socket("/api/v1/speak") as socket:
            await socket.send_json({"type": "start", "name": "A test"})
            for at in range(0, len(word), 2000):
                await socket.send_bytes(word[at : at + 2000])
                if at == 10_000:
                    await asyncio.sleep(0.3)
                    assert served.engine.snapshot().speaking == "A test"
            await socket.send_json({"type": "end"})
            return [(await socket.receive_json())["type"] for _ in range(2)]

    assert asyncio.run(talk()) == ["started", "spoken"]


def test_a_socket_speaks_again_and_can_interrupt(served):
    async def talk():
        async with served.socket("/api/v1/speak") as socket:
            told = []
            for _ in range(2):
                await socket.send_json({"type": "start"})
                await socket.send_bytes(noise(5))
                await socket.send_json({"type": "end"})
                told.append((await socket.receive_json())["type"])
                await asyncio.sleep(0.2)
                await socket.send_json({"type": "interrupt"})
                told.append((await asyncio.wait_for(socket.receive_json(), 1))["type"])
            return told

    assert asyncio.run(talk()) == ["started", "interrupted"] * 2
    served.wait(lambda: not served.engine.snapshot().speaking, 0.5)


def test_the_one_who_speaks_last_is_heard_and_the_other_is_told(served):
    async def talk():
        first = asyncio.create_task(served.ask("POST", "/api/v1/speak?wait=1", noise(6)))
        await asyncio.sleep(0.5)
        second = await served.ask("POST", "/api/v1/speak?wait=1", noise(0.4))
        return (await first)[1]["outcome"], second[1]["outcome"]

    assert asyncio.run(talk()) == ("interrupted", "spoken")


def test_who_goes_in_the_midst_of_it_leaves_no_voice_behind(served):
    async def talk():
        async with served.socket("/api/v1/speak") as socket:
            await socket.send_json({"type": "start", "format": "s16le", "rate": 16000, "live": True})
            for _ in range(20):
                await socket.send_bytes(bytes(640))
                await asyncio.sleep(0.01)
            assert served.engine.snapshot().live

    asyncio.run(talk())
    served.wait(lambda: not served.engine.snapshot().speaking, 3)


def test_a_text_is_spoken_by_espeak(served):
    status, told = asyncio.run(served.ask("POST", "/api/v1/say?wait=1", {"text": "Hello. $(touch x); `y`"}))
    assert (status, told["outcome"]) == (200, "spoken")
    status, told = asyncio.run(served.ask("POST", "/api/v1/say", {"text": "Hello", "voice": "nobody"}))
    assert status == 400 and "nobody" in told["error"]


def test_a_long_text_that_is_interrupted_leaves_no_speech_engine_behind(served):
    text = "one two three four five " * 80

    def engines():
        children = Path(f"/proc/{os.getpid()}/task").glob("*/children")
        found = " ".join(map(read, children)).split()
        return [pid for pid in found if "espeak" in read(Path(f"/proc/{pid}/cmdline"))]

    def read(file):
        with contextlib.suppress(OSError):  # a process or a thread may end meanwhile
            return file.read_text()
        return ""

    assert asyncio.run(served.ask("POST", "/api/v1/say", {"text": text}))[0] == 202
    served.wait(lambda: served.engine.snapshot().speaking)
    assert engines()
    asyncio.run(served.ask("POST", "/api/v1/interrupt"))
    served.wait(lambda: not engines() and not served.server._api._tasks, 3)


def test_stop_takes_the_pulses_off_at_once_and_lasts_until_resume(served):
    asyncio.run(served.ask("POST", "/api/v1/speak", noise(5)))
    asyncio.run(served.ask("POST", "/api/v1/stop"))
    assert served.wait(lambda: served.meter.on == 0) < 0.5
    asyncio.run(served.ask("POST", "/api/v1/speak", noise(1)))
    time.sleep(0.7)
    assert served.meter.on == 0
    _, found = asyncio.run(served.ask("GET", "/api/v1/state"))
    assert found["snapshot"]["stopped"] and found["snapshot"]["limp"]
    asyncio.run(served.ask("POST", "/api/v1/resume"))
    served.wait(lambda: served.meter.on == 26)


def test_a_stop_outlasts_the_loss_of_the_board(served):
    asyncio.run(served.ask("POST", "/api/v1/stop"))
    served.wait(lambda: served.meter.on == 0)
    served.unplug()
    served.wait(lambda: served.engine.link is None)
    time.sleep(1.5)
    assert served.engine.link is None and served.meter.on == 0, "a board that is greeted would move"
    asyncio.run(served.ask("POST", "/api/v1/resume"))
    served.wait(lambda: served.meter.on == 26)


def test_the_face_does_what_it_is_asked(served):
    async def ask():
        found = [
            await served.ask("POST", "/api/v1/mood", {"name": "listening"}),
            await served.ask("POST", "/api/v1/life", {"on": False}),
            await served.ask("POST", "/api/v1/life", {"on": True}),
            await served.ask(
                "POST", "/api/v1/expression", {"name": "surprise", "strength": 1, "duration_s": 2}
            ),
        ]
        return found, [
            await served.ask("POST", "/api/v1/mood", {"name": "furious"}),
            await served.ask("POST", "/api/v1/expression", {"name": "smirk"}),
            await served.ask("POST", "/api/v1/expression", {"name": "smile", "strength": 2}),
            await served.ask("POST", "/api/v1/life", {}),
            await served.ask("POST", "/api/v1/life", {"on": True, "off": 1}),
        ]

    done, refused = asyncio.run(ask())
    assert [status for status, _ in done] == [200] * 4
    assert all(status == 400 and told["error"].endswith(".") for status, told in refused), refused
    assert "listening" in refused[0][1]["error"] and "smile" in refused[1][1]["error"]
    brow = load_profile().index("brow_left_inner")
    served.wait(lambda: served.engine.snapshot().targets[brow] > 0.8, 3)
    assert served.engine.life.mood == "listening"


def test_events_tell_how_the_head_is_many_times_a_second(served):
    async def watch():
        async with served.socket("/api/v1/events") as socket:
            await served.ask("POST", "/api/v1/speak", noise(2))
            until = time.monotonic() + 2
            found = []
            while time.monotonic() < until:
                found.append(await socket.receive_json())
            return found

    found = asyncio.run(watch())
    seen = [parse(m.Snapshot, one) for one in found if one["type"] == "snapshot"]
    told = [parse(m.Entry, one) for one in found if one["type"] == "journal"]
    assert 20 <= len(seen) <= 45
    assert max(one.level_db for one in seen) > -30 and any(one.speaking == "A program" for one in seen)
    assert [one.number for one in told] == sorted({one.number for one in told})
    assert any(one.kind == "speaks" and "A program" in one.text for one in told)


def test_a_show_is_made_of_a_sound_and_played_by_the_board_alone(served, word):
    async def ask(*arguments):
        return await served.ask(*arguments)

    status, told = asyncio.run(ask("POST", "/api/v1/shows?name=hello&button=1", word))
    assert status == 200 and [(one["name"], one["starts"]) for one in told["shows"]] == [
        ("hello", ["by the button"])
    ]
    served.at_rest()
    assert asyncio.run(ask("POST", "/api/v1/shows/hello/play", {}))[0] == 200
    frames = served.engine.link.frames_sent
    assert served.engine.show == "hello"
    took = served.wait(lambda: served.engine.link.status.cause_name == "show", 3)
    assert took < 2 and served.engine.link.frames_sent == frames
    served.wait(lambda: not served.engine.show, 6)
    served.wait(lambda: served.engine.link.frames_sent > frames)
    assert asyncio.run(ask("POST", "/api/v1/shows/other/play", {}))[0] == 400
    status, told = asyncio.run(ask("DELETE", "/api/v1/shows/hello"))
    assert (status, told["shows"]) == (200, [])
    for name in ("UPPER", "", "a" * 30, "../boot"):
        status, told = asyncio.run(ask("POST", f"/api/v1/shows?name={name}", word))
        assert status == 400 and told["error"].endswith(".")


# ---- calibration


class Panel:
    """A client that calibrates: it shows that it is alive, unless told not to."""

    def __init__(self, socket):
        self.socket = socket
        self.state = None
        self.errors = []
        self.is_alive = True
        self.tasks = [asyncio.create_task(self._beat()), asyncio.create_task(self._read())]

    async def _beat(self):
        while not self.socket.closed:
            if self.is_alive:
                await self.socket.send_json({"type": "alive"})
            await asyncio.sleep(0.2)

    async def _read(self):
        async for message in self.socket:
            told = json.loads(message.data)
            if told["type"] == "calibration":
                self.state = parse(m.Calibration, told)
            else:
                self.errors.append(told["error"])

    async def until(self, what, limit_s=10):
        async def wait():
            while self.state is None or not what(self.state):
                await asyncio.sleep(0.01)

        await asyncio.wait_for(wait(), limit_s)

    async def wish(self, kind, **fields):
        await self.socket.send_json({"type": kind, **fields})


async def on(served, count):
    """Until so many servos have pulses; returns how long that took, in seconds."""
    began = time.monotonic()
    while served.meter.on != count:
        assert time.monotonic() - began < 5, f"{served.meter.on} servos have pulses"
        await asyncio.sleep(0.005)
    return time.monotonic() - began


def calibrating(served, do):
    """Runs `do(panel)` within a calibration; then the head has its board back."""

    async def run():
        async with served.socket("/api/v1/calibrate") as socket:
            panel = Panel(socket)
            await panel.until(lambda state: True)
            await do(panel)
            for task in panel.tasks:
                task.cancel()

    asyncio.run(run())


def test_a_servo_is_calibrated_and_the_head_lives_on_with_what_was_saved(served):
    async def do(panel):
        await on(served, 0)
        await panel.wish("choose", servo=9)
        await panel.until(lambda state: state.chosen == 9)
        await panel.wish("power")
        await panel.until(lambda state: state.state == "holding")
        await on(served, 1)
        before = panel.state.at_us
        await panel.wish("move", by_us=20)
        await panel.until(lambda state: state.state == "holding" and state.at_us == before + 20)
        await panel.wish("set", what="rest")
        await panel.until(lambda state: state.servos[9].changed and state.servos[9].rest_us == before + 20)
        await panel.wish("undo")
        await panel.until(lambda state: not state.servos[9].changed)
        await panel.wish("set", what="rest")
        await panel.wish("reverse")
        await panel.wish("speed", ranges_s=5)
        await panel.until(lambda state: state.servos[9].speed == 5 and state.servos[9].inverted)
        await panel.wish("save")
        await panel.until(lambda state: "saved" in state.notice.lower() and not state.unsaved)
        await on(served, 0)
        assert panel.errors == []

    calibrating(served, do)
    served.at_rest()
    corner = served.engine.profile.channels[9]
    assert (corner.speed, corner.inverted) == (5, True)
    assert served.engine.profile.path.name == "my_head.toml"
    assert served.engine.link.info.profile_crc


def test_a_panel_that_is_not_heard_from_lets_the_servo_go_limp_within_a_second(served):
    async def do(panel):
        await panel.wish("power")
        await panel.until(lambda state: state.state == "holding")
        await asyncio.sleep(2 * DEAD_MAN_S)
        await on(served, 1)  # while it is heard from, the servo holds
        await panel.wish("show", what="range")
        await panel.until(lambda state: state.shows)
        panel.is_alive = False
        assert 0.4 < await on(served, 0) < 1.0
        await panel.until(lambda state: "limp" in state.notice and "panel" in state.notice)

    calibrating(served, do)


def test_the_servo_is_limp_and_the_board_back_when_the_client_goes(served):
    async def do(panel):
        await panel.wish("power")
        await panel.until(lambda state: state.state == "holding")
        await on(served, 1)
        panel.socket._response.connection.transport.abort()
        assert await on(served, 0) < 1.0

    calibrating(served, do)
    served.wait(lambda: served.engine.link is not None and served.meter.on == 26)


def test_only_one_calibrates(served):
    async def do(panel):
        async with served.socket("/api/v1/calibrate") as second:
            told = await second.receive_json()
            assert told["type"] == "error" and "already" in told["error"]
        assert panel.state is not None and not panel.socket.closed

    calibrating(served, do)


def test_stop_ends_a_calibration_with_all_servos_limp(served):
    async def do(panel):
        await panel.wish("power")
        await panel.until(lambda state: state.state == "holding")
        await on(served, 1)
        await served.ask("POST", "/api/v1/stop")
        assert await on(served, 0) < 0.5

    calibrating(served, do)
    served.wait(lambda: not served.head.room.busy)
    time.sleep(1.0)
    assert served.meter.on == 0, "and they stay so"
