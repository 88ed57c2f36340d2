"""Gets MicroPython for a board from micropython.org, once the user has agreed, and keeps it."""

from __future__ import annotations

import errno
import hashlib
import http.client
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from liplab.flash import bootloader, ports, uf2
from liplab.flash.targets import ESP32S3, PICO, PICO2, TESTED, Target
from liplab.micropython import cache_folder
from lipwright.boards import plugged_in
from lipwright.errors import LipwrightError
from lipwright.files import write_atomically

SITE = "https://micropython.org/resources/firmware/"
# For so long the site may say nothing.
SILENCE_S = 20.0
CHUNK_BYTES = 16 * 1024
RASPBERRY_PI = 0x2E8A  # the maker in the USB identity of a Pico that runs


@dataclass(frozen=True)
class Release:
    """A file of micropython.org that the firmware runs on.

    Attributes:
        file: Its name there.
        size: Bytes.
        sha256: What they have to be.
    """

    file: str
    size: int
    sha256: str


# Names as the boards' download pages list them. micropython.org publishes no sums of its files, so these are
# of copies that others have published:
RELEASES: dict[Target, Release] = {
    # github.com/BrianPugh/hdiffpatch-python, tests/binaries; the same sum stands in the tests of
    # github.com/BrianPugh/tamp, and Waveshare's example code for its Pico-Go has the same file.
    PICO: Release(
        "RPI_PICO-20250415-v1.25.0.uf2",
        667_648,
        "e0c40eacf1afc550a6add74888c48bb981b28788a6d75a62a0e2444e997b9864",
    ),
    # Waveshare's example code for its Pico-Go, in the history of
    # github.com/StClairRoboticsClub/Pico-Go-LAN-Robot, examples/waveshare_demos/uf2.
    PICO2: Release(
        "RPI_PICO2-20250415-v1.25.0.uf2",
        648_704,
        "c557a32170bda75404f65a7376d9dce42b74c3c1c847b008065dceb532cd4699",
    ),
    # github.com/PoliDaniel01/Smart_Home_ESP32, Smart_Home_project/micropython_utils. By the sums in it, it is
    # as it was built, by its own words on 15 April 2025.
    ESP32S3: Release(
        "ESP32_GENERIC_S3-20250415-v1.25.0.bin",
        1_673_008,
        "3f25a6c4f6fa6d68c8959152c9fa0962c90ef2dab5cccc984e42b5bc5c63fea3",
    ),
}


def get(port: str | None, drive: Path | None, agreed: bool) -> Path:
    """MicroPython for the board that waits for it: kept from before or, if the user agrees, downloaded.

    `port` and `drive` as the user has given them; `agreed`: without asking. The file is whole, and the one
    that is known. Raises LipwrightError that says what to do; nothing is left of a download that broke off.
    """
    target = _waiting(port, drive)
    release = RELEASES[target]
    path = cache_folder() / release.file
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == release.sha256:
        print(f"MicroPython {TESTED} is here from an earlier time: {path}", file=sys.stderr)
        return path
    url = SITE + release.file
    print(
        f"MicroPython {TESTED} for a {target.title}: {release.size / 1000:.0f} kB from {url}", file=sys.stderr
    )
    if not agreed:
        _ask(url)
    data = _download(url, release, target)
    _keep(path, data)
    print(f"downloaded, and it is the file that is known: SHA-256 {release.sha256}", file=sys.stderr)
    return path


def _waiting(port: str | None, drive: Path | None) -> Target:
    """The board that waits for MicroPython: a Pico that shows its drive, or an ESP32-S3 on a serial port."""
    if drive is None and not uf2.drives() and (port is not None or plugged_in()):
        path = ports.find(port).path
        if path not in {other.device for other in plugged_in() if other.vid == RASPBERRY_PI}:
            bootloader.need_esptool()
            return ESP32S3
    return uf2.find_drive(drive)[1]


def _ask(url: str) -> None:
    if not sys.stdin.isatty():
        raise LipwrightError("nobody is there to be asked whether to download: add --yes.")
    print("Download it? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise LipwrightError(f"nothing was downloaded. {_by_hand(url)}")


def _by_hand(url: str) -> str:
    return f"You can get {url} yourself, and give it with --micropython FILE."


def _download(url: str, release: Release, target: Target) -> bytes:
    """The bytes of the file, which are those that are known."""
    request = urllib.request.Request(url, headers={"User-Agent": "Lipwright"})
    data = bytearray()
    announced = release.size
    try:
        with (
            urllib.request.urlopen(request, timeout=SILENCE_S) as answer,
            tqdm(total=release.size, desc="downloading", unit="B", unit_scale=True, leave=False) as bar,
        ):
            announced = int(answer.headers.get("Content-Length") or release.size)
            while len(data) <= release.size and (chunk := answer.read1(CHUNK_BYTES)):
                data += chunk
                bar.update(len(chunk))
    except urllib.error.HTTPError as error:
        raise LipwrightError(
            f"{url} is not to be had ({error.code} {error.reason}): get MicroPython {TESTED} from "
            f"{target.download}, and give it with --micropython FILE."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        if not data:
            reason = getattr(error, "reason", error)
            said = getattr(reason, "strerror", None) or reason
            raise LipwrightError(
                f"cannot reach micropython.org ({said}): is this machine online? {_by_hand(url)}"
            ) from None
    if len(data) < min(announced, release.size):
        raise LipwrightError(
            f"the download broke off after {len(data) / 1000:.0f} of {release.size / 1000:.0f} kB, and was "
            "not kept: start once more."
        )
    digest = hashlib.sha256(data).hexdigest()
    if digest != release.sha256:
        raise LipwrightError(
            f"what came from {url} is not the file that is known (its SHA-256 is {digest}), and was not "
            f"kept: start once more; if it comes again, take one from {target.download}, and give it with "
            "--micropython FILE."
        )
    return bytes(data)


def _keep(path: Path, data: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise LipwrightError(
                f"the disk is full: MicroPython needs {len(data) / 1e6:.1f} MB in {path.parent}; free some."
            ) from None
        raise LipwrightError(f"cannot write to the cache folder {path.parent}: {error.strerror}.") from None
