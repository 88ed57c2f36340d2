"""The HTTP server: API, sockets and panel behind one guard, with a limit on everything a client can do."""

from __future__ import annotations

import asyncio
import errno
import logging

from aiohttp import web

from lipwright.errors import LipwrightError
from lipwright.service.api import MOST_JSON_BYTES, Api
from lipwright.service.connections import Connections
from lipwright.service.guard import Guard, is_loopback
from lipwright.service.head_service import HeadService
from lipwright.service.messages import Say
from lipwright.service.pages import Pages
from lipwright.service.pairing import Pairing, spoken_code
from lipwright.service.sockets import Sockets

KEEP_S = 15.0
END_S = 1.0
BACKLOG = 128


class HttpServer:
    """Serves from `start` to `close`.

    Attributes:
        port: Where it listens; after `start`.
    """

    def __init__(self, head: HeadService, pairing: Pairing, address: str, port: int) -> None:
        """`address` is one of this machine's, 0.0.0.0 for all; `port` 0 is any that is free."""
        self.port = port
        self._address = address
        self._api = Api(head)
        self._sockets = Sockets(head)
        self._guard = Guard(pairing, needs_token=not is_loopback(address))
        pages = Pages(self._guard, pairing, lambda: self._say_code(pairing.code))
        app = web.Application(middlewares=[self._guard.middleware], client_max_size=MOST_JSON_BYTES)
        self._sockets.add_routes(app)
        self._api.add_routes(app)
        pages.add_routes(app)
        # What a client compresses might be a thousand times as much here.
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=KEEP_S, auto_decompress=False, shutdown_timeout=END_S
        )
        self._server: asyncio.Server | None = None
        # Rubbish that clients send is nothing for the log.
        logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)

    async def start(self) -> None:
        """Listens. Raises LipwrightError where it cannot."""
        await self._runner.setup()
        assert self._runner.server is not None
        self._guard.connections = Connections(self._runner.server)
        try:
            self._server = await asyncio.get_running_loop().create_server(
                self._guard.connections, self._address, self.port, backlog=BACKLOG
            )
        except OSError as error:
            raise LipwrightError(self._explained(error)) from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Ends all that is under way."""
        if self._server is not None:
            self._server.close()
            self._guard.connections.close()
        await self._sockets.close()
        await self._api.close()
        await self._runner.cleanup()

    async def _say_code(self, code: str) -> None:
        await self._api.begin_to_say(Say(spoken_code(code)))

    def _explained(self, error: OSError) -> str:
        if error.errno == errno.EADDRINUSE:
            return (
                f"port {self.port} is in use, perhaps by another Lipwright: end that, or choose another with"
                " --http-port."
            )
        if error.errno == errno.EACCES:
            return f"port {self.port} is not for everybody: choose one above 1023 with --http-port."
        return f"cannot listen at {self._address}: give one of this machine's addresses, or 0.0.0.0 for all."
