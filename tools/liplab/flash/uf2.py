"""MicroPython for a Pico: a UF2 file, and the drive that a Pico shows when it is plugged in with BOOTSEL."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from tqdm import tqdm

from liplab.flash.targets import PICO, PICO2, Target
from lipwright.errors import LipwrightError

BLOCK_BYTES = 512
COPY_BYTES = 64 * BLOCK_BYTES
_HEAD = struct.Struct("<IIIIIIII")
_MAGIC = (0x0A324655, 0x9E5D5157)
_FAMILY_GIVEN = 0x2000
FAMILIES = {0xE48BFF56: PICO, 0xE48BFF59: PICO2}  # a Pico 2's file begins with a block of another family
# What the drive's INFO_UF2.TXT calls the board, which is also the label of the drive.
DRIVES = {"RPI-RP2": PICO, "RP2350": PICO2}
INFO = "INFO_UF2.TXT"
MOUNTS = Path("/proc/mounts")
VOLUMES = Path("/Volumes")
LABELS = Path("/dev/disk/by-label")


def target_of_file(path: Path) -> Target:
    """The board that a UF2 file is for; raises LipwrightError for a damaged file or another's."""
    data = path.read_bytes()
    found = set()
    for start in range(0, len(data), BLOCK_BYTES):
        block = data[start : start + BLOCK_BYTES]
        if len(block) < BLOCK_BYTES or _HEAD.unpack_from(block)[:2] != _MAGIC:
            raise LipwrightError(f"{path} is not a whole UF2 file: download it again.")
        flags, family = _HEAD.unpack_from(block)[2], _HEAD.unpack_from(block)[7]
        if flags & _FAMILY_GIVEN and family in FAMILIES:
            found.add(FAMILIES[family])
    if len(found) != 1:
        raise LipwrightError(
            f"{path} is not for a Pico or a Pico 2: get one from {PICO.download} or {PICO2.download}."
        )
    return found.pop()


def find_drive(given: Path | None = None) -> tuple[Path, Target]:
    """The mounted drive of a Pico in its bootloader, and which Pico it is.

    Raises LipwrightError that says what to do.
    """
    if given is not None:
        target = _target_of_drive(given)
        if target is None:
            raise LipwrightError(f"{given} is not the drive of a Pico: it has no {INFO} that says so.")
        return given, target
    found = [(path, target) for path in _mounted() if (target := _target_of_drive(path))]
    if len(found) > 1:
        paths = ", ".join(str(path) for path, _ in found)
        raise LipwrightError(f"{len(found)} boards wait for MicroPython ({paths}): choose one with --drive.")
    if found:
        return found[0]
    for label in DRIVES:
        if (LABELS / label).exists():
            raise LipwrightError(
                "a Pico waits for MicroPython, but its drive is not mounted: run `sudo mount -o uid=$(id -u) "
                f"{LABELS / label} /mnt`, and once more with --drive /mnt."
            )
    raise LipwrightError(
        "no Pico waits for MicroPython: unplug it, hold its BOOTSEL button, plug it in, let go, and start "
        "once more."
    )


def copy(path: Path, drive: Path) -> None:
    """Copies the file to the drive; the board starts it when the last block has come, and the drive is gone.

    Raises LipwrightError if it breaks off before that.
    """
    data = path.read_bytes()
    written = 0
    try:
        with (
            (drive / path.name).open("wb", buffering=0) as file,
            tqdm(total=len(data), desc="copying MicroPython", unit="B", unit_scale=True, leave=False) as bar,
        ):
            while written < len(data):
                count = file.write(data[written : written + COPY_BYTES])
                os.fsync(file.fileno())
                written += count
                bar.update(count)
    except OSError as error:
        # With the last block the board restarts, and may be gone before the drive's table of files is there.
        if written + COPY_BYTES < len(data):
            raise LipwrightError(
                f"copying to {drive} broke off ({error.strerror}): unplug the board, hold BOOTSEL, plug it "
                "in, and start once more."
            ) from None


def _mounted() -> list[Path]:
    if MOUNTS.exists():
        # Spaces in paths are written as \040.
        paths = [line.split()[1] for line in MOUNTS.read_text().splitlines()]
        return [Path(path.encode().decode("unicode_escape")) for path in paths]
    return sorted(VOLUMES.glob("*"))


def _target_of_drive(path: Path) -> Target | None:
    try:
        info = (path / INFO).read_text(errors="replace")
    except OSError:
        return None
    for line in info.splitlines():
        key, _, value = line.partition(":")
        if key == "Board-ID":
            return DRIVES.get(value.strip())
    return None
