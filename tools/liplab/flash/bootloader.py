"""Puts MicroPython itself on a board that has none, or an old one, through the board's bootloader."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from liplab.flash import esp_image, ports, uf2
from liplab.flash.targets import ESP32S3, PICO, PICO2, TESTED
from lipwright.boards import SerialBoard, find_ports
from lipwright.clock import RealClock
from lipwright.errors import LipwrightError

# How long MicroPython may take to make its file system and show up on USB.
APPEAR_S = 30.0
LOOK_S = 0.3
# From there on until the system lets its users open the port.
SETTLE_S = 1.0
STDERR = 2
SOURCES = ", ".join(f"{target.download} ({target.title})" for target in (PICO, PICO2, ESP32S3))


def put(path: Path, sha256: str | None, port: str | None, drive: Path | None) -> ports.Port:
    """Puts MicroPython on a board, and returns the port where the board then is.

    Raises LipwrightError that says what to do.
    """
    _check(path, sha256)
    if path.suffix == ".uf2":
        before = set(find_ports())
        _put_on_pico(path, drive)
    elif path.suffix == ".bin":
        place = ports.find(port)
        before = set(find_ports()) - {place.path}
        _put_on_esp(path, place)
    else:
        raise LipwrightError(
            f"{path} is neither a .uf2 (Pico) nor a .bin (ESP32-S3) file: get one from {SOURCES}."
        )
    return _appeared(port, before)


def _check(path: Path, sha256: str | None) -> None:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise LipwrightError(
            f"cannot read {path}: {error.strerror}. Get MicroPython {TESTED} from {SOURCES}."
        ) from None
    if sha256 is not None and digest != sha256.lower():
        raise LipwrightError(
            f"{path} is not the file that was meant, its SHA-256 is {digest}: download it again."
        )


def _put_on_pico(path: Path, drive: Path | None) -> None:
    made_for = uf2.target_of_file(path)
    drive, target = uf2.find_drive(drive)
    if made_for is not target:
        raise LipwrightError(
            f"{path} is for a {made_for.title}, and the board is a {target.title}: get one from "
            f"{target.download}."
        )
    print(f"found: a {target.title} that waits for MicroPython, at {drive}", file=sys.stderr)
    uf2.copy(path, drive)


def _put_on_esp(path: Path, place: ports.Port) -> None:
    esp_image.check(path)
    need_esptool()
    probe = SerialBoard(place.path)
    probe.open()
    probe.close()
    command = [sys.executable, "-m", "esptool", "--chip", ESP32S3.key, "--port", place.path]
    command += ["write-flash", "--erase-all", "0", str(path)]
    done = subprocess.run(command, stdout=STDERR, check=False)  # it shows how far it is
    if done.returncode:
        raise LipwrightError(
            f"esptool could not put MicroPython on the board at {place.path}: hold its BOOT button, press "
            "RESET, let go of both, and start once more."
        )


def need_esptool() -> None:
    """Raises LipwrightError if esptool is not installed."""
    if find_spec("esptool") is None:
        raise LipwrightError(
            "MicroPython goes onto an ESP32-S3 by esptool, which is not installed; run: "
            "pip install 'lipwright[esp32]'"
        )


def _appeared(port: str | None, before: set[str]) -> ports.Port:
    """The port of the board that was not there before, or the one named, as soon as it is there."""
    print("waiting for MicroPython to start", file=sys.stderr)
    clock = RealClock()
    deadline = clock.now() + APPEAR_S
    while clock.now() < deadline:
        if port is None:
            new = [path for path in find_ports() if path not in before]
        else:
            new = [port] if Path(port).exists() else []
        if len(new) == 1:
            clock.sleep_until(clock.now() + SETTLE_S)
            return ports.find(new[0])
        clock.sleep_until(clock.now() + LOOK_S)
    raise LipwrightError(
        f"MicroPython was copied, and no board has shown up for {APPEAR_S:.0f} s: unplug it, plug it in, and "
        "run `lipwright flash`."
    )
