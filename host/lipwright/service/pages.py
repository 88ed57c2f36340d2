"""The panel's files, and the page on which a phone or browser is paired with the head."""

from __future__ import annotations

import html
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from lipwright.clock import RealClock
from lipwright.errors import LipwrightError
from lipwright.service import documents
from lipwright.service.guard import COOKIE, Guard, Refused
from lipwright.service.pairing import Pairing

FOLDER = Path(__file__).with_name("panel")
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FILES = {"/": "index.html", "/panel.css": "panel.css", "/panel.js": "panel.js", "/icon.svg": "icon.svg"}
COOKIE_S = 365 * 24 * 3600
MOST_FORM_BYTES = 4096
# Anybody who can reach the page can have the code said.
SAY_EVERY_S = 15.0


class Pages:
    """Files and pairing."""

    def __init__(self, guard: Guard, pairing: Pairing, say_code: Callable[[], Awaitable[None]]) -> None:
        """`say_code` has the head say the pairing code; it raises LipwrightError where it cannot."""
        self._guard = guard
        self._pairing = pairing
        self._say_code = say_code
        self._files = {path: (FOLDER / name).read_text(encoding="utf-8") for path, name in FILES.items()}
        self._pair_page = (FOLDER / "pair.html").read_text(encoding="utf-8")
        self._texts = {
            "/api/openapi.json": documents.as_text(documents.openapi()),
            "/api/asyncapi.json": documents.as_text(documents.asyncapi()),
        }
        self._clock = RealClock()
        self._said_s = float("-inf")

    def add_routes(self, app: web.Application) -> None:
        """All of them."""
        for path in FILES:
            app.router.add_get(path, self._file)
        for path in self._texts:
            app.router.add_get(path, self._document)
        app.router.add_get("/pair", self._pair)
        app.router.add_post("/pair", self._try)
        app.router.add_post("/pair/say", self._say)

    async def _file(self, request: web.Request) -> web.Response:
        kind = KINDS[Path(FILES[request.path]).suffix]
        return web.Response(text=self._files[request.path], content_type=kind)

    async def _document(self, request: web.Request) -> web.Response:
        return web.Response(text=self._texts[request.path], content_type="application/json")

    async def _pair(self, request: web.Request) -> web.Response:
        if not self._guard.needs_token or self._guard.has_token(request):
            raise web.HTTPSeeOther("/")
        return self._page("")

    async def _try(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        wants_json = "application/json" in request.headers.get("Accept", "")
        try:
            token = self._pairing.try_code(form.get("code", "")[:40], request.headers.get("User-Agent", ""))
        except LipwrightError as error:
            if wants_json:
                raise
            return self._page(str(error), 403)
        if wants_json:
            return web.json_response({"token": token})
        response = web.Response(status=303, headers={"Location": "/"})
        response.set_cookie(COOKIE, token, max_age=COOKIE_S, httponly=True, samesite="Strict", path="/")
        return response

    async def _say(self, request: web.Request) -> web.Response:
        await self._form(request)
        if self._clock.now() - self._said_s < SAY_EVERY_S:
            return self._page("the head has just said it: listen, or ask again in a moment.")
        self._said_s = self._clock.now()
        try:
            await self._say_code()
        except LipwrightError as error:
            return self._page(f"{error} The code stands in the terminal, or in the service's log.")
        return self._page("the head says the code now.")

    async def _form(self, request: web.Request) -> dict[str, str]:
        if (request.content_length or 0) > MOST_FORM_BYTES:
            raise Refused(413, "that is too much at once.")
        if request.content_type not in ("application/x-www-form-urlencoded", "application/octet-stream"):
            raise Refused(415, "send a form with the field code.")
        found = await request.post()
        return {name: value for name, value in found.items() if isinstance(value, str)}

    def _page(self, notice: str, status: int = 200) -> web.Response:
        shown = html.escape(notice[:1].upper() + notice[1:])
        return web.Response(
            status=status, text=self._pair_page.replace("{notice}", shown), content_type="text/html"
        )
