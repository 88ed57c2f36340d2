"""The Unix socket for sound of this machine's programs; `lipwright.live.service_socket` is its other end."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from lipwright.errors import LipwrightError
from lipwright.live.incoming import Encoding
from lipwright.live.service_socket import ERROR, INTERRUPTED, SPOKEN, WATCHING, read_header
from lipwright.service.talking import Interrupted, Talking
from lipwright.service.watched import Watched

MOST_CLIENTS = 16
READ_BYTES = 16 * 1024
# A line of JSON that says how samples lie is no longer.
LONGEST_HEADER = 1024
NAME = "A program here"
WATCHES = f'{{"{WATCHING}":'.encode()  # begins the lines of a program that watches


class SoundSocket:
    """Serves it: one connection is one utterance, or a program that watches people."""

    def __init__(self, talking: Talking, watched: Watched, path: Path) -> None:
        self._talking = talking
        self._watched = watched
        self._path = path
        self._server: asyncio.Server | None = None
        self._clients = 0

    async def start(self) -> None:
        """Listens. Raises LipwrightError where the socket cannot be made."""
        try:
            self._path.unlink(missing_ok=True)  # of a service that was killed; there is only one at a time
            self._server = await asyncio.start_unix_server(self._serve, str(self._path), limit=READ_BYTES)
            self._path.chmod(0o660)
        except OSError as error:
            raise LipwrightError(f"cannot make the socket {self._path}: {error.strerror}.") from None

    async def close(self) -> None:
        """Ends it."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answer = ""
        self._clients += 1
        try:
            if self._clients > MOST_CLIENTS:
                raise LipwrightError("too many programs are sending sound already: try again in a moment.")
            answer = await self._speak(reader, writer)
        except Interrupted:
            answer = INTERRUPTED
        except LipwrightError as error:
            answer = f"{ERROR}{error}"
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._clients -= 1
            with contextlib.suppress(ConnectionError):
                writer.write(f"{answer}\n".encode())
                writer.close()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        data = await reader.read(READ_BYTES)
        raw = Encoding()
        if data.startswith(b"{"):
            while (
                b"\n" not in data and len(data) < LONGEST_HEADER and (more := await reader.read(READ_BYTES))
            ):
                data += more
            line, _, data = data.partition(b"\n")
            if line.startswith(WATCHES):
                await self._watched.serve(line, data, reader, writer)
                return ""
            raw = read_header(line)
        with self._talking.utterance(NAME, raw) as utterance:
            await utterance.feed(data)
            while data := await reader.read(READ_BYTES):
                await utterance.feed(data)
            await utterance.finish()
            return SPOKEN if await utterance.heard() else INTERRUPTED
