"""``lipwright listen``: lips follow the microphone, or whatever plays on this machine."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lipwright.boards import Board, SerialBoard, find_port, load_board
from lipwright.errors import LipwrightError
from lipwright.face.life import Life
from lipwright.face.profile import load_profile
from lipwright.live.connector import Connector
from lipwright.live.engine import SILENT_DB, Engine, Snapshot
from lipwright.live.microphone import Microphone
from lipwright.live.monitor import Monitor
from lipwright.live.sound_card import SoundCards
from lipwright.live.speaker import RATE as SPEAKER_RATE
from lipwright.live.speaker import Speaker

SHOW_EVERY_S = 0.1
BAR_DB = 60.0
BAR_LENGTH = 30

EXAMPLES = """examples:
  lipwright listen                     lips follow the default microphone, about an eighth of a second later
  lipwright listen --device "USB"      the microphone whose name has USB in it
  lipwright listen --monitor           whatever plays here: its sound waits for the lips
  lipwright listen --sim               on the simulated head

Nothing that is heard is kept or sent anywhere. `lipwright serve` does the same beside all else that it does.
exit codes: 130 ended with Ctrl-C, 2 something you can mend (one sentence says what)
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``listen`` to the command line."""
    parser = subparsers.add_parser(
        "listen",
        help="let the lips follow a microphone, or what plays here",
        description="Moves the lips to what a microphone hears, or to whatever plays on this machine.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--device", help="the microphone: part of its name, or its number (default: the usual)"
    )
    source.add_argument("--monitor", action="store_true", help="whatever plays on this machine")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--sim", action="store_true", help="on the simulated head")
    where.add_argument("--port", help="on the board at this serial port (default: the only one connected)")
    parser.add_argument(
        "--profile", type=Path, help="head profile, a TOML file (default: the reference head)"
    )
    parser.set_defaults(do=do_listen)


def do_listen(arguments: argparse.Namespace) -> None:
    """Listens until Ctrl-C. Raises LipwrightError with what the user can mend."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that all is put back
    profile = load_profile(arguments.profile)
    board: Board = (
        load_board("sim", profile=profile) if arguments.sim else SerialBoard(arguments.port or find_port())
    )
    with contextlib.closing(board), contextlib.ExitStack() as closing:
        life = Life(profile)
        life.enabled = False
        engine = Engine(profile, Connector(lambda: board, profile), SPEAKER_RATE, life=life)
        cards = SoundCards()
        closing.callback(cards.close)
        closing.callback(engine.close)
        if arguments.monitor:
            monitor = Monitor(engine)
            closing.callback(monitor.close)
            monitor.start()
            Speaker(engine.timeline, cards).start()
        else:
            microphone = Microphone(engine, cards, device(arguments.device))
            microphone.start()
            if microphone.problem:
                raise LipwrightError(
                    f"{microphone.problem}: plug a microphone in, or choose one with --device."
                )
        engine.start()
        _show(engine)


def device(named: str | None) -> str | int | None:
    """A device as sounddevice takes it."""
    return int(named) if named is not None and named.isdigit() else named or None


def _show(engine: Engine) -> None:
    """What is heard, as a bar, and what happens, as lines, until Ctrl-C."""
    seen = 0
    while True:
        for entry in engine.journal.since(seen):
            seen = entry.number
            print(f"\r{entry.text:<72}", file=sys.stderr)
        if sys.stderr.isatty():
            print(f"\r{_bar(engine.snapshot())}", end="", file=sys.stderr, flush=True)
        time.sleep(SHOW_EVERY_S)


def _bar(snapshot: Snapshot) -> str:
    share = max(0.0, min(1.0, 1 + max(snapshot.level_db, SILENT_DB) / BAR_DB))
    filled = round(share * BAR_LENGTH)
    head = "the head follows" if snapshot.connected else "no board"
    return f"hears |{'█' * filled}{' ' * (BAR_LENGTH - filled)}|  {head:<40}"
