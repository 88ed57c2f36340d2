"""The Wyoming service, as Wyoming's own client uses it: real engine, real firmware."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.snd import Played

from lipwright.audio.decode import open_sound
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.lips.model import ARTICULATION, LipModel
from lipwright.live.engine import Engine
from lipwright.live.speech import MOST_WAITING_S
from lipwright.say import perform
from lipwright.service.wyoming_server import MOST_CLIENTS, WyomingServer

from .heads import RATE, head, hum, wait_until

CLIP = Path(__file__).parents[2] / "data" / "grid_bbaf2n.flac"
ANYWHERE = "tcp://127.0.0.1:0"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with head() as engine:
        yield engine


@pytest.fixture(autouse=True)
def quiet(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "engine" in request.fixturenames:
        engine = request.getfixturevalue("engine")
        engine.interrupt()
        wait_until(lambda: not engine.snapshot().speaking)


@contextlib.asynccontextmanager
async def serving(engine: Engine) -> AsyncIterator[WyomingServer]:
    server = WyomingServer(engine, ANYWHERE)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def client_of(server: WyomingServer) -> AsyncTcpClient:
    return AsyncTcpClient("127.0.0.1", server.port, connect_timeout=5, read_timeout=10)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


async def send(client: AsyncTcpClient, sound: bytes, chunk: int = 2048) -> None:
    """A sound without its end."""
    await client.write_event(AudioStart(RATE, 2, 1).event())
    for begin in range(0, len(sound), chunk):
        await client.write_event(AudioChunk(RATE, 2, 1, sound[begin : begin + chunk]).event())


async def say(client: AsyncTcpClient, sound: bytes) -> None:
    await send(client, sound)
    await client.write_event(AudioStop().event())


async def is_played(client: AsyncTcpClient) -> float:
    """Waits for Played; returns the moment."""
    event = await client.read_event()
    assert event is not None and Played.is_type(event.type), event
    return time.monotonic()


async def speaks(engine: Engine) -> None:
    await asyncio.to_thread(wait_until, lambda: engine.snapshot().speaking)


# ---- what is spoken


def lips_of(stage: Any, start_s: float, duration_s: float) -> np.ndarray:
    """Articulation (n, 5) in mm and degrees, every 10 ms of the sound."""
    history = stage.head.history
    times = np.arange(-0.1, duration_s + 0.3, 0.01) + stage.head_time(start_s)
    columns = [np.interp(times, history.times_s, column) for column in history.articulation_mm.T]
    return np.stack(columns, axis=1)


def test_lips_speak_as_they_do_for_the_same_file_with_lipwright_say() -> None:
    pytest.importorskip("mujoco")
    from liplab.stage import SimulatedStage

    profile = load_profile()
    sound = open_sound(CLIP)
    with SimulatedStage(profile=profile, virtual=True) as stage:
        said = perform(sound, stage, profile, LipModel.load(), FaceModel.load(profile))
        stage.settle()
        asked = lips_of(stage, said.start_s, sound.duration_s)
    samples, rate = soundfile.read(CLIP, dtype="int16")

    async def converse(engine: Engine) -> None:
        async with serving(engine) as server, client_of(server) as client:
            await client.write_event(AudioStart(rate, 2, 1).event())
            for begin in range(0, 2 * len(samples), 1023):  # cuts samples in two
                part = samples.tobytes()[begin : begin + 1023]
                await client.write_event(AudioChunk(rate, 2, 1, part).event())
            await client.write_event(AudioStop().event())
            # Once this is answered, all of the sound has been taken.
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None and Info.is_type(event.type)
            engine.turn()
            while engine.snapshot().speaking:  # time passes in here only
                engine.turn()
            await is_played(client)

    with SimulatedStage(profile=profile, virtual=True) as stage:
        engine = Engine(profile, None, 48_000, clock=stage.clock)
        link = BoardLink(stage, profile)
        link.connect()
        engine.adopt(link)
        for _ in range(100):  # as long as a head takes to come to rest under power
            engine.turn()
        run(converse(engine))
        stage.settle()
        spoken = lips_of(stage, engine.started, sound.duration_s)
        assert link.status.crc_errors == 0 and not any(link.status.drops)
        engine.close()

    off = np.sqrt(np.mean((spoken - asked) ** 2, axis=0)) / np.ptp(asked, axis=0)
    assert dict(zip(ARTICULATION, off, strict=True)) == pytest.approx(
        dict.fromkeys(ARTICULATION, 0), abs=0.01
    )


def test_played_comes_when_the_last_sound_has_been_heard_and_little_later(engine: Engine) -> None:
    async def test() -> None:
        async with serving(engine) as server, client_of(server) as client:
            await say(client, hum(1.0))
            played = await is_played(client)
        assert 0 <= played - (engine.started + 1.0) < 1.5  # of which some is this machine's, when it is busy

    run(test())


def test_utterances_of_one_client_are_spoken_one_after_the_other(engine: Engine) -> None:
    async def test() -> None:
        async with serving(engine) as server, client_of(server) as client:
            await say(client, hum(0.4))
            await say(client, hum(0.4))
            first = await is_played(client)
            second = await is_played(client)
        assert second > first

    before = engine.journal.since(0)[-1].number
    run(test())
    kinds = [entry.kind for entry in engine.journal.since(before)]
    assert kinds.count("speaks") == 2 and "interrupted" not in kinds


def test_the_newer_of_two_clients_takes_over(engine: Engine) -> None:
    async def test() -> None:
        async with serving(engine) as server, client_of(server) as first, client_of(server) as second:
            await say(first, hum(5.0))
            await speaks(engine)
            await say(second, hum(0.5))
            began = time.monotonic()
            assert await is_played(first) - began < 2.0  # it need not wait for its five seconds
            assert await is_played(second) - began > 0.5

    run(test())


def test_silence_is_played_at_once_and_a_chunk_needs_no_audio_start(engine: Engine) -> None:
    async def test() -> None:
        async with serving(engine) as server, client_of(server) as client:
            await say(client, b"")
            await is_played(client)
            await client.write_event(AudioChunk(16_000, 2, 2, bytes(6400)).event())
            await client.write_event(AudioStop().event())
            await is_played(client)

    run(test())


# ---- interruptions


def test_an_interruption_silences_it_and_the_client_waits_no_longer(engine: Engine) -> None:
    async def test() -> None:
        async with serving(engine) as server, client_of(server) as client:
            await say(client, hum(5.0))
            await speaks(engine)
            began = time.monotonic()
            engine.interrupt()
            assert await is_played(client) - began < 2.0

    run(test())


def test_a_client_that_vanishes_in_the_midst_of_a_sound_falls_silent(engine: Engine) -> None:
    async def test() -> None:
        async with serving(engine) as server:
            async with client_of(server) as client:
                await send(client, hum(5.0))
                await speaks(engine)
            silent = lambda: not engine.snapshot().speaking  # noqa: E731
            assert await asyncio.to_thread(wait_until, silent) < 2.0  # of the five seconds

    run(test())


def test_a_client_that_goes_after_audio_stop_is_spoken_to_the_end(engine: Engine) -> None:
    """So does wyoming-satellite, unless told otherwise."""

    async def test() -> None:
        async with serving(engine) as server:
            async with client_of(server) as client:
                await say(client, hum(1.0))
            await speaks(engine)
            silent = lambda: not engine.snapshot().speaking  # noqa: E731
            assert await asyncio.to_thread(wait_until, silent) > 0.9

    run(test())


def test_a_client_that_is_faster_than_speech_is_held_up(engine: Engine) -> None:
    most_s = 0.0

    async def test() -> None:
        nonlocal most_s
        async with serving(engine) as server, client_of(server) as client:
            with pytest.raises(asyncio.TimeoutError):  # ten minutes of sound
                await asyncio.wait_for(send(client, bytes(2 * RATE * 600), 16_384), 3)
            most_s = engine.snapshot().waiting_s
            engine.interrupt()  # what else has been sent is thrown away

    run(test())
    assert MOST_WAITING_S - 5 < most_s < MOST_WAITING_S + 1


# ---- what else clients send


def test_describe_and_ping_are_answered_and_unknown_events_left_alone(engine: Engine) -> None:
    async def test() -> None:
        async with serving(engine) as server, client_of(server) as client:
            await client.write_event(Event("set-volume", {"volume": 0.5}))
            await client.write_event(Describe().event())
            event = await client.read_event()
            assert event is not None
            (program,) = Info.from_event(event).snd
            assert program.installed and program.attribution.name == "Lipwright"
            assert (program.snd_format.width, program.snd_format.channels) == (2, 1)
            await client.write_event(Ping(text="there?").event())
            event = await client.read_event()
            assert event is not None and Pong.from_event(event).text == "there?"

    run(test())


def line(**event: Any) -> bytes:
    return json.dumps(event).encode() + b"\n"


CHUNK = {"rate": RATE, "width": 2, "channels": 1}
RUBBISH = {
    "http": b"GET / HTTP/1.1\r\nHost: head\r\n\r\n",
    "no object": b"[1, 2]\n",
    "data that is no object": line(type="describe", data=[1]),
    "bytes": bytes(range(1, 256)) * 20 + b"\n",
    "a line without an end": b'{"type": "' + b"x" * 100_000,
    "nested": b"[" * 15_000 + b"\n",
    "an endless payload": line(type="audio-chunk", data=CHUNK, payload_length=10**12),
    "a payload of minus one": line(type="audio-chunk", data=CHUNK, payload_length=-1),
    "a length in words": line(type="audio-chunk", data=CHUNK, payload_length="many"),
    "endless data": line(type="audio-chunk", data_length=10**9),
    "no format": line(type="audio-start"),
    "a format in words": line(type="audio-start", data={"rate": "fast", "width": [2], "channels": {}}),
    "24 bits": line(type="audio-start", data=CHUNK | {"width": 3}),
    "no rate of sound": line(type="audio-start", data=CHUNK | {"rate": 0}),
    "a thousand channels": line(type="audio-start", data=CHUNK | {"channels": 1000}),
    "another format in the midst": line(type="audio-start", data=CHUNK)
    + line(type="audio-chunk", data=CHUNK | {"rate": 8000}, payload_length=2)
    + b"..",
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
def test_rubbish_is_refused_in_a_sentence_and_others_are_still_served(engine: Engine, rubbish: bytes) -> None:
    async def test() -> None:
        async with serving(engine) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(rubbish)
            answer = json.loads(await reader.readline())
            assert answer["type"] == "error"
            data = json.loads(await reader.readexactly(answer["data_length"]))
            assert Error.from_event(Event("error", data)).text.endswith(".")
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""  # and that was all
            writer.close()
            async with client_of(server) as client:
                await client.write_event(Describe().event())
                assert await client.read_event() is not None
        assert not engine.snapshot().speaking

    run(test())


def test_there_is_an_end_to_clients(engine: Engine) -> None:
    async def test() -> None:
        async with serving(engine) as server, contextlib.AsyncExitStack() as clients:
            for _ in range(MOST_CLIENTS):
                client = await clients.enter_async_context(client_of(server))
                await client.write_event(Describe().event())
                assert await client.read_event() is not None
            one_more = await clients.enter_async_context(client_of(server))
            event = await one_more.read_event()
            assert event is not None and Error.is_type(event.type)

    run(test())


@pytest.mark.parametrize(
    "uri", ["", "10601", "tcp://", "tcp://host", "tcp://host:many", "stdio://", "udp://h:1"]
)
def test_an_address_that_is_none_is_refused(engine: Engine, uri: str) -> None:
    with pytest.raises(LipwrightError, match="tcp://127"):
        WyomingServer(engine, uri)


def test_a_port_that_is_taken_is_told_in_a_sentence(engine: Engine) -> None:
    async def test() -> None:
        async with serving(engine) as server:
            with pytest.raises(LipwrightError, match="--wyoming"):
                await WyomingServer(engine, f"tcp://127.0.0.1:{server.port}").start()

    run(test())
