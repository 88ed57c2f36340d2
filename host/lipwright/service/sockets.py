"""The WebSockets: what is to be seen goes out, sound and calibration come in.

A client that does not read is dropped: each gets the newest there is, and nothing waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import WSMsgType, web

from lipwright.clock import RealClock
from lipwright.errors import LipwrightError
from lipwright.live.incoming import Encoding
from lipwright.service import messages as m
from lipwright.service.endpoints import SOCKETS
from lipwright.service.guard import Buckets, Refused
from lipwright.service.head_service import HeadService
from lipwright.service.talking import SILENT_S, Interrupted, Utterance
from lipwright.service.typed_json import one_of, to_text

MOST_SOCKETS = 32
EVERY_S = 0.05
# A client that has not taken a message for so long is dropped; one that answers no ping, too.
SLOW_S = 3.0
PING_S = 10.0
MOST_MESSAGE_BYTES = 256 * 1024
READ_AHEAD = 4
IDLE_S = 600.0  # of a socket for sound on which nobody speaks
# Messages of one socket: a calibration sends some ten a second, a microphone a hundred.
BURST, A_SECOND = 400, 200.0
POLICY = 1008  # the WebSocket's code for a client that breaks the rules


class Sockets:
    """The handlers that SOCKETS names."""

    def __init__(self, head: HeadService) -> None:
        self._head = head
        self._open: set[web.WebSocketResponse] = set()
        self._newest = m.Snapshot
        self._text = ""
        self._made_s = float("-inf")
        self._clock = RealClock()

    def add_routes(self, app: web.Application) -> None:
        """All that SOCKETS lists."""
        for socket in SOCKETS:
            app.router.add_get(socket.path, getattr(self, socket.handler))

    async def close(self) -> None:
        """Ends all."""
        await asyncio.gather(
            *(socket.close(code=1001) for socket in list(self._open)), return_exceptions=True
        )

    # ---- events

    async def events(self, request: web.Request) -> web.StreamResponse:
        """GET events."""
        async with self._socket(request) as socket:
            # Whatever a client says here is of no interest; but only reading tells that it has gone.
            reader = asyncio.create_task(self._read_nothing(socket))
            try:
                await self._tell(socket, reader)
            finally:
                reader.cancel()
        return socket

    async def _tell(self, socket: web.WebSocketResponse, reader: asyncio.Task[None]) -> None:
        told, number = "", 0
        while not reader.done():
            for entry in self._head.journal(number):
                await _send(socket, entry)
                number = entry.number
            text = self._snapshot_text()
            if text != told:
                await _send_text(socket, text)
                told = text
            await asyncio.sleep(EVERY_S)

    def _snapshot_text(self) -> str:
        """The newest snapshot, made once for all who look."""
        if self._clock.now() - self._made_s > EVERY_S / 2:
            self._text = to_text(self._head.snapshot())
            self._made_s = self._clock.now()
        return self._text

    async def _read_nothing(self, socket: web.WebSocketResponse) -> None:
        async for _ in _messages(socket):
            pass

    # ---- sound

    async def speak_socket(self, request: web.Request) -> web.StreamResponse:
        """GET speak, as a WebSocket."""
        # No pings: who is held up, since it sends faster than the head speaks, could not answer them.
        async with self._socket(request, ping_s=None) as socket:
            inbox = _Inbox(socket)
            try:
                while True:
                    await self._speak_once(socket, await inbox.next(IDLE_S), inbox)
            except _Gone:
                pass
            finally:
                inbox.close()
        return socket

    async def _speak_once(self, socket: web.WebSocketResponse, first: Any, inbox: _Inbox) -> None:
        """From a start to the end of its sound."""
        try:
            if isinstance(first, bytes):
                return  # what was still under way when another voice took over
            wish = one_of(m.SPEAK_WISHES, first)
            if isinstance(wish, m.SpeakInterrupt):
                self._head.engine.interrupt()
                raise Interrupted()
            if not isinstance(wish, m.SpeakStart):
                return  # the end of a sound that was broken off
            raw = None if wish.format == m.WHATEVER else Encoding(wish.rate, wish.channels, wish.format)
            with self._head.talking.utterance(wish.name, raw, wish.live) as utterance:
                await self._take_sound(socket, utterance, inbox)
        except Interrupted:
            await _send(socket, m.SpeakInterrupted())
        except LipwrightError as error:
            await _send(socket, m.SocketProblem(str(error)))

    async def _take_sound(self, socket: web.WebSocketResponse, utterance: Utterance, inbox: _Inbox) -> None:
        started = asyncio.create_task(self._tell_start(socket, utterance))
        try:
            while isinstance(wish := _sound_or_wish(await inbox.next(SILENT_S)), bytes):
                await utterance.feed(wish)
            if isinstance(wish, m.SpeakInterrupt):
                self._head.engine.interrupt()
                raise Interrupted()
            if not isinstance(wish, m.SpeakEnd):
                raise LipwrightError('the sound before has no "end".')
            await utterance.finish()
            is_spoken = await self._until_heard(utterance, inbox)
            await started
            await _send(socket, m.SpeakSpoken() if is_spoken else m.SpeakInterrupted())
        finally:
            started.cancel()

    async def _until_heard(self, utterance: Utterance, inbox: _Inbox) -> bool:
        """Waits, and returns whether all was heard; the client may still interrupt, or go."""
        heard = asyncio.create_task(utterance.heard())
        coming = asyncio.create_task(inbox.next(None))
        try:
            while not heard.done():
                await asyncio.wait({heard, coming}, return_when=asyncio.FIRST_COMPLETED)
                if coming.done():
                    if not isinstance(_sound_or_wish(coming.result()), m.SpeakInterrupt):
                        raise LipwrightError('wait for "spoken", or interrupt.')
                    self._head.engine.interrupt()
                    coming = asyncio.create_task(inbox.next(None))
            return heard.result()
        finally:
            heard.cancel()
            coming.cancel()

    async def _tell_start(self, socket: web.WebSocketResponse, utterance: Utterance) -> None:
        await utterance.begun.wait()
        await _send(socket, m.SpeakStarted())

    # ---- calibration

    async def calibrate(self, request: web.Request) -> web.StreamResponse:
        """GET calibrate."""
        async with self._socket(request) as socket:
            try:
                run = self._head.room.enter()
            except LipwrightError as error:
                await _send(socket, m.SocketProblem(str(error)))
                return socket
            teller = asyncio.create_task(self._tell_calibration(socket, run))
            try:
                async for message in _messages(socket):
                    try:
                        wish = one_of(m.CALIBRATE_WISHES, _text(message))
                    except LipwrightError as error:
                        await _send(socket, m.SocketProblem(str(error)))
                        continue
                    run.wish(wish)
            finally:
                run.end()
                teller.cancel()
                await asyncio.get_running_loop().run_in_executor(None, run.join)
        return socket

    async def _tell_calibration(self, socket: web.WebSocketResponse, run: Any) -> None:
        told = None
        while run.is_alive():
            if run.state is not None and run.state != told:
                told = run.state
                await _send(socket, told)
            await asyncio.sleep(EVERY_S)
        await _send(socket, m.SocketProblem(run.failure or "the calibration is over."))
        await socket.close()

    # ---- each of them

    @contextlib.asynccontextmanager
    async def _socket(
        self, request: web.Request, ping_s: float | None = PING_S
    ) -> AsyncIterator[web.WebSocketResponse]:
        """An open socket. What a client that goes, or is too slow, breaks off is its own loss."""
        if len(self._open) >= MOST_SOCKETS:
            raise Refused(503, "too many look at the head already: close some pages.")
        socket = web.WebSocketResponse(heartbeat=ping_s, max_msg_size=MOST_MESSAGE_BYTES, compress=False)
        self._open.add(socket)
        try:
            await socket.prepare(request)
            with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
                yield socket
            with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
                await asyncio.wait_for(socket.close(), SLOW_S)
        finally:
            self._open.discard(socket)
            if request.transport is not None:
                request.transport.abort()


async def _messages(socket: web.WebSocketResponse) -> AsyncIterator[Any]:
    """Texts and bytes, until the client goes or sends too much."""
    buckets = Buckets(BURST, A_SECOND, RealClock())
    async for message in socket:
        if not buckets.take("messages"):
            await socket.close(code=POLICY, message=b"too many messages")
            return
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            yield message.data


class _Gone(Exception):
    """The client has left, or says nothing."""


class _Inbox:
    """A socket's messages, a few of them read ahead; one may give up waiting for the next at any time."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._messages: asyncio.Queue[Any] = asyncio.Queue(READ_AHEAD)
        self._reader = asyncio.create_task(self._read(socket))

    async def next(self, limit_s: float | None) -> Any:
        """The next text or bytes. Raises _Gone if there is none within the time."""
        try:
            message = await asyncio.wait_for(self._messages.get(), limit_s)
        except asyncio.TimeoutError:
            raise _Gone() from None
        if message is None:
            raise _Gone()
        return message

    def close(self) -> None:
        """Reads no more."""
        self._reader.cancel()

    async def _read(self, socket: web.WebSocketResponse) -> None:
        async for message in _messages(socket):
            await self._messages.put(message)
        await self._messages.put(None)


def _sound_or_wish(message: Any) -> Any:
    return message if isinstance(message, bytes) else one_of(m.SPEAK_WISHES, message)


def _text(message: Any) -> str:
    if not isinstance(message, str):
        raise LipwrightError("there is nothing for sound here: send JSON texts.")
    return message


async def _send(socket: web.WebSocketResponse, message: Any) -> None:
    await _send_text(socket, to_text(message))


async def _send_text(socket: web.WebSocketResponse, text: str) -> None:
    await asyncio.wait_for(socket.send_str(text), SLOW_S)
