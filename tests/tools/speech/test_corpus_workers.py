"""A corpus that several processes make is the one that a single process makes, byte for byte."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from liplab.lips.dataset import make_streams
from liplab.speech.corpus import Part, make_parts, put_in_place, recipe, unfinished_name
from liplab.workers import Crew, crew_of
from lipwright.errors import LipwrightError

pytestmark = [
    pytest.mark.skipif(find_spec("distributed") is None, reason="NOT TESTED without the extra scale"),
    pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="NOT TESTED without espeak-ng"),
]
NAMES = ("espeak-nl", "espeak-pt-br", "espeak-tr")


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with crew_of(2, None) as two:
        assert two is not None
        yield two


@pytest.fixture(scope="module")
def parts() -> list[Part]:
    return [replace(part, seconds=4.0) for part in recipe() if part.name in NAMES]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def made(folder: Path, parts: list[Part], crew: Crew | None) -> dict[str, bytes]:
    held = make_parts(folder, parts, None, crew)
    make_streams(folder, held, crew=crew)
    return contents(folder)


def test_workers_make_the_same_corpus(tmp_path: Path, parts: list[Part], crew: Crew) -> None:
    alone = made(tmp_path / "alone", parts, None)
    together = made(tmp_path / "together", parts, crew)
    assert together == alone and len(alone) == 2 * len(NAMES) + 1
    # A part does not depend on what was made before it, so a run that goes on makes the same.
    os.kill(crew.processes()[0], signal.SIGKILL)
    for folder in ("speech", "streams/0"):
        (tmp_path / "together" / folder / "espeak-tr.npz").unlink()
    assert made(tmp_path / "together", parts, crew) == alone


def test_a_part_that_cannot_be_made_is_named(tmp_path: Path, parts: list[Part], crew: Crew) -> None:
    strange = replace(parts[0], name="strange", voice="none-such")
    with pytest.raises(LipwrightError, match=r"name='strange'.* failed on a worker: KeyError"):
        make_parts(tmp_path, [strange], None, crew)


def test_what_a_killed_worker_began_is_cleared_away(tmp_path: Path) -> None:
    path = tmp_path / "espeak-nl.npz"
    left = tmp_path / "espeak-nl.elsewhere-77.part.npz"
    other = tmp_path / "espeak-nl-x.elsewhere-77.part.npz"
    for one in (left, other, unfinished_name(path)):
        one.write_text("half")
    unfinished_name(path).write_text("whole")
    put_in_place(unfinished_name(path), path)
    assert path.read_text() == "whole"
    assert sorted(tmp_path.iterdir()) == [other, path]
    put_in_place(unfinished_name(path), path)  # somebody who was given up for dead was first
    assert path.read_text() == "whole"
