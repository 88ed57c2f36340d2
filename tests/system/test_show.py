"""A show that the board plays from its flash, with the host gone, is what the host would have sent."""

from pathlib import Path

import numpy as np
import pytest

from liplab.board import SimulatedBoard
from lipwright.audio.decode import open_sound
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.file_transfer import list_files, play_show, store_file
from lipwright.lips.model import LipModel
from lipwright.say import perform
from lipwright.show import record

DATA = Path(__file__).parents[1] / "data"
CLIPS = sorted(DATA.glob("grid_*.flac"))
TICK_MS = 10
OUTPUTS = 26
AHEAD_MS = 300  # how far ahead the board reads


class Recorder:
    """What the drivers know at each tick, once all registers are known: board time in ms, a count for each
    output (0: off)."""

    def __init__(self, board):
        self.ticks = {}
        self._registers = np.zeros((2, 256), np.uint8)
        self._known = np.zeros((2, 256), bool)
        board.on_bus_write = self._write

    def _write(self, time_us, address, register, data):
        written = address - 0x40, slice(register, register + len(data))
        self._registers[written] = np.frombuffer(data, np.uint8)
        self._known[written] = True
        if self._known[:, 6:70].ravel()[: 4 * OUTPUTS].all():
            words = self._registers[:, 6:70].copy().view("<u2").ravel()[1::2][:OUTPUTS]
            self.ticks[round(time_us / 1000)] = np.where(words & 0x1000, 0, words).astype(int)

    def between(self, start_ms, duration_ms):
        """Counts (ticks, outputs) from a time on."""
        return np.array([self.ticks[start_ms + passed] for passed in range(0, duration_ms, TICK_MS)])


def speak_live(sound, profile, wait_s):
    """What `lipwright say` has servos do on a board that has been on for so long, and when the sound begins
    (ms of board time)."""
    with SimulatedBoard("auto", virtual=True) as board:
        live = Recorder(board)
        board.clock.sleep_until(wait_s)
        performance = perform(sound, board, profile, LipModel.load(), FaceModel.load(profile))
        assert performance.link.status.dropped == 0
        return live, performance.link.sync.to_board_ms(performance.start_s)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.stem)
def test_a_stored_show_moves_the_servos_as_say_does_live(clip, tmp_path):
    profile, sound = load_profile(), open_sound(clip)
    show = record(sound, profile, 0)
    # A board begins a show at a tick; for a comparison tick by tick, the live sound begins at one too.
    _, sound_ms = speak_live(sound, profile, 0.0)
    live, sound_ms = speak_live(sound, profile, (-sound_ms % TICK_MS) / 1000)
    assert abs(sound_ms - round(sound_ms)) < 0.2 and round(sound_ms) % TICK_MS == 0

    with SimulatedBoard("auto", virtual=True, flash=tmp_path) as board, BoardLink(board, profile) as link:
        link.connect()
        store_file(link, "shows/hello", show.encode())
        store_file(link, "shows/boot.txt", b"hello")
    with SimulatedBoard("auto", virtual=True, flash=tmp_path) as board:  # power on, and no host at all
        stored = Recorder(board)
        board.clock.sleep_until(15)
        assert board.bus.problems == []

    want = live.between(round(sound_ms) - show.cues[0].time_ms, show.duration_ms)
    assert want.all() and np.ptp(want, axis=0).max() > 50, "the lips move"
    starts = [ms for ms in stored.ticks if ms + show.duration_ms <= max(stored.ticks)]
    off = {ms: np.abs(stored.between(ms, show.duration_ms) - want).max() for ms in starts}
    assert min(off.values()) == 0, "every pulse of every servo at every tick"
    assert sorted(off.values())[1] > 0, "the comparison can tell a show that is a tick late"


@pytest.mark.parametrize("interpreter", ["micropython64", "micropython32", "cpython"])
def test_with_the_host_gone_the_show_goes_on_to_its_end_and_rests(interpreter):
    profile = load_profile()
    show = record(open_sound(CLIPS[0]), profile, 0)
    with SimulatedBoard(interpreter, virtual=True) as board:
        with BoardLink(board, profile) as link:
            link.connect()
            store_file(link, "shows/hello", show.encode())
            play_show(link, "hello")
        seen = Recorder(board)
        board.clock.sleep_until(board.clock.now() + (AHEAD_MS + show.duration_ms) / 1000 + 1)
        # The pulses stay: a head that nobody holds would sink.
        assert all(counts.all() for counts in seen.ticks.values())
        last = [seen.ticks[ms] for ms in sorted(seen.ticks)[-20:]]
        assert (np.ptp(last, axis=0) == 0).all()
        with BoardLink(board, None) as link:
            link.connect()
            status = link.request_status()
            assert (status.state_name, status.cause_name) == ("resting", "show")


@pytest.mark.parametrize("interpreter", ["micropython64", "micropython32", "cpython"])
def test_a_show_that_is_listed_while_it_plays_goes_on_as_one_that_is_not(interpreter):
    profile = load_profile()
    show = record(open_sound(CLIPS[0]), profile, 0)

    def counts(asks):
        """Every pulse from before the show to after it."""
        with SimulatedBoard(interpreter, virtual=True) as board:
            with BoardLink(board, profile) as link:
                link.connect()
                store_file(link, "shows/hello", show.encode())
                play_show(link, "hello")
            start, seen = board.clock.now(), Recorder(board)
            for second in range(3 if asks else 0):
                board.clock.sleep_until(start + 0.5 + second / 2)
                with BoardLink(board, None, asks_only=True) as link:
                    info = link.connect()
                    assert info.profile_crc == show.profile_crc and info.session != 0
                    (listed,) = list_files(link)
                    assert (listed.name, listed.size) == ("shows/hello", len(show.encode()))
                    status = link.request_status()
                    assert (status.state_name, status.cause_name) == ("following", "show")
            board.clock.sleep_until(start + (AHEAD_MS + show.duration_ms) / 1000 + 1)
            with BoardLink(board, None, asks_only=True) as link:
                link.connect()
                status = link.request_status()
                assert (status.played, status.dropped) == (len(show.times_ms), 0)
            return seen.between(min(seen.ticks), AHEAD_MS + show.duration_ms)

    undisturbed = counts(False)
    assert np.ptp(undisturbed, axis=0).max() > 50, "the lips move"
    assert np.array_equal(counts(True), undisturbed)
