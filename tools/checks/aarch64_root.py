#!/usr/bin/env python3
"""Speaks the shipped sentence with the runtime of a Raspberry Pi, on this machine; counts what it costs.

A Debian for 64-bit ARM is unpacked into a folder (debootstrap; package scripts are not run), Lipwright and
its dependencies are installed into it from wheels alone, with no network, and QEMU's user emulation runs it
there: the real Python, the real runtime of the models, the real serial port. Behind the port, the firmware
runs on this machine. The board must play every frame that the emulated Pi sends.

QEMU counts the instructions of two clips; their difference is what a second of speech costs, start-up left
out. The load of a board follows from that and

- its clock, and the instructions that its core does in a cycle (IPC). No Pi is measured here, so that is an
  assumption: see CORES. The report says which IPC would break the bar;
- the weights of the lip model, which do not fit the L2 cache of a Zero 2 W beside everything else and so come
  from memory in every step.

    sudo python tools/checks/aarch64_root.py                  Python 3.11, as Raspberry Pi OS Bookworm has it
    sudo python tools/checks/aarch64_root.py --python 3.13    as Trixie has it

Needs root and: apt install debootstrap qemu-user gcc libc6-dev. Exits 1 if a frame is lost or the bar broken.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import tomllib
from packaging.requirements import Requirement

from lipwright.resources import models_dir, shipped_clip

sys.path.insert(0, str(Path(__file__).parent))
import wheels

ROOT = Path(__file__).parents[2]
PARTS = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "host", "protocol", "tools", "mcu", "models")
MIRROR = "http://deb.debian.org/debian"
SUITES = {"3.11": "bookworm", "3.13": "trixie"}
PACKAGES = "python3,python3-venv,libportaudio2,ca-certificates"
NEEDED = {"debootstrap": "debootstrap", "qemu-aarch64": "qemu-user", "gcc": "gcc libc6-dev"}
HEAD = "/opt/head"
# The difference of the two clips must be long enough to drown what a start costs more or less.
TIMES = (1, 3)
# What the service sets (host/lipwright/service/unit.py); nor has it a progress bar.
ENVIRONMENT = {
    "TQDM_DISABLE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "LANG": "C.UTF-8",
}
BAR_PERCENT = 15.0  # of one core of a Zero 2 W
# Emulation and the board share few cores, and others use them too: then frames come late.
SHARE_LOST, TRIES = 0.02, 4
FIRST = ("nice", "-n", "-15")


@dataclass(frozen=True)
class Core:
    """One core of a board.

    Attributes:
        name: What QEMU calls it, or one with the same instructions, so that no kernel runs that it has not.
        hertz: Its clock, as the board is delivered.
        ipc: Instructions a cycle. An assumption for interpreted code with warm caches: an A53 issues two at
            most, in order, and waits for every miss; A72 and A76 issue three and four out of order.
        memory_bytes_s: What it reads from memory; cautious figures, far below the nominal ones.
        l2_bytes: Its L2 cache; a model that is larger comes from memory in every step.
    """

    name: str
    hertz: float
    ipc: float
    memory_bytes_s: float
    l2_bytes: int


CORES = {
    "Zero 2 W": Core("cortex-a53", 1.0e9, 0.6, 1.0e9, 512 * 1024),
    "Pi 4": Core("cortex-a53", 1.5e9, 1.1, 2.5e9, 1024 * 1024),
    "Pi 5": Core("cortex-a76", 2.4e9, 1.8, 5.0e9, 512 * 1024),
}
STEPS_HZ = 50


def main() -> int:
    """Prints what happens and what it costs; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--python", choices=SUITES, default="3.11", help="Python of the Pi (default: %(default)s)"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures as JSON")
    arguments = parser.parse_args()
    missing = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    if missing or os.geteuid() != 0:
        print(f"This needs root and: apt install {' '.join(missing or NEEDED.values())}", file=sys.stderr)
        return 2
    if os.environ.get("LIPWRIGHT_MOUNTS") != "own":  # what is mounted below must vanish with this process
        os.environ["LIPWRIGHT_MOUNTS"] = "own"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory(prefix="lipwright-aarch64-") as name:
        pi = EmulatedPi(Path(name) / "root", arguments.python)
        try:
            figures = pi.prepare() | measure(pi)
        finally:
            pi.release()
    figures |= loads(figures)
    for key, value in figures.items():
        print(f"{key:45s} {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    lost = figures["frames_sent"] - figures["frames_played"]
    passed = lost <= SHARE_LOST * figures["frames_sent"] and figures["zero_2_w_load_percent"] <= BAR_PERCENT
    print("aarch64: passed" if passed else "aarch64: FAILED")
    return 0 if passed else 1


class EmulatedPi:
    """A folder with a Debian for 64-bit ARM, and how to run its Python."""

    def __init__(self, root: Path, python: str) -> None:
        self.root, self.python = root, python
        self._mounted: list[Path] = []

    def prepare(self) -> dict[str, Any]:
        """Makes the folder, and installs Lipwright; returns what that is."""
        step(f"unpacking Debian {SUITES[self.python]} for 64-bit ARM")
        options = ["--foreign", "--arch=arm64", "--variant=minbase", f"--include={PACKAGES}"]
        run("debootstrap", *options, SUITES[self.python], self.root, MIRROR)
        for package in sorted((self.root / "var/cache/apt/archives").glob("*.deb")):
            with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
                run("tar", "--extract", "--keep-directory-symlink", "-C", self.root, stdin=archive.stdout)
        self._bring_emulator()
        for folder in ("proc", "sys", "dev", "dev/pts"):
            self._mount(folder)
        self.run("/sbin/ldconfig")
        step("fetching wheels")
        count = self._fetch_wheels()
        step("installing them, offline")
        self.run("/usr/bin/python3", "-m", "venv", "--without-pip", HEAD)
        (pip,) = (self.root / "usr/share/python-wheels").glob("pip-*.whl")
        inside = "/" + str(pip.relative_to(self.root))
        arguments = ["install", "--quiet", "--no-index", "--find-links=/wheels", "lipwright"]
        self.run(f"{HEAD}/bin/python", f"{inside}/pip", *arguments)
        runtime = self.run(
            f"{HEAD}/bin/python", "-c", "from lipwright import tflite; print(tflite.runtime())"
        )
        version = self.run(f"{HEAD}/bin/python", "-c", "import platform; print(platform.python_version())")
        return {
            "debian": SUITES[self.python],
            "python": version.stdout.strip(),
            "runtime": runtime.stdout.strip(),
            "wheels": count,
        }

    def run(
        self, *command: str, core: str = "cortex-a53", plugin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs a program of the Pi on such a core; raises CalledProcessError, after it has said why."""
        emulator = ["/qemu-aarch64", "-cpu", core, *(["-plugin", plugin] if plugin else [])]
        variables = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        # The variables go to the program, not to the emulator around it.
        settings = [word for variable in variables for word in ("-E", variable)]
        return run(*FIRST, "chroot", self.root, *emulator, *settings, *command)

    def release(self) -> None:
        """Lets go of what is mounted."""
        for folder in reversed(self._mounted):
            subprocess.run(["umount", folder], check=False)

    def _bring_emulator(self) -> None:
        """QEMU, its libraries and the plugin; they lie beside those of the Pi, under other names."""
        emulator = shutil.which("qemu-aarch64")
        assert emulator is not None
        for library in re.findall(r"(/\S+) \(0x", run("ldd", emulator).stdout):
            place = self.root / library.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(library, place)
        shutil.copy(emulator, self.root / "qemu-aarch64")
        source = Path(__file__).with_name("aarch64_plugin.c")
        run("gcc", "-O2", "-shared", "-fPIC", "-o", self.root / "count.so", source)
        # Written by a package script otherwise; pip reads it even with no network.
        certificates = sorted((self.root / "usr/share/ca-certificates").rglob("*.crt"))
        bundle = self.root / "etc/ssl/certs/ca-certificates.crt"
        bundle.parent.mkdir(parents=True, exist_ok=True)
        bundle.write_bytes(b"".join(path.read_bytes() for path in certificates))

    def _mount(self, folder: str) -> None:
        place = self.root / folder
        if place.is_symlink():
            place.unlink()
        place.mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", f"/{folder}", place)
        self._mounted.append(place)

    def _fetch_wheels(self) -> int:
        """Into /wheels: Lipwright's own, built here, and every dependency; returns how many these are."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        needed = [Requirement(text) for text in project["dependencies"]]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            found = wheels.collect(needed, self.python, wheels.TARGETS[self.python], folder)
            source = folder / "source"
            for part in PARTS:
                if (ROOT / part).is_dir():
                    shutil.copytree(
                        ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
                    )
                else:
                    source.mkdir(exist_ok=True)
                    shutil.copy(ROOT / part, source / part)
            run(
                sys.executable,
                "-m",
                "pip",
                "wheel",
                "--quiet",
                "--no-deps",
                "--wheel-dir",
                folder / "own",
                source,
            )
            (self.root / "wheels").mkdir()
            for wheel in [*found, *(folder / "own").glob("*.whl")]:
                shutil.copy(wheel, self.root / "wheels")
            return len(found)


def measure(pi: EmulatedPi) -> dict[str, Any]:
    """Has the Pi speak to the board, and counts the instructions a second of speech on each core."""
    sound, rate = soundfile.read(shipped_clip(), dtype="float32")
    for times in TIMES:
        soundfile.write(pi.root / f"clip{times}.flac", np.tile(sound, times), rate)
    figures: dict[str, Any] = {}
    link = pi.root.parent / "board"
    command = [*FIRST, sys.executable, "-m", "lipwright", "board", "--sim", "--link", str(link)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as board:
        assert board.stdout is not None
        try:
            board.stdout.readline()
            figures["board"] = board.stdout.readline().partition(":")[2].strip()
            port = os.readlink(link)
            for _ in range(TRIES):
                step("speaking the sentence to the board")
                report = say(pi, port, "/clip1.flac")
                if report["frames"]["dropped"] <= SHARE_LOST * report["frames"]["sent"]:
                    break
            figures |= {
                f"frames_{key}": report["frames"][key] for key in ("sent", "played", "dropped", "crc_errors")
            }
            for name in sorted({core.name for core in CORES.values()}):
                step(f"counting instructions on a {name}")
                counts = [count(pi, port, f"/clip{times}.flac", name) for times in TIMES]
                seconds = len(sound) / rate * (TIMES[1] - TIMES[0])
                key = name.replace("-", "_")
                figures[f"{key}_million_instructions_per_second_of_speech"] = round(
                    (counts[1] - counts[0]) / seconds / 1e6, 1
                )
                figures[f"{key}_million_instructions_to_start"] = round(
                    (counts[0] - (counts[1] - counts[0]) / (TIMES[1] - TIMES[0])) / 1e6
                )
        finally:
            board.terminate()
    return figures


def say(pi: EmulatedPi, port: str, clip: str) -> dict[str, Any]:
    """`lipwright say` on the Pi; its report."""
    done = pi.run(
        f"{HEAD}/bin/python", "-m", "lipwright", "say", clip, "--mute", "--port", port, "--json", "-"
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def count(pi: EmulatedPi, port: str, clip: str, core: str) -> int:
    """Instructions of a whole `lipwright say`."""
    command = [f"{HEAD}/bin/python", "-m", "lipwright", "say", clip, "--mute", "--port", port]
    done = pi.run(*command, core=core, plugin="/count.so")
    match = re.search(r"^instructions (\d+)$", done.stderr, re.MULTILINE)
    assert match is not None, done.stderr
    return int(match[1])


def loads(figures: dict[str, Any]) -> dict[str, Any]:
    """The share of one core that speech takes, on each board."""
    size = (models_dir() / "lip_model.tflite").stat().st_size
    found: dict[str, Any] = {}
    for board, core in CORES.items():
        key = board.lower().replace(" ", "_")
        number = figures[f"{core.name.replace('-', '_')}_million_instructions_per_second_of_speech"] * 1e6
        weights = STEPS_HZ * size / core.memory_bytes_s if size > core.l2_bytes else 0.0
        found[f"{key}_weights_from_memory_percent"] = round(100 * weights, 1)
        found[f"{key}_load_percent"] = round(100 * (number / core.ipc / core.hertz + weights), 1)
        if board == "Zero 2 W":
            found[f"{key}_ipc_assumed"] = core.ipc
            found[f"{key}_ipc_that_meets_the_bar"] = round(
                number / core.hertz / (BAR_PERCENT / 100 - weights), 2
            )
    return found


def step(words: str) -> None:
    """Says what begins now."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def run(*command: object, stdin: Any = None) -> subprocess.CompletedProcess[str]:
    """Runs a command; raises CalledProcessError, after it has shown what the command said."""
    words: Sequence[str] = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, stdin=stdin, check=False)
    if done.returncode:
        print(f"{' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}", file=sys.stderr)
        done.check_returncode()
    return done


if __name__ == "__main__":
    sys.exit(main())
