"""What each endpoint does."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, TypeVar

from aiohttp import web

from lipwright.errors import LipwrightError
from lipwright.live.incoming import Encoding
from lipwright.service import messages as m
from lipwright.service.endpoints import ENDPOINTS, PICTURE
from lipwright.service.guard import Refused
from lipwright.service.head_service import HeadService
from lipwright.service.shows import ShowShelf
from lipwright.service.talking import MOST_SOUND_BYTES, SILENT_S, Interrupted, Utterance
from lipwright.service.typed_json import from_text, to_text

MOST_JSON_BYTES = 64 * 1024
MOST_BODIES = 16  # being read at the same time
A_PROGRAM = "A program"

Wish = TypeVar("Wish")


class Api:
    """The handlers that ENDPOINTS names."""

    def __init__(self, head: HeadService) -> None:
        self._head = head
        self._shelf = ShowShelf(head)
        self._bodies = asyncio.Semaphore(MOST_BODIES)
        self._tasks: set[asyncio.Task[Any]] = set()

    def add_routes(self, app: web.Application) -> None:
        """All that ENDPOINTS lists."""
        for endpoint in ENDPOINTS:
            app.router.add_route(endpoint.method, endpoint.path, getattr(self, endpoint.handler))

    async def close(self) -> None:
        """Ends what is being said."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- what there is to see

    async def state(self, request: web.Request) -> web.Response:
        """GET state."""
        return _answer(self._head.state())

    async def picture(self, request: web.Request) -> web.Response:
        """GET picture."""
        return web.Response(body=await self._head.pictures.newest(), content_type=PICTURE)

    # ---- speech

    async def speak(self, request: web.Request) -> web.Response:
        """POST speak."""
        raw = _encoding(request)
        with self._head.talking.utterance(A_PROGRAM, raw) as utterance:
            try:
                async for data in self._body(request, MOST_SOUND_BYTES):
                    await utterance.feed(data)
                await utterance.finish()
            except Interrupted:
                return _told("interrupted", 200)
            if not _flag(request, "wait"):
                return _told("accepted", 202)
            return _told("spoken" if await utterance.heard() else "interrupted", 200)

    async def say(self, request: web.Request) -> web.Response:
        """POST say."""
        wish = await self._wish(request, m.Say)
        spoken = await self.begin_to_say(wish)
        if not _flag(request, "wait"):
            return _told("accepted", 202)
        return _told("spoken" if await spoken else "interrupted", 200)

    async def begin_to_say(self, wish: m.Say) -> asyncio.Task[bool]:
        """Returns when the first sound is there: a task whose result says whether all was spoken.

        Raises LipwrightError where there is no speech engine, or it has no such voice.
        """
        begun = asyncio.Event()
        spoken = asyncio.create_task(self._say(wish, begun))
        self._tasks.add(spoken)
        spoken.add_done_callback(self._said)
        waiting = asyncio.create_task(begun.wait())
        try:
            await asyncio.wait({spoken, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if spoken.done():
            spoken.result()
        return spoken

    def _said(self, task: asyncio.Task[bool]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits is told; nobody need wait

    async def _say(self, wish: m.Say, begun: asyncio.Event) -> bool:
        """Returns whether all was spoken."""
        with contextlib.ExitStack() as stack:
            utterance: Utterance | None = None
            stream = self._head.voices.stream(wish.text, wish.voice)
            async with contextlib.aclosing(stream):
                try:
                    async for raw, data in stream:
                        if utterance is None:
                            utterance = stack.enter_context(self._head.talking.utterance("A text", raw))
                        await utterance.feed(data)
                        begun.set()
                    if utterance is None:
                        return True  # there was nothing in it to be said
                    await utterance.finish()
                except Interrupted:
                    return False
            return await utterance.heard()

    async def interrupt(self, request: web.Request) -> web.Response:
        """POST interrupt."""
        self._head.engine.interrupt()
        return _answer(m.Done())

    async def stop(self, request: web.Request) -> web.Response:
        """POST stop."""
        self._head.stop()
        return _answer(m.Done())

    async def resume(self, request: web.Request) -> web.Response:
        """POST resume."""
        self._head.engine.resume()
        return _answer(m.Done())

    # ---- watching people

    async def stop_watching(self, request: web.Request) -> web.Response:
        """POST watching/stop."""
        self._head.watched.stop()
        return _answer(m.Done())

    # ---- the face

    async def expression(self, request: web.Request) -> web.Response:
        """POST expression."""
        self._head.express(await self._wish(request, m.Express))
        return _answer(m.Done())

    async def mood(self, request: web.Request) -> web.Response:
        """POST mood."""
        self._head.set_mood(await self._wish(request, m.SetMood))
        return _answer(m.Done())

    async def life(self, request: web.Request) -> web.Response:
        """POST life."""
        self._head.set_life(await self._wish(request, m.SetLife))
        return _answer(m.Done())

    # ---- shows

    async def shows(self, request: web.Request) -> web.Response:
        """GET shows."""
        return _answer(await self._shelf.all())

    async def store_show(self, request: web.Request) -> web.Response:
        """POST shows."""
        starts = {"boot.txt": _flag(request, "boot"), "button.txt": _flag(request, "button")}
        data = b"".join([part async for part in self._body(request, MOST_SOUND_BYTES)])
        if not data:
            raise LipwrightError("there is nothing in it: send a show's file, or a sound.")
        wanted = tuple(name for name, is_wanted in starts.items() if is_wanted)
        await self._shelf.store(request.query.get("name", ""), data, wanted)
        return _answer(await self._shelf.all())

    async def play_show(self, request: web.Request) -> web.Response:
        """POST shows/NAME/play."""
        wish = await self._wish(request, m.PlayShow)
        await self._shelf.play(request.match_info["name"], wish)
        return _answer(m.Done())

    async def delete_show(self, request: web.Request) -> web.Response:
        """DELETE shows/NAME."""
        await self._shelf.delete(request.match_info["name"])
        return _answer(await self._shelf.all())

    # ---- what is sent

    async def _wish(self, request: web.Request, kind: type[Wish]) -> Wish:
        data = b"".join([part async for part in self._body(request, MOST_JSON_BYTES)])
        return from_text(kind, data or b"{}")

    async def _body(self, request: web.Request, most: int) -> Any:
        """What is sent, as it comes. Raises Refused for too much, and for who sends nothing for long."""
        if self._bodies.locked():
            raise Refused(503, "too many are sending at once: try again in a moment.")
        async with self._bodies:
            taken = 0
            while True:
                try:
                    data = await asyncio.wait_for(request.content.readany(), SILENT_S)
                except asyncio.TimeoutError:
                    raise Refused(408, "nothing has come for too long: send it again.") from None
                if not data:
                    return
                taken += len(data)
                if taken > most:
                    raise Refused(413, f"that is too much at once: {most >> 10} KiB is the most here.")
                yield data


def _answer(message: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, text=to_text(message), content_type="application/json")


def _told(outcome: str, status: int) -> web.Response:
    return _answer(m.SpeechTold(A_PROGRAM, outcome), status)


def _flag(request: web.Request, name: str) -> bool:
    value = request.query.get(name, "0")
    if value not in ("0", "1"):
        raise LipwrightError(f"{name} is 0 or 1.")
    return value == "1"


def _encoding(request: web.Request) -> Encoding | None:
    """How samples lie; None for a sound that says so itself."""
    kind = request.query.get("format", m.WHATEVER)
    if kind == m.WHATEVER:
        return None
    try:
        rate, channels = int(request.query.get("rate", "22050")), int(request.query.get("channels", "1"))
    except ValueError:
        raise LipwrightError("rate and channels are whole numbers.") from None
    return Encoding(rate, channels, kind).check()
