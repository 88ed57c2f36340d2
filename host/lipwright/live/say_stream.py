"""``lipwright say -``: speaks what comes on standard input, as it comes."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lipwright.audio.decode import RATE, Sound
from lipwright.errors import LipwrightError
from lipwright.face.life import Life
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.live import service_socket
from lipwright.live.engine import Engine
from lipwright.live.incoming import Encoding, Incoming
from lipwright.live.sound_card import SoundCards
from lipwright.live.speaker import RATE as SPEAKER_RATE
from lipwright.live.speaker import Speaker
from lipwright.live.speech import Speech, Step
from lipwright.performance import Floats, Pose
from lipwright.say import Asked, Performance, open_board, tell

READ_BYTES = 4096
LOOK_S = 0.05
NAME = "standard input"


def say_stream(arguments: argparse.Namespace) -> None:
    """Speaks standard input, then reports. Raises LipwrightError with what the user can mend."""
    raw = Encoding(arguments.rate, arguments.channels, arguments.format).check()
    if sys.stdin.isatty():
        raise LipwrightError("nothing comes on standard input: pipe a speech engine into `lipwright say -`.")
    if arguments.virtual_time:
        raise LipwrightError("what comes on standard input is spoken as it comes: leave out --virtual-time.")
    if not arguments.sim and not arguments.port and (service := service_socket.connect()):
        service_socket.send(service, raw, _standard_input())
        return
    profile = load_profile(arguments.profile)
    board, stage = open_board(arguments, profile)
    began = time.perf_counter()
    with contextlib.closing(board), contextlib.ExitStack() as closing:
        # Nothing but the lips moves: as with a file.
        life = Life(profile)
        life.enabled = False
        engine = Engine(profile, None, SPEAKER_RATE, clock=board.clock, life=life)
        link = closing.enter_context(BoardLink(board, profile))
        link.connect()
        engine.adopt(link)
        if stage is None and not arguments.mute:
            cards = SoundCards()
            closing.callback(cards.close)
            Speaker(engine.timeline, cards).start()
        heard = _Heard()
        if stage is not None:
            engine.on_step = heard.note
        closing.callback(engine.end)
        engine.start()
        speech = _speak(engine, raw)
        engine.end()
        if engine.link is None:
            raise LipwrightError(engine.journal.since(0)[-1].text)
        link.finish()
        if speech is None or (not heard.blocks and stage is not None):
            raise LipwrightError("there was no sound on standard input.")
        performance = Performance(
            heard.sound(), heard.asked, engine.started, link, profile, time.perf_counter() - began
        )
        tell(performance, stage, arguments)


def _speak(engine: Engine, raw: Encoding) -> Speech | None:
    """Speaks all that comes, and returns when the last of it has been heard."""
    incoming = Incoming(lambda rate, channels: engine.speak(NAME, rate, channels), raw)
    failure: list[LipwrightError] = []

    def read() -> None:
        try:
            for block in _standard_input():
                incoming.feed(block)
                if incoming.speech is not None:
                    incoming.speech.wait_for_room()
            incoming.finish()
        except LipwrightError as error:
            failure.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with tqdm(desc="speaking", unit=" s", bar_format="{desc} {n:.1f} s", leave=False) as bar:
        while not failure:
            speech = incoming.speech
            if speech is None and not reader.is_alive():
                break
            if speech is not None and speech.over.wait(LOOK_S):
                break
            if engine.link is None:
                break
            reader.join(0 if speech is not None else LOOK_S)
            bar.update(LOOK_S if engine.snapshot().speaking else 0)
    if failure:
        raise failure[0]
    time.sleep(max(0.0, engine.timeline.ends_s - time.monotonic()))
    return incoming.speech


class _Heard:
    """What was spoken, for the measures of a simulated head."""

    def __init__(self) -> None:
        self.asked = Asked([], [])
        self.blocks: list[Floats] = []

    def note(self, pose: Pose, step: Step | None) -> None:
        self.asked.times_s.append(pose.asked_s)
        self.asked.articulation.append(pose.articulation)
        if step is not None:
            self.blocks.append(step.mono)

    def sound(self) -> Sound:
        samples = np.concatenate(self.blocks) if self.blocks else np.zeros(0, np.float32)
        return Sound(Path("stream"), RATE, len(samples), lambda: iter([samples.reshape(-1, 1)]))


def _standard_input() -> Iterator[bytes]:
    """What comes, as soon as it comes."""
    while block := os.read(sys.stdin.fileno(), READ_BYTES):
        yield block
