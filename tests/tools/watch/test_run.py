"""Videos become clips, each once, and what cannot be used is left out with the reason."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from liplab.watch.faces import NO_FACE
from liplab.watch.normalise import articulation
from liplab.watch.run import draw_page, find_videos, watch
from liplab.watch.store import PAGE, Store, load
from liplab.watch.sync import DUBBED, NO_SOUND, NOBODY_SPEAKS
from lipwright.audio.decode import RATE
from lipwright.errors import LipwrightError

Film = Callable[..., Path]


def late(sound: np.ndarray, ms: int) -> np.ndarray:
    places = ms * RATE // 1000
    return np.concatenate([np.zeros(places, np.float32), sound])[: len(sound)]


@pytest.fixture(scope="module")
def films(
    tmp_path_factory: pytest.TempPathFactory, film: Film, talking: list[np.ndarray], voices: list[np.ndarray]
) -> Path:
    """A folder of videos: two true ones, one whose sound is late, and some of no use."""
    folder = tmp_path_factory.mktemp("films")
    film(folder / "anna.mp4", talking[0], voices[0])
    film(folder / "ben.mkv", talking[1], voices[1])
    film(folder / "late.mp4", talking[0], late(voices[0], 130))
    film(folder / "dubbed.mp4", talking[0], voices[1])
    film(folder / "mute.mp4", talking[0])
    film(folder / "silent.mp4", talking[0], np.zeros_like(voices[0]))
    film(folder / "wall.mp4", np.full_like(talking[0], 130), voices[0])
    (folder / "letter.mp4").write_text("Dear head,\n" * 400)
    return folder


@pytest.fixture(scope="module")
def seen(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """All of them, watched."""
    store = Store(tmp_path_factory.mktemp("store") / "watched")
    with store.held():
        account = watch(find_videos([films]), store, None)
        draw_page(store)
    assert account.videos == 7 and account.clips == 3
    assert list(account.unreadable) == [str(films / "letter.mp4")]
    return store


def test_who_speaks_is_kept_with_the_offset_of_the_sound(seen: Store) -> None:
    offsets = {entry.video: entry.offset_ms for entry in seen.entries()}
    assert set(offsets) == {"anna.mp4", "ben.mkv", "late.mp4"}
    assert abs(offsets["anna.mp4"]) < 20 and abs(offsets["ben.mkv"]) < 20
    assert offsets["late.mp4"] - offsets["anna.mp4"] == pytest.approx(130, abs=15)


def test_what_is_of_no_use_is_refused_with_the_reason(seen: Store) -> None:
    reasons = {record["video"]: [one["reason"] for one in record["refused"]] for record in seen.records()}
    assert reasons["dubbed.mp4"] == [DUBBED]
    assert reasons["mute.mp4"] == [NO_SOUND]
    assert reasons["silent.mp4"] == [NOBODY_SPEAKS]
    assert reasons["wall.mp4"] == [NO_FACE]


def test_lips_and_sound_are_in_step_in_what_is_kept(seen: Store) -> None:
    """The late film's tracks are those of the true one: its lips lie 130 ms later on its sound's clock."""
    tracks = {entry.video: load(entry.path) for entry in seen.entries()}
    true, moved = tracks["anna.mp4"], tracks["late.mp4"]
    level = {name: tracks[name].mel.mean(axis=(1, 2)) for name in tracks}
    grid = np.arange(0.3, 2.6, 0.02)
    loud = [
        np.interp(grid, np.arange(len(level[name])) * 0.02, level[name]) for name in ("anna.mp4", "late.mp4")
    ]
    wide = [np.interp(grid, one.times_s, one.measures[:, 0]) for one in (true, moved)]
    assert np.corrcoef(*wide)[0, 1] > 0.95
    assert np.corrcoef(*loud)[0, 1] > 0.95


def test_lip_shapes_are_ways_of_a_head_in_mm(seen: Store) -> None:
    for entry in seen.entries():
        tracks = load(entry.path)
        gap = (tracks.lips_mm[:, 1:10, 1] - tracks.lips_mm[:, 11:20, 1]).max(axis=1)
        assert 4 < gap.max() < 30
        assert abs(np.percentile(gap, 5)) < 2  # closed at rest
        assert np.corrcoef(gap, tracks.measures[:, 0])[0, 1] > 0.9
        (made,) = articulation([tracks.measures])
        assert np.isnan(made[:, [2, 4]]).all() and 0.7 < np.nanmax(made[:, 0]) < 1.6


def test_nothing_but_tracks_is_on_disk(seen: Store) -> None:
    for path in seen.folder.rglob("*"):
        assert path.is_dir() or path.name in (".lock", PAGE, "record.json") or path.suffix == ".npz"
    entries = seen.entries()
    with np.load(entries[0].path) as stored:
        assert sorted(stored.files) == ["lips", "measures", "mel", "times_s"]
    # Three seconds of pictures alone would be a hundred times that.
    assert all(entry.path.stat().st_size < 20_000 * entry.seconds for entry in entries)


def test_the_page_draws_lips_and_holds_no_picture(seen: Store) -> None:
    page = (seen.folder / PAGE).read_text()
    assert page.count("<figure>") == 3 and page.count("<polygon") == 3 * 8
    assert "<img" not in page and "http" not in page and "data:" not in page and "<script" not in page
    assert DUBBED in page


def test_what_was_watched_is_not_watched_again(films: Path, seen: Store, tmp_path: Path) -> None:
    copy = tmp_path / "another name.mp4"
    shutil.copy(films / "anna.mp4", copy)
    before = [entry.path.stat().st_mtime_ns for entry in seen.entries()]
    with seen.held():
        account = watch([copy, films / "ben.mkv"], seen, "somebody")
    assert (account.known, account.portions, account.clips) == (2, 0, 0)
    assert [entry.path.stat().st_mtime_ns for entry in seen.entries()] == before


def test_folders_without_videos_and_missing_ones_are_said(tmp_path: Path) -> None:
    with pytest.raises(LipwrightError, match="no videos in the folder"):
        find_videos([tmp_path])
    with pytest.raises(LipwrightError, match="no video or folder"):
        find_videos([tmp_path / "gone.mp4"])


def test_a_run_that_is_killed_goes_on_and_comes_out_alike(films: Path, seen: Store, tmp_path: Path) -> None:
    few = tmp_path / "few"
    few.mkdir()
    for name in ("anna.mp4", "ben.mkv", "late.mp4"):
        shutil.copy(films / name, few)
    store = Store(tmp_path / "store")
    options = ["--yes", "--store", str(store.folder)]
    command = [sys.executable, "-m", "liplab", "watch", str(few), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(store.folder.glob("portions/[!.]*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < len(store.records()) < 3
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    assert [entry.clip for entry in store.entries()] == [entry.clip for entry in seen.entries()]
    for mine, other in zip(store.entries(), seen.entries(), strict=True):
        assert mine.path.read_bytes() == other.path.read_bytes()
