"""A session keeps what was filmed: through kills, full disks, and mistakes of its user."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from liplab.discover.plan import Take
from liplab.discover.session import FRONT, SECOND, Filmed, Footage, Session, counted
from liplab.eyes.sight import LOST_DOTS, TOO_DARK, Missed, Sight
from lipwright.errors import LipwrightError
from lipwright.face.profile import HeadProfile

FACTS = {"eyes": "dots", "seed": 1}

# Saves takes as fast as it can; the first argument is the folder, the second the size that a file may have.
BUSY = """
import resource, sys
from pathlib import Path
import numpy as np
from liplab.discover.plan import Take
from liplab.discover.session import Filmed, Footage, Session
from liplab.eyes.sight import Sight
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile

folder, size, steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if size:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
random = np.random.default_rng(1)
session = Session(folder, load_profile(), {"eyes": "dots", "seed": 1})
print("ready", flush=True)
try:
    while True:
        sights = tuple(
            Sight(random.random((20, 2)), random.random(2), random.random((3, 2))) for _ in range(steps)
        )
        footage = Footage(np.arange(steps) / 30, sights)
        session.save(Filmed(Take("babble", random.random((steps, 26)).astype("f4")), {"front": footage}))
        steps += 1
except LipwrightError as error:
    print(session.count, error)
    sys.exit(2)
"""


def sight(number: int) -> Sight:
    random = np.random.default_rng(number)
    return Sight(random.random((20, 2)) * 400, random.random(2) * 400, random.random((3, 2)) * 400)


def filmed(number: int, kind: str = "babble", views: tuple[str, ...] = (FRONT,)) -> Filmed:
    targets = np.random.default_rng(number).random((30, 26)).astype(np.float32)
    found = {}
    for view in views:
        sights = [sight(100 * number + k) for k in range(18)] + [Missed(TOO_DARK), Missed(LOST_DOTS)]
        picture = np.full((24, 32, 3), 40 * number, np.uint8)
        found[view] = Footage(np.arange(20) / 30 + 0.01, tuple(sights), (picture, picture + 5))
    return Filmed(Take(kind, targets, 0.3 * number), found)


def same(one: Filmed, other: Filmed) -> bool:
    assert (one.take.kind, one.take.still_s) == (other.take.kind, other.take.still_s)
    assert np.array_equal(one.take.targets, other.take.targets)
    assert one.views.keys() == other.views.keys()
    for view, footage in one.views.items():
        again = other.views[view]
        assert np.array_equal(footage.times_s, again.times_s)
        assert len(footage.sights) == len(again.sights)
        for first, second in zip(footage.sights, again.sights, strict=True):
            if isinstance(first, Missed) or isinstance(second, Missed):
                assert first == second
            else:
                for part in ("lips", "chin", "anchors"):
                    assert np.allclose(getattr(first, part), getattr(second, part), atol=1e-4)
    return True


def test_takes_come_back_as_they_were_saved(tmp_path: Path, reference: HeadProfile) -> None:
    session = Session(tmp_path / "a" / "b", reference, FACTS)
    takes = [filmed(0, "claps"), filmed(1, "motors", (FRONT, SECOND)), filmed(2)]
    for take in takes:
        session.save(take)
    for one in (session, Session(tmp_path / "a" / "b", reference, FACTS)):
        assert one.count == 3
        assert all(same(*pair) for pair in zip(takes, one.load(), strict=True))
        assert one.frames == 80
        assert one.dropped == {TOO_DARK: 4, LOST_DOTS: 4}
    assert len(session.pictures()) == 8
    assert [path.name[:4] for path in session.pictures()] == sorted(
        ["000-"] * 2 + ["001-"] * 4 + ["002-"] * 2
    )


def test_a_take_in_which_no_face_was_seen_comes_back_too(tmp_path: Path, reference: HeadProfile) -> None:
    session = Session(tmp_path, reference, FACTS)
    nothing = Footage(np.arange(3) / 30, (Missed(TOO_DARK),) * 3)
    session.save(Filmed(filmed(1).take, {FRONT: nothing}))
    assert session.load()[0].views[FRONT].sights == nothing.sights
    assert not session.load()[0].views[FRONT].found.any()


def test_what_was_noted_is_kept(tmp_path: Path, reference: HeadProfile) -> None:
    Session(tmp_path, reference, FACTS).note(learn_s=3.5)
    assert Session(tmp_path, reference, FACTS).state["learn_s"] == 3.5


def test_other_options_or_another_head_are_refused(
    tmp_path: Path, reference: HeadProfile, skull: HeadProfile
) -> None:
    Session(tmp_path, reference, FACTS).save(filmed(1))
    with pytest.raises(
        LipwrightError, match=r"begun with another seed; give the same options.*another folder"
    ):
        Session(tmp_path, reference, {**FACTS, "seed": 2})
    with pytest.raises(LipwrightError, match="another head and channels and eyes"):
        Session(tmp_path, skull, {**FACTS, "eyes": "mesh"})
    mended = (replace(reference.channels[0], inverted=True), *reference.channels[1:])
    with pytest.raises(LipwrightError, match="another channels"):
        Session(tmp_path, replace(reference, channels=mended), FACTS)
    # What has no part in filming may change.
    assert Session(tmp_path, replace(reference, face_model="mine.tflite"), FACTS).count == 1


def test_a_killed_run_goes_on_after_the_takes_that_are_whole(tmp_path: Path, reference: HeadProfile) -> None:
    running = subprocess.Popen(
        [sys.executable, "-c", BUSY, str(tmp_path), "0", "300"], stdout=subprocess.PIPE
    )
    assert running.stdout is not None and running.stdout.readline()
    deadline = time.monotonic() + 30
    while not (tmp_path / "takes" / "003.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    session = Session(tmp_path, reference, FACTS)
    assert session.count >= 3
    takes = session.load()
    # Every take of that run is a frame longer than the one before it.
    assert [len(take.take.targets) for take in takes] == list(range(300, 300 + session.count))
    session.save(filmed(5))
    again = Session(tmp_path, reference, FACTS)
    assert again.count == len(takes) + 1
    assert same(again.load()[-1], filmed(5))


@pytest.mark.parametrize("index", [False, True], ids=["take", "index"])
def test_a_full_disk_is_told_and_loses_nothing(tmp_path: Path, reference: HeadProfile, index: bool) -> None:
    before = Session(tmp_path, reference, FACTS)
    before.save(filmed(1))
    if index:  # session.json is what no longer fits
        before.note(long="x" * 60_000)
    size = 60_100 if index else 40_000
    arguments = [str(tmp_path), str(size), "10" if index else "100"]
    done = subprocess.run(
        [sys.executable, "-c", BUSY, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    count, _, said = done.stdout.splitlines()[-1].partition(" ")
    assert "cannot be written" in said and "Nothing is lost" in said and "same command" in said
    session = Session(tmp_path, reference, FACTS)
    assert f"after the {session.count} takes" in said and session.count == int(count)
    assert same(session.load()[0], filmed(1))
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]  # nothing half-written lies about
    session.save(filmed(2))
    assert same(Session(tmp_path, reference, FACTS).load()[-1], filmed(2))


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path, reference: HeadProfile) -> None:
    (tmp_path / "file").write_text("a letter")
    with pytest.raises(LipwrightError, match=r"folder .*file"):
        Session(tmp_path / "file", reference, FACTS)


@pytest.mark.parametrize("text", ["", "{", "[1, 2"])
def test_an_index_that_is_damaged_is_named(tmp_path: Path, reference: HeadProfile, text: str) -> None:
    Session(tmp_path, reference, FACTS)
    (tmp_path / "session.json").write_text(text)
    with pytest.raises(LipwrightError, match=r"session\.json cannot be read"):
        Session(tmp_path, reference, FACTS)


@pytest.mark.parametrize("damage", [b"", b"no take", None], ids=["empty", "other", "cut"])
def test_a_take_that_is_damaged_is_named(
    tmp_path: Path, reference: HeadProfile, damage: bytes | None
) -> None:
    session = Session(tmp_path, reference, FACTS)
    session.save(filmed(1))
    path = tmp_path / "takes" / "000.npz"
    path.write_bytes(path.read_bytes()[:-200] if damage is None else damage)
    with pytest.raises(LipwrightError, match=r"take .*000\.npz cannot be read"):
        session.load()


def test_dropped_frames_are_told_in_words(tmp_path: Path) -> None:
    assert counted({"b": 2, "a": 7}, {"a": "too dark"}) == "7 too dark, 2 b"
    assert counted({}, {}) == ""


def test_the_index_says_what_was_filmed(tmp_path: Path, reference: HeadProfile) -> None:
    Session(tmp_path, reference, FACTS).save(filmed(1, "motors", (FRONT, SECOND)))
    entry = json.loads((tmp_path / "session.json").read_text())["takes"][0]
    assert (entry["kind"], entry["views"], entry["frames"]) == ("motors", [FRONT, SECOND], 40)
    assert entry["seconds"] == pytest.approx(0.6)
