"""What lies in docs/examples is run here, as a maker runs it, and stays short."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import Synthesize

from lipwright.live.engine import Engine
from lipwright.live.service_socket import NAME
from lipwright.service.sound_socket import SoundSocket
from lipwright.service.talking import Talking
from lipwright.service.watched import Watched
from lipwright.service.wyoming_server import WyomingServer

from .heads import head

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
MOST_LINES = 30
ESPEAK = ["espeak-ng", "--stdout", "Good morning"]

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with head() as engine:
        yield engine


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < MOST_LINES


async def run(name: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs an example, with no more in its environment than it needs."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, str(EXAMPLES / name), *words],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        timeout=30,
    )


class Heard:
    """Which voices the head has had, and how far the jaw went meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self.names: set[str] = set()
        self.furthest = 0.0
        self._engine = engine
        self._jaw = [channel.name for channel in engine.profile.channels].index("jaw")
        self._ended = threading.Event()

    def __enter__(self) -> Heard:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        rest = self._engine.profile.rest_targets()[self._jaw]
        while not self._ended.wait(0.01):
            seen = self._engine.snapshot()
            if seen.speaking:
                self.names.add(seen.speaking)
                self.furthest = max(self.furthest, abs(float(seen.targets[self._jaw]) - rest))


@contextlib.asynccontextmanager
async def listening(engine: Engine, folder: Path) -> AsyncIterator[None]:
    talking = Talking(engine)
    door = SoundSocket(talking, Watched(engine), folder / NAME)
    await door.start()
    try:
        yield
    finally:
        await door.close()
        talking.close()


def test_speak_joins_a_speech_engine_to_the_head(engine: Engine, tmp_path: Path) -> None:
    async def test() -> None:
        async with listening(engine, tmp_path):
            done = await run("speak.py", *ESPEAK, XDG_RUNTIME_DIR=str(tmp_path))
            assert (done.returncode, done.stderr) == (0, "")
            # What writes no sound is told.
            done = await run("speak.py", "true", XDG_RUNTIME_DIR=str(tmp_path))
            assert done.returncode == 1 and "error:" in done.stderr and "Traceback" not in done.stderr

    with Heard(engine) as heard:
        asyncio.run(asyncio.wait_for(test(), 60))
    assert len(heard.names) == 1 and heard.furthest > 0.05


def test_speak_says_what_to_do_where_no_head_serves(tmp_path: Path) -> None:
    done = asyncio.run(run("speak.py", *ESPEAK, XDG_RUNTIME_DIR=str(tmp_path)))
    assert done.returncode == 1 and "lipwright serve" in done.stderr and "Traceback" not in done.stderr


class Espeak(AsyncEventHandler):
    """A Wyoming speech engine, as wyoming-piper is one."""

    async def handle_event(self, event: Event) -> bool:
        if Synthesize.is_type(event.type):
            text = Synthesize.from_event(event).text
            wav = subprocess.run([*ESPEAK[:-1], text], capture_output=True, check=True).stdout
            await self.write_event(AudioStart(22_050, 2, 1).event())
            for begin in range(44, len(wav), 2048):
                await self.write_event(AudioChunk(22_050, 2, 1, wav[begin : begin + 2048]).event())
            await self.write_event(AudioStop().event())
        return True


def test_wyoming_say_joins_a_wyoming_speech_engine_to_the_head(engine: Engine) -> None:
    async def test() -> None:
        door = WyomingServer(engine, "tcp://127.0.0.1:0")
        await door.start()
        espeak = AsyncTcpServer("127.0.0.1", 0)
        await espeak.start(Espeak)
        assert espeak._server is not None
        port = espeak._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        addresses = (f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{door.port}")
        done = await run("wyoming_say.py", "Good morning", *addresses)
        assert (done.returncode, done.stderr) == (0, "")
        await espeak.stop()
        await door.close()

    with Heard(engine) as heard:
        asyncio.run(asyncio.wait_for(test(), 60))
    assert heard.names == {"Wyoming (127.0.0.1)"} and heard.furthest > 0.05
