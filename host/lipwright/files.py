"""Files that are either whole or not there, and the folders that they go to."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lipwright.errors import LipwrightError


def write_report(report: Mapping[str, Any], where: str | None) -> None:
    """Writes a report as JSON to a file, to standard output for ``-``, or nowhere for None.

    Raises LipwrightError when the file cannot be written.
    """
    if where is None:
        return
    text = json.dumps(report, indent=2) + "\n"
    if where == "-":
        sys.stdout.write(text)
        return
    try:
        write_atomically(Path(where), text.encode())
    except OSError as error:
        raise LipwrightError(f"cannot write the report to {where}: {error.strerror}.") from error


def before(path: Path) -> Path:
    """Where the version of a user's file is kept that was there before Lipwright changed it."""
    return path.with_name(path.name + ".before")


def make_folder(folder: Path) -> None:
    """Sees before a long run that there is a folder for what comes out of it; raises LipwrightError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LipwrightError(f"cannot write to the folder {folder}: {error.strerror}.") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Replaces ``path`` by ``data`` so that a killed process or a full disk leaves the old file.

    Raises OSError when the folder cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
