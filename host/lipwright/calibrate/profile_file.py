"""The head profile's file: changed in place, so that comments and order survive, and never half written.

The version before is kept as NAME.toml.before. Profiles that ship with Lipwright stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from lipwright.calibrate.servos import Servo
from lipwright.errors import LipwrightError
from lipwright.face.profile import REFERENCE_PROFILE, HeadProfile, load_profile, parse_profile
from lipwright.files import before, write_atomically
from lipwright.resources import is_shipped, models_dir

# Of a rest between 0 and 1: a tenth of a microsecond in any servo's range.
REST_DIGITS = 4
# Values that differ by less are one value, read from the file and worked out again.
SAME = 1e-6


class ProfileFile:
    """A profile that may be changed.

    Attributes:
        path: Where it is written.
        profile: What was read last, or saved.
    """

    def __init__(self, given: Path | None, output: Path | None) -> None:
        """Reads `given` (None: the reference head). With `output` a copy is written there, else `given`.

        Raises LipwrightError for a profile that cannot be used, or must not be written.
        """
        self._read_from = given if given is not None else models_dir() / REFERENCE_PROFILE
        self.path = output if output is not None else self._read_from
        if output is None and is_shipped(self.path):
            raise LipwrightError(
                "the profiles that ship with Lipwright stay as they are: add -o my_head.toml to write a copy,"
                " which is yours to calibrate."
            )
        if output is not None:
            self._check_output(output)
        self.profile = load_profile(self._read_from)
        self._kept_before = False

    @property
    def is_new(self) -> bool:
        """Whether it has still to be written for the first time."""
        return self.path != self._read_from

    def save(self, servos: Iterable[Servo]) -> HeadProfile:
        """Writes what is set; the version from before the first save is kept as NAME.toml.before.

        Takes in what another program has written meanwhile, where it is not about the same values. Raises
        LipwrightError, with the old file in place, for a profile that could not be used.
        """
        old = _read(self._read_from)
        parse_profile(old, self._read_from)
        text = changed(old, self.profile, servos)
        profile = parse_profile(text, self.path)
        try:
            if not self.is_new and text != old and not self._kept_before:
                write_atomically(before(self.path), old.encode())
                self._kept_before = True
            write_atomically(self.path, text.encode())
        except OSError as error:
            raise LipwrightError(f"{self.path} cannot be written: {error.strerror}.") from error
        self._read_from = self.path
        self.profile = profile
        return profile

    def _check_output(self, output: Path) -> None:
        if is_shipped(output):
            raise LipwrightError(f"{output} ships with Lipwright and stays as it is: choose another name.")
        if output.exists():
            raise LipwrightError(
                f"there is a file {output} already: go on with it by `--profile {output}`,"
                " or choose another name."
            )


def restore(path: Path) -> HeadProfile:
    """Exchanges a profile and the version before it, so that doing it twice changes nothing.

    Raises LipwrightError if there is none, or it cannot be used.
    """
    kept = before(path)
    if not kept.exists():
        raise LipwrightError(f"there is no {kept}: nothing has been saved over {path} yet.")
    profile = parse_profile(_read(kept), path)
    try:
        wanted, now = kept.read_bytes(), path.read_bytes()
        write_atomically(path, wanted)
        write_atomically(kept, now)
    except OSError as error:
        raise LipwrightError(f"{path} cannot be written: {error.strerror}.") from error
    return profile


def changed(text: str, known: HeadProfile, servos: Iterable[Servo]) -> str:
    """A profile's text in which the servos' values are those that are set; all else stays as it is.

    `known` says what the text had when it was read: only what differs from it is touched. Raises
    LipwrightError if a servo is missing in the text.
    """
    document = tomlkit.parse(text)
    entries: dict[str, Any] = {str(entry.get("name")): entry for entry in document.get("channels", [])}
    channels = {channel.name: Servo.of(channel) for channel in known.channels}
    for servo in servos:
        if servo == channels[servo.name]:
            continue
        if servo.name not in entries:
            raise LipwrightError(
                f"another program has taken the servo {servo.name} out of the head profile: start again."
            )
        _set_all(entries[servo.name], servo, channels[servo.name])
    return tomlkit.dumps(document)


def _set_all(entry: Any, servo: Servo, known: Servo) -> None:
    if servo.min_us != known.min_us:
        entry["pulse_min_us"] = _plain(servo.min_us)
    if servo.max_us != known.max_us:
        entry["pulse_max_us"] = _plain(servo.max_us)
    if servo.inverted != known.inverted:
        _put(entry, "inverted", servo.inverted)
    if abs(servo.rest - known.rest) > SAME:
        entry["rest"] = round(min(1.0, max(0.0, servo.rest)), REST_DIGITS)
    if servo.speed != known.speed:
        entry["speed"] = servo.speed


def _put(entry: Any, key: str, value: Any) -> None:
    """Sets a key that may be missing: below the others, but above comments that belong to what follows."""
    tail: list[Any] = []
    if key not in entry and isinstance(entry, Table):
        body = entry.value.body
        while body and body[-1][0] is None:
            tail.append(body.pop())
        entry[key] = value
        body.extend(reversed(tail))
    else:
        entry[key] = value


def _plain(us: float) -> float | int:
    return int(us) if us == int(us) else us


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise LipwrightError(f"the head profile {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise LipwrightError(f"{path} is not a text file; a head profile is TOML in UTF-8.") from None
