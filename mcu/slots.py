"""The slot that this firmware lies in; main.py says what slots are."""

import binascii
import os

from refusal import Refusal

from facewire.constants import REASON_FILE, REASON_STORAGE


def build() -> str:
    """What tells this build from others: a plus sign and the CRC-32 of its manifest. None outside a slot."""
    try:
        with open(__file__.rpartition("/")[0] + "/manifest", "rb") as manifest:
            return f"+{binascii.crc32(manifest.read()):08x}"
    except OSError:
        return ""


def confirm() -> None:
    """A host has greeted this firmware: if it was on trial, it is the good one from now on."""
    try:
        os.rename("tried", "slot")
    except OSError:  # it was not on trial
        pass


def spare() -> str:
    """The slot that a new firmware goes to: the one that does not run."""
    try:
        with open("slot") as file:
            return "b" if file.read().strip() == "a" else "a"
    except OSError:
        return "a"


def try_next(manifest_crc: int) -> None:
    """The firmware that was sent is on trial at the next start. Raises Refusal if its manifest is another."""
    slot = spare()
    try:
        with open(slot + "/manifest", "rb") as manifest:
            found = binascii.crc32(manifest.read())
    except OSError:
        raise Refusal(REASON_FILE, "no firmware was sent")
    if found != manifest_crc:
        raise Refusal(REASON_FILE, "another firmware was sent")
    try:
        with open("trial.new", "w") as trial:
            trial.write(slot)
        os.rename("trial.new", "trial")
    except OSError:
        raise Refusal(REASON_STORAGE, "flash cannot be written")
