"""Joins the Linux voice assistant: the head listens, thinks and speaks as the assistant does.

The assistant (https://github.com/OHF-Voice/linux-voice-assistant) tells peripherals over a WebSocket what it
does; the protocol is that of docs/peripheral_api.md and linux_voice_assistant/peripheral_api.py in version
1.1.15 (commit 1543c5d). Events are {"event": NAME, "data": {...}}. A peripheral that connects gets a snapshot
and, after it, the event that holds at the moment. Lipwright asks the assistant for nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from urllib.parse import urlsplit

import aiohttp

from lipwright.errors import LipwrightError
from lipwright.live.engine import Engine

USUAL_URL = "ws://127.0.0.1:6055"
IDLE = "idle"
# What the head is to be like from an event on. Others say nothing of the conversation.
MOODS = {
    "wake_word_detected": "listening",
    "listening": "listening",
    "thinking": "thinking",
    "tts_speaking": "speaking",
    "tts_finished": IDLE,
    "idle": IDLE,
    "muted": IDLE,
    "pipeline_error": IDLE,
    "disconnected": IDLE,
}
# The assistant is often started after the head, and restarted when it is set up.
RETRY_S, LONGEST_RETRY_S = 1.0, 30.0
# A link that is silent is asked for a sign of life so often: cables are pulled, and nobody says so.
HEARTBEAT_S = 20.0
CONNECT_S = 10.0
MOST_BYTES = 64 * 1024  # of one event; those that matter have some 100


class Assistant:
    """Stays connected to one assistant, and sets the mood of the head's life by what it does."""

    def __init__(self, engine: Engine, url: str) -> None:
        """`url`: ws://HOST:PORT, or wss://. Raises LipwrightError for any other."""
        _check(url)
        self._engine = engine
        self._url = url
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begins to look for the assistant, and goes on until `close`."""
        self._task = asyncio.create_task(self._stay_connected())

    async def close(self) -> None:
        """Leaves the assistant."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _stay_connected(self) -> None:
        wait_s = RETRY_S
        told = False
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                connected = False
                try:
                    async with session.ws_connect(
                        self._url, heartbeat=HEARTBEAT_S, max_msg_size=MOST_BYTES
                    ) as socket:
                        connected = True
                        self._engine.journal.tell("assistant", "The voice assistant is there.")
                        await self._follow(socket)
                    why = "it has closed the connection"
                except aiohttp.WSServerHandshakeError:
                    why = "what answers is another program"
                except (aiohttp.ClientError, OSError, asyncio.TimeoutError):
                    why = "nothing answers"
                if connected or not told:
                    told = True
                    self._engine.journal.tell("assistant", f"No voice assistant at {self._url}: {why}.")
                wait_s = RETRY_S if connected else min(2 * wait_s, LONGEST_RETRY_S)
                await asyncio.sleep(wait_s)

    async def _follow(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Takes events until there are no more; whatever happens, the head idles afterwards."""
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take(message.data)
        finally:
            self._engine.life.mood = IDLE

    def _take(self, text: str) -> None:
        with contextlib.suppress(ValueError, RecursionError):  # what is no JSON is no event
            message = json.loads(text)
            name = message.get("event") if isinstance(message, dict) else None
            if isinstance(name, str) and name in MOODS:
                self._engine.life.mood = MOODS[name]


def _check(url: str) -> None:
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in ("ws", "wss") and parts.hostname and parts.port is not None:
            return
    raise LipwrightError(f"--assistant {url} is no address: name one such as {USUAL_URL}.")
