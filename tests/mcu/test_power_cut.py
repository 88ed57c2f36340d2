"""Power that is lost at any write to a board's flash leaves the old show or the new one, whole."""

from __future__ import annotations

import json
import os
import subprocess
import zlib
from pathlib import Path

import numpy as np
from wired_board import START_TICKS, make_profile

from facewire import constants as c
from lipwright.link.file_messages import FileBegin, FileEnd, FileInfo, FileList, FilePart, ShowPlay
from lipwright.link.messages import Ack, Hello, Message, ProfileUpload, Splitter, encode
from lipwright.show_file import Show

ROOT = Path(__file__).parents[2]
FOLDERS = [str(ROOT / part) for part in ("tests/device", "mcu", "mcu/boards/pico", "protocol")]
PROFILE = make_profile(6)
# A Pico has 352; these are so few that the old show and the new one fit, and no more.
BLOCKS = 12


def show(seed: int) -> bytes:
    """A show of some kilobytes."""
    positions = np.random.default_rng(seed).integers(0, 4096, (300, 6))
    return Show(PROFILE.crc, np.arange(300) * 20, positions).encode()


def transfer(data: bytes) -> list[Message]:
    parts = [FilePart(10 + i // 512, i, data[i : i + 512]) for i in range(0, len(data), 512)]
    return [FileBegin(9, "shows/hello", len(data), zlib.crc32(data)), *parts, FileEnd(99)]


def frames(messages: list[Message]) -> list[str]:
    return [encode(message).hex() for message in messages]


def answers(text: str) -> list[Message]:
    return Splitter().feed(bytes.fromhex(text))


def test_the_old_show_or_the_new_one_is_there_and_plays_wherever_power_is_lost(
    micropython: list[str],
) -> None:
    old, new = show(1), show(2)
    again = [FileList(1, "shows", 0), *transfer(new), FileList(2, "shows", 1), ShowPlay(3, "hello", 1)]
    request = {
        "blocks": BLOCKS,
        "ticks": START_TICKS,
        "prepare": frames([Hello.open(1, 1), ProfileUpload(2, PROFILE), *transfer(old)]),
        "store": frames(transfer(new)),
        "look": frames([FileList(1, "shows", 0), ShowPlay(2, "hello", 1)]),
        "again": frames(again),
    }
    done = subprocess.run(
        [*micropython, "-X", "heapsize=8m", str(ROOT / "tests/device/flash_cuts.py")],
        input=json.dumps(request) + "\n",
        env={**os.environ, "MICROPYPATH": ":".join([*FOLDERS, ".frozen"])},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    found = []
    tries = [json.loads(line) for line in done.stdout.splitlines()]
    for lost, *said in tries:
        stored, looked, stored_again = map(answers, said)
        assert (stored[-1] == Ack(99, c.FILE_END)) != lost
        info, played = looked
        assert isinstance(info, FileInfo) and info.name == "shows/hello"
        found.append({zlib.crc32(old): "old", zlib.crc32(new): "new"}[info.crc])
        assert played == Ack(2, c.SHOW_PLAY)
        assert stored_again[-3:] == [Ack(99, c.FILE_END), FileInfo(2, 1, "", 0, 0), Ack(3, c.SHOW_PLAY)]
    assert len(tries) > 100, "every write is tried"
    assert [lost for lost, *_ in tries] == [True] * (len(tries) - 1) + [False]
    turn = found.index("new")
    assert found == ["old"] * turn + ["new"] * (len(tries) - turn), "it turns at one write"
    assert turn >= len(tries) - 10
