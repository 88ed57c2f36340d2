"""Where the service keeps what must survive a restart, and where programs of this machine find it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import IO

from lipwright.errors import LipwrightError
from lipwright.live.service_socket import NAME

OWN_PROFILE = "my_head.toml"


def state_folder() -> Path:
    """systemd's $STATE_DIRECTORY, else ~/.local/state/lipwright; made if need be. Raises LipwrightError."""
    given = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return _made(Path(given) if given else Path(home).expanduser() / "lipwright")


def runtime_folder() -> Path:
    """Where the Unix socket lies: systemd's $RUNTIME_DIRECTORY, else the session's, else the state folder."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").partition(":")[0]
    session = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    folder = Path(given or session)
    return folder if os.access(folder, os.W_OK) else state_folder()


def only_one(folder: Path) -> IO[str]:
    """A lock that is held until the process ends or the file is closed.

    Raises LipwrightError where another Lipwright has it.
    """
    path = folder / f"{NAME}.lock"
    try:
        file = path.open("a+")
    except OSError as error:
        raise LipwrightError(f"cannot write {path}: {error.strerror}.") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        which = file.read().strip()
        file.close()
        raise LipwrightError(
            f"Lipwright serves here already{f' (process {which})' if which else ''}: use that one, or end it."
        ) from None
    with contextlib.suppress(OSError):  # the disk is full: the lock holds all the same
        os.ftruncate(file.fileno(), 0)
        os.pwrite(file.fileno(), f"{os.getpid()}\n".encode(), 0)
    return file


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise LipwrightError(f"cannot make the folder {folder}: {error.strerror}.") from None
    return folder
