#!/usr/bin/env python3
"""Proves that the runtime installs on a Raspberry Pi from ready-made wheels, and adds up what it takes.

For each Python that Raspberry Pi OS has (Bookworm 3.11, Trixie 3.13) pip itself selects and fetches the
wheels of every runtime dependency for 64-bit ARM. Markers are evaluated for the Pi, which pip does not do for
a machine that it does not run on. Exits 1 if a wheel is missing or the sum is over the limit.

    python tools/checks/wheels.py              what every head needs
    python tools/checks/wheels.py discover     what that extra names itself, with no limit
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import tomllib
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
# Python and the glibc (2.x) of the oldest Raspberry Pi OS that has it.
TARGETS = {"3.11": 36, "3.13": 41}
LIMIT_MB = 120.0
OLDEST_GLIBC = 17


def main() -> int:
    """Prints one table a Python; returns the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = sys.argv[1:]
    limit = None if extras else LIMIT_MB
    passed = True
    for python, glibc in TARGETS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                if extras:
                    wheels = named(required(project, extras), python, glibc, Path(folder))
                else:
                    needed = [Requirement(text) for text in project["dependencies"]]
                    wheels = collect(needed, python, glibc, Path(folder))
            except subprocess.CalledProcessError as error:
                print(f"Python {python}: no wheel for aarch64\n{error.stderr.strip()}", file=sys.stderr)
                passed = False
                continue
            sizes = {wheel.name: unpacked_mb(wheel) for wheel in wheels}
        if not extras:
            sizes["Lipwright itself"] = own_mb()
        total = sum(sizes.values())
        print(f"Python {python} on aarch64, glibc 2.{glibc}: {len(wheels)} wheels")
        for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
            print(f"  {size:6.1f} MB  {name}")
        print(f"  {total:6.1f} MB  in all, unpacked{'' if limit is None else f' (limit {limit:.0f} MB)'}\n")
        passed = passed and (limit is None or total <= limit)
    print("wheels: passed" if passed else "wheels: FAILED")
    return 0 if passed else 1


def required(project: dict[str, Any], extras: Sequence[str]) -> list[Requirement]:
    """Requirements of some of the project's extras, those that an extra takes from another too."""
    found: list[Requirement] = []
    for extra in extras:
        for requirement in map(Requirement, project["optional-dependencies"][extra]):
            if canonicalize_name(requirement.name) == project["name"]:
                found += required(project, sorted(requirement.extras))
            else:
                found.append(requirement)
    return found


def named(requirements: Sequence[Requirement], python: str, glibc: int, folder: Path) -> list[Path]:
    """Fetches the wheels of the requirements alone; raises CalledProcessError."""
    here = environment(python)
    wheels = []
    for one in requirements:
        if one.marker is None or one.marker.evaluate(here):
            bare = Requirement(f"{one.name}{one.specifier}")  # pip would judge the marker for this machine
            wheels.append(download(bare, python, glibc, folder / one.name))
    return wheels


def environment(python: str) -> dict[str, str]:
    """What markers of requirements are about, on a Pi."""
    return dict(
        implementation_name="cpython",
        implementation_version=f"{python}.0",
        os_name="posix",
        platform_machine="aarch64",
        platform_python_implementation="CPython",
        platform_release="6.6",
        platform_system="Linux",
        platform_version="",
        python_full_version=f"{python}.0",
        python_version=python,
        sys_platform="linux",
        extra="",
    )


def collect(requirements: list[Requirement], python: str, glibc: int, folder: Path) -> list[Path]:
    """Fetches the wheels of the requirements and of all that they require; raises CalledProcessError."""
    here = environment(python)
    wanted: dict[str, Requirement] = {}
    wheels: dict[str, Path] = {}
    waiting = list(requirements)
    while waiting:
        requirement = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate(here):
            continue
        name = canonicalize_name(requirement.name)
        known = wanted.get(name)
        if known and known.specifier & requirement.specifier == known.specifier:
            continue
        wanted[name] = Requirement(name)
        wanted[name].specifier = requirement.specifier & known.specifier if known else requirement.specifier
        wheels[name] = download(wanted[name], python, glibc, folder / name)
        with zipfile.ZipFile(wheels[name]) as archive:
            # Its own, not that of a package that it carries inside.
            (metadata,) = [
                entry
                for entry in archive.namelist()
                if entry.endswith(".dist-info/METADATA") and entry.count("/") == 1
            ]
            headers = HeaderParser().parsestr(archive.read(metadata).decode())
        waiting += [Requirement(text) for text in headers.get_all("Requires-Dist", [])]
    return list(wheels.values())


def download(requirement: Requirement, python: str, glibc: int, folder: Path) -> Path:
    """One wheel as pip selects it for the Pi."""
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in range(glibc, OLDEST_GLIBC - 1, -1)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={platform}" for platform in [*platforms, "manylinux2014_aarch64"]]
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    subprocess.run([*command, "--dest", folder, str(requirement)], check=True, capture_output=True, text=True)
    (wheel,) = folder.iterdir()
    return wheel


def unpacked_mb(wheel: Path) -> float:
    """Size of a wheel's files on disk in MB (10^6 bytes)."""
    with zipfile.ZipFile(wheel) as archive:
        return sum(entry.file_size for entry in archive.infolist()) / 1e6


def own_mb() -> float:
    """Size of the files that Lipwright's own wheel carries, in MB (10^6 bytes)."""
    folders = ("host/lipwright", "protocol/facewire", "tools/liplab", "mcu", "models")
    files = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    left_out = (".pyc", "_weights.npz", "_replay.npz", "_checks.npz")  # as in setup.py
    return sum(path.stat().st_size for path in files if not path.name.endswith(left_out)) / 1e6


if __name__ == "__main__":
    sys.exit(main())
