"""What other sites, rubbish, floods and slow clients do to a head: nothing that one could see or hear."""

import asyncio
import gzip
import json
import logging
import socket
import time

import aiohttp
import pytest

from lipwright.service import connections, guard, sockets, talking
from lipwright.service.api import MOST_JSON_BYTES

from .running import running


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    with running(tmp_path_factory.mktemp("state")) as served:
        yield served


@pytest.fixture(autouse=True)
def nothing_is_logged_as_a_mistake(served, caplog):
    caplog.set_level(logging.INFO)
    served.at_rest()
    yield
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    served.at_rest()


@pytest.fixture
def steady(served):
    """The head loses no frames meanwhile, and answers soon."""
    before = served.engine.link.status.dropped

    def check():
        began = time.monotonic()
        status, _ = asyncio.run(served.ask("GET", "/api/v1/state"))
        assert status == 200 and time.monotonic() - began < 1.0
        assert served.engine.link is not None
        return served.engine.link.status.dropped - before

    return check


def raw(served, data=b"", wait_s=0.0):
    """A connection of its own, and what has been sent on it."""
    client = socket.create_connection(("127.0.0.1", served.server.port))
    client.sendall(data)
    time.sleep(wait_s)
    return client


# ---- other sites


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "127.0.0.1.evil.example:80"])
def test_a_name_that_somebody_elses_dns_points_here_is_refused(served, host):
    status, told = asyncio.run(served.ask("GET", "/api/v1/state", Host=host))
    assert status in (400, 403) and "error" in told


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:9", "192.168.7.7", socket.gethostname()])
def test_our_own_names_and_addresses_are_not(served, host):
    assert asyncio.run(served.ask("GET", "/api/v1/state", Host=host))[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost"])
def test_pages_of_other_origins_can_neither_ask_nor_open_sockets(served, origin):
    assert asyncio.run(served.ask("POST", "/api/v1/stop", Origin=origin))[0] == 403

    async def open_socket(path):
        async with served.socket(path, Origin=origin):
            pass

    for path in ("events", "speak", "calibrate"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            asyncio.run(open_socket(f"/api/v1/{path}"))
        assert refused.value.status == 403
    assert not served.engine.snapshot().stopped and not served.head.room.busy


def test_our_own_page_can(served):
    assert asyncio.run(served.ask("POST", "/api/v1/interrupt", Origin=served.url))[0] == 200


def test_what_another_page_loads_from_here_is_refused_but_a_link_works(served):
    for path in ("/api/v1/picture", "/api/v1/state", "/panel.js"):
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        assert asyncio.run(served.ask("GET", path, **headers))[0] == 403, path

    async def follow():
        headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        async with aiohttp.ClientSession() as session, session.get(served.url, headers=headers) as answer:
            return answer.status, answer.headers

    status, headers = asyncio.run(follow())
    assert status == 200
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


# ---- rubbish


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe\x00",
        b'{"text": null}',
        b'{"text": ""}',
        b'{"text": 5}',
        b'{"text": ["a"]}',
        b'{"txt": "a"}',
        b'{"text": "a", "voice": "--help"}',
        b'{"text": "a", "voice": "../../etc"}',
        b'{"text": "a", "more": 1}',
        b'{"text": NaN}',
        b"[" * 60_000,
        json.dumps({"text": "a" * 2001}).encode(),
    ],
    ids=lambda body: body[:20].decode("latin-1"),
)
def test_json_that_is_none_or_not_as_agreed_gets_a_sentence(served, body):
    status, told = asyncio.run(served.ask("POST", "/api/v1/say", body))
    assert status == 400 and told["error"]
    assert not served.engine.snapshot().speaking


def test_numbers_beyond_their_limits_are_refused(served):
    for strength in (-1, 1e300, 10**400, True, "1"):
        body = json.dumps({"name": "smile", "strength": strength}).encode()
        assert asyncio.run(served.ask("POST", "/api/v1/expression", body))[0] == 400


def test_too_much_is_refused_before_it_is_kept(served, steady):
    json_status, _ = asyncio.run(served.ask("POST", "/api/v1/say", b" " * (MOST_JSON_BYTES + 1)))
    assert json_status == 413
    sound = b"RIFF" + bytes(talking.MOST_SOUND_BYTES + 1)
    assert asyncio.run(served.ask("POST", "/api/v1/shows?name=big", sound))[0] == 413
    assert steady() <= 5


def test_what_is_compressed_is_not_blown_up(served):
    body = gzip.compress(b" " * 50_000_000)
    status, _ = asyncio.run(served.ask("POST", "/api/v1/say", body, **{"Content-Encoding": "gzip"}))
    assert status in (400, 413)


def test_bytes_that_are_no_http_are_answered_with_nothing_worse_than_an_error(served, steady):
    for data in (
        b"\0" * 1000,
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        b"X" * 20_000,
        b"GET / HTTP/9.9\r\n\r\n",
    ):
        with raw(served, data) as client:
            client.settimeout(3)
            assert b"200" not in client.recv(100)[:20]
    assert steady() <= 5


def test_sockets_survive_rubbish(served):
    async def talk(path, messages):
        async with served.socket(path) as opened:
            for message in messages:
                await (opened.send_bytes if isinstance(message, bytes) else opened.send_str)(message)
            return [await asyncio.wait_for(opened.receive(), 5) for _ in range(1)]

    rubbish = ["{", "[]", '{"type": "begin"}', '{"type": []}', '{"type": "start", "rate": "x"}', "\0"]
    for message in rubbish:
        (answer,) = asyncio.run(talk("/api/v1/speak", [message]))
        assert json.loads(answer.data)["type"] == "error", message
    (answer,) = asyncio.run(talk("/api/v1/speak", ['{"type": "start"}', b"\0" * 3000, '{"type": "end"}']))
    assert json.loads(answer.data)["type"] == "error"
    (answer,) = asyncio.run(talk("/api/v1/speak", [b"\0" * (sockets.MOST_MESSAGE_BYTES + 1)]))
    assert answer.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert not served.engine.snapshot().speaking


# ---- floods


def test_a_thousand_connections_keep_nobody_out_and_do_not_disturb_the_head(served, steady):
    clients = []
    try:
        for number in range(1000):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", served.server.port))
            clients.append(client)
            if number % 50 == 0:
                time.sleep(0.02)
        time.sleep(0.5)
        assert steady() <= 5
        assert len(served.server._runner.server.connections) <= connections.MOST + 1
        assert asyncio.run(served.ask("POST", "/api/v1/interrupt"))[0] == 200
    finally:
        for client in clients:
            client.close()
    time.sleep(0.3)
    assert steady() <= 10


def test_who_sends_a_byte_now_and_then_is_dropped(served, monkeypatch, steady):
    monkeypatch.setattr(connections, "REQUEST_S", 0.5)
    with raw(served, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") as client:
        client.settimeout(5)
        began = time.monotonic()
        with pytest.raises(ConnectionError):
            while time.monotonic() - began < 5:
                client.sendall(b"a")
                time.sleep(0.1)
        assert time.monotonic() - began < 4
    steady()


def test_a_body_that_stops_coming_is_given_up(served, monkeypatch):
    monkeypatch.setattr("lipwright.service.api.SILENT_S", 0.3)
    head = b"POST /api/v1/speak HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90000\r\n\r\nRIFF"
    with raw(served, head) as client:
        client.settimeout(5)
        assert b"408" in client.recv(200)


def test_who_does_not_read_events_is_dropped(served, monkeypatch):
    monkeypatch.setattr(sockets, "SLOW_S", 0.3)
    monkeypatch.setattr(sockets, "EVERY_S", 0.0)
    long = "x" * 100_000
    monkeypatch.setattr(sockets, "to_text", lambda message: json.dumps({"now": time.monotonic(), "x": long}))
    request = (
        b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with raw(served, request):
        served.wait(lambda: served.server._sockets._open)
        served.wait(lambda: not served.server._sockets._open, 8)


def test_so_many_sockets_and_no_more(served):
    async def open_all():
        opened = []
        async with aiohttp.ClientSession() as session:
            for _ in range(sockets.MOST_SOCKETS):
                opened.append(await session.ws_connect(served.url + "/api/v1/events"))
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(served.url + "/api/v1/events")
            assert refused.value.status == 503
            assert (await opened[-1].receive()).type == aiohttp.WSMsgType.TEXT
            status, _ = await served.ask("POST", "/api/v1/stop")
            assert status == 200

    asyncio.run(open_all())
    served.wait(lambda: not served.server._sockets._open)


def test_too_many_messages_end_a_socket(served):
    async def flood():
        async with served.socket("/api/v1/speak") as opened:
            for _ in range(sockets.BURST + 200):
                await opened.send_str('{"type": "end"}')
            while True:
                message = await asyncio.wait_for(opened.receive(), 5)
                if message.type == aiohttp.WSMsgType.CLOSE:
                    return message.data

    assert asyncio.run(flood()) == sockets.POLICY


def test_who_asks_too_often_waits_but_a_stop_is_never_too_much(served):
    async def flood():
        async with aiohttp.ClientSession() as session:

            async def ask(path):
                async with session.post(served.url + path) as answer:
                    return answer.status

            found = await asyncio.gather(*(ask("/api/v1/interrupt") for _ in range(2 * guard.BURST)))
            return found, await ask("/api/v1/stop")

    found, stop = asyncio.run(flood())
    assert set(found) == {200, 429} and found.count(200) >= guard.BURST
    assert stop == 200
    served.wait(lambda: served.meter.on == 0)
    time.sleep(1.0)


def test_many_who_send_sound_at_once_leave_one_voice(served, steady):
    async def crowd():
        sound = b"RIFF" + bytes(40)
        slow = [asyncio.create_task(served.ask("POST", "/api/v1/speak", sound)) for _ in range(40)]
        return [status for status, _ in await asyncio.gather(*slow)]

    assert set(asyncio.run(crowd())) <= {400, 429, 503}
    assert steady() <= 5
