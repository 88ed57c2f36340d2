"""The running service's Unix socket: any program may connect to it and send sound.

One connection is one utterance: bytes of WAV, Ogg, FLAC or MP3, or raw samples. Raw ones of another kind than
16 bits, mono, 22,050 Hz begin with a line of JSON: {"rate": 16000, "channels": 1, "format": "s16le"}. At the
end the service answers with a line: "spoken", "interrupted", or "error: " and a sentence.

A program that watches people with a camera sends lines of JSON instead: {"watching": "words for people"}. As
long as its connection lasts, the head shows that it is watched. The service answers with a line "stop" when
somebody wants an end of it.
"""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Iterable
from pathlib import Path

from lipwright.errors import LipwrightError
from lipwright.live.incoming import Encoding

NAME = "lipwright.sock"
SPOKEN, INTERRUPTED, ERROR = "spoken", "interrupted", "error: "
WATCHING, STOP = "watching", "stop"
MOST_WORDS = 300  # characters of what is said about watching
CONNECT_S = 1.0


def socket_paths() -> list[Path]:
    """Where the socket may be: that of the system's service, and those of this user's."""
    user = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    folders = (Path("/run/lipwright"), Path(user), Path(state).expanduser() / "lipwright")
    return [folder / NAME for folder in folders]


def connect() -> socket.socket | None:
    """A connection to the service; None if none runs."""
    for path in socket_paths():
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(CONNECT_S)
        try:
            client.connect(str(path))
        except OSError:
            client.close()
            continue
        client.settimeout(None)
        return client
    return None


def header(raw: Encoding) -> bytes:
    """The first line, which says how raw samples lie."""
    told = {"rate": raw.rate, "channels": raw.channels, "format": raw.kind}
    return json.dumps(told).encode() + b"\n"


def read_header(line: bytes) -> Encoding:
    """What such a line says. Raises LipwrightError for another one."""
    try:
        told = json.loads(line)
        return Encoding(
            int(told["rate"]), int(told.get("channels", 1)), str(told.get("format", "s16le"))
        ).check()
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LipwrightError(
            'the first line is no JSON like {"rate": 16000, "channels": 1, "format": "s16le"}.'
        ) from None


def send(client: socket.socket, raw: Encoding, blocks: Iterable[bytes]) -> None:
    """Has the service speak, and returns when it has. Raises LipwrightError if it could not."""
    with client:
        try:
            client.sendall(header(raw))
            for block in blocks:
                client.sendall(block)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has said why, or is gone
        try:
            answer = client.makefile().readline().strip()
        except OSError:
            answer = ""
    if answer == INTERRUPTED:
        raise LipwrightError("another voice has taken over, or somebody said stop.")
    if answer != SPOKEN:
        raise LipwrightError(answer.removeprefix(ERROR) or "the service has ended: see `lipwright doctor`.")


class WatchSign:
    """Has the service show that somebody is watched, until it is closed, or this program ends however."""

    def __init__(self, client: socket.socket) -> None:
        """`client`: of `connect`."""
        self._client = client
        self._client.settimeout(CONNECT_S)

    def tell(self, words: str) -> None:
        """Says how it stands, for people. Raises LipwrightError if the service has gone."""
        try:
            self._client.sendall(json.dumps({WATCHING: words[:MOST_WORDS]}).encode() + b"\n")
        except OSError:
            raise _sign_lost() from None

    def is_stop_wanted(self) -> bool:
        """Whether somebody said stop. Raises LipwrightError if the service has gone."""
        try:
            if not select.select([self._client], [], [], 0)[0]:
                return False
            heard = self._client.recv(len(STOP))
        except OSError:
            raise _sign_lost() from None
        if not heard:
            raise _sign_lost()
        return True

    def close(self) -> None:
        """The head shows it no more."""
        self._client.close()


def _sign_lost() -> LipwrightError:
    return LipwrightError(
        "the service has ended, and with it the sign that somebody is watched: start it, and watch again."
    )
