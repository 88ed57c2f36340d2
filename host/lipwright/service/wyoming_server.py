"""A Wyoming sound service: what Home Assistant's voice satellites and Piper send, the head speaks.

The protocol is that of https://github.com/OHF-Voice/wyoming (1.10): a line of JSON an event, sound as raw
samples. Clients send audio-start, audio-chunk and audio-stop, and get `played` when all of it has been heard.
Events that a sound service does not know are left alone, as the protocol asks.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any
from urllib.parse import urlsplit

from wyoming.audio import AudioChunk, AudioFormat, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_write_event
from wyoming.info import Attribution, Describe, Info, SndProgram
from wyoming.ping import Ping, Pong
from wyoming.snd import Played

from lipwright import __version__
from lipwright.errors import LipwrightError
from lipwright.live.engine import Engine
from lipwright.live.incoming import Encoding
from lipwright.live.speech import Speech
from lipwright.service.guard import is_loopback

DEFAULT_URI = "tcp://127.0.0.1:10601"  # the port that Wyoming's documents use for sound services
# What is asked for: Piper's common format. Any other is taken as well.
BEST_FORMAT = AudioFormat(rate=22_050, width=2, channels=1)
KINDS = {1: "u8", 2: "s16le", 4: "s32le"}  # by bytes a sample, as in WAV files
# What one event may be. Piper sends 2 kB at a time; a second of the widest sound that is taken is 1.5 MB.
LONGEST_LINE = 16 * 1024
LONGEST_DATA = 64 * 1024
LONGEST_PAYLOAD = 4 * 1024 * 1024
MOST_CLIENTS = 16
# How often a waiting client is looked at: well below what anybody hears.
LOOK_EVERY_S = 0.02

log = logging.getLogger("lipwright")


class WyomingServer:
    """Serves any number of clients; the one that began last is heard, what others still send is not."""

    def __init__(self, engine: Engine, uri: str = DEFAULT_URI) -> None:
        """`uri`: tcp://HOST:PORT. Raises LipwrightError for any other."""
        self.uri = uri
        self._engine = engine
        self._host, self._port = _address_of(uri)
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The TCP port that is listened at: for a URI with port 0, the one that the system chose."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Begins to listen. Raises LipwrightError where that cannot be."""
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=LONGEST_LINE)
        except OSError as error:
            reason = error.strerror or str(error)
            raise LipwrightError(
                f"cannot listen at {self.uri} ({reason}): name another with --wyoming."
            ) from None
        self._engine.journal.tell("wyoming", f"Wyoming clients may speak at {self.uri}.")
        if not is_loopback(self._host):
            self._engine.journal.tell("open", "Wyoming has no password: all of this network may speak there.")

    async def close(self) -> None:
        """Lets go of all clients; what one of them has not sent whole falls silent."""
        if self._server is not None:
            self._server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            async with contextlib.aclosing(_Client(self._engine, reader, writer)) as client:
                if len(self._clients) > MOST_CLIENTS:
                    await client.refuse(f"there are {MOST_CLIENTS} clients already: close one.")
                else:
                    await client.run()
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # gone, or to go
        finally:
            self._clients.discard(task)
            writer.close()


class _Client:
    """One connection. Its utterances are spoken one after the other."""

    def __init__(self, engine: Engine, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        self._name = f"Wyoming ({peer[0]})" if peer else "Wyoming"
        self._engine = engine
        self._reader = reader
        self._writer = writer
        self._encoding: Encoding | None = None
        self._speech: Speech | None = None
        self._rest = b""
        self._played: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Takes events until the client goes, or sends what is no Wyoming."""
        while True:
            try:
                event = await _read_event(self._reader)
                if event is None:
                    return
                await self._take(event)
            except LipwrightError as error:
                log.info("%s: %s", self._name, error)
                await self.refuse(str(error))
                return

    async def refuse(self, why: str) -> None:
        """Says what is wrong, as the protocol does it."""
        await self._send(Error(text=why, code="lipwright"))

    async def aclose(self) -> None:
        """The client has gone: what it sent whole is still spoken, what it left unfinished is not."""
        if self._played is not None:
            self._played.cancel()
        if self._speech is not None:
            self._speech.cancel()

    async def _take(self, event: Event) -> None:
        if AudioChunk.is_type(event.type):
            await self._push(_encoding_of(event), event.payload or b"")
        elif AudioStart.is_type(event.type):
            self._finish()  # of what had no audio-stop
            self._speech = await self._begin(_encoding_of(event))
        elif AudioStop.is_type(event.type):
            self._finish()
        elif Describe.is_type(event.type):
            await self._send(_info())
        elif Ping.is_type(event.type):
            await self._send(Pong(text=Ping.from_event(event).text))

    async def _begin(self, encoding: Encoding) -> Speech:
        if self._played is not None:
            await self._played
        self._encoding, self._rest = encoding, b""
        return self._engine.speak(self._name, encoding.rate, encoding.channels)

    async def _push(self, encoding: Encoding, data: bytes) -> None:
        if self._speech is None:  # some clients leave audio-start out
            self._speech = await self._begin(encoding)
        elif encoding != self._encoding:
            raise LipwrightError("the sound's format changed in the midst of it: send audio-stop before.")
        while not self._speech.has_room:  # not reading on holds up the client
            await asyncio.sleep(LOOK_EVERY_S)
        data = self._rest + data
        whole = len(data) - len(data) % encoding.frame_bytes
        self._rest = data[whole:]
        if whole:
            self._speech.push(encoding.decode(data[:whole]))

    def _finish(self) -> None:
        """No more comes of what is being said, if anything is."""
        speech, self._speech = self._speech, None
        if speech is not None:
            speech.finish()
            self._played = asyncio.create_task(self._tell_played(speech))

    async def _tell_played(self, speech: Speech) -> None:
        # A speech is over when the lips have come to rest, some 0.3 s after its last sound was heard. One
        # that was interrupted is over as well: its client waits no longer.
        while not speech.over.is_set():
            await asyncio.sleep(LOOK_EVERY_S)
        with contextlib.suppress(OSError):
            await self._send(Played())

    async def _send(self, message: Eventable) -> None:
        await async_write_event(message.event(), self._writer)


async def _read_event(reader: asyncio.StreamReader) -> Event | None:
    """The next event; None at the end. Raises LipwrightError for what is none, or is too large.

    The library's own reader would take payloads of any size into memory.
    """
    try:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            return None
        header = _mapping(json.loads(line))
        data = _mapping(header.get("data") or {})
        if size := _size(header, "data_length", LONGEST_DATA):
            data |= _mapping(json.loads(await reader.readexactly(size)))
        payload = await reader.readexactly(_size(header, "payload_length", LONGEST_PAYLOAD))
    except (ValueError, RecursionError):  # no JSON, or a line without an end
        raise LipwrightError("what came is no Wyoming event: speak Wyoming at this port.") from None
    return Event(type=str(header.get("type")), data=data, payload=payload)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError
    return value


def _size(header: dict[str, Any], name: str, most: int) -> int:
    size = header.get(name) or 0
    if not isinstance(size, int) or not 0 <= size <= most:
        raise LipwrightError(f"{name} of {size} is out of 0 to {most}: send sound in smaller chunks.")
    return size


def _encoding_of(event: Event) -> Encoding:
    """How the samples of an event lie. Raises LipwrightError where that is no sound."""
    rate, width, channels = (event.data.get(name) for name in ("rate", "width", "channels"))
    if not (isinstance(rate, int) and isinstance(width, int) and isinstance(channels, int)):
        raise LipwrightError(f"{event.type} without rate, width and channels: send all three.")
    if width not in KINDS:
        raise LipwrightError(f"samples of {width} bytes are not taken: send 2.")
    return Encoding(rate, channels, KINDS[width]).check()


def _info() -> Info:
    return Info(
        snd=[
            SndProgram(
                name="lipwright",
                description="A robot head that speaks with its lips",
                attribution=Attribution(name="Lipwright", url=""),
                installed=True,
                version=__version__,
                snd_format=BEST_FORMAT,
            )
        ]
    )


def _address_of(uri: str) -> tuple[str, int]:
    """Host and port. Raises LipwrightError."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(uri)
        if parts.scheme == "tcp" and parts.hostname and parts.port is not None:
            return parts.hostname, parts.port
    raise LipwrightError(f"--wyoming {uri} is no address: name one such as {DEFAULT_URI}.")
