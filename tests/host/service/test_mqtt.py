"""The head on a real MQTT broker, as Home Assistant and other clients see it there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from lipwright.errors import LipwrightError
from lipwright.face.expressions import EXPRESSIONS
from lipwright.face.life import Life
from lipwright.face.manners import MANNERS
from lipwright.live.engine import Engine
from lipwright.service.head_service import HeadService
from lipwright.service.mqtt import PASSWORD_VARIABLE, Mqtt, broker_of, head_id

from .heads import RATE, head, hum, wait_until

USER, PASSWORD = "head", "p@ss/w:rd"
SEEN = ("availability", "state", "cause", "mood", "life")


BROKER = "from amqtt.scripts.broker_script import main; main()"


class RunningBroker:
    """amqtt, in a process of its own."""

    def __init__(self, passwords: Path, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        config = {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}},
            "plugins": {
                "amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(passwords)},
            },
        }
        (folder / "broker.yaml").write_text(json.dumps(config))  # which is YAML, too

    def start(self) -> None:
        command = [sys.executable, "-c", BROKER, "-c", str(self._folder / "broker.yaml")]
        with (self._folder / "broker.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._listens)

    def stop(self) -> None:
        """As when its machine loses power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False


class Watcher:
    """Another client: what it has seen last under each topic, and all that it has seen."""

    def __init__(self, port: int) -> None:
        self.last: dict[str, str] = {}
        self.all: list[tuple[str, str]] = []
        self.retained: set[str] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(USER, PASSWORD)
        self._client.on_connect = lambda *_: self._client.subscribe("#", qos=1)
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _note(self, client: Any, _: Any, message: paho.MQTTMessage) -> None:
        self.last[message.topic] = message.payload.decode()
        self.all.append((message.topic, message.payload.decode()))
        if message.retain:
            self.retained.add(message.topic)

    def ask(self, topic: str, payload: str, retain: bool = False) -> None:
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("broker") / "passwords"
    path.write_text(f"{USER}:{PasswordHash((Argon2Hasher(),)).hash(PASSWORD)}\n")
    return path


@pytest.fixture
def broker(passwords: Path, tmp_path: Path) -> Iterator[RunningBroker]:
    running = RunningBroker(passwords, tmp_path)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with head() as engine:
        yield engine


def service_of(engine: Engine, folder: Path) -> HeadService:
    def no_board() -> Any:
        raise LipwrightError("there is no board.")

    return HeadService(engine, no_board, folder, None, Life)


@pytest.fixture
def service(engine: Engine, tmp_path: Path) -> Iterator[HeadService]:
    with contextlib.closing(service_of(engine, tmp_path)) as service:
        yield service
    engine.interrupt()
    engine.life.mood, engine.life.enabled = "idle", True


@contextlib.asynccontextmanager
async def joined(service: HeadService, port: int) -> AsyncIterator[tuple[Mqtt, Watcher]]:
    adapter = Mqtt(service, f"mqtt://{USER}:p%40ss%2Fw%3Ard@127.0.0.1:{port}")
    watcher = Watcher(port)
    await adapter.start()
    try:
        topics = {f"{adapter.topic}/{name}" for name in SEEN}
        await until(lambda: topics <= set(watcher.last))
        yield adapter, watcher
        await adapter.close()
        await until(lambda: watcher.last[f"{adapter.topic}/availability"] == "offline")
    finally:
        await adapter.close()
        watcher.close()


async def until(holds: Callable[[], Any]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never happened")


def run(test: Any) -> None:
    asyncio.run(asyncio.wait_for(test, 40))


def test_state_cause_mood_and_life_are_seen_and_kept_for_those_who_come_later(
    service: HeadService, broker: RunningBroker
) -> None:
    async def test() -> None:
        async with joined(service, broker.port) as (adapter, watcher):
            topic = adapter.topic
            assert watcher.last[f"{topic}/life"] == "ON"
            assert watcher.last[f"{topic}/availability"] == "online"
            assert watcher.last[f"{topic}/state"] == "idle"
            assert watcher.last[f"{topic}/mood"] == "idle"
            assert watcher.last[f"{topic}/cause"]
            speech = service.engine.speak("a test", RATE)
            speech.push(_samples(hum(1.0)))
            speech.finish()
            await until(lambda: watcher.last[f"{topic}/state"] == "speaking")
            await until(lambda: watcher.last[f"{topic}/state"] == "idle")
            later = Watcher(broker.port)
            await until(lambda: {f"{topic}/{name}" for name in SEEN} <= later.retained)
            later.close()

    run(test())


def test_moods_expressions_and_life_can_be_asked_for(service: HeadService, broker: RunningBroker) -> None:
    life = service.engine.life

    async def test() -> None:
        async with joined(service, broker.port) as (adapter, watcher):
            watcher.ask(f"{adapter.topic}/mood/set", "listening")
            await until(lambda: watcher.last[f"{adapter.topic}/mood"] == "listening")
            assert life.mood == "listening"
            watcher.ask(f"{adapter.topic}/expression/set", "smile")
            corners = [c.name for c in service.engine.profile.channels].index("corner_left")
            rest = service.engine.profile.rest_targets()[corners]
            await until(lambda: service.engine.snapshot().targets[corners] > rest + 0.05)
            watcher.ask(f"{adapter.topic}/expression/set", "neutral")
            watcher.ask(f"{adapter.topic}/life/set", "OFF")
            await until(lambda: watcher.last[f"{adapter.topic}/life"] == "OFF")
            assert not life.enabled
            watcher.ask(f"{adapter.topic}/life/set", "ON")
            await until(lambda: watcher.last[f"{adapter.topic}/life"] == "ON")

    run(test())


def test_stop_makes_the_head_limp_and_only_a_fresh_press_does(tmp_path: Path, broker: RunningBroker) -> None:
    async def test(service: HeadService) -> None:
        watcher = Watcher(broker.port)
        topic = f"lipwright/{head_id(service.engine.profile.name)}"
        watcher.ask(f"{topic}/stop/set", "PRESS", retain=True)  # of last week
        watcher.close()
        async with joined(service, broker.port) as (_, watcher):
            watcher.ask(f"{topic}/stop/set", "press harder")
            await asyncio.sleep(0.5)
            assert not service.engine.snapshot().stopped
            watcher.ask(f"{topic}/stop/set", "PRESS")
            await until(lambda: watcher.last[f"{topic}/state"] == "stopped")
            await until(lambda: "limp" in watcher.last[f"{topic}/cause"])  # so says the board

    with head() as engine, contextlib.closing(service_of(engine, tmp_path)) as service:
        run(test(service))


def test_a_head_without_a_board_says_so(tmp_path: Path, broker: RunningBroker) -> None:
    async def test(service: HeadService) -> None:
        async with joined(service, broker.port) as (adapter, watcher):
            assert watcher.last[f"{adapter.topic}/state"] == "no board"
            await until(lambda: watcher.last.get(f"{adapter.topic}/cause"))

    with head(with_board=False) as engine, contextlib.closing(service_of(engine, tmp_path)) as service:
        run(test(service))


def test_rubbish_is_left_alone(service: HeadService, broker: RunningBroker) -> None:
    async def test() -> None:
        async with joined(service, broker.port) as (adapter, watcher):
            for name in ("mood", "expression", "life", "stop", "nothing"):
                for payload in ("", "dance", "\x00", "{}", "x" * 100_000):
                    watcher.ask(f"{adapter.topic}/{name}/set", payload)
            watcher.ask(f"{adapter.topic}/mood/set", "thinking")
            await until(lambda: watcher.last.get(f"{adapter.topic}/mood") == "thinking")
            assert service.engine.life.enabled and not service.engine.snapshot().stopped

    run(test())


def test_nothing_is_sent_but_changes(service: HeadService, broker: RunningBroker) -> None:
    async def test() -> None:
        async with joined(service, broker.port) as (adapter, watcher):
            await asyncio.sleep(1.0)
            sent = [topic for topic, _ in watcher.all]
            assert set(sent) == {f"{adapter.topic}/{name}" for name in SEEN} | {
                f"homeassistant/device/{adapter.id}/config"
            }
            assert sent.count(f"{adapter.topic}/mood") == 1

    run(test())


def test_it_comes_back_when_the_broker_does(service: HeadService, broker: RunningBroker) -> None:
    async def test() -> None:
        async with joined(service, broker.port) as (adapter, _):
            broker.stop()
            await asyncio.sleep(0.5)
            broker.start()
            watcher = Watcher(broker.port)
            await until(lambda: watcher.last.get(f"{adapter.topic}/availability") == "online")
            await until(lambda: f"homeassistant/device/{adapter.id}/config" in watcher.last)
            watcher.ask(f"{adapter.topic}/mood/set", "thinking")
            await until(lambda: watcher.last.get(f"{adapter.topic}/mood") == "thinking")
            watcher.close()

    run(test())


def test_the_broker_tells_when_the_head_has_died(service: HeadService, broker: RunningBroker) -> None:
    async def test() -> None:
        async with joined(service, broker.port) as (adapter, watcher):
            sock = adapter._client.socket()
            assert sock is not None
            sock.shutdown(socket.SHUT_RDWR)  # as when the process is killed
            topic = f"{adapter.topic}/availability"
            await until(lambda: (topic, "offline") in watcher.all)

    run(test())


def test_a_wrong_password_is_told_once_and_not_shown(service: HeadService, broker: RunningBroker) -> None:
    async def test() -> None:
        adapter = Mqtt(service, f"mqtt://{USER}:secret@127.0.0.1:{broker.port}")
        await adapter.start()
        await until(told)
        await asyncio.sleep(2.0)  # another try
        assert len(told()) == 1 and "refuses" in told()[0] and "secret" not in told()[0]
        await adapter.close()

    before = len(service.engine.journal.since(0))

    def told() -> list[str]:
        entries = service.engine.journal.since(0)[before:]
        return [entry.text for entry in entries if entry.kind == "mqtt"]

    run(test())


# ---- discovery, against Home Assistant's documents (home-assistant.io: source/_integrations):
# what each platform must have and may have, as far as it concerns us.
COMMON = {"platform", "name", "unique_id", "icon", "entity_category"}
REQUIRED = {
    "sensor": {"state_topic"},
    "select": {"command_topic", "options"},
    "button": {"command_topic"},
    "switch": {"command_topic"},
}
OPTIONAL = {
    "sensor": {"device_class", "options"},
    "select": {"state_topic"},
    "button": {"payload_press"},
    "switch": {"state_topic", "payload_on", "payload_off"},
}
DEVICE = {"identifiers", "name", "manufacturer", "model", "sw_version"}
ENTITY_CATEGORIES = {"config", "diagnostic"}


def test_discovery_is_as_home_assistant_documents_it(service: HeadService, broker: RunningBroker) -> None:
    async def test() -> None:
        async with joined(service, broker.port) as (adapter, watcher):
            topic = f"homeassistant/device/{adapter.id}/config"
            await until(lambda: topic in watcher.last)
            told = json.loads(watcher.last[topic])
            later = Watcher(broker.port)
            await until(lambda: topic in later.retained)
            later.close()
            seen = set(watcher.last)
        assert not set(adapter.id) - set("abcdefghijklmnopqrstuvwxyz0123456789_-")
        assert set(told) == {"device", "origin", "components", "availability_topic"}
        assert set(told["device"]) <= DEVICE and told["device"]["identifiers"]
        assert told["origin"]["name"]
        assert told["availability_topic"] in seen
        unique = [component["unique_id"] for component in told["components"].values()]
        assert len(set(unique)) == len(unique)
        for component in told["components"].values():
            platform = component["platform"]
            assert REQUIRED[platform] <= set(component) <= COMMON | REQUIRED[platform] | OPTIONAL[platform]
            assert component.get("entity_category", "config") in ENTITY_CATEGORIES
            if "state_topic" in component:
                assert component["state_topic"] in seen
        state, mood = told["components"]["state"], told["components"]["mood"]
        assert state["device_class"] == "enum" and watcher.last[state["state_topic"]] in state["options"]
        assert mood["options"] == list(MANNERS)
        assert told["components"]["expression"]["options"] == list(EXPRESSIONS)

    run(test())


# ---- where the broker is


def test_a_password_comes_from_the_url_the_environment_or_systemd(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(PASSWORD_VARIABLE, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    assert broker_of("mqtt://box").user is None
    assert broker_of("mqtt://me@box").password is None
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    (tmp_path / "mqtt-password").write_text("from systemd\n")
    assert broker_of("mqtt://me@box").password == "from systemd"
    monkeypatch.setenv(PASSWORD_VARIABLE, "from here")
    assert broker_of("mqtt://me@box").password == "from here"
    assert broker_of("mqtt://me:a%40b@box").password == "a@b"
    assert broker_of("mqtt://box").port == 1883
    encrypted = broker_of("mqtts://box")
    assert encrypted.encrypted and encrypted.port == 8883


@pytest.mark.parametrize(
    "url", ["", "box", "http://box", "mqtt://", "mqtt://box:many", "mqtt://u:p@box/topic"]
)
def test_an_address_that_is_none_is_refused_without_showing_the_password(url: str) -> None:
    with pytest.raises(LipwrightError, match="mqtt://USER@HOST") as refused:
        broker_of(url)
    assert "u:p" not in str(refused.value)


def _samples(sound: bytes) -> Any:
    return np.frombuffer(sound, "<i2").astype(np.float32) / 32768
