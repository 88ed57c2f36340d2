"""Connections to the service: so many at most, and those that say nothing make room for those that do.

A thousand connections, or clients that send a byte a minute, then cost the head nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from aiohttp import web

MOST = 128
# From the connection, or from the end of the last request, to the end of the next request's header.
REQUEST_S = 10.0
LOOK_S = 1.0
MAKING_S = 1.0  # by then a connection that was accepted is made


class Connections:
    """Makes a protocol for every connection; hand it to `loop.create_server`."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._quiet: OrderedDict[Any, float] = OrderedDict()  # protocols without a request, and since when
        self._busy: dict[Any, int] = {}
        self._reaper: asyncio.Task[None] | None = None

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a connection that has just come."""
        if self._reaper is None:
            self._reaper = asyncio.ensure_future(self._reap())
        self._forget_gone()
        if len(self._quiet) + len(self._busy) >= MOST:
            if not self._quiet:
                return _Refusal()
            _drop(self._quiet.popitem(last=False)[0])
        protocol: asyncio.Protocol = self._server()
        self._quiet[protocol] = _now()
        return protocol

    @contextlib.contextmanager
    def working(self, request: web.BaseRequest) -> Iterator[None]:
        """While a request is being served, its connection is not dropped."""
        protocol = request.protocol
        self._quiet.pop(protocol, None)
        self._busy[protocol] = self._busy.get(protocol, 0) + 1
        try:
            yield
        finally:
            self._busy[protocol] -= 1
            if not self._busy[protocol]:
                del self._busy[protocol]
                if protocol.transport is not None:
                    self._quiet[protocol] = _now()

    def close(self) -> None:
        """Ends the watch."""
        if self._reaper is not None:
            self._reaper.cancel()

    def _forget_gone(self) -> None:
        known, made = set(self._server.connections), _now() - MAKING_S
        for protocol in [one for one, since in self._quiet.items() if one not in known and since < made]:
            del self._quiet[protocol]

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._forget_gone()
            late = _now() - REQUEST_S
            while self._quiet:
                protocol, since = next(iter(self._quiet.items()))
                if since > late:
                    break
                del self._quiet[protocol]
                _drop(protocol)


class _Refusal(asyncio.Protocol):
    """A connection that there is no room for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ends it."""
        transport.close()


def _drop(protocol: Any) -> None:
    if protocol.transport is not None:
        protocol.transport.abort()


def _now() -> float:
    return asyncio.get_running_loop().time()
