"""Tells systemd that the program is ready, alive, and what it is doing (sd_notify(3)).

Away from systemd there is no socket to write to, and nothing happens; a program need not know where it runs.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping


class Notifier:
    """The way to whoever started this program.

    Attributes:
        alive_every_s: How often `alive` has to be called at least, in seconds; None if nobody waits for it.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        """`environment` holds what systemd says: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID."""
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self.alive_every_s = _watchdog_s(environment) if self._address else None

    def ready(self) -> None:
        """The program has started: what is ordered after it may start now."""
        self._send("READY=1")

    def alive(self) -> None:
        """The program does its work. Call it from the loop that does, so that a hang is seen."""
        self._send("WATCHDOG=1")

    def status(self, words: str) -> None:
        """What the program is doing, in one line: `systemctl status` shows it."""
        self._send("STATUS=" + " ".join(words.split()))

    def stopping(self) -> None:
        """The program ends because it was told to."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        # A manager that is gone or busy must never end or hold up the head; it hears the next one.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
            wire.setblocking(False)
            wire.sendto(message.encode(), self._address)


def _address(named: str) -> str | None:
    """The socket's address: a path, or, with an @ in front, a name in Linux's abstract namespace."""
    if named.startswith("@"):
        return "\0" + named[1:]
    return named if named.startswith("/") else None


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    """Half of the time after which systemd takes the program for hung, as sd_watchdog_enabled(3) advises."""
    try:
        limit_s = int(environment["WATCHDOG_USEC"]) / 1e6
        for_us = int(environment.get("WATCHDOG_PID", os.getpid())) == os.getpid()
    except (KeyError, ValueError):
        return None
    return limit_s / 2 if for_us and limit_s > 0 else None
