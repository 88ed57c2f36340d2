"""Portions may come back in any order; what is written is what one after the other would have written."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from liplab.watch.desk import Account, Desk
from liplab.watch.jobs import Look, Looked, UnableError, Watch
from liplab.watch.portion import Refused, Watched
from liplab.watch.store import Store
from lipwright.errors import LipwrightError


@dataclass
class Film:
    """A video that is none: what it holds, how many portions it has and how many it says that it has."""

    content: str
    portions: int
    says_s: float | None
    broken_at: int | None = None


FILMS = {
    "a.mp4": Film("aaaa", 5, 290.0),
    "b.mp4": Film("bbbb", 1, 3.0),
    "longer.mp4": Film("cccc", 6, 130.0),
    "shorter.mp4": Film("dddd", 2, 3000.0),
    "says nothing.mp4": Film("eeee", 3, None),
    "copy of a.mp4": Film("aaaa", 5, 290.0),
    "broken.mp4": Film("ffff", 9, 500.0, broken_at=2),
    "copy of broken.mp4": Film("ffff", 9, 500.0, broken_at=2),
    "letter.mp4": Film("", 0, None),
}


def do(job: Look | Watch) -> Looked | Watched | LipwrightError:
    film = FILMS[job.path.name]
    if not film.content:
        return LipwrightError(f"{job.path.name} is no video.")
    if isinstance(job, Look):
        return Looked(film.content, 1, film.says_s)
    assert job.looked.video_hash == film.content
    if film.broken_at is not None and job.number >= film.broken_at:
        return LipwrightError(f"{job.path.name} is broken.")
    # What lies behind the end is empty, and comes to an end as well.
    last = job.number >= film.portions - 1
    refused = [Refused(60.0 * job.number, 1.5, film.content)]
    return Watched([], refused, 10, 7.1 if last else 60.0, last, "")


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "films"
    folder.mkdir()
    for name in FILMS:
        (folder / name).touch()
    return [folder / name for name in FILMS]


def run(films: list[Path], store: Store, order: random.Random | None, at_once: int = 7) -> Account:
    """All jobs, as they come or in a random order, up to `at_once` in work."""
    over: list[int] = []
    desk = Desk(films, store, None, ("sung",), lambda: over.append(1))
    in_work: list[Look | Watch] = []
    with store.held():
        while True:
            while len(in_work) < (1 if order is None else at_once) and (job := desk.next_job()) is not None:
                assert job not in in_work
                in_work.append(job)
            if not in_work:
                break
            job = in_work.pop(0 if order is None else order.randrange(len(in_work)))
            desk.take(job, do(job))
    assert len(over) == len(films)
    return desk.account()


def contents(store: Store) -> dict[str, bytes]:
    return {str(path.relative_to(store.folder)): path.read_bytes() for path in store.folder.rglob("*/*.json")}


@pytest.mark.parametrize("seed", range(12))
def test_any_order_gives_the_same_store_and_account(films: list[Path], tmp_path: Path, seed: int) -> None:
    one, other = Store(tmp_path / "one"), Store(tmp_path / "other")
    account = run(films, one, None)
    assert run(films, other, random.Random(seed)).report(Path()) == account.report(Path())
    assert contents(other) == contents(one)
    assert (account.videos, account.portions, account.known) == (6, 5 + 1 + 6 + 2 + 3 + 2, 5 + 2)
    assert [Path(path).name for path in account.unreadable] == [
        "broken.mp4",
        "copy of broken.mp4",
        "letter.mp4",
    ]


def test_a_run_that_ends_at_any_moment_goes_on_and_comes_out_alike(films: list[Path], tmp_path: Path) -> None:
    whole = Store(tmp_path / "whole")
    run(films, whole, None)
    for moment in range(1, 30, 4):
        store, chance = Store(tmp_path / str(moment)), random.Random(moment)
        desk, in_work = Desk(films, store, None, ("sung",)), []
        with store.held():
            for _ in range(moment):
                in_work += [job for _ in range(5) if (job := desk.next_job()) is not None]
                if in_work:
                    job = in_work.pop(chance.randrange(len(in_work)))
                    desk.take(job, do(job))
        run(films, store, None if moment % 8 == 1 else chance)
        assert contents(store) == contents(whole)


def test_many_copies_of_a_video_are_watched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"{number}.mp4" for number in range(1500)]
    copies = [tmp_path / name for name in names]
    for path in copies:
        path.touch()
        monkeypatch.setitem(FILMS, path.name, Film("aaaa", 2, 70.0))
    account = run(copies, Store(tmp_path / "store"), random.Random(1))
    assert (account.videos, account.portions, account.known) == (1500, 2, 2998)
    assert {record["video"] for record in Store(tmp_path / "store").records()} == {"0.mp4"}


def test_a_worker_that_can_do_nothing_ends_the_run(films: list[Path], tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    desk = Desk(films, store, None)
    job: Any = desk.next_job()
    with store.held(), pytest.raises(UnableError, match="no such machine"):
        desk.take(job, UnableError("no such machine"))


def test_a_video_that_is_taken_away_ends_the_run(films: list[Path], tmp_path: Path) -> None:
    desk = Desk(films, Store(tmp_path / "store"), None)
    job: Any = desk.next_job()
    job.path.unlink()
    with pytest.raises(LipwrightError, match="There is no video"):
        desk.take(job, LipwrightError("There is no video a.mp4; check the path."))
