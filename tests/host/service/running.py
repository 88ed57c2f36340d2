"""The service as it runs: real HTTP, the head's real loop, the real firmware; a meter in place of servos."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import serial

from liplab.board import SimulatedBoard
from lipwright.face.life import Life
from lipwright.face.profile import load_profile
from lipwright.live.connector import Connector
from lipwright.live.engine import Engine
from lipwright.service.head_service import HeadService
from lipwright.service.http_server import HttpServer
from lipwright.service.pairing import Pairing

OUTPUTS = 32
SPEAKER_RATE = 48_000


class Meter:
    """In the head's place: when which outputs had pulses."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, np.ndarray]] = [(0.0, np.zeros(OUTPUTS))]

    def set_pulses(self, pulses_us, t):
        """Takes note."""
        self.seen.append((t, np.array(pulses_us)))

    def advance(self, t):
        """Nothing moves here."""

    @property
    def on(self) -> int:
        """How many servos have pulses now."""
        return int(np.count_nonzero(self.seen[-1][1]))


class Cable(SimulatedBoard):
    """A board whose cable can be pulled, and is put back by whoever opens it."""

    relay: Any = None

    def open(self):
        """The host's end of the cable."""
        if self.relay is not None:
            self.relay.pull()
        self.relay = _relay(super().open())
        return serial.Serial(self.relay.port, timeout=0, write_timeout=1)


class Running:
    """A service on a port of its own."""

    def __init__(self, folder: Path, address: str, board: Cable, meter: Meter) -> None:
        self.board, self.meter = board, meter
        profile = load_profile()
        self.connector = Connector(lambda: board, profile)
        self.engine = Engine(profile, self.connector, SPEAKER_RATE, life=Life(profile, 1))
        self.head = HeadService(self.engine, lambda: board, folder, None, lambda profile: Life(profile, 1))
        self.codes: list[str] = []
        self.pairing = Pairing(folder, self.codes.append)
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.server = self.run(self._server(address))
        self.engine.start()
        self.wait(lambda: self.engine.link is not None)
        self.url = f"http://127.0.0.1:{self.server.port}"

    async def _server(self, address: str) -> HttpServer:
        server = HttpServer(self.head, self.pairing, address, 0)
        await server.start()
        return server

    def run(self, work: Awaitable[Any]) -> Any:
        """Does something in the service's loop."""

        async def do() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(do(), self.loop).result(60)

    def close(self) -> None:
        """Ends it all."""
        self.run(self.server.close())
        self.head.close()
        self.engine.close()
        self.unplug()
        self.loop.call_soon_threadsafe(self.loop.stop)

    def wait(self, what: Callable[[], Any], limit_s: float = 10.0) -> float:
        """Until something holds; returns how long that took, in seconds."""
        began = time.monotonic()
        while not what():
            assert time.monotonic() - began < limit_s, "that never came"
            time.sleep(0.005)
        return time.monotonic() - began

    def unplug(self) -> None:
        """Pulls the cable."""
        self.board.relay.pull()

    def at_rest(self) -> None:
        """As at the beginning: nobody speaks, nothing is stopped, and all servos have pulses."""
        self.engine.interrupt()
        self.wait(lambda: not self.head.room.busy)
        if self.engine.snapshot().stopped:
            self.engine.resume()
        self.engine.life.enabled = True
        self.wait(lambda: self.engine.link is not None and self.meter.on == 26)
        self.wait(lambda: self.head.snapshot().state == "following")
        self.wait(lambda: not self.engine.snapshot().speaking)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of an answer. A dict is sent as JSON, bytes as they are."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, data=data, headers=headers) as answer,
        ):
            return answer.status, await answer.json()

    @asynccontextmanager
    async def socket(self, path: str, **headers: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self.url + path, headers=headers) as socket,
        ):
            yield socket


def _relay(port: serial.Serial) -> Any:
    """The cable that can be pulled, which the link's tests have."""
    path = Path(__file__).parents[1] / "link" / "relay.py"
    spec = importlib.util.spec_from_file_location("link_relay", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Relay(port)


@contextmanager
def running(folder: Path, address: str = "127.0.0.1") -> Iterator[Running]:
    """A service, closed in the end."""
    meter = Meter()
    with Cable("auto", head=meter, outputs=range(OUTPUTS)) as board:
        served = Running(folder, address, board, meter)
        try:
            yield served
        finally:
            served.close()
