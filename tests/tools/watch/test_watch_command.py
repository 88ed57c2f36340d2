"""`liplab watch` from the command line: consent, JSON, list, forget, and no word to the network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from liplab.cli import main


@pytest.fixture(scope="module")
def anna(
    tmp_path_factory: pytest.TempPathFactory,
    film: Callable[..., Path],
    talking: list[np.ndarray],
    voices: list[np.ndarray],
) -> Path:
    return film(tmp_path_factory.mktemp("films") / "interview.mp4", talking[0], voices[0])


def test_watch_list_forget(anna: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, report = tmp_path / "store", tmp_path / "report.json"
    told = ["--store", str(store)]
    assert main(["watch", str(anna), "--person", "anna", *told]) == 2
    assert "consent" in capsys.readouterr().err and not store.exists()

    assert main(["watch", str(anna), "--tag", "Sung!", "--yes", *told]) == 2
    assert "is no tag" in capsys.readouterr().err
    named = ["--person", "anna", "--tag", "sung", "--tag", "child", "--yes", "--json", str(report)]
    assert main(["watch", str(anna), *named, *told]) == 0
    assert "1 clips kept" in capsys.readouterr().out
    figures = json.loads(report.read_text())
    assert figures["clips"] == 1 and figures["pictures"] > 70 and figures["kept_s"] > 2.5

    assert main(["watch", str(anna), *told]) == 0  # consent was given; nothing is new
    assert "watched before" in capsys.readouterr().out

    assert main(["watch", "list", "--json", "-", *told]) == 0
    (clip,) = json.loads(capsys.readouterr().out)["clips"]
    assert (clip["person"], clip["video"]) == ("anna", "interview.mp4")
    assert clip["tags"] == ["child", "sung"]
    assert main(["watch", "list", *told]) == 0
    assert capsys.readouterr().out.rstrip().endswith("child sung")
    assert "<td>sung</td><td>1</td>" in (store / "seen.html").read_text()

    assert main(["watch", "forget", "anna", *told]) == 0
    assert "nothing of them is left" in capsys.readouterr().out
    assert not list(store.glob("portions/*"))
    left = b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())
    assert b"interview" not in left and clip["clip"].encode() not in left
    assert main(["watch", "forget", "anna", *told]) == 2
    assert main(["watch", "list", *told]) == 0
    assert "Nothing is kept" in capsys.readouterr().out


def test_a_video_that_cannot_be_read_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear head,\n" * 400)
    assert main(["watch", str(letter), "--yes", "--store", str(tmp_path / "store")]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == f"liplab: {letter} cannot be read as a video; copy it again, or convert it."


def test_no_connection_is_made(anna: Path, tmp_path: Path) -> None:
    """The kernel tells every connection that the process and its threads ask for."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("NOT TESTED without strace: that watching makes no connection")
    log = tmp_path / "calls"
    calls = "connect,sendto,sendmsg,bind"
    options = ["--yes", "--store", str(tmp_path / "store")]
    watch = [sys.executable, "-m", "liplab", "watch", str(anna), *options]
    command = [strace, "-f", "-o", str(log), "-e", f"trace={calls}", *watch]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr.lower():
        pytest.skip("NOT TESTED where processes may not be traced: that watching makes no connection")
    assert done.returncode == 0, done.stderr
    assert "1 clips kept" in done.stdout
    assert "exited with 0" in log.read_text()
    reached = [line for line in log.read_text().splitlines() if "AF_INET" in line or "AF_NETLINK" in line]
    assert reached == []
