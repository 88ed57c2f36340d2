"""``lipwright show`` as a maker uses it, on a board with the real firmware behind a serial port."""

import argparse
import re
import shlex
import shutil

import numpy as np
import pytest

from facewire import constants as wire
from liplab.board import SimulatedBoard
from lipwright import cli, resources, say
from lipwright.audio.decode import open_sound
from lipwright.boards import SerialBoard
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.frames import board_profile, positions_of
from lipwright.lips.model import LipModel
from lipwright.say import perform
from lipwright.show import EXAMPLES, RUN_IN_MS, add_parser, record
from lipwright.show_file import read_show

SMALL_HEAD = resources.models_dir() / "jaw_skull.toml"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A word of the sentence that ships."""
    import soundfile

    samples, rate = soundfile.read(resources.shipped_clip())
    path = tmp_path_factory.mktemp("clip") / "word.wav"
    soundfile.write(path, samples[: rate * 3 // 4], rate)
    return path


@pytest.fixture(scope="module")
def recorded(clip, tmp_path_factory):
    """A show of it, for the small head."""
    path = tmp_path_factory.mktemp("shows") / "word.show"
    assert cli.main(["show", "record", str(clip), "-o", str(path), "--profile", str(SMALL_HEAD)]) == 0
    return path


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """A board that drives the small head."""
    flash = tmp_path_factory.mktemp("flash")
    with SimulatedBoard("auto", flash=flash) as simulated:
        port = SerialBoard(simulated.port)
        with BoardLink(port, load_profile(SMALL_HEAD)) as link:
            link.connect()
        yield simulated, flash


@pytest.fixture
def run(board, capsys):
    """Runs a command on it: exit code, standard output, what it said besides."""
    simulated, flash = board
    shutil.rmtree(flash / "shows", ignore_errors=True)

    def command(*arguments):
        code = cli.main(["show", *map(str, arguments), "--port", simulated.port])
        captured = capsys.readouterr()
        return code, captured.out, captured.err.rpartition("\r")[2].strip()

    return command


def test_a_show_has_the_frames_that_say_sends_and_a_cue_where_the_sound_begins(clip, monkeypatch):
    profile, sent = load_profile(), []

    class Listening(BoardLink):
        def send(self, targets, at):
            sent.append((at, positions_of(targets)))
            super().send(targets, at)

    monkeypatch.setattr(say, "BoardLink", Listening)
    with SimulatedBoard("auto", virtual=True) as simulated:
        spoken = perform(open_sound(clip), simulated, profile, LipModel.load(), FaceModel.load(profile))
    made = record(open_sound(clip), profile, 0)
    count = len(made.times_ms)
    times_s, positions = zip(*sent[-count:], strict=True)
    assert (made.positions == positions).all()
    assert np.allclose((made.times_ms - made.cues[0].time_ms) / 1000, np.array(times_s) - spoken.start_s)
    assert (made.positions[: RUN_IN_MS // 20] == positions_of(profile.rest_targets())).all()
    assert made.profile_crc == board_profile(profile).crc


def test_the_same_sound_makes_the_same_file(clip, recorded, tmp_path):
    again = tmp_path / "again.show"
    cli.main(["show", "record", str(clip), "-o", str(again), "--profile", str(SMALL_HEAD)])
    assert again.read_bytes() == recorded.read_bytes()


def test_a_cue_can_come_before_the_sound(clip):
    profile = load_profile()
    plain, early = record(open_sound(clip), profile, 0), record(open_sound(clip), profile, 200)
    assert plain.cues[0].time_ms - early.cues[0].time_ms == 200
    with pytest.raises(LipwrightError, match="--cue-ahead is 0 to 490 ms"):
        record(open_sound(clip), profile, 491)


def test_a_show_is_stored_listed_played_and_deleted(run, board, recorded):
    simulated, flash = board
    assert run("list") == (0, "", "no shows on the board")
    code, out, said = run("store", recorded)
    assert (code, out) == (0, "") and said.startswith("stored word: 1.") and "plays" not in said
    assert (flash / "shows/word").read_bytes() == recorded.read_bytes()
    run("store", recorded, "--as", "hi", "--on-boot", "--on-button")
    assert (flash / "shows/boot.txt").read_text() == (flash / "shows/button.txt").read_text() == "hi"
    code, out, _ = run("list")
    assert [line.split(maxsplit=3)[::3] for line in out.splitlines()] == [
        ["hi", "at boot, by the button"],
        ["word"],
    ]
    assert run("play", "word", "--times", 0)[2] == "the board plays word; it needs this machine no more"
    with BoardLink(SerialBoard(simulated.port), None) as link:  # a greeting ends the show
        link.connect()
        simulated.clock.sleep_until(simulated.clock.now() + 0.5)
        assert link.request_status().state == wire.RESTING
    assert run("delete", "hi")[::2] == (0, "deleted hi")
    assert sorted(path.name for path in (flash / "shows").iterdir()) == ["word"]


def test_a_show_plays_on_after_the_command_has_ended(run, board, recorded):
    simulated, _ = board
    moved = []
    run("store", recorded)
    simulated.on_bus_write = lambda time_us, address, register, data: moved.append(data)
    run("play", "word", "--times", 0)
    simulated.clock.sleep_until(simulated.clock.now() + 1.5)
    simulated.on_bus_write = None
    assert len(set(moved[-100:])) > 5, "the jaw goes up and down, and nobody is on the wire"


def test_a_list_leaves_the_show_that_plays_alone(run, board, recorded):
    simulated, _ = board
    run("store", recorded, "--on-boot")
    run("play", "word", "--times", 0)
    port = SerialBoard(simulated.port)
    for _ in range(3):
        code, listed, _ = run("list")
        assert code == 0 and re.fullmatch(r"word +\d\.\d kB  at boot\n", listed)
        simulated.clock.sleep_until(simulated.clock.now() + 0.3)
        with BoardLink(port, None, asks_only=True) as link:
            link.connect()
            status = link.request_status()
            assert status.cause_name == "show" and status.dropped == 0
        port.close()
    assert status.played > 10


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["play", "gone"], "the board has no show gone: it has word."),
        (["delete", "gone"], "the board has no show gone: it has word."),
        (["play", "No Name"], "'No Name' is no name for a show: 1 to 24 small letters"),
        (["play", "boot.txt"], "is no name for a show"),
        (["play", "word", "--times", "256"], "--times is 1 to 255"),
        (["store", "nowhere.show"], "cannot read the show nowhere.show: No such file or directory"),
        (["store", str(SMALL_HEAD)], "is no show: make one with `lipwright show record"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(run, recorded, arguments, says):
    run("store", recorded)
    code, out, said = run(*arguments)
    assert (code, out) == (2, "") and said.startswith("lipwright: ") and says in said
    assert said.count("\n") == 0


def test_a_show_for_another_head_stays_here(run, board, clip, tmp_path):
    other = tmp_path / "other.show"
    other.write_bytes(record(open_sound(clip), load_profile(), 0).encode())
    code, _, said = run("store", other)
    assert code == 2 and "was made for another head than the board has" in said
    assert not (board[1] / "shows").exists()


def test_a_file_name_that_is_no_name_for_a_show_wants_another(run, recorded, tmp_path):
    path = tmp_path / "My Word.show"
    path.write_bytes(recorded.read_bytes())
    assert "(give one with --as)" in run("store", path)[2]
    assert run("store", path, "--as", "my_word")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["record", "nowhere.wav", "-o", "a.show"], "There is no file nowhere.wav"),
        (["record", "{clip}", "-o", "{clip}/a.show"], "cannot write to the folder"),
        (["record", "{clip}", "-o", "a.show", "--cue-ahead", "-5"], "--cue-ahead is 0 to"),
        (["play", "{show}", "--sim"], "was made for another head: give its profile with --profile"),
        (["play", "{show}", "--sim", "--profile", str(SMALL_HEAD), "--times", "0"], "does not play for ever"),
    ],
)
def test_a_mistake_without_a_board_is_told_in_a_sentence(
    capsys, monkeypatch, tmp_path, clip, recorded, arguments, says
):
    monkeypatch.chdir(tmp_path)
    code = cli.main(["show", *(text.format(clip=clip, show=recorded) for text in arguments)])
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "") and says in captured.err
    assert not (tmp_path / "a.show").exists()


def test_a_file_plays_on_the_simulated_head(capsys, recorded):
    frames = len(read_show(recorded)[0].times_ms)
    assert (
        cli.main(["show", "play", str(recorded), "--sim", "--profile", str(SMALL_HEAD), "--times", "2"]) == 0
    )
    said = capsys.readouterr().err
    assert f"word.show: {2 * frames} of {2 * frames} frames played, 0 dropped; then resting" in said


def test_every_example_in_the_help_is_a_command_line_that_works():
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    lines = [line.strip() for line in EXAMPLES.splitlines() if line.startswith("  lipwright")]
    assert len(lines) >= 7
    for line in lines:
        parser.parse_args(shlex.split(re.split(" {2,}", line)[0])[1:])
