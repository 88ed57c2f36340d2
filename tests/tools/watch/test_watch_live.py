"""`lipwright watch`: a film plays before the camera, and its sound into the microphone, in real time."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile

from liplab import bench_camera
from liplab.bench_live import Service
from liplab.board import SimulatedBoard
from liplab.eyes.mesh import MeshTracker
from liplab.sound_server import SoundServer
from liplab.watch.faces import MOST_FACES, FaceFollower
from liplab.watch.live_run import ON
from liplab.watch.live_sound import placed
from liplab.watch.portion import judge
from liplab.watch.store import Entry, Store, load
from liplab.watch.sync import DUBBED
from liplab.watch.video import Portion, seconds_of
from lipwright.audio.decode import RATE
from lipwright.cli import main
from lipwright.errors import LipwrightError
from lipwright.lips.model import LipModel

FILM_HZ = 25
# Of a wall, before the first scene, and between them.
LEAD_S, WALL_S = 1.2, 0.6
# Of the sound, in the scenes: a player takes a while to begin, and up to 300 ms are found.
EARLY_S, LATE_S = -0.10, 0.03
SECONDS = 60.0
TRIES = 4
SERVOS = 26


class Nothing:
    """In the head's place."""

    def set_pulses(self, pulses_us: np.ndarray, t: float) -> None:
        """Moves nothing."""

    def advance(self, t: float) -> None:
        """Moves nothing."""


class Seen(NamedTuple):
    """What a time of watching did."""

    figures: dict[str, Any]
    said: str
    calls: str
    store: Store


@pytest.fixture(scope="module")
def sound_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoundServer]:
    try:
        server = SoundServer(tmp_path_factory.mktemp("sound"))
    except LipwrightError as error:
        pytest.skip(f"NOT TESTED: {error}")
    with server:
        yield server


@pytest.fixture(scope="module")
def scenes(
    tmp_path_factory: pytest.TempPathFactory,
    film: Callable[..., Path],
    talking: list[np.ndarray],
    voices: list[np.ndarray],
) -> tuple[Path, Path]:
    """A film for the camera, and a sound for the microphone: anna, anna again with her sound later, and ben
    with anna's sound."""
    folder = tmp_path_factory.mktemp("scenes")
    lead, wall = (
        np.full((round(seconds * FILM_HZ), *talking[0].shape[1:]), 130, np.uint8)
        for seconds in (LEAD_S, WALL_S)
    )
    pictures = [lead, talking[0], wall, talking[0], wall, talking[1], wall]
    sound = np.zeros(round(sum(len(part) for part in pictures) / FILM_HZ * RATE), np.float32)
    for scene, later_s in enumerate((EARLY_S, LATE_S, EARLY_S)):
        begins_s = sum(len(part) for part in pictures[: 2 * scene + 1]) / FILM_HZ
        first = round((begins_s + later_s) * RATE)
        sound[first : first + len(voices[0])] += voices[0]
    soundfile.write(folder / "sound.wav", sound, RATE)
    return film(folder / "film.mp4", np.concatenate(pictures)), folder / "sound.wav"


def watching(
    server: SoundServer,
    film: Path,
    store: Path,
    *options: str,
    head: tuple[str, ...] = ("--no-head",),
    before: tuple[str, ...] = (),
) -> subprocess.Popen[str]:
    command = [*before, sys.executable, "-m", "lipwright", "watch", "--camera", str(film), "--yes", *head]
    command += ["--store", str(store), *options]
    return subprocess.Popen(
        command,
        env={**os.environ, **server.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until_on(process: subprocess.Popen[str]) -> list[str]:
    """What it says until camera and microphone are on."""
    said = []
    assert process.stderr is not None
    for line in process.stderr:
        said.append(line)
        if line.startswith(ON):
            return said
    raise AssertionError("".join(said))


def play(server: SoundServer, sound: Path) -> subprocess.Popen[bytes]:
    command = ["paplay", "--latency-msec=40", str(sound)]
    return subprocess.Popen(command, env={**os.environ, **server.environment})


@pytest.fixture(scope="module")
def seen(
    sound_server: SoundServer, scenes: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Seen:
    """The scenes, watched; again, as a user would, where a busy machine had no time for all pictures."""
    for _ in range(TRIES):
        seen = watched(sound_server, scenes, tmp_path_factory.mktemp("watched"))
        if seen.figures["pictures_missed"] == 0:
            break
    return seen


def watched(server: SoundServer, scenes: tuple[Path, Path], folder: Path) -> Seen:
    """Watches, while the kernel notes every connection that is asked for."""
    calls, report = folder / "calls", folder / "report.json"
    traced: tuple[str, ...] = ()
    if shutil.which("strace"):
        traced = (
            "strace",
            "-f",
            "--seccomp-bpf",
            "-o",
            str(calls),
            "-e",
            "trace=connect,sendto,sendmsg,bind",
        )
    options = ("--person", "anna", "--tag", "shouted", "--json", str(report))
    process = watching(server, scenes[0], folder / "store", *options, before=traced)
    said = until_on(process)
    player = play(server, scenes[1])
    out, rest = process.communicate(timeout=SECONDS)
    player.terminate()
    player.wait()
    assert process.returncode == 0, rest
    return Seen(
        json.loads(report.read_text()),
        "".join(said) + rest + out,
        calls.read_text() if calls.exists() else "",
        Store(folder / "store"),
    )


SCENE_S = 2.96 + WALL_S


def by_scene(store: Store) -> dict[int, Entry]:
    return {round((entry.start_s - LEAD_S) / SCENE_S): entry for entry in store.entries()}


def test_who_speaks_is_kept_with_the_offset_of_the_sound(seen: Seen) -> None:
    kept = by_scene(seen.store)
    assert list(kept) == [0, 1], seen.said
    assert kept[1].offset_ms - kept[0].offset_ms == pytest.approx(1000 * (LATE_S - EARLY_S), abs=25)
    assert kept[0].person == "anna" and kept[0].video.startswith("camera 20")
    assert kept[0].tags == ("shouted",)
    assert seen.figures["clips"] == 2 and abs(seen.figures["offset_ms"]) < 300


def test_dubbed_speech_is_refused_with_the_reason(seen: Seen) -> None:
    (record,) = seen.store.records()
    reasons = {
        round((one["start_s"] - LEAD_S) / SCENE_S): one["reason"] for one in record["refused"] if one["r"]
    }
    assert reasons == {2: DUBBED}
    assert DUBBED in seen.said


def test_lips_and_sound_are_in_step_in_what_is_kept(seen: Seen) -> None:
    first, second = (load(entry.path) for entry in by_scene(seen.store).values())
    grid = np.arange(0.3, 2.5, 0.02)
    wide = [np.interp(grid, one.times_s, one.measures[:, 0]) for one in (first, second)]
    loud = [
        np.interp(grid, np.arange(len(one.mel)) * 0.02, one.mel.mean(axis=(1, 2))) for one in (first, second)
    ]
    assert np.corrcoef(*wide)[0, 1] > 0.95
    assert np.corrcoef(*loud)[0, 1] > 0.9


def test_nothing_but_tracks_is_on_disk(seen: Seen) -> None:
    known = (".lock", "seen.html", "record.json", "consent-camera.json")
    for path in seen.store.folder.rglob("*"):
        assert path.is_dir() or path.name in known or path.suffix == ".npz"
    assert all(entry.path.stat().st_size < 20_000 * entry.seconds for entry in seen.store.entries())


def test_no_connection_is_made(seen: Seen) -> None:
    """The kernel tells every connection that the process and its threads ask for; the sound server's is of
    this machine."""
    if not seen.calls:
        pytest.skip("NOT TESTED without strace: that watching makes no connection")
    assert "AF_UNIX" in seen.calls and "exited with 0" in seen.calls
    reached = [line for line in seen.calls.splitlines() if "AF_INET" in line or "AF_NETLINK" in line]
    assert reached == []


def test_it_is_faster_than_a_camera_on_one_core(seen: Seen) -> None:
    assert seen.figures["pictures_per_core_second"] > 25
    assert "W0000" not in seen.said  # of MediaPipe


def test_the_head_shows_it_and_ctrl_c_ends_it_and_what_was_whole_is_kept(
    sound_server: SoundServer, scenes: tuple[Path, Path], tmp_path: Path
) -> None:
    runtime = Path(sound_server.environment["XDG_RUNTIME_DIR"])
    with (
        SimulatedBoard("auto", head=Nothing(), outputs=range(SERVOS)) as board,
        contextlib.closing(Service(board.port, runtime, False, [])) as service,
    ):
        url = "http://" + service.log().partition("http://")[2].split()[0]

        def snapshot() -> dict[str, Any]:
            with urllib.request.urlopen(f"{url}api/v1/state", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)["snapshot"]
            return found

        process = watching(sound_server, scenes[0], tmp_path / "store", "--person", "anna", head=())
        said = until_on(process)
        player = play(sound_server, scenes[1])
        began_s = time.monotonic()
        assert "shown on the head and its panel" in "".join(said)
        seen = snapshot()
        while "1 face" not in seen["watching"]:
            assert time.monotonic() - began_s < 8, seen
            time.sleep(0.1)
            seen = snapshot()
        assert seen["watching"].startswith("Watched: anna") and seen["mood"] == "watching"
        time.sleep(max(0.0, began_s + LEAD_S + 3.2 - time.monotonic()))
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=20)
        player.terminate()
        player.wait()
        assert process.returncode == 0, rest
        time.sleep(0.2)
        seen = snapshot()
        assert seen["watching"] == "" and seen["mood"] == "idle"
    assert "It ended: Ctrl-C" in out and "Traceback" not in rest
    (entry,) = Store(tmp_path / "store").entries()
    assert 2 < entry.seconds < 3.5
    forget = [
        sys.executable,
        "-m",
        "lipwright",
        "watch",
        "forget",
        "anna",
        "--store",
        str(tmp_path / "store"),
    ]
    told = subprocess.run(forget, capture_output=True, text=True, check=True).stdout
    assert told.startswith("1 clips of anna were removed")


def test_a_microphone_that_goes_ends_it_with_a_sentence_and_a_video_is_kept_where_one_is_wanted(
    scenes: tuple[Path, Path], tmp_path: Path
) -> None:
    try:
        server = SoundServer(tmp_path)
    except LipwrightError as error:
        pytest.skip(f"NOT TESTED: {error}")
    wanted = tmp_path / "kept.mkv"
    with server:
        process = watching(server, scenes[0], tmp_path / "store", "--keep-video", str(wanted))
        assert "ALL PICTURES AND THE SOUND ARE KEPT" in "".join(until_on(process))
        time.sleep(LEAD_S)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 2 and "Traceback" not in said
    assert "the microphone has gone" in said.splitlines()[-1]
    assert not list((tmp_path / "store").glob("portions/.*"))
    portion = Portion(wanted, 0)
    pictures = [picture.pixels for picture in portion.pictures()]
    assert len(pictures) > LEAD_S * FILM_HZ and portion.sound is not None and not portion.damage
    assert abs(float(pictures[5].mean()) - 130) < 3


def test_a_camera_that_is_not_there_is_named(sound_server: SoundServer, tmp_path: Path) -> None:
    process = watching(sound_server, Path("99"), tmp_path / "store")
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 2 and "no camera /dev/video99" in said.splitlines()[-1]
    assert "Traceback" not in said and not list(tmp_path.glob("store/portions/*"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--yes", "--person", " "], "is empty"),
        (["--yes", "--person", "anna", "--tag", "Sung!"], "is no tag"),
        (["--yes", "--minutes", "0"], "more than 0"),
        (["film.mp4"], "liplab watch VIDEO"),
        ([], "consent"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_opened(
    options: list[str],
    told: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["watch", "--no-head", "--store", str(tmp_path / "store"), *options]) == 2
    assert told in capsys.readouterr().err.splitlines()[-1]
    assert not list(tmp_path.glob("store/portions/*"))


def test_a_camera_whose_delay_is_known_may_be_later(
    film: Callable[..., Path], talking: list[np.ndarray], voices: list[np.ndarray], tmp_path: Path
) -> None:
    late = np.concatenate([np.zeros(round(0.4 * RATE), np.float32), voices[0]])
    portion = Portion(film(tmp_path / "late.mp4", talking[0], late), 0)
    mesh, model = MeshTracker(MOST_FACES), LipModel.load()
    follower = FaceFollower(mesh)
    for picture in portion.pictures():
        follower.look(picture.time_s, picture.pixels)
    mesh.close()
    assert not judge(portion, "late", follower, model).clips
    (clip,) = judge(portion, "late", follower, model, 0.3).clips
    assert clip.match.offset_s == pytest.approx(0.4, abs=0.03)


def test_scenes_for_the_camera_are_films_with_their_own_and_then_with_each_others_sound(
    film: Callable[..., Path], talking: list[np.ndarray], voices: list[np.ndarray], tmp_path: Path
) -> None:
    times = (np.arange(RATE) / RATE).astype(np.float32)
    tones = [0.5 * np.sin(2 * np.pi * pitch * times) for pitch in (300, 900)]
    videos = [
        film(tmp_path / f"{number}.mp4", talking[number][:25], tone) for number, tone in enumerate(tones)
    ]
    dubbed_from_s, lasts_s = bench_camera.write_scenes(videos, tmp_path)
    sound, rate = soundfile.read(tmp_path / bench_camera.SOUND)
    assert seconds_of(tmp_path / bench_camera.FILM) == pytest.approx(lasts_s, abs=0.1)
    assert len(sound) / rate == pytest.approx(lasts_s, abs=0.05)
    part = (lasts_s - dubbed_from_s) / 2
    pitches = []
    for turn in (bench_camera.LEAD_S, dubbed_from_s):
        for number in range(2):
            first = round((turn + number * part + 0.2) * rate)
            pitches.append(int(np.abs(np.fft.rfft(sound[first : first + rate // 2])).argmax()) * 2)
    assert pitches == [300, 900, 900, 300]


def test_sound_lies_where_its_time_stamps_say() -> None:
    """Stamps that jitter move nothing; a second that was lost is silence."""
    random = np.random.default_rng(1)
    truth = random.standard_normal(4 * RATE).astype(np.float32)
    size = RATE // 50
    starts = [k * size for k in range(200) if not 50 <= k < 100]
    blocks = [
        (10 + first / RATE + float(random.uniform(0, 0.03)), truth[first : first + size]) for first in starts
    ]
    sound = placed(blocks, 9.5, 5.0)
    shift = round(0.5 * RATE)
    away = [
        np.argmax(
            np.correlate(
                sound[shift + a * RATE : shift + (a + 1) * RATE + 1600], truth[a * RATE : (a + 1) * RATE]
            )
        )
        for a in (0, 2, 3)
    ]
    assert all(0.010 < one / RATE < 0.020 for one in away)  # half of the jitter
    assert not sound[shift + RATE + 800 : shift + 2 * RATE].any()
