"""``lipwright serve``: the head lives, speaks what it is sent, and can be seen and steered in a browser."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lipwright.boards import Board, SerialBoard, find_port, load_board
from lipwright.errors import LipwrightError
from lipwright.face.life import Life
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.live import latency
from lipwright.live.connector import Connector
from lipwright.live.engine import Engine
from lipwright.live.service_socket import NAME
from lipwright.live.sound_card import SoundCards
from lipwright.live.speaker import RATE as SPEAKER_RATE
from lipwright.live.speaker import Speaker
from lipwright.resources import is_shipped
from lipwright.service.guard import is_loopback
from lipwright.service.head_service import HeadService
from lipwright.service.hearing import Hearing
from lipwright.service.http_server import HttpServer
from lipwright.service.notify import Notifier
from lipwright.service.pairing import Pairing
from lipwright.service.places import OWN_PROFILE, only_one, runtime_folder, state_folder
from lipwright.service.sound_socket import SoundSocket

HTTP_PORT = 7777
LOOK_S = 1.0

EXAMPLES = """examples:
  lipwright serve                         the panel is at http://127.0.0.1:7777, on this machine only
  lipwright serve --listen 0.0.0.0        on the network too; who wants in needs a code that the head says
  lipwright serve --sim                   the simulated head, with a picture of it in the panel
  lipwright serve --profile my_head.toml --port /dev/ttyACM0
  espeak-ng --stdout "Hello" | curl -T - -X POST http://127.0.0.1:7777/api/v1/speak   it speaks

docs/panel.md and docs/api.md say more. Ctrl-C, or a SIGTERM, ends it: the head goes to rest and lets go.
exit codes: 0 ended, 2 something you can mend (one sentence says what)
"""

log = logging.getLogger("lipwright")


class Door(Protocol):
    """A further way into the head, for as long as it serves."""

    async def start(self) -> None:
        """Opens; raises LipwrightError where it cannot."""

    async def close(self) -> None:
        """Closes."""


@dataclass(frozen=True)
class Adapter:
    """What `lipwright serve` opens when its option is given. `make` gets the head and the option's value."""

    option: str
    metavar: str
    help: str
    make: Callable[[HeadService, str], Door]
    usual: str | None = None  # the value where the option is given without one


def _wyoming(head: HeadService, uri: str) -> Door:
    from lipwright.service.wyoming_server import WyomingServer

    return WyomingServer(head.engine, uri)


def _assistant(head: HeadService, url: str) -> Door:
    from lipwright.service.assistant import Assistant

    return Assistant(head.engine, url)


def _mqtt(head: HeadService, url: str) -> Door:
    from lipwright.service.mqtt import Mqtt

    return Mqtt(head, url)


# A further adapter is a further line.
ADAPTERS = (
    Adapter(
        "--wyoming",
        "URI",
        "be a Wyoming sound service for Home Assistant's satellites (tcp://127.0.0.1:10601)",
        _wyoming,
        usual="tcp://127.0.0.1:10601",
    ),
    Adapter("--assistant", "URL", "do as the Linux voice assistant does (ws://127.0.0.1:6055)", _assistant),
    Adapter(
        "--mqtt",
        "URL",
        "be a device of an MQTT broker (mqtt://USER@HOST, the password in $LIPWRIGHT_MQTT_PASSWORD)",
        _mqtt,
    ),
)


def add_parser(subparsers: Any) -> None:
    """Adds ``serve`` to the command line."""
    parser = subparsers.add_parser(
        "serve",
        help="let the head live: sound, panel and programs, until it is ended",
        description="Runs the head until it is ended: it looks around, speaks what it is sent, and can be"
        " seen and steered in a browser.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--sim", action="store_true", help="on the simulated head")
    where.add_argument("--port", help="on the board at this serial port (default: the only one connected)")
    parser.add_argument(
        "--profile",
        type=Path,
        help="head profile, a TOML file (default: yours of the panel, else the reference)",
    )
    parser.add_argument(
        "--listen",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where the panel and the API are; 0.0.0.0: on the network (default: %(default)s, this machine)",
    )
    parser.add_argument(
        "--http-port", type=int, default=HTTP_PORT, metavar="PORT", help="TCP port (default: %(default)s)"
    )
    parser.add_argument(
        "--microphone",
        nargs="?",
        const="",
        metavar="DEVICE",
        help="let the lips follow a microphone: the usual one, or part of a name, or a number",
    )
    parser.add_argument("--monitor", action="store_true", help="speak whatever plays on this machine")
    parser.add_argument("--mute", action="store_true", help="move the lips without playing the sound")
    parser.add_argument("--no-life", action="store_true", help="move nothing but the lips")
    parser.add_argument("--seed", type=int, default=0, help="of the life's chances (default: %(default)s)")
    for adapter in ADAPTERS:
        optional: dict[str, Any] = {} if adapter.usual is None else {"nargs": "?", "const": adapter.usual}
        parser.add_argument(adapter.option, metavar=adapter.metavar, help=adapter.help, **optional)
    parser.set_defaults(do=do_serve)


def do_serve(arguments: argparse.Namespace) -> None:
    """Serves until a signal. Raises LipwrightError with what the user can mend."""
    if not 0 <= arguments.http_port <= 65535:
        raise LipwrightError("--http-port is 1 to 65535.")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        asyncio.run(_serve(arguments))
    finally:
        log.removeHandler(handler)


async def _serve(arguments: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    folder, runtime = state_folder(), runtime_folder()
    async with contextlib.AsyncExitStack() as closing:
        closing.enter_context(only_one(runtime))
        profile = _profile(arguments.profile, folder)
        boards = Boards(arguments.sim, arguments.port, profile)
        closing.callback(boards.close)
        connector = Connector(boards.find, profile)

        def make_life(profile: HeadProfile) -> Life:
            return Life(profile, arguments.seed)

        engine = Engine(profile, connector, SPEAKER_RATE, life=make_life(profile))
        engine.life.enabled = not arguments.no_life
        cards = SoundCards()
        closing.callback(cards.close)
        sound = _Sound(engine, cards, arguments.mute)
        hearing = Hearing(engine, cards, arguments.microphone, arguments.monitor)
        calibrated = None if is_shipped(profile.path) else profile.path
        head = HeadService(engine, boards.find, folder, calibrated, make_life, lambda: sound.problem)
        boards.tell = head.watch
        needs_token = not is_loopback(arguments.listen)
        pairing = Pairing(folder, _show_code if needs_token else str)
        server = HttpServer(head, pairing, arguments.listen, arguments.http_port)
        doors: list[Door] = [hearing, server, SoundSocket(head.talking, head.watched, runtime / NAME)]
        for adapter in ADAPTERS:
            value = getattr(arguments, adapter.option.lstrip("-").replace("-", "_"))
            if value is not None:
                doors.append(adapter.make(head, value))
        closing.callback(engine.close)
        for door in doors:
            closing.push_async_callback(door.close)
            await door.start()
        closing.callback(head.close)
        sound.start(latency.saved_s(folder))
        # What is there now stays for ever. Left out of the count, it does not make collections so rare that
        # rubbish piles up for an hour, nor so long that they hold up a frame.
        gc.collect()
        gc.freeze()
        engine.start()
        log.info("%s: the panel is at %s", profile.name, _url(arguments.listen, server.port))
        await _watch(head, ended)
    log.info("Ended: the head goes to rest and lets go.")


async def _watch(head: HeadService, ended: asyncio.Event) -> None:
    """Tells systemd how the head fares, until the end."""
    notifier = Notifier()
    notifier.ready()
    every_s = min(LOOK_S, notifier.alive_every_s or LOOK_S)
    told = ""
    while not ended.is_set():
        if head.is_alive():
            notifier.alive()
        snapshot = head.snapshot()
        words = f"{snapshot.speaking or 'nobody'} speaks; {snapshot.cause}"
        if words != told:
            notifier.status(words)
            told = words
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(ended.wait(), every_s)
    notifier.stopping()


class Boards:
    """Where the board comes from: made once if it is simulated, looked for each time if it is real.

    Attributes:
        tell: Called with each board that is found.
    """

    def __init__(self, sim: bool, port: str | None, profile: HeadProfile) -> None:
        self.tell: Callable[[Board], object] = lambda board: None
        self._sim = sim
        self._port = port
        self._profile = profile
        self._simulated: Any = None

    def find(self) -> Board:
        """The board. Raises LipwrightError where there is none at the moment."""
        board = self._find_simulated() if self._sim else SerialBoard(self._port or find_port())
        self.tell(board)
        return board

    def close(self) -> None:
        """Ends the simulated one."""
        if self._simulated is not None:
            self._simulated.close()

    def _find_simulated(self) -> Board:
        if self._simulated is not None:
            try:
                self._simulated.check()
            except LipwrightError:  # its firmware has ended
                self._simulated.close()
                self._simulated = None
        if self._simulated is None:
            self._simulated = load_board("sim", profile=self._profile, remembers=False)
        board: Board = self._simulated
        return board


class _Sound:
    """The speakers, or none."""

    def __init__(self, engine: Engine, cards: SoundCards, mute: bool) -> None:
        self._failure = ""
        self._speaker = None if mute else Speaker(engine.timeline, cards)

    def start(self, extra_s: float) -> None:
        """Plays; `extra_s` is what `lipwright doctor --latency` has measured."""
        if self._speaker is None:
            return
        self._speaker.extra_s = extra_s
        try:
            self._speaker.start()
        except LipwrightError as error:
            self._failure = str(error)
            log.warning("no sound is heard: %s", error)

    @property
    def problem(self) -> str:
        """Why nothing is heard; empty while all is well."""
        return self._failure or (self._speaker.problem if self._speaker is not None else "")


def _profile(given: Path | None, folder: Path) -> HeadProfile:
    """The one that was given, else the one that was made in the panel, else the one that ships."""
    own = folder / OWN_PROFILE
    if given is None and own.exists():
        log.info("The head profile is %s, which was calibrated here.", own)
        return load_profile(own)
    return load_profile(given)


def _show_code(code: str) -> None:
    log.info("Who wants to use this head enters the code %s %s.", code[:3], code[3:])


def _url(address: str, port: int) -> str:
    if address in ("0.0.0.0", "::"):
        address = socket.gethostname()
    return f"http://{f'[{address}]' if ':' in address else address}:{port}/"
