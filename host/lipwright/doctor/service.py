"""Is the service installed, does it run, and what went wrong the last time?"""

from __future__ import annotations

from lipwright.doctor.findings import Note, NotHere, answer_of
from lipwright.service.unit import NAME, UNIT_PATH, value

LAST_WORDS = 3
SINCE = "-1 day"


def state() -> str:
    """How the service fares."""
    if not UNIT_PATH.exists():
        raise Note("not installed, so the head is silent until a program starts: lipwright install.")
    lines = answer_of(
        "systemctl", "show", "--property", "ActiveState,UnitFileState,NRestarts,Result,StatusText", NAME
    ).splitlines()
    shown = dict(line.split("=", 1) for line in lines if "=" in line)
    user = value(UNIT_PATH.read_text(), "User")
    if shown.get("ActiveState") != "active":
        raise Note(
            f"installed, but {shown.get('ActiveState', 'unknown')} ({shown.get('Result', 'unknown')}):"
            f" sudo systemctl restart lipwright; its last words: {_last_words()}"
        )
    if shown.get("UnitFileState") != "enabled":
        raise Note("it runs, but does not start with the machine: sudo systemctl enable lipwright.")
    restarts = int(shown.get("NRestarts") or 0)
    if restarts:
        raise Note(f"it runs, and was started again {restarts} times; before: {_last_words()}")
    status = shown.get("StatusText")
    return f"runs as {user}, and starts with the machine" + (f"; {status}" if status else "")


def _last_words() -> str:
    """The newest warnings and errors of the service, as far as this account may read them."""
    try:
        said = answer_of(
            "journalctl",
            "--unit",
            NAME,
            "--since",
            SINCE,
            "--lines",
            str(LAST_WORDS),
            "--output",
            "cat",
            "-q",
        )
    except NotHere:
        said = ""
    return " / ".join(said.splitlines()) or f"journalctl -u {NAME}"
