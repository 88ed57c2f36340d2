"""The whole line on real parts, in virtual time: a clip in, lips that speak it, figures that hold."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"
CLIPS = [None, *sorted(DATA.glob("grid_*.flac"))]


def say(*arguments: object, folder: Path) -> tuple[subprocess.CompletedProcess[str], dict]:
    """Runs the command as a user does; returns how it ended and its report."""
    done = subprocess.run(
        [sys.executable, "-m", "lipwright", "say", *map(str, arguments), "--sim", "--json", "r.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
    )
    report = folder / "r.json"
    return done, json.loads(report.read_text()) if report.exists() else {}


@pytest.fixture(scope="module", params=CLIPS, ids=lambda clip: clip.stem if clip else "shipped")
def spoken(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("say")
    done, report = say(*[request.param] * bool(request.param), "--virtual-time", "--no-film", folder=folder)
    assert done.returncode == 0, done.stderr
    return report


def test_real_micropython_runs_the_firmware(spoken):
    assert spoken["firmware"]["interpreter"].startswith("MicroPython 1.")
    assert spoken["firmware"]["tick_hz"] == 100
    assert spoken["channels"] == 26


def test_every_frame_is_accounted_for_and_none_is_late_or_broken(spoken):
    frames = spoken["frames"]
    assert frames["sent"] == frames["played"] + frames["dropped"]
    assert frames["sent"] > 50 * spoken["duration_s"]
    assert (frames["late"], frames["crc_errors"]) == (0, 0)


def test_frames_keep_to_the_wire_budget(spoken):
    assert spoken["wire"]["bytes_max"] <= 64
    assert spoken["wire"]["bytes_mean"] <= 45


def test_lips_follow_the_model_in_time(spoken):
    assert spoken["aperture"]["r"] >= 0.9
    assert -40 <= spoken["offset_ms"]["median"] <= 20


def test_lips_close_on_bilabials(spoken):
    assert spoken["closure"]["events"] >= 1
    # Clips of a few seconds have two at most, of which a person may miss one.
    assert spoken["closure"]["rate"] >= (0.7 if spoken["closure"]["events"] > 3 else 0.5)


def test_virtual_time_gives_the_same_report_byte_for_byte(tmp_path):
    reports = []
    for run in ("first", "second"):
        folder = tmp_path / run
        folder.mkdir()
        done, _ = say(CLIPS[1], "--virtual-time", "--no-film", folder=folder)
        assert done.returncode == 0, done.stderr
        reports.append((folder / "r.json").read_bytes())
    assert reports[0] == reports[1]


def test_in_real_time_film_picture_and_report_come_out(tmp_path):
    import av

    done, report = say(CLIPS[1], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert report["frames"]["sent"] == report["frames"]["played"] + report["frames"]["dropped"]
    assert report["frames"]["crc_errors"] == 0
    with av.open(str(tmp_path / f"{CLIPS[1].stem}.mp4")) as film:
        assert film.streams.video and film.streams.audio
        shown = film.streams.video[0].frames / 25
    assert shown == pytest.approx(report["duration_s"], abs=0.5)
    assert (tmp_path / f"{CLIPS[1].stem}.png").stat().st_size > 50_000


def test_on_a_port_a_board_in_another_process_speaks(tmp_path):
    port = tmp_path / "head"
    board = subprocess.Popen(
        [sys.executable, "-m", "lipwright", "board", "--sim", "--link", str(port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert board.stdout is not None
        assert str(port) in board.stdout.readline()
        done = subprocess.run(
            [sys.executable, "-m", "lipwright", "say", CLIPS[1], "--port", port, "--mute", "--json", "-"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        board.kill()
        board.wait()
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    frames = report["frames"]
    assert frames["sent"] == frames["played"] + frames["dropped"] > 50 * report["duration_s"]
    assert frames["crc_errors"] == 0
    assert "aperture" not in report, "nobody watches the lips of a board"
