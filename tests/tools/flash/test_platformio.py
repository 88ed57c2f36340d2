"""The real PlatformIO, with no network: every environment compiles, and a board is flashed over a pty."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from platformio.dependencies import get_core_dependencies

from liplab.flash.build import build
from liplab.flash.targets import TARGETS

ROOT = Path(__file__).parents[3]
PIO = Path(sys.executable).with_name("pio")
PARTS = ("platformio.ini", "tools/platformio", "mcu")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of what PlatformIO sees of the repository, so that it leaves nothing there."""
    folder = tmp_path_factory.mktemp("project")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


@pytest.fixture(scope="module")
def pio(project, tmp_path_factory):
    """Runs PlatformIO in the project; no registry is reached.

    Its build tool, SCons, which it would fetch from its own registry, comes from PyPI.
    """
    core = tmp_path_factory.mktemp("core")
    tool = core / "packages/tool-scons"
    version = get_core_dependencies()["tool-scons"].lstrip("~")  # for instance 4.41101.0: SCons 4.11.1
    digits = version.split(".")[1]
    scons = f"{digits[0]}.{int(digits[1:3])}.{int(digits[3:])}"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", tool, f"scons=={scons}"],
        check=True,
    )
    (tool / "scons.py").write_text("from SCons.Script import main\n\nmain()\n")
    package = {"name": "tool-scons", "version": version, "system": "*"}
    (tool / "package.json").write_text(json.dumps(package))
    spec = {"owner": "platformio", "id": None, "name": "tool-scons", "requirements": None, "uri": None}
    (tool / ".piopm").write_text(
        json.dumps({"type": "tool", "name": "tool-scons", "version": version, "spec": spec})
    )
    nowhere = "http://127.0.0.1:9"
    environment = os.environ | {
        "PLATFORMIO_CORE_DIR": str(core),
        "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
    }

    def run(*arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [PIO, *map(str, arguments)],
            cwd=project,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    return run


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_every_environment_compiles_what_the_command_flashes(pio, project, target):
    done = pio("run", "-e", target.key)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = project / ".pio/build" / target.key / "firmware"
    built = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert built == build(target).files


def test_the_environments_are_the_boards_that_there_are(project):
    boards = {path.stem for path in (project / "tools/platformio/boards").glob("*.json")}
    assert boards == set(TARGETS)
    lines = (project / "platformio.ini").read_text().splitlines()
    assert {line[5:-1] for line in lines if line.startswith("[env:")} == boards


def test_upload_flashes_a_board_and_hears_it_speak(pio, any_board):
    done = pio("run", "-e", "unix", "-t", "upload", "--upload-port", any_board.port)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the board speaks: simulated board" in done.stderr
    info = any_board.greet()
    assert info is not None and info.firmware_version in done.stderr


def test_upload_to_another_kind_of_board_fails_with_one_sentence(pio, board):
    done = pio("run", "-e", "pico", "-t", "upload", "--upload-port", board.port)
    assert done.returncode != 0
    assert "is a board that is a process, not a Raspberry Pi Pico" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert list(board.flash.iterdir()) == []
