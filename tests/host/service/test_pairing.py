"""Over the network, only who has heard or read the head's code gets in."""

import asyncio
import json
import stat

import aiohttp
import pytest

from lipwright.errors import LipwrightError
from lipwright.service.guard import COOKIE, OPEN_PAGES, Buckets, host_name, is_loopback
from lipwright.service.pairing import LOCK_S, MOST_TOKENS, WRONG_TRIES, Locked, Pairing, spoken_code

from .running import running


class Clock:
    """A clock that the test sets."""

    def __init__(self):
        self.s = 1000.0

    def now(self):
        """Seconds."""
        return self.s

    def sleep_until(self, t):
        """Goes there."""
        self.s = max(self.s, t)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pairing(tmp_path, clock):
    return Pairing(tmp_path, clock=clock)


def wrong(pairing):
    return "000000" if pairing.code != "000000" else "000001"


def test_the_right_code_gives_a_token_once(pairing):
    code = pairing.code
    assert len(code) == 6 and code.isdecimal()
    token = pairing.try_code(f" {code[:3]} {code[3:]} ")
    assert pairing.knows(token) and not pairing.knows(token + "x") and not pairing.knows("")
    assert pairing.code != code
    with pytest.raises(LipwrightError):
        pairing.try_code(code)


def test_after_five_wrong_codes_even_the_right_one_waits_a_minute(pairing, clock):
    for _ in range(WRONG_TRIES - 1):
        with pytest.raises(LipwrightError) as refused:
            pairing.try_code(wrong(pairing))
        assert not isinstance(refused.value, Locked)
    with pytest.raises(Locked):
        pairing.try_code(wrong(pairing))
    clock.s += LOCK_S - 1
    with pytest.raises(Locked):
        pairing.try_code(pairing.code)
    clock.s += 2
    assert pairing.knows(pairing.try_code(pairing.code))


def test_each_lock_is_longer_and_changes_the_code(pairing, clock):
    codes, waits = set(), []
    for _ in range(8):
        codes.add(pairing.code)
        for _ in range(WRONG_TRIES):
            with pytest.raises(LipwrightError):
                pairing.try_code(wrong(pairing))
        before = clock.s
        while True:
            try:
                pairing.try_code("x")
            except Locked:
                clock.s += 10
            except LipwrightError:
                break
        waits.append(clock.s - before)
        clock.s += 1
    assert len(codes) > 4
    assert waits == sorted(waits) and waits[0] == LOCK_S and waits[-1] == 3600


def test_tokens_outlast_a_restart_and_are_kept_as_hashes_that_only_we_can_read(pairing, tmp_path):
    token = pairing.try_code(pairing.code, "A browser")
    file = tmp_path / "tokens.json"
    assert token not in file.read_text() and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())[0]["name"] == "A browser"
    assert Pairing(tmp_path).knows(token)


def test_the_oldest_token_gives_way(pairing):
    tokens = [pairing.try_code(pairing.code) for _ in range(MOST_TOKENS + 1)]
    assert [pairing.knows(token) for token in tokens] == [False] + [True] * MOST_TOKENS


def test_a_spoiled_file_is_not_taken_for_an_empty_one(tmp_path):
    (tmp_path / "tokens.json").write_text("{")
    with pytest.raises(LipwrightError, match="remove it"):
        Pairing(tmp_path)


def test_the_code_is_said_digit_by_digit():
    assert spoken_code("120456").startswith("The code is: 1, 2, 0, 4, 5, 6.")


def test_which_addresses_only_this_machine_can_reach():
    assert all(map(is_loopback, ("127.0.0.1", "127.0.0.2", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.2", "head.local", "")))
    assert host_name("[::1]:80") == "::1" and host_name("Head.local:80") == "head.local"


def test_a_bucket_refills(clock):
    buckets = Buckets(2, 1, clock)
    assert [buckets.take("a") for _ in range(3)] == [True, True, False]
    assert buckets.take("b")
    clock.s += 1
    assert [buckets.take("a") for _ in range(2)] == [True, False]


# ---- a head on the network


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(tmp_path_factory.mktemp("state"), "0.0.0.0") as served:
        yield served


def test_without_a_token_there_is_the_pairing_page_and_nothing_else(served):
    async def ask():
        found = {}
        async with aiohttp.ClientSession() as session:
            for route in served.server._runner.app.router.routes():
                path = route.resource.canonical.replace("{name}", "hello")
                if route.method == "HEAD" or path == "/pair/say":
                    continue
                async with session.request(route.method, served.url + path, allow_redirects=False) as answer:
                    found[route.method, path] = (answer.status, answer.headers.get("Location"))
        return found

    found = asyncio.run(ask())
    assert len(found) > 20
    for (method, path), (status, location) in found.items():
        if path in OPEN_PAGES:
            assert status != 401, path
        elif path.startswith("/api/"):
            assert status == 401, (method, path)
        else:
            assert (status, location) == (303, "/pair"), path
    assert not served.engine.snapshot().stopped, "a stop from nobody"


def test_a_browser_pairs_and_its_cookie_is_safe(served):
    async def pair():
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            async with session.post(served.url + "/pair", data={"code": "x"}) as answer:
                assert answer.status == 403 and "not the code" in await answer.text()
            form = {"code": served.codes[-1]}
            async with session.post(served.url + "/pair", data=form, allow_redirects=False) as answer:
                assert answer.status == 303
                cookie = answer.headers["Set-Cookie"]
            async with session.get(served.url + "/api/v1/state") as answer:
                assert answer.status == 200
            async with session.ws_connect(served.url + "/api/v1/events") as socket:
                assert (await socket.receive_json())["type"] in ("journal", "snapshot")
            return cookie

    cookie = asyncio.run(pair())
    assert cookie.startswith(f"{COOKIE}=") and "HttpOnly" in cookie and "SameSite=Strict" in cookie


def test_a_program_pairs_and_sends_its_token_along(served):
    async def pair():
        form, headers = {"code": served.codes[-1]}, {"Accept": "application/json"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(served.url + "/pair", data=form, headers=headers) as answer,
        ):
            return (await answer.json())["token"]

    token = asyncio.run(pair())
    ask = served.ask
    assert asyncio.run(ask("GET", "/api/v1/state", Authorization=f"Bearer {token}"))[0] == 200
    for value in (f"Bearer {token}x", f"Basic {token}", token, "Bearer", ""):
        assert asyncio.run(ask("GET", "/api/v1/state", Authorization=value))[0] == 401, value


def test_the_head_says_the_code_where_somebody_asks_for_it(served):
    async def ask():
        async with aiohttp.ClientSession() as session:
            async with session.post(served.url + "/pair/say") as answer:
                first = await answer.text()
            async with session.post(served.url + "/pair/say") as answer:
                return first, await answer.text()

    first, second = asyncio.run(ask())
    assert "says the code now" in first and "just said it" in second
    served.wait(lambda: served.engine.snapshot().speaking)
    assert served.codes[-1] not in first + second
    served.engine.interrupt()
