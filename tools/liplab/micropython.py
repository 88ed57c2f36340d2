"""Finds a MicroPython that runs the firmware on this machine, or fetches one.

Looks on PATH first, then in the user's cache folder, and last takes Debian trixie's packages (once: 14 MB to
download with the package list, 15 MB to keep). They are unpacked beside their own C library and started
through their own loader, so an older Debian runs them too, and no root is needed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import glob
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lipwright.errors import LipwrightError

SUITE = "trixie"
# Where this machine gets its own packages from; a mirror of Debian's main archive ends in /debian.
APT_SOURCES = ("/etc/apt/sources.list", "/etc/apt/sources.list.d/*", "/etc/apt/mirrors/*")
MIRROR_PATTERN = re.compile(r"^[^#]*?(https?://[^\s\]]+/debian)/?(?=\s|$)", re.MULTILINE)
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
PACKAGES = (
    "micropython",
    "libc6",
    "libmbedcrypto16",
    "libmbedtls21",
    "libmbedx509-7",
    "libffi8",
    "libgcc-s1",
)
LOADERS = {
    "amd64": "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "i386": "usr/lib/i386-linux-gnu/ld-linux.so.2",
    "arm64": "usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1",
    "armhf": "usr/lib/arm-linux-gnueabihf/ld-linux-armhf.so.3",
}
# Debian's name for what runs on a machine of this kind, by the width of the interpreter's words.
ARCHITECTURES = {
    "x86_64": {64: "amd64", 32: "i386"},
    "aarch64": {64: "arm64", 32: "armhf"},
    "armv7l": {32: "armhf"},
    "i686": {32: "i386"},
}
NETWORK_TIMEOUT_S = 20
PAUSES_S = (5, 20)  # before another try, when the network or the mirror failed
APT_TIMEOUT_S = 600
PROBE_TIMEOUT_S = 10
NETWORK_SIGNS = ("resolve", "connect", "timed out", "unreachable", "Failed to fetch")  # in apt's English
# What the firmware needs of the interpreter; prints its version and the width of its words.
PROBE = """
import micropython, select, sys
@micropython.viper
def viper(a: ptr32) -> int:
    return int(a[0])
@micropython.native
def native(a):
    return a
assert hasattr(select, "poll")
bits = 64 if sys.maxsize > 0x7fffffff else 32
print(".".join(str(part) for part in sys.implementation[1][:3]), bits)
"""


@dataclass(frozen=True)
class Interpreter:
    """A MicroPython that runs here.

    Attributes:
        command: What to start; the script and its arguments follow.
        version: For instance "1.25.0".
        bits: Width of its machine words, 64 or 32.
    """

    command: list[str]
    version: str
    bits: int


class NetworkError(LipwrightError):
    """Debian's mirror was not reached, or did not give what it lists."""


def find_micropython(bits: int = 64) -> Interpreter | None:
    """The MicroPython of that word width, fetched if need be; None, after a line that says why, if none.

    Whoever calls falls back on the CPython shim then. A failed try is remembered for the life of the process.
    """
    interpreter, reason = _get_once(bits)
    if interpreter is None:
        print(f"No {bits}-bit MicroPython: {reason}", file=sys.stderr)
    return interpreter


def get_micropython(bits: int = 64) -> Interpreter:
    """As `find_micropython`, but raises LipwrightError where there is none, with the reason."""
    interpreter, reason = _get_once(bits)
    if interpreter is None:
        raise LipwrightError(reason)
    return interpreter


@functools.cache
def _get_once(bits: int) -> tuple[Interpreter | None, str]:
    on_path = shutil.which("micropython")
    if on_path:
        found = probe([on_path])
        if found and found.bits == bits:
            return found, ""
    try:
        return _cached_or_fetched(bits), ""
    except LipwrightError as error:
        return None, str(error)


def probe(command: list[str]) -> Interpreter | None:
    """Starts an interpreter; None if it does not run here or lacks what the firmware needs."""
    try:
        done = subprocess.run(
            [*command, "-c", PROBE], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split()
    if done.returncode != 0 or len(words) != 2:
        return None
    return Interpreter(command, words[0], int(words[1]))


def cache_folder() -> Path:
    """Where fetched interpreters live: XDG_CACHE_HOME (or ~/.cache) /lipwright/micropython."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lipwright" / "micropython"


def _cached_or_fetched(bits: int) -> Interpreter:
    architecture = ARCHITECTURES.get(platform.machine(), {}).get(bits)
    if sys.platform != "linux" or architecture is None:
        raise LipwrightError(
            f"a {bits}-bit MicroPython is not available on this machine"
            f" ({sys.platform}, {platform.machine()})."
        )
    root = cache_folder() / f"{SUITE}-{architecture}"
    if not root.exists():
        try:
            root.parent.mkdir(parents=True, exist_ok=True)
            with _locked(root.parent / f"{root.name}.lock"):
                if not root.exists():  # another process may have been faster
                    _fetch(architecture, bits, root)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise LipwrightError(
                    f"the disk is full: MicroPython needs about 50 MB in {root.parent}; free some."
                ) from None
            raise LipwrightError(
                f"cannot write to the cache folder {root.parent}: {error.strerror}."
            ) from None
    loader = root / LOADERS[architecture]
    command = [str(loader), "--library-path", str(loader.parent), str(root / "usr/bin/micropython")]
    interpreter = probe(command)
    if interpreter is None:
        raise LipwrightError(
            f"a {bits}-bit MicroPython is not available on this machine: Debian's {architecture} package"
            f" does not start here (remove {root} to fetch it anew)."
        )
    return interpreter


def _fetch(architecture: str, bits: int, root: Path) -> None:
    """Downloads and unpacks into a working folder beside `root`, then renames: `root` is whole or absent.

    The working folder survives a kill, and apt goes on from what it holds.
    """
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise LipwrightError(
                f"MicroPython is not on PATH, and {tool}, which would fetch it, is not here either;"
                " install MicroPython with this system's package manager."
            )
    if not KEYRING.exists():
        raise LipwrightError(
            "MicroPython is not on PATH and cannot be fetched, because Debian's keyring is missing;"
            " run `sudo apt install micropython` or `sudo apt install debian-archive-keyring`."
        )
    work = root.parent / f"{root.name}.work"
    for folder in ("state/lists/partial", "cache/archives/partial", "packages"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "status").touch()
    options = {
        "Dir::State": work / "state",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Etc::sourcelist": work / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferencesparts": "-",
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "root",  # as root, apt's own user could not write into the cache folder
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        "Acquire::http::Timeout": str(NETWORK_TIMEOUT_S),
    }
    apt = ["apt-get", "-qq", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]
    what = f"MicroPython ({bits}-bit, from Debian {SUITE}, about 14 MB, only this once)"
    with _progress(what) as say:
        for pause in (*PAUSES_S, None):
            try:
                say("reading the package list")
                _update(apt, work, architecture)
                say("downloading")
                _run([*apt, "download", *PACKAGES], work / "packages", architecture)
                break
            except NetworkError:
                if pause is None:
                    raise
                say(f"the network failed, trying again in {pause} s")
                time.sleep(pause)
        say("unpacking")
        unpacked = work / "root"
        shutil.rmtree(unpacked, ignore_errors=True)
        for package in sorted((work / "packages").glob("*.deb")):
            _run(["dpkg-deb", "--extract", str(package), str(unpacked)], work, architecture)
        shutil.rmtree(unpacked / "usr/share", ignore_errors=True)
        unpacked.rename(root)
        shutil.rmtree(work, ignore_errors=True)
        say("done")


def debian_mirrors() -> list[str]:
    """The mirrors of Debian that this machine's own apt uses; those of derivatives may be among them."""
    found: dict[str, None] = {}
    for pattern in APT_SOURCES:
        for path in sorted(glob.glob(pattern)):
            with contextlib.suppress(OSError):
                found |= dict.fromkeys(MIRROR_PATTERN.findall(Path(path).read_text(errors="replace")))
    return list(found)


def _update(apt: list[str], work: Path, architecture: str) -> None:
    """Fetches the package list from the first mirror that has the suite, signed with Debian's keys."""
    mirrors = debian_mirrors()
    if not mirrors:
        raise LipwrightError(
            "MicroPython is not on PATH, and this machine's apt knows no mirror of Debian to fetch it from;"
            " install it with this system's package manager."
        )
    for mirror in mirrors:
        (work / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror} {SUITE} main\n")
        try:
            return _run([*apt, "update", "--error-on=any"], work, architecture)
        except LipwrightError:
            if mirror == mirrors[-1]:
                raise


def _run(command: list[str], folder: Path, architecture: str) -> None:
    environment = dict(os.environ, LC_ALL="C")  # the messages below are recognised by their English text
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=APT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LipwrightError(f"{command[0]} did not answer for {APT_TIMEOUT_S} s; try again.") from None
    if done.returncode == 0:
        return
    if "No space left" in done.stderr or "enough free space" in done.stderr:
        raise OSError(errno.ENOSPC, "No space left on device")
    lines = done.stderr.strip().splitlines() or [f"{command[0]} ended with {done.returncode}"]
    if any(sign in done.stderr for sign in NETWORK_SIGNS):
        raise NetworkError(
            "MicroPython could not be fetched from Debian; check the network and try again"
            f" (or put a micropython on PATH). {command[0]} says: {lines[0]}"
        )
    raise LipwrightError(f"MicroPython for {architecture} could not be fetched from Debian: {lines[-1]}")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process fetches, the others wait for it. The kernel releases the lock of a killed process."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _progress(what: str) -> Iterator[functools.partial[None]]:
    """One line on stderr that is rewritten on a terminal and printed step by step elsewhere."""
    terminal = sys.stderr.isatty()

    def say(step: str) -> None:
        line = f"Fetching {what}: {step}"
        print(
            f"\r\x1b[K{line}" if terminal else line, end="" if terminal else "\n", file=sys.stderr, flush=True
        )

    try:
        yield functools.partial(say)
    finally:
        if terminal:
            print(file=sys.stderr)


if __name__ == "__main__":
    for width in (64, 32):
        found = find_micropython(width)
        if found:
            print(json.dumps(found.__dict__))
