"""Who may ask what: names and origins that are ours, tokens from the network, so much in a second.

On the loopback address anybody on this machine may use the head, but no page of another site in a browser:
that would have another origin, or after DNS rebinding another host name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections import OrderedDict

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from lipwright.clock import Clock, RealClock
from lipwright.errors import LipwrightError
from lipwright.service.connections import Connections
from lipwright.service.messages import Problem
from lipwright.service.pairing import Locked, Pairing
from lipwright.service.typed_json import to_text

COOKIE = "lipwright"
# Each address may ask so often at once, and so often a second in the long run.
BURST, A_SECOND = 120, 40.0
MOST_ADDRESSES = 512
# What can be had without a token: the page to get one on, and its looks. And a stop is never too much.
OPEN_PAGES = ("/pair", "/pair/say", "/panel.css", "/icon.svg")
NEVER_TOO_OFTEN = ("/api/v1/stop",)
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

log = logging.getLogger("lipwright")


class Refused(LipwrightError):
    """An answer with a status of HTTP."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Guard:
    """The middleware that every request goes through. Set `connections` before the first."""

    connections: Connections

    def __init__(self, pairing: Pairing, needs_token: bool, clock: Clock | None = None) -> None:
        """`needs_token`: others than this machine can reach us."""
        self.needs_token = needs_token
        self._pairing = pairing
        self._buckets = Buckets(BURST, A_SECOND, clock or RealClock())
        name = socket.gethostname().lower()
        self._names = {"localhost", name, f"{name}.local"}

    @property
    def middleware(self) -> Middleware:
        """For web.Application."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            with self.connections.working(request):
                response = await self._answer(request, handler)
            if not response.prepared:
                response.headers.update(HEADERS)
            return response

        return check

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self.check(request)
            return await handler(request)
        except Refused as error:
            if error.status == 401 and request.method == "GET" and not request.path.startswith("/api/"):
                return web.Response(status=303, headers={"Location": "/pair"})
            return _problem(error.status, str(error))
        except Locked as error:
            return _problem(429, str(error))
        except LipwrightError as error:
            return _problem(400, str(error))
        except web.HTTPException as error:
            if error.status < 400:
                return error
            return _problem(error.status, _http_sentence(error))
        except (ConnectionError, asyncio.TimeoutError):
            raise
        except Exception:
            log.exception("%s %s failed; please report this.", request.method, request.path)
            return _problem(500, "Lipwright has made a mistake here: its log says which.")

    def check(self, request: web.Request) -> None:
        """Raises Refused where this may not be asked."""
        if request.path not in NEVER_TOO_OFTEN and not self._buckets.take(request.remote or ""):
            raise Refused(429, "too many requests: wait a second, and ask less often.")
        self._check_host(request)
        self._check_origin(request)
        if self.needs_token and request.path not in OPEN_PAGES and not self.has_token(request):
            raise Refused(401, "this needs a token: open /pair in a browser, and enter the head's code.")

    def has_token(self, request: web.Request) -> bool:
        """Whether the request has a token that we gave."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            token = request.cookies.get(COOKIE, "")
        return bool(token) and self._pairing.knows(token.strip())

    def _check_host(self, request: web.Request) -> None:
        """A name that somebody else's DNS may point at us is not ours. An address is always meant."""
        name = host_name(request.headers.get("Host", ""))
        if name in self._names:
            return
        try:
            ipaddress.ip_address(name)
        except ValueError:
            raise Refused(
                403, "this head is not called that: use its address, or its machine's name."
            ) from None

    def _check_origin(self, request: web.Request) -> None:
        origin = request.headers.get("Origin")
        if origin is not None and origin.partition("://")[2].lower() != request.headers["Host"].lower():
            raise Refused(403, "another site's page may not use this head.")
        # Pictures and scripts that another site's page asks for come without an origin.
        site = request.headers.get("Sec-Fetch-Site", "none")
        follows_link = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.method == "GET"
        if site not in ("none", "same-origin") and not (follows_link and request.path in ("/", "/pair")):
            raise Refused(403, "another site's page may not use this head.")


class Buckets:
    """So many at once, and so many a second, for each key."""

    def __init__(self, burst: float, a_second: float, clock: Clock) -> None:
        self._burst, self._a_second, self._clock = burst, a_second, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> bool:
        """Whether there is one left; takes it."""
        now = self._clock.now()
        left, then = self._left.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._a_second)
        allowed = left >= 1
        self._left[key] = (left - allowed, now)
        while len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        return allowed


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address to listen at."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def host_name(host: str) -> str:
    """The name or address of a Host header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _problem(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=to_text(Problem(sentence)), content_type="application/json")


def _http_sentence(error: web.HTTPException) -> str:
    known = {
        404: "there is nothing of this name: docs/api.md lists what there is.",
        405: "this cannot be asked in this way: docs/api.md says how.",
        413: "that is too much at once.",
    }
    return known.get(error.status, error.reason)
