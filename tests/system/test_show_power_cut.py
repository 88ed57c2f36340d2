"""A board that dies while a show comes over the wire: the old show is there or the new one, and it plays.

The real firmware is killed (SIGKILL), at a random moment or by the file system in the middle of a write, and
started again on the same flash. For 200 moments: python tests/system/test_show_power_cut.py
"""

import os
import random
import resource
import signal
import tempfile
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from tqdm import tqdm

from liplab.board import SimulatedBoard
from lipwright import resources
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.file_transfer import list_files, play_show, store_file
from lipwright.link.frames import board_profile
from lipwright.show_file import Show

MOMENTS = 40
SEED = 5
PROFILE = load_profile(resources.models_dir() / "jaw_skull.toml")


def make_show(seed):
    positions = np.random.default_rng(seed).integers(0, 4096, (1500, len(PROFILE.channels)))
    return Show(board_profile(PROFILE).crc, np.arange(1500) * 20, positions).encode()


SHOWS = [make_show(seed) for seed in (1, 2)]


def kill(board):
    os.killpg(board._process._process.pid, signal.SIGKILL)


def store_until_cut(flash, data, seconds=None, size=None):
    """Stores a show on a board that dies after so many seconds, or as soon as a file would exceed a size.

    Returns whether the board had said that all is stored, and the seconds that it took.
    """
    with SimulatedBoard("auto", flash=flash) as board, BoardLink(board, None) as link:
        link.connect()
        if size is not None:
            resource.prlimit(board._process._process.pid, resource.RLIMIT_FSIZE, (size, size))
        timer = threading.Timer(seconds or 60, kill, [board])
        begin = time.perf_counter()
        timer.start()
        try:
            store_file(link, "shows/hello", data)
        except LipwrightError:
            return False, 0.0
        finally:
            timer.cancel()
            timer.join()
        return True, time.perf_counter() - begin


def show_found(flash):
    """Starts the board on this flash; returns which show is there, and raises if none is whole and plays."""
    with SimulatedBoard("auto", virtual=True, flash=flash) as board, BoardLink(board, None) as link:
        link.connect()
        (info,) = list_files(link)
        assert info.name == "shows/hello"
        found = [zlib.crc32(data) for data in SHOWS].index(info.crc)
        assert info.size == len(SHOWS[found])
        play_show(link, "hello")
        board.clock.sleep_until(board.clock.now() + 0.5)
        status = link.request_status()
        assert (status.state_name, status.cause_name, status.dropped) == ("following", "show", 0)
        assert status.played > 0
    assert (flash / "shows/hello").read_bytes() == SHOWS[found]
    return found


def cut(flash, moments, seed):
    """So many cuts, half of them anywhere in the transfer, half in the middle of a write.

    Returns how many times the old show was found, and how many the new one.
    """
    with SimulatedBoard("auto", True, flash=flash) as board, BoardLink(board, PROFILE) as link:
        link.connect()
        store_file(link, "shows/hello", SHOWS[0])
    took = [store_until_cut(flash, SHOWS[1 - i % 2])[1] for i in range(4)]
    chance = random.Random(seed)
    there, outcomes = show_found(flash), [0, 0]
    for number in tqdm(range(moments), desc="cutting", leave=False):
        data = SHOWS[1 - there]
        if number % 2:
            done, _ = store_until_cut(flash, data, size=chance.randrange(len(data)))
            assert not done
        else:
            done, _ = store_until_cut(flash, data, seconds=chance.uniform(0, 1.3 * max(took)))
        found = show_found(flash)
        assert found != there or not done, "what the board has acknowledged is there"
        outcomes[found != there] += 1
        there = found
    return outcomes


def test_a_board_that_dies_while_a_show_comes_has_the_old_one_or_the_new_one(tmp_path):
    old, new = cut(tmp_path, MOMENTS, SEED)
    assert old + new == MOMENTS
    assert old > MOMENTS / 2, "half of them die in a write"


def test_a_flash_that_takes_no_more_is_told_of_and_leaves_the_old_show(tmp_path):
    """On CPython, a write beyond the limit fails and kills nobody."""
    with SimulatedBoard("cpython", True, flash=tmp_path) as board, BoardLink(board, PROFILE) as link:
        link.connect()
        store_file(link, "shows/hello", SHOWS[0])
        resource.prlimit(board._process._process.pid, resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(LipwrightError, match="refused: flash is full"):
            store_file(link, "shows/hello", SHOWS[1])
        play_show(link, "hello")
    assert show_found(tmp_path) == 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        old, new = cut(Path(folder), 200, random.randrange(1 << 32))
        print(f"old {old}, new {new}, in {time.perf_counter() - begin:.0f} s")
