"""What is kept is whole or not there, nothing but tracks, and gone without a trace when it is forgotten."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from liplab.watch import consent
from liplab.watch.portion import Clip, Refused, Watched
from liplab.watch.store import RECORD, Store, load
from liplab.watch.sync import Match
from lipwright.errors import LipwrightError

HASH = "0123456789abcdef"


def clip(name: str, seed: int = 0) -> Clip:
    random = np.random.default_rng(seed)
    return Clip(
        name,
        0,
        1.5,
        3.0,
        Match(0.02, 0.7, 0.5, ""),
        random.standard_normal((150, 2, 80)).astype(np.float16),
        (np.arange(75) / 25 + random.random(75) / 100).astype(np.float32),
        random.standard_normal((75, 21, 2)).astype(np.float32),
        random.random((75, 3)).astype(np.float32),
    )


def watched(*clips: Clip) -> Watched:
    return Watched(list(clips), [Refused(0.0, 1.5, "no face is to be seen")], 100, 4.0, True, "")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def all_bytes(folder: Path) -> bytes:
    return b"".join(
        str(path.relative_to(folder)).encode() + (path.read_bytes() if path.is_file() else b"")
        for path in folder.rglob("*")
    )


def test_tracks_come_back_as_they_went_in(store: Store) -> None:
    kept = clip("aaaaaaaaaaaa")
    with store.held():
        store.keep("anna.mp4", HASH, "anna", 0, watched(kept))
    (entry,) = store.entries()
    assert (entry.person, entry.video, entry.seconds, entry.offset_ms) == ("anna", "anna.mp4", 3.0, 20.0)
    tracks = load(entry.path)
    assert np.array_equal(tracks.mel, kept.mel.astype(np.float32))
    assert np.abs(tracks.lips_mm - kept.lips_mm).max() <= 0.006  # mm
    assert np.allclose(tracks.times_s, kept.times_s)
    assert np.allclose(tracks.measures, kept.measures, atol=1e-3)


def test_nobody_else_can_read_it(store: Store) -> None:
    with store.held():
        store.keep("anna.mp4", HASH, "anna", 0, watched(clip("aaaaaaaaaaaa")))
    assert store.folder.stat().st_mode & 0o077 == 0


def test_a_portion_is_kept_once(store: Store) -> None:
    with store.held():
        store.keep("anna.mp4", HASH, "anna", 0, watched(clip("aaaaaaaaaaaa", 1)))
        before = all_bytes(store.folder)
        assert store.has(HASH, 0) and not store.has(HASH, 1) and store.is_last(HASH, 0)
        store.keep("copy.mp4", HASH, "ben", 0, watched(clip("bbbbbbbbbbbb", 2)))
        assert all_bytes(store.folder) == before


@pytest.mark.parametrize("what", ["anna", "clip"])
def test_what_is_forgotten_leaves_no_byte(store: Store, what: str) -> None:
    mine, other = clip("aaaaaaaaaaaa", 1), clip("bbbbbbbbbbbb", 2)
    with store.held():
        store.keep("anna's video.mp4", HASH, "anna", 0, watched(mine))
        store.keep("ben.mp4", "f" * 16, "ben", 0, watched(other))
    packed, rest = (entry.path.read_bytes() for entry in store.entries())
    pieces = [packed[at : at + 32] for at in range(64, len(packed) - 64, 500)]
    pieces = [piece for piece in pieces if piece not in rest]  # the frame of such files is the same
    assert len(pieces) > 20
    assert all(piece in all_bytes(store.folder) for piece in pieces)
    with store.held():
        assert store.forget("anna" if what == "anna" else mine.name) == [mine.name]
    left = all_bytes(store.folder)
    assert mine.name.encode() not in left
    assert not any(piece in left for piece in pieces)
    if what == "anna":
        assert b"anna" not in left and HASH.encode() not in left
    assert [entry.clip for entry in store.entries()] == [other.name]


def test_a_day_is_forgotten_and_a_clip_is_not_watched_again(store: Store) -> None:
    with store.held():
        store.keep("anna.mp4", HASH, "anna", 0, watched(clip("aaaaaaaaaaaa", 1), clip("bbbbbbbbbbbb", 2)))
        store.forget("aaaaaaaaaaaa")
        assert store.has(HASH, 0)
        (entry,) = store.entries()
        assert store.forget(entry.day) == ["bbbbbbbbbbbb"]
        assert not store.has(HASH, 0) and store.entries() == [] and store.records() == []


def test_tags_are_kept_and_forgotten_by(store: Store) -> None:
    with store.held():
        store.keep("a.mp4", HASH, "anna", 0, watched(clip("aaaaaaaaaaaa", 1)), ["sung", "child", "sung"])
        store.keep("b.mp4", "f" * 16, "anna", 0, watched(clip("bbbbbbbbbbbb", 2)), ["whispered"])
        assert [entry.tags for entry in store.entries()] == [("child", "sung"), ("whispered",)]
        assert store.forget("sung") == ["aaaaaaaaaaaa"]
        (entry,) = store.entries()
        record = entry.path.parent / RECORD
        record.write_text(record.read_text().replace('"tags"', '"older"'))
        assert store.entries()[0].tags == ()


def test_what_is_not_there_cannot_be_forgotten(store: Store) -> None:
    with store.held(), pytest.raises(LipwrightError, match="Nothing is kept"):
        store.forget("nobody")
    with store.held(), pytest.raises(LipwrightError, match="Nothing is kept"):
        store.forget("../../etc/passwd")


def test_two_runs_do_not_write_at_once(store: Store) -> None:
    with (
        store.held(),
        pytest.raises(LipwrightError, match="Another liplab watch"),
        Store(store.folder).held(),
    ):
        pass


def test_a_run_that_is_killed_leaves_nothing_half(store: Store) -> None:
    """A process writes portion after portion and is killed at random moments, several times."""
    script = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_store import Store, clip, watched
        store = Store(Path({str(store.folder)!r}))
        with store.held():
            print("ready", flush=True)
            for number in range(int(sys.argv[1]), 100000):
                store.keep("v.mp4", "{HASH}", "p", number, watched(clip(f"{{number:012x}}", number)))
        """
    )
    random = np.random.default_rng(3)
    for _ in range(4):
        first = len(store.entries()) if store.folder.exists() else 0
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(first)],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(float(random.uniform(0.02, 0.25)))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        entries = store.entries()
        assert len(entries) > first
        for entry in entries:
            assert len(load(entry.path).mel) == 150
    with store.held():
        pass
    assert not [path for path in store.folder.rglob("*") if ".part" in path.name]


def test_damage_is_said_with_what_to_do(store: Store) -> None:
    with store.held():
        store.keep("anna.mp4", HASH, "anna", 0, watched(clip("aaaaaaaaaaaa")))
    (entry,) = store.entries()
    entry.path.write_bytes(entry.path.read_bytes()[:500])
    with pytest.raises(LipwrightError, match="forget aaaaaaaaaaaa"):
        load(entry.path)
    (entry.path.parent / RECORD).write_text("{")
    with pytest.raises(LipwrightError, match="is damaged"):
        store.entries()


def test_consent_is_asked_once_and_says_what_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    with pytest.raises(LipwrightError, match="--yes"):
        consent.ask(folder, yes=False)
    assert not folder.exists()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("sys.stdin.readline", lambda: "no\n")
    with pytest.raises(LipwrightError, match="nothing was kept"):
        consent.ask(folder, yes=False)
    assert not folder.exists()
    monkeypatch.setattr("sys.stdin.readline", lambda: "y\n")
    consent.ask(folder, yes=False)
    told = capsys.readouterr().err
    assert str(folder) in told and "forget" in told and "Not kept: pictures" in told
    consent.ask(folder, yes=False)
    assert capsys.readouterr().err == ""
