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
# A block: two marks, flags, address, bytes, number of the block, how many there are, family; what goes to the
# address; a third mark. Both chips take 256 bytes, at whole multiples of that (RP2040 datasheet, 2.8.4.2).
_HEAD = struct.Struct("<IIIIIIII")
_END = struct.Struct("<I")
_MAGIC = (0x0A324655, 0x9E5D5157)
_END_MAGIC = 0x0AB16F30
_FAMILY_GIVEN = 0x2000
PAYLOAD_BYTES = 256
FAMILIES = {0xE48BFF56: PICO, 0xE48BFF59: PICO2}  # a Pico 2's file begins with a block of another family
FLASH_AT = 0x1000_0000
FLASH_BYTES = {PICO: 2 << 20, PICO2: 4 << 20}
# What the drive's INFO_UF2.TXT calls the board, which is also the label of the drive.
DRIVES = {"RPI-RP2": PICO, "RP2350": PICO2}
INFO = "INFO_UF2.TXT"
MOUNTS = Path("/proc/mounts")
VOLUMES = Path("/Volumes")
LABELS = Path("/dev/disk/by-label")


def target_of_file(path: Path) -> Target:
    """The board that a UF2 file is for, once each of its blocks has been looked at: its marks, that none is
    missing or there twice, and that all go to the flash of that board.

    Raises LipwrightError for a damaged file, or one for another board.
    """
    data = path.read_bytes()
    blocks: dict[Target, list[tuple[int, int, int]]] = {}  # number, how many, address
    for start in range(0, len(data), BLOCK_BYTES):
        block = data[start : start + BLOCK_BYTES]
        if len(block) < BLOCK_BYTES:
            raise _damaged(path)
        *magic, flags, address, size, number, count, family = _HEAD.unpack_from(block)
        (end,) = _END.unpack_from(block, BLOCK_BYTES - _END.size)
        if tuple(magic) != _MAGIC or end != _END_MAGIC or size != PAYLOAD_BYTES or address % PAYLOAD_BYTES:
            raise _damaged(path)
        if flags & _FAMILY_GIVEN and family in FAMILIES:
            blocks.setdefault(FAMILIES[family], []).append((number, count, address))
    if len(blocks) != 1:
        raise LipwrightError(
            f"{path} is not for a Pico or a Pico 2: get one from {PICO.download} or {PICO2.download}."
        )
    ((target, found),) = blocks.items()
    if sorted(number for number, _, _ in found) != list(range(len(found))):
        raise _damaged(path)
    if {count for _, count, _ in found} != {len(found)} or len({place for _, _, place in found}) < len(found):
        raise _damaged(path)
    if any(not 0 <= place - FLASH_AT < FLASH_BYTES[target] for _, _, place in found):
        raise LipwrightError(
            f"{path} does not fit the flash of a {target.title}: get one from {target.download}."
        )
    return target


def _damaged(path: Path) -> LipwrightError:
    return LipwrightError(f"{path} is not a whole UF2 file: download it again.")


def find_drive(given: Path | None = None) -> tuple[Path, Target]:
    """The mounted drive of a Pico in its bootloader, and which Pico it is.

    Raises LipwrightError that says what to do.
    """
    if given is not None:
        target = _target_of_drive(given)
        if target is None:
            raise LipwrightError(f"{given} is not the drive of a Pico: it has no {INFO} that says so.")
        return given, target
    found = drives()
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


def drives() -> list[tuple[Path, Target]]:
    """The mounted drives of all Picos in their bootloader, and which Picos they are."""
    return [(path, target) for path in _mounted() if (target := _target_of_drive(path))]


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
