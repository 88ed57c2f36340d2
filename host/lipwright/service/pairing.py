"""Who may use a head over the network: a code that only somebody near it knows, for a token that stays.

Tokens are kept as hashes, so the file gives nobody away. Who has a token has all of the head.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from lipwright.clock import Clock, RealClock
from lipwright.errors import LipwrightError
from lipwright.files import write_atomically

FILE = "tokens.json"
MOST_TOKENS = 32  # the oldest gives way
CODE_DIGITS = 6
WRONG_TRIES = 5
# After so many wrong codes nobody can try for a minute, then two, four ...: guessing a code takes years.
LOCK_S, LONGEST_LOCK_S = 60.0, 3600.0


class Locked(LipwrightError):
    """Too many wrong codes."""


class Pairing:
    """The code of the moment, and the tokens that were given for codes.

    Attributes:
        code: Six digits; another one after each use, and after a lock.
    """

    code: str

    def __init__(
        self, folder: Path, tell_code: Callable[[str], object] = str, clock: Clock | None = None
    ) -> None:
        """`folder` is that of `places.state_folder`; `tell_code` shows each code to somebody near the head.

        Raises LipwrightError where the tokens cannot be read.
        """
        self._tell_code = tell_code
        self._clock = clock or RealClock()
        self._file = folder / FILE
        self._hashes: list[dict[str, str]] = []
        self._wrong = 0
        self._locks = 0
        self._locked_until = 0.0
        self._read()
        self._change_code()

    def try_code(self, code: str, name: str = "") -> str:
        """A new token for the right code. Raises LipwrightError for a wrong one, Locked after too many."""
        now = self._clock.now()
        if now < self._locked_until:
            raise Locked(f"too many wrong codes: try again in {self._locked_until - now:.0f} s.")
        digits = "".join(code.split())
        if not hmac.compare_digest(digits.encode(), self.code.encode()):
            self._wrong += 1
            if self._wrong >= WRONG_TRIES:
                self._lock(now)
                raise Locked(f"too many wrong codes: try again in {self._locked_until - now:.0f} s.")
            raise LipwrightError("that is not the code: the head says it, and so does its terminal.")
        self._change_code()
        self._wrong = self._locks = 0
        token = secrets.token_urlsafe(32)
        entry = {"sha256": _hash(token), "name": name[:60], "made": time.strftime("%Y-%m-%d")}
        self._hashes = [*self._hashes, entry][-MOST_TOKENS:]
        self._write()
        return token

    def knows(self, token: str) -> bool:
        """Whether this token was given."""
        found = _hash(token)
        return any([hmac.compare_digest(found, entry["sha256"]) for entry in self._hashes])

    def _lock(self, now: float) -> None:
        self._locked_until = now + min(LONGEST_LOCK_S, LOCK_S * 2**self._locks)
        self._locks += 1
        self._wrong = 0
        self._change_code()

    def _change_code(self) -> None:
        self.code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        self._tell_code(self.code)

    def _read(self) -> None:
        if not self._file.exists():
            return
        try:
            entries = json.loads(self._file.read_text())
            self._hashes = [{key: str(entry[key]) for key in ("sha256", "name", "made")} for entry in entries]
        except (OSError, ValueError, KeyError, TypeError):
            raise LipwrightError(
                f"{self._file} cannot be read: remove it, and pair your phones and browsers again."
            ) from None

    def _write(self) -> None:
        try:
            write_atomically(self._file, json.dumps(self._hashes, indent=1).encode())
            self._file.chmod(0o600)
        except OSError as error:
            raise LipwrightError(f"cannot write {self._file}: {error.strerror}.") from None


def spoken_code(code: str) -> str:
    """A code as it is said: each digit by itself, twice."""
    digits = ", ".join(code)
    return f"The code is: {digits}. Again: {digits}."


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
