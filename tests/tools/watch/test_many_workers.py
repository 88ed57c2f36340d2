"""Several processes watch into the same store as one, also when some of them are killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from liplab.bench_scale import bench_scale, contents
from liplab.cli import main
from liplab.watch.desk import Account
from liplab.watch.jobs import Look as LookAt
from liplab.watch.jobs import UnableError, Watch, do_elsewhere, look, put_away, shipped_hash
from liplab.watch.run import watch
from liplab.watch.store import Store
from liplab.workers import Crew, crew_of
from lipwright.audio.decode import RATE

pytestmark = pytest.mark.skipif(find_spec("distributed") is None, reason="NOT TESTED without the extra scale")


@pytest.fixture(scope="module")
def films(
    tmp_path_factory: pytest.TempPathFactory,
    film: Callable[..., Path],
    talking: list[np.ndarray],
    voices: list[np.ndarray],
) -> list[Path]:
    """One who speaks, three portions of a wall, and no video."""
    folder = tmp_path_factory.mktemp("films")
    wall = np.full((130, 48, 64, 3), 120, np.uint8)
    hum = 0.1 * np.sin(np.arange(130 * RATE) * 0.3).astype(np.float32)
    letter = folder / "letter.mp4"
    letter.write_text("Dear head,\n" * 400)
    return [
        film(folder / "anna.mp4", talking[0], voices[0]),
        film(folder / "wall.mkv", wall, hum, hz=1),
        letter,
        film(folder / "ben.mkv", talking[1], voices[1]),
    ]


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with crew_of(2, None) as two:
        assert two is not None
        yield two


def watched(films: list[Path], folder: Path, crew: Crew | None) -> tuple[dict[str, bytes], Account]:
    store = Store(folder)
    with store.held():
        account = watch(films, store, None, ["sung"], crew)
    return contents(folder), account


def test_workers_fill_the_same_store(films: list[Path], crew: Crew, tmp_path: Path) -> None:
    alone, one = watched(films, tmp_path / "one", None)
    together, two = watched(films, tmp_path / "two", crew)
    assert together == alone and two.report(tmp_path) == one.report(tmp_path)
    assert (one.videos, one.portions, one.clips) == (3, 5, 2)
    again, three = watched(films, tmp_path / "two", crew)
    assert again == alone and (three.portions, three.known) == (0, 5)


def test_a_killed_worker_changes_nothing(films: list[Path]) -> None:
    figures = bench_scale(films[:1], workers=2, kills=1, least_portions=4)
    assert figures["killed_workers"] == 1
    assert figures["files"] == 4 * 2 + 1 and figures["portions"] == figures["killed_portions"] == 4
    assert figures["files_that_differ"] == figures["killed_files_that_differ"] == 0
    assert 0 < figures["sent_mb_per_video_hour"] < 100 and figures["speed_up"] > 0


def test_a_machine_that_does_not_see_the_same_videos_is_named(films: list[Path], tmp_path: Path) -> None:
    missing = tmp_path / "films" / "anna.mp4"
    with pytest.raises(UnableError, match=r"cannot read .*anna.mp4.*same path"):
        do_elsewhere(shipped_hash(), LookAt(missing))
    looked = look(LookAt(films[0]))
    with pytest.raises(UnableError, match="another video at"):
        do_elsewhere(shipped_hash(), Watch(films[3], 0, looked))
    with pytest.raises(UnableError, match="another version"):
        do_elsewhere("a hash", Watch(films[0], 0, looked))
    put_away()


def test_the_command_takes_workers_and_clusters(
    films: list[Path], crew: Crew, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, address = str(tmp_path / "store"), crew.client.scheduler.address
    told = ["watch", str(films[0]), "--store", store, "--cluster", address]
    assert main(["watch", str(films[0]), "--store", store, "--workers", "0", "--yes"]) == 2
    assert "at least 1" in capsys.readouterr().err
    # Consent for this machine is none for others.
    assert main(told) == 2
    assert "machines of the cluster" in capsys.readouterr().err
    assert main([*told, "--yes", "--tag", "sung"]) == 0
    assert "1 clips kept" in capsys.readouterr().out
    assert main(told) == 0
    assert "watched before" in capsys.readouterr().out
