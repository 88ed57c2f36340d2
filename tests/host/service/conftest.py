"""A machine that is run by a real systemd: this one's files under an overlay, booted in a container."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

BOOT_S = 60
MAKER = "maker"
# Room for what is written inside; small, so that a test can fill it.
DISK_MB = 64
# What a running system writes all the time.
BUSY = (
    "var/log",
    "var/lib/systemd/timers",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/catalog",
    "var/tmp",
)
REBOOT = 133  # with this code, systemd-nspawn asks to be started again
SETUP = f"""
set -e
mount -t tmpfs -o size={DISK_MB}m tmpfs "$1"
mkdir "$1/changed" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/changed,workdir=$1/work" "$1/root"
: > "$1/root/etc/machine-id"
cd "$1/root/etc/systemd/system"
rm -rf "$1/root/var/lib/systemd/linger" lipwright.service multi-user.target.wants/*
cd /
code={REBOOT}
while [ $code = {REBOOT} ]; do
  code=0
  if [ -e "$1/read-only" ]; then mode=ro; else mode=rw; fi
  mount -o remount,$mode "$1/root"
  systemd-nspawn --quiet --directory="$1/root" --boot --console=pipe --register=no --keep-unit \\
    --private-network --machine=lipwright-test systemd.unit=multi-user.target || code=$?
done
"""


class Machine:
    """Runs commands inside."""

    def __init__(self, container: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
        self._container, self._log = container, log
        # The folder as the container's outside sees it.
        self._changed = Path(f"/proc/{container.pid}/root{folder}/changed")
        self._leader = self._wait_for_boot()

    def __call__(
        self, *command: object, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command as root; with `check`, it must not fail."""
        inside = ["nsenter", "--all", f"--target={self._leader}", "--wd=/", "env", "-i"]
        inside += [f"PATH={os.environ['PATH']}", "LANG=C.UTF-8"]
        inside += [f"{name}={value}" for name, value in variables.items()]
        done = subprocess.run([*inside, *map(str, command)], capture_output=True, text=True, timeout=120)
        assert not (check and done.returncode), f"{command}: {done.stdout}{done.stderr}"
        return done

    def shows(self, unit: str, key: str) -> str:
        """One property of a unit."""
        return self("systemctl", "show", "--value", "--property", key, unit).stdout.strip()

    def lipwright(
        self, *command: object, check: bool = True, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """The command `lipwright`, as if the person MAKER had called it through sudo."""
        variables = {"SUDO_USER": MAKER} | variables
        return self(sys.executable, "-m", "lipwright", *command, check=check, **variables)

    def files(self) -> dict[str, bytes]:
        """Every file that differs from those of the machine below, with what is in it if it is a setting."""
        found = {}
        for path in sorted(self._changed.rglob("*")):
            name = str(path.relative_to(self._changed))
            if name.startswith(BUSY) or name.endswith(
                "-"
            ):  # useradd keeps the files of before under such names
                continue
            found[name] = path.read_bytes() if path.is_file() and name.startswith("etc/") else b""
        return found

    def reboot(self, read_only: bool = False) -> None:
        """Starts the machine again, with its files as they are; they may be read-only then."""
        flag = self._changed.with_name("read-only")
        flag.touch() if read_only else flag.unlink(missing_ok=True)
        before = self._leader
        self("systemctl", "reboot", "--force", check=False)
        self._leader = self._wait_for_boot(before)

    def _wait_for_boot(self, before: int = 0) -> int:
        """The process that is process 1 inside, when it has started everything.

        Skips where containers are not allowed.
        """
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline:
            if self._container.poll() is not None:
                said = self._log.read_text().strip()
                pytest.skip(f"NOT TESTED under a real systemd: no container here: {said}")
            grandchildren = [one for child in _children(self._container.pid) for one in _children(child)]
            for child in grandchildren:
                if child != before:
                    self._leader = child
                    state = self("systemctl", "is-system-running", "--wait", check=False).stdout.strip()
                    if state in ("running", "degraded"):
                        return child
            time.sleep(0.2)
        raise AssertionError(f"the container has not started: {self._log.read_text()}")


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The machine, booted; with an account `maker`."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("systemd-nspawn", "unshare", "nsenter"))):
        pytest.skip(
            "NOT TESTED under a real systemd: that takes root and the Debian package systemd-container"
        )
    folder = tmp_path_factory.mktemp("machine")
    log = (folder.parent / "machine.log").open("w+")
    container = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", SETUP, "sh", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        inside = Machine(container, folder, Path(log.name))
        inside("useradd", "--create-home", MAKER)
        for folder in Path(sys.base_prefix).parents:  # an account without rights has to reach this Python
            inside("chmod", "o+x", folder)
        yield inside
        inside("systemctl", "poweroff", "--force", "--force", check=False)
        container.wait(20)
    finally:
        if container.poll() is None:
            container.kill()
            container.wait()
