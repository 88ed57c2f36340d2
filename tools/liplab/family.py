"""Processes that end when the one that started them does, however that ended."""

from __future__ import annotations

import ctypes
import signal

PARENT_DEATH_SIGNAL = 1  # of Linux's prctl


def end_with_parent() -> None:
    """Called in the new process (`preexec_fn`, an initializer): it is told to end when its parent is gone."""
    ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGTERM)
