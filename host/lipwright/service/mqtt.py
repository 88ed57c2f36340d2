"""The head on an MQTT broker, and with it in Home Assistant: its state, moods, expressions, a stop, its life.

Topics lie under lipwright/ID. What can be seen is retained: availability, state, cause, mood, life. What can
be asked for is sent to mood/set, expression/set, life/set and stop/set. Home Assistant finds it by itself,
by the "device discovery" of its MQTT integration (from Home Assistant 2024.11 on). No sound goes this way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from lipwright import __version__
from lipwright.errors import LipwrightError
from lipwright.face.expressions import EXPRESSIONS
from lipwright.face.manners import MANNERS
from lipwright.service import messages as m

if TYPE_CHECKING:
    from lipwright.service.head_service import HeadService

DISCOVERY_PREFIX = "homeassistant"
PORTS = {"mqtt": 1883, "mqtts": 8883}
PASSWORD_VARIABLE = "LIPWRIGHT_MQTT_PASSWORD"
PASSWORD_CREDENTIAL = "mqtt-password"  # as systemd's LoadCredential= names it
USUAL_URL = "mqtt://USER@HOST"
# A broker that is restarted is back within seconds; one that is gone is not asked more often than this.
RETRY_S, LONGEST_RETRY_S = 1, 60
# The broker tells everybody that the head has gone after one and a half times this without a sign of life.
KEEP_ALIVE_S = 30
LOOK_EVERY_S = 0.2
MOST_BYTES = 64  # of what is asked for
LONGEST_STATE = 255  # characters; Home Assistant takes no more
ONLINE, OFFLINE, PRESS, ON, OFF = "online", "offline", "PRESS", "ON", "OFF"  # what Home Assistant expects
SPEAKING, IDLE, STOPPED, NO_BOARD = "speaking", "idle", "stopped", "no board"

log = logging.getLogger("lipwright")


@dataclass(frozen=True)
class Broker:
    """Where the broker is, and who we are to it."""

    host: str
    port: int
    encrypted: bool
    user: str | None
    password: str | None


def broker_of(url: str) -> Broker:
    """Reads mqtt://USER:PASSWORD@HOST:PORT, or mqtts:// for an encrypted link; only the host must be there.

    A password that is not in it comes from the environment or from systemd's credentials, which, unlike the
    command line, not every program of this machine can read. Raises LipwrightError.
    """
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in PORTS and parts.hostname and not parts.path.strip("/"):
            user = unquote(parts.username) if parts.username else None
            password = unquote(parts.password) if parts.password else _kept_password()
            port = PORTS[parts.scheme] if parts.port is None else parts.port
            return Broker(parts.hostname, port, parts.scheme == "mqtts", user, password if user else None)
    raise LipwrightError(f"--mqtt wants an address such as {USUAL_URL}: mqtt:// or mqtts://, and a host.")


def _kept_password() -> str | None:
    if PASSWORD_VARIABLE in os.environ:
        return os.environ[PASSWORD_VARIABLE]
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder) / PASSWORD_CREDENTIAL if folder else None
    if path is None or not path.exists():
        return None
    try:
        return path.read_text().rstrip("\n")
    except (OSError, ValueError):
        raise LipwrightError(f"cannot read the password in {path}: write it as plain text.") from None


class Mqtt:
    """Keeps one head on one broker."""

    def __init__(self, head: HeadService, url: str) -> None:
        """Raises LipwrightError for a URL that is none."""
        self._head = head
        self._broker = broker_of(url)
        self.id = head_id(head.engine.profile.name)
        self.topic = f"lipwright/{self.id}"
        self._sent: dict[str, str] = {}
        self._connected = False
        self._told = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._client = self._make_client()

    async def start(self) -> None:
        """Begins to look for the broker, and goes on until `close`."""
        self._loop = asyncio.get_running_loop()
        self._client.connect_async(self._broker.host, self._broker.port, KEEP_ALIVE_S)
        self._client.loop_start()
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Says that the head has gone, and leaves."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        connected, self._connected = self._connected, False
        if connected:
            farewell = self._client.publish(f"{self.topic}/availability", OFFLINE, qos=1, retain=True)
            with contextlib.suppress(ValueError, RuntimeError):  # the link has been lost just now
                await asyncio.to_thread(farewell.wait_for_publish, 1.0)
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)

    def _make_client(self) -> Client:
        broker = self._broker
        client = Client(CallbackAPIVersion.VERSION2, client_id=f"lipwright-{self.id}")
        client.reconnect_delay_set(RETRY_S, LONGEST_RETRY_S)
        client.will_set(f"{self.topic}/availability", OFFLINE, qos=1, retain=True)
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.encrypted:
            client.tls_set()
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        return client

    # ---- in the client's thread

    def _on_connect(
        self, client: Client, _: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        assert self._loop is not None
        if reason.is_failure:
            self._loop.call_soon_threadsafe(self._tell, f"it refuses us ({reason})")
        else:
            self._loop.call_soon_threadsafe(self._greet)

    def _on_connect_fail(self, client: Client, _: Any) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._tell, "it does not answer")

    def _on_disconnect(
        self,
        client: Client,
        _: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._lose)

    def _on_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        assert self._loop is not None
        # What was asked for before we came is not for us: a stop of last week would stop at every start.
        if not message.retain and len(message.payload) <= MOST_BYTES:
            asked = message.payload.decode(errors="replace")
            self._loop.call_soon_threadsafe(self._obey, message.topic, asked)

    # ---- in the service's loop

    def _greet(self) -> None:
        self._connected = True
        self._told = ""
        self._sent = {}
        self._client.subscribe(f"{self.topic}/+/set", qos=1)
        self._client.publish(
            f"{DISCOVERY_PREFIX}/device/{self.id}/config", json.dumps(self.discovery()), qos=1, retain=True
        )
        self._client.publish(f"{self.topic}/availability", ONLINE, qos=1, retain=True)
        self._head.engine.journal.tell("mqtt", f"On the MQTT broker {self._broker.host} as {self.topic}.")

    def _lose(self) -> None:
        if self._connected:
            self._connected = False
            self._tell("the link is lost")

    def _tell(self, why: str) -> None:
        if why != self._told:  # not once a try
            self._told = why
            place = f"{self._broker.host}:{self._broker.port}"
            self._head.engine.journal.tell("mqtt", f"Not on the MQTT broker {place}: {why}.")

    async def _watch(self) -> None:
        """Tells the broker what has changed."""
        while True:
            if self._connected:
                for name, value in seen(self._head.snapshot()).items():
                    if self._sent.get(name) != value:
                        self._sent[name] = value
                        self._client.publish(f"{self.topic}/{name}", value, retain=True)
            await asyncio.sleep(LOOK_EVERY_S)

    def _obey(self, topic: str, asked: str) -> None:
        name = topic.removeprefix(f"{self.topic}/").removesuffix("/set")
        try:
            if name == "stop" and asked == PRESS:
                self._head.stop()
            elif name == "mood":
                self._head.set_mood(m.SetMood(asked))
            elif name == "expression":
                self._head.express(m.Express(asked))
            elif name == "life" and asked in (ON, OFF):
                self._head.set_life(m.SetLife(asked == ON))
        except LipwrightError as error:
            log.info("MQTT: %s", error)

    def discovery(self) -> dict[str, Any]:
        """What Home Assistant makes of us: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload."""
        profile = self._head.engine.profile
        told: dict[str, dict[str, Any]] = {
            "state": {"platform": "sensor", "name": "State", "device_class": "enum", "options": STATES},
            "cause": {"platform": "sensor", "name": "Cause", "entity_category": "diagnostic"},
            "mood": {"platform": "select", "name": "Mood", "options": list(MANNERS)},
            "expression": {"platform": "select", "name": "Expression", "options": list(EXPRESSIONS)},
            "stop": {"platform": "button", "name": "Stop", "icon": "mdi:hand-back-left"},
            "life": {"platform": "switch", "name": "Life"},
        }
        for name, component in told.items():
            component["unique_id"] = f"{self.id}_{name}"
            if name in SEEN:
                component["state_topic"] = f"{self.topic}/{name}"
            if name in ASKED:
                component["command_topic"] = f"{self.topic}/{name}/set"
        return {
            "device": {
                "identifiers": [self.id],
                "name": f"Lipwright {profile.name}",
                "manufacturer": "Lipwright",
                "model": profile.name,
                "sw_version": __version__,
            },
            "origin": {"name": "Lipwright", "sw_version": __version__},
            "availability_topic": f"{self.topic}/availability",
            "components": told,
        }


STATES = [SPEAKING, IDLE, STOPPED, NO_BOARD]
SEEN = ("state", "cause", "mood", "life")
ASKED = ("mood", "expression", "stop", "life")


def seen(snapshot: m.Snapshot) -> dict[str, str]:
    """What is told of a head."""
    if snapshot.stopped or snapshot.state == STOPPED:
        state = STOPPED
    elif not snapshot.connected:
        state = NO_BOARD
    else:
        state = SPEAKING if snapshot.speaking else IDLE
    return {
        "state": state,
        "cause": snapshot.cause[:LONGEST_STATE],
        "mood": snapshot.mood,
        "life": ON if snapshot.life else OFF,
    }


def head_id(profile_name: str) -> str:
    """What tells this head from others on the broker: the machine's name and the head's."""
    return re.sub(r"[^a-z0-9_-]+", "_", f"{socket.gethostname()}_{profile_name}".lower()).strip("_")
