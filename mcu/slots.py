"""The slot that this firmware lies in; main.py says what slots are."""

import binascii
import os


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
