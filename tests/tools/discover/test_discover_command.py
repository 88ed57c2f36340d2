"""`lipwright discover` as a user runs it: whatever is wrong is told in a sentence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from liplab.board import SimulatedBoard
from liplab.commands import DISCOVER
from liplab.discover.run import _Watch
from liplab.eyes.sight import EXPLAINED, TOO_DARK, Missed
from lipwright import cli
from lipwright.boards import list_ports
from lipwright.resources import models_dir

pytest.importorskip("cv2")


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Also where the package was installed before there was this command.
    monkeypatch.setattr(cli, "COMMANDS", {**cli.COMMANDS, **DISCOVER})


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What the command says when it exits with 2: one sentence."""
    assert cli.main(["discover", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("lipwright: ") and "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    return said


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with SimulatedBoard() as board:
        yield board.port


def test_help_has_examples_and_says_how_to_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["discover", "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "lipwright discover --sim" in said.partition("examples:")[2]
    for option in (
        "--camera",
        "--second-view",
        "--eyes",
        "--profile",
        "--output",
        "--no-install",
        "--report",
    ):
        assert option in said


def test_without_a_board_it_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_ports, "comports", lambda: [])  # whatever this machine has
    said = refused(capsys, "-o", "face")
    assert "no board is plugged in" in said and "--sim" in said


def test_a_camera_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str], port: str) -> None:
    assert "no camera /dev/video99" in refused(capsys, "-o", "face", "--camera", "99", "--port", port)
    said = refused(capsys, "-o", "face", "--camera", "http://127.0.0.1:9/x.mjpg", "--port", port)
    assert "stream that is on" in said


def test_a_port_that_is_no_board_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import cv2
    import numpy as np

    writer = cv2.VideoWriter("film.avi", cv2.VideoWriter_fourcc(*"MJPG"), 20, (64, 48))
    for _ in range(30):
        writer.write(np.full((48, 64, 3), 90, np.uint8))
    writer.release()
    words = ["-o", "face", "--camera", "film.avi", "--eyes", "dots", "--port", "/dev/ttyNOPE"]
    assert "no serial port /dev/ttyNOPE" in refused(capsys, *words)


def test_a_report_of_nothing_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    said = refused(capsys, "-o", "empty", "--report")
    assert "empty holds no finished discovery" in said and "lipwright discover -o empty" in said


def test_a_neck_that_a_head_does_not_have_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    skull = str(models_dir() / "jaw_skull.toml")
    said = refused(capsys, "--sim", "-o", "face", "--second-view", "neck", "--profile", skull)
    assert 'no channel "neck_yaw"' in said


def test_wear_is_for_the_reference_head(capsys: pytest.CaptureFixture[str]) -> None:
    skull = str(models_dir() / "jaw_skull.toml")
    assert "reference head" in refused(capsys, "--sim", "--worn", "-o", "face", "--profile", skull)


@pytest.mark.parametrize("share", ["0", "-1", "11", "nan"])
def test_a_training_out_of_bounds_is_refused(capsys: pytest.CaptureFixture[str], share: str) -> None:
    assert "--training takes" in refused(capsys, "--sim", "-o", "face", f"--training={share}")


def test_other_options_than_it_was_begun_with_are_refused_once_a_take_is_there(
    capsys: pytest.CaptureFixture[str], port: str
) -> None:
    refused(capsys, "-o", "face", "--camera", "99", "--port", port)
    again = ("-o", "face", "--camera", "99", "--port", port, "--seed", "2")
    assert "camera" in refused(capsys, *again), "nothing was filmed yet: other options are fine"
    index = Path("face/session.json")
    index.write_text(json.dumps(json.loads(index.read_text()) | {"seed": 1, "takes": [{}]}))
    assert "begun with another seed" in refused(capsys, *again)


def test_a_folder_that_is_a_file_and_a_profile_that_is_not_there_are_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "letter").write_text("Dear head")
    assert "letter" in refused(capsys, "--sim", "-o", "letter")
    assert "no head profile gone.toml" in refused(capsys, "--sim", "--profile", "gone.toml")


@pytest.mark.parametrize("words", [["--eyes", "nose"], ["--sim", "--port", "x"], ["--seed", "one"]])
def test_a_wrong_command_line_shows_the_usage(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["discover", *words])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: lipwright discover")


def test_a_viewer_is_told_what_the_camera_misses(tmp_path: Path) -> None:
    import numpy as np

    told: list[str] = []
    watch = _Watch(tmp_path)
    watch.tell = told.append
    watch.look("front", Missed(TOO_DARK), np.full((24, 32, 3), 9, np.uint8))
    assert told == [f"front: {EXPLAINED[TOO_DARK]}; 1 of 1 pictures missed"]
    assert (tmp_path / "preview.jpg").stat().st_size > 100
