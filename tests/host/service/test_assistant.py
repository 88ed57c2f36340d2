"""The Linux voice assistant's peripheral API, by a server that speaks it as documented (1.1.15)."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from lipwright.errors import LipwrightError
from lipwright.live.engine import Engine
from lipwright.service import assistant
from lipwright.service.assistant import Assistant

from .heads import head

SNAPSHOT = {
    "muted": False,
    "volume": 0.8,
    "ha_connected": True,
    "last_stt_text": None,
    "last_tts_text": None,
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with head(with_board=False) as engine:
        yield engine


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    monkeypatch.setattr(assistant, "RETRY_S", 0.05)
    monkeypatch.setattr(assistant, "LONGEST_RETRY_S", 0.2)
    engine.life.mood = "idle"


class Server:
    """The assistant's side: a snapshot for each that connects, the event that holds, then what happens."""

    def __init__(self) -> None:
        self.sockets: list[web.WebSocketResponse] = []
        self.received: list[Any] = []
        self.current: str | None = None
        self.port = 0
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        application = web.Application()
        application.router.add_get("/", self._handle)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        assert self._runner is not None
        for socket in self.sockets:
            await socket.close()
        await self._runner.cleanup()

    async def emit(self, name: str, **data: Any) -> None:
        self.current = name
        for socket in self.sockets:
            await socket.send_str(self._text(name, **data))

    def _text(self, name: str, **data: Any) -> str:
        return json.dumps({"event": name, "data": data} if data else {"event": name})

    async def _handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(self._text("snapshot", **SNAPSHOT))
        if self.current is not None:
            await socket.send_str(self._text(self.current))
        self.sockets.append(socket)
        async for message in socket:
            self.received.append(message.data)
        self.sockets.remove(socket)
        return socket


def with_both(engine: Engine, test: Callable[[Server], Awaitable[None]]) -> None:
    async def run() -> None:
        server = Server()
        await server.start()
        adapter = Assistant(engine, f"ws://127.0.0.1:{server.port}")
        await adapter.start()
        try:
            await until(lambda: server.sockets)
            await test(server)
        finally:
            await adapter.close()
            await server.stop()

    asyncio.run(asyncio.wait_for(run(), 20))


async def until(holds: Callable[[], Any]) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never happened")


def test_the_head_listens_thinks_speaks_and_idles_with_the_assistant(engine: Engine) -> None:
    conversation = [
        ("wake_word_detected", {}, "listening"),
        ("listening", {}, "listening"),
        ("stt_text", {"text": "what time is it"}, "listening"),
        ("thinking", {}, "thinking"),
        ("tts_text", {"text": "ten past eight"}, "thinking"),
        ("tts_speaking", {}, "speaking"),
        ("volume_changed", {"volume": 0.5}, "speaking"),
        ("tts_finished", {}, "idle"),
        ("listening", {}, "listening"),
        ("pipeline_error", {"reason": "stt"}, "idle"),
        ("listening", {}, "listening"),
        ("muted", {"muted": True}, "idle"),
        ("listening", {}, "listening"),
        ("disconnected", {}, "idle"),
        ("listening", {}, "listening"),
        ("idle", {}, "idle"),
    ]

    async def test(server: Server) -> None:
        for name, data, mood in conversation:
            await server.emit(name, **data)
            await asyncio.sleep(0.02)
            await until(lambda mood=mood: engine.life.mood == mood)  # type: ignore[misc]
            await asyncio.sleep(0.02)
            assert engine.life.mood == mood, name
        assert server.received == []  # it asks the assistant for nothing

    with_both(engine, test)


def test_it_idles_when_the_assistant_goes_and_follows_it_when_it_is_back(engine: Engine) -> None:
    async def test(server: Server) -> None:
        await server.emit("listening")
        await until(lambda: engine.life.mood == "listening")
        await server.stop()
        await until(lambda: engine.life.mood == "idle")
        await asyncio.sleep(0.3)  # some tries that fail
        server.current = "thinking"
        await server.start()
        await until(lambda: engine.life.mood == "thinking")

    before = len(engine.journal.since(0))
    with_both(engine, test)
    told = [entry.text for entry in engine.journal.since(0)[before:] if entry.kind == "assistant"]
    assert [text.startswith("No voice assistant") for text in told] == [False, True, False]  # not once a try
    assert engine.life.mood == "idle"  # after the adapter has been closed


def test_it_finds_an_assistant_that_starts_later(engine: Engine) -> None:
    async def run() -> None:
        server = Server()
        await server.start()  # for the port
        await server.stop()
        adapter = Assistant(engine, f"ws://127.0.0.1:{server.port}")
        await adapter.start()
        try:
            await asyncio.sleep(0.2)
            await server.start()
            await until(lambda: server.sockets)
        finally:
            await adapter.close()
            await server.stop()

    asyncio.run(asyncio.wait_for(run(), 20))


@pytest.mark.parametrize(
    "text",
    ["", "thinking", "[]", '{"event": ["thinking"]}', '{"event": "dance"}', '{"event": null}', "[" * 20_000],
)
def test_rubbish_changes_nothing(engine: Engine, text: str) -> None:
    async def test(server: Server) -> None:
        await server.emit("listening")
        await until(lambda: engine.life.mood == "listening")
        for socket in server.sockets:
            await socket.send_str(text)
            await socket.send_bytes(b"\x00\xff")
        await asyncio.sleep(0.1)
        assert engine.life.mood == "listening"
        await server.emit("thinking")
        await until(lambda: engine.life.mood == "thinking")

    with_both(engine, test)


def test_an_event_without_measure_ends_the_connection_and_a_new_one_is_made(engine: Engine) -> None:
    async def test(server: Server) -> None:
        (socket,) = server.sockets
        with contextlib.suppress(ConnectionError):
            await socket.send_str(json.dumps({"event": "listening", "data": "x" * 1_000_000}))
        await until(lambda: server.sockets and socket not in server.sockets)
        assert engine.life.mood == "idle"

    with_both(engine, test)


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:6055", "http://127.0.0.1:6055", "ws://", "ws://host", "ws://host:many"]
)
def test_an_address_that_is_none_is_refused(engine: Engine, url: str) -> None:
    with pytest.raises(LipwrightError, match="ws://127"):
        Assistant(engine, url)
