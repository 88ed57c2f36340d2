"""`lipwright flash --micropython download`: from a real server, and only what is known gets onto a board."""

import hashlib
import http.server
import os
import pty
import subprocess
import sys
import threading
import time

import pytest
from serial.tools.list_ports_common import ListPortInfo

from liplab.flash import download, ports, uf2
from liplab.flash.download import RELEASES, Release
from liplab.flash.targets import ESP32S3, OLDEST, PICO, PICO2, TESTED
from lipwright.errors import LipwrightError

from .board_images import RP2350, esp_file, uf2_file


class Site(http.server.ThreadingHTTPServer):
    """micropython.org: files by path, and how they are sent."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Sender)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.breaks_off_after: int | None = None
        self.announces = True
        self.says_nothing_for_s = 0.0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"


class Sender(http.server.BaseHTTPRequestHandler):
    """Answers one request as the site is told to."""

    server: Site

    def do_GET(self):
        self.server.asked.append(self.path)
        data = self.server.files.get(self.path[1:])
        if data is None:
            self.send_error(404)
            return
        self.send_response(200)
        if self.server.announces:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: self.server.breaks_off_after])
        self.wfile.flush()
        time.sleep(self.server.says_nothing_for_s)

    def log_message(self, *_):
        pass


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, for downloads only: the interpreter of the boards here stays where it is."""
    folder = tmp_path / "a cache/lipwright/micropython"
    monkeypatch.setattr(download, "cache_folder", lambda: folder)
    return folder


@pytest.fixture
def site(tmp_path, cache, monkeypatch):
    """A site with a small MicroPython for each board, which are those that are known."""
    with Site() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setattr(download, "SITE", server.url)
        made = {
            PICO: uf2_file(tmp_path / "RPI_PICO.uf2"),
            PICO2: uf2_file(tmp_path / "RPI_PICO2.uf2", RP2350),
            ESP32S3: esp_file(tmp_path / "ESP32_GENERIC_S3.bin", size=200_000),
        }
        for target, path in made.items():
            data = server.files[path.name] = path.read_bytes()
            release = Release(path.name, len(data), hashlib.sha256(data).hexdigest())
            monkeypatch.setitem(download.RELEASES, target, release)
        yield server
        server.shutdown()


@pytest.fixture
def drive(tmp_path, monkeypatch):
    """The drive of a Pico in its bootloader, the only one that is mounted."""
    folder = tmp_path / "drive"
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nBoard-ID: RPI-RP2\n")
    monkeypatch.setattr(uf2, "MOUNTS", tmp_path / "mounts")
    (tmp_path / "mounts").write_text(f"/dev/sda {folder} vfat rw 0 0\n")
    return folder


def plug_in(monkeypatch, *makers):
    """Has these boards on serial ports, by their makers' USB numbers."""
    found = [ListPortInfo(f"/dev/ttyACM{number}") for number in range(len(makers))]
    for port, maker in zip(found, makers, strict=True):
        port.vid = maker
    monkeypatch.setattr(ports.list_ports, "comports", lambda: found)


def kept(cache):
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


def test_the_table_has_the_tested_version_of_every_board():
    for target, release in RELEASES.items():
        board, date, version = release.file.rpartition(".")[0].rsplit("-", 2)
        assert target.download.endswith("/" + board)
        assert version.startswith(f"v{TESTED}.") and date.isdigit()
        assert len(bytes.fromhex(release.sha256)) == 32 and release.size > 100_000
    assert TESTED.split(".") >= [str(part) for part in OLDEST]
    assert download.SITE.startswith("https://micropython.org/")


def test_download_and_micropython_and_the_firmware_with_one_command(site, board, drive, flash, cache):
    code, said = flash("--micropython", "download", "--yes", "--drive", drive, "--port", board.port)
    assert code == 0, said
    release = RELEASES[PICO]
    assert f"MicroPython 1.25 for a Raspberry Pi Pico: 20 kB from {site.url}RPI_PICO.uf2" in said
    assert f"SHA-256 {release.sha256}" in said and "the board speaks" in said
    assert (drive / release.file).read_bytes() == site.files[release.file]
    assert kept(cache) == [release.file]


def test_what_was_kept_is_used_again_unless_it_has_changed(site, drive, cache, capsys):
    path = download.get(None, None, True)
    assert download.get(None, None, False) == path
    assert "is here from an earlier time" in capsys.readouterr().err
    assert len(site.asked) == 1
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    assert download.get(None, None, True).read_bytes() == site.files[path.name]
    assert len(site.asked) == 2


@pytest.mark.parametrize(("answer", "gets"), [("y\n", True), ("YES\n", True), ("n\n", False), ("\n", False)])
def test_the_user_is_asked(site, drive, cache, flash, monkeypatch, answer, gets):
    person, terminal = pty.openpty()
    os.write(person, answer.encode())
    with os.fdopen(terminal) as stdin, os.fdopen(person):
        monkeypatch.setattr(sys, "stdin", stdin)
        # A number that it is not: nothing gets onto a board here.
        code, said = flash("--micropython", "download", "--sha256", "0" * 64)
    assert code == 2 and "Download it? [y/N]" in said and f"from {site.url}RPI_PICO.uf2" in said
    assert bool(site.asked) == gets == bool(kept(cache))
    if gets:
        assert "is not the file that was meant, its SHA-256 is" in said
    else:
        assert f"nothing was downloaded. You can get {site.url}RPI_PICO.uf2 yourself" in said


def test_nobody_to_be_asked(site, drive, cache, flash, monkeypatch):
    with open(os.devnull) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        code, said = flash("--micropython", "download")
    assert code == 2 and "nobody is there to be asked whether to download: add --yes" in said
    assert site.asked == [] and kept(cache) == []


# ---- which board


def test_a_pico_2_gets_its_own(site, drive):
    (drive / "INFO_UF2.TXT").write_text("Board-ID: RP2350\n")
    assert download.get(None, None, True).name == "RPI_PICO2.uf2"


@pytest.mark.parametrize("maker", [0x303A, 0x10C4])
def test_an_esp32s3_gets_its_own(site, drive, monkeypatch, maker):
    (drive / "INFO_UF2.TXT").unlink()
    plug_in(monkeypatch, maker)
    path = download.get(None, None, True)
    assert path.name == "ESP32_GENERIC_S3.bin" and path.read_bytes() == site.files[path.name]


def test_of_several_boards_the_port_says_which(site, drive, monkeypatch):
    (drive / "INFO_UF2.TXT").unlink()
    plug_in(monkeypatch, 0x2E8A, 0x303A)
    monkeypatch.setattr(ports, "present_path", lambda path: path)
    with pytest.raises(LipwrightError, match="2 boards are plugged in"):
        download.get(None, None, True)
    assert download.get("/dev/ttyACM1", None, True).name == "ESP32_GENERIC_S3.bin"
    with pytest.raises(LipwrightError, match="hold its BOOTSEL button"):
        download.get("/dev/ttyACM0", None, True)


def test_without_a_board_nothing_is_downloaded(site, drive, monkeypatch):
    (drive / "INFO_UF2.TXT").unlink()
    monkeypatch.setattr(uf2, "LABELS", drive)
    plug_in(monkeypatch)
    with pytest.raises(LipwrightError, match="no Pico waits for MicroPython"):
        download.get(None, None, True)
    assert site.asked == []


# ---- what goes wrong


def refused(cache):
    """What the user is told; nothing was kept."""
    with pytest.raises(LipwrightError) as told:
        download.get(None, None, True)
    assert kept(cache) == []
    assert "\n" not in str(told.value)
    return str(told.value)


def test_offline(site, drive, cache, monkeypatch):
    monkeypatch.setattr(download, "SITE", "http://127.0.0.1:9/")
    said = refused(cache)
    assert "cannot reach micropython.org (Connection refused): is this machine online?" in said
    assert "You can get http://127.0.0.1:9/RPI_PICO.uf2 yourself" in said
    monkeypatch.setattr(download, "SITE", "https://no.such.host.invalid/")
    assert "cannot reach micropython.org (" in refused(cache)


def test_a_site_that_is_not_whom_it_claims_to_be(site, drive, cache, monkeypatch):
    """TLS to a server that speaks none."""
    monkeypatch.setattr(download, "SITE", site.url.replace("http:", "https:"))
    assert "cannot reach micropython.org (" in refused(cache)


def test_a_file_that_is_gone(site, drive, cache):
    site.files.clear()
    said = refused(cache)
    assert (
        "is not to be had (404 Not Found): get MicroPython 1.25 from https://micropython.org/download" in said
    )


@pytest.mark.parametrize("announces", [True, False])
@pytest.mark.parametrize("after", [0, 9_000])
def test_a_download_that_breaks_off(site, drive, cache, announces, after):
    site.breaks_off_after, site.announces = after, announces
    assert f"broke off after {after // 1000} of 20 kB, and was not kept: start once more" in refused(cache)
    site.breaks_off_after = None
    assert download.get(None, None, True).name in kept(cache)


def test_a_site_that_says_nothing_more(site, drive, cache, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_S", 0.2)
    site.breaks_off_after, site.says_nothing_for_s = 9_000, 1.0
    assert "broke off after 9 of 20 kB" in refused(cache)


@pytest.mark.parametrize("change", ["a bit", "shorter", "longer"])
def test_a_file_that_is_not_the_known_one(site, drive, cache, change):
    data = site.files["RPI_PICO.uf2"]
    site.files["RPI_PICO.uf2"] = {
        "a bit": data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        "shorter": data[:-512],
        "longer": data + data,
    }[change]
    said = refused(cache)
    assert "is not the file that is known (its SHA-256 is" in said and "was not kept" in said


def test_a_command_that_is_stopped_leaves_nothing(site, drive, cache, tmp_path):
    site.breaks_off_after, site.says_nothing_for_s = 9_000, 5.0
    code = (
        "import sys; from pathlib import Path; from liplab.flash import download\n"
        "from liplab.flash.targets import PICO\nfrom lipwright.cli import main\n"
        "download.SITE = sys.argv[1]\ndownload.RELEASES[PICO] = download.Release('RPI_PICO.uf2', 20480, '')\n"
        "sys.exit(main(['flash', '--micropython', 'download', '--yes', '--drive', sys.argv[2]]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, site.url, drive],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "a cache")},
    )
    while not site.asked:
        time.sleep(0.02)
    time.sleep(0.2)
    process.send_signal(2)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said
    assert kept(cache) == []


def test_a_disk_that_is_full(site, drive, cache):
    cache.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(cache)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can make a small disk")
    try:
        assert "the disk is full: MicroPython needs 0.0 MB in" in refused(cache)
    finally:
        subprocess.run(["umount", str(cache)], check=True)


def test_a_cache_folder_that_cannot_be_written(site, drive, cache):
    cache.parent.parent.mkdir(parents=True)
    cache.parent.write_text("a file is in the way")
    with pytest.raises(LipwrightError, match="cannot write to the cache folder"):
        download.get(None, None, True)
