"""MicroPython itself on a board: the right file, a drive that is there, and then the firmware."""

import hashlib
import os
import pty
import struct
import tty

import pytest

from liplab.flash import bootloader, ports, uf2
from liplab.flash.targets import PICO, PICO2
from lipwright.errors import LipwrightError

RP2040, ABSOLUTE, RP2350 = 0xE48BFF56, 0xE48BFF57, 0xE48BFF59


def uf2_file(path, *families, blocks=40):
    """A whole UF2 file whose blocks are for these families in turn, the last of them for the rest."""
    data = b""
    for number in range(blocks):
        family = families[min(number, len(families) - 1)]
        head = struct.pack(
            "<8I", 0x0A324655, 0x9E5D5157, 0x2000, 0x10000000 + 256 * number, 256, number, blocks, family
        )
        data += (head + os.urandom(256)).ljust(508, b"\0") + struct.pack("<I", 0x0AB16F30)
    path.write_bytes(data)
    return path


@pytest.fixture
def drive(tmp_path):
    """The drive of a Pico in its bootloader."""
    return drive_of(tmp_path / "a drive", "Raspberry Pi RP2", "RPI-RP2")


def drive_of(folder, model, board_id):
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(f"UF2 Bootloader v3.0\nModel: {model}\nBoard-ID: {board_id}\n")
    return folder


def test_a_file_tells_which_pico_it_is_for(tmp_path):
    assert uf2.target_of_file(uf2_file(tmp_path / "x.uf2", RP2040)) is PICO
    assert uf2.target_of_file(uf2_file(tmp_path / "x.uf2", ABSOLUTE, RP2350)) is PICO2


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[:-100], "not a whole UF2 file"),
        (lambda data: data[:512] + b"x" + data[513:], "not a whole UF2 file"),
        (lambda data: b"", "not for a Pico or a Pico 2"),
        (
            lambda data: data.replace(struct.pack("<I", RP2040), struct.pack("<I", 0x12345678)),
            "not for a Pico",
        ),
    ],
    ids=["cut off", "no UF2", "empty", "for another chip"],
)
def test_files_that_will_not_do(tmp_path, damage, says):
    path = uf2_file(tmp_path / "x.uf2", RP2040)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(LipwrightError, match=says):
        uf2.target_of_file(path)


def test_a_mounted_drive_is_found_among_the_others(tmp_path, drive, monkeypatch):
    other = tmp_path / "usb stick"
    other.mkdir()
    mounts = tmp_path / "mounts"
    lines = [
        f"/dev/sd{i} {str(path).replace(' ', chr(92) + '040')} vfat rw 0 0\n"
        for i, path in enumerate((other, drive))
    ]
    mounts.write_text("".join(lines))
    monkeypatch.setattr(uf2, "MOUNTS", mounts)
    assert uf2.find_drive() == (drive, PICO)
    second = drive_of(tmp_path / "two", "Raspberry Pi RP2350", "RP2350")
    mounts.write_text("".join(lines) + f"/dev/sdc {second} vfat rw 0 0\n")
    with pytest.raises(LipwrightError, match=r"2 boards wait for MicroPython .*choose one with --drive"):
        uf2.find_drive()
    assert uf2.find_drive(second) == (second, PICO2)


def test_no_drive_says_how_to_get_one(tmp_path, monkeypatch):
    monkeypatch.setattr(uf2, "MOUNTS", tmp_path / "mounts")
    (tmp_path / "mounts").write_text("")
    monkeypatch.setattr(uf2, "LABELS", tmp_path)
    with pytest.raises(LipwrightError, match="hold its BOOTSEL button, plug it in"):
        uf2.find_drive()
    (tmp_path / "RP2350").write_text("")
    with pytest.raises(LipwrightError, match=r"is not mounted: run `sudo mount .*RP2350 /mnt`.*--drive /mnt"):
        uf2.find_drive()
    with pytest.raises(LipwrightError, match=r"has no INFO_UF2\.TXT that says so"):
        uf2.find_drive(tmp_path)


def test_micropython_and_then_the_firmware_with_one_command(board, drive, flash, tmp_path):
    file = uf2_file(tmp_path / "micropython.uf2", RP2040)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    code, said = flash("--micropython", file, "--sha256", digest, "--drive", drive, "--port", board.port)
    assert code == 0, said
    assert (drive / "micropython.uf2").read_bytes() == file.read_bytes()
    assert "found: a Raspberry Pi Pico that waits for MicroPython" in said and "the board speaks" in said


def test_what_is_not_the_file_that_was_meant(drive, flash, tmp_path):
    file = uf2_file(tmp_path / "micropython.uf2", RP2040)
    code, said = flash("--micropython", file, "--sha256", "0" * 64, "--drive", drive)
    assert code == 2 and "is not the file that was meant, its SHA-256 is" in said
    code, said = flash("--micropython", tmp_path / "nothing.uf2", "--drive", drive)
    assert code == 2 and "No such file" in said and "https://micropython.org/download/RPI_PICO (" in said
    file.rename(tmp_path / "micropython.hex")
    code, said = flash("--micropython", tmp_path / "micropython.hex", "--drive", drive)
    assert code == 2 and "neither a .uf2 (Pico) nor a .bin (ESP32-S3)" in said
    assert sorted(path.name for path in drive.iterdir()) == ["INFO_UF2.TXT"]


def test_a_file_for_the_other_pico_is_not_copied(drive, flash, tmp_path):
    code, said = flash("--micropython", uf2_file(tmp_path / "x.uf2", ABSOLUTE, RP2350), "--drive", drive)
    assert code == 2
    assert "is for a Raspberry Pi Pico 2, and the board is a Raspberry Pi Pico: get one from" in said
    assert not (drive / "x.uf2").exists()


def test_a_drive_that_takes_no_more_is_told(drive, flash, tmp_path):
    (drive / "x.uf2").symlink_to("/dev/full")
    code, said = flash("--micropython", uf2_file(tmp_path / "x.uf2", RP2040, blocks=400), "--drive", drive)
    assert code == 2 and "broke off (No space left on device): unplug the board, hold BOOTSEL" in said


def test_a_board_that_does_not_show_up_is_told(drive, flash, tmp_path, monkeypatch):
    monkeypatch.setattr(bootloader, "APPEAR_S", 0.5)
    monkeypatch.setattr(ports.list_ports, "comports", lambda: [])
    code, said = flash("--micropython", uf2_file(tmp_path / "x.uf2", RP2040), "--drive", drive)
    assert code == 2 and "no board has shown up for 0 s: unplug it, plug it in" in said


def test_an_image_for_another_chip_does_not_go_onto_an_esp32s3(flash, tmp_path, board):
    (tmp_path / "esp32.bin").write_bytes(bytes([0xE9]) + bytes(5000))
    code, said = flash("--micropython", tmp_path / "esp32.bin", "--port", board.port)
    assert code == 2 and "is not for an ESP32-S3: get one from https" in said


def test_esptool_is_asked_and_its_failure_told(flash, tmp_path):
    """The real esptool, on a port behind which nothing answers."""
    board_end, port = pty.openpty()
    tty.setraw(port)
    (tmp_path / "s3.bin").write_bytes(bytes([0xE9]) + bytes(11) + b"\x09\x00" + bytes(5000))
    code, said = flash("--micropython", tmp_path / "s3.bin", "--port", os.ttyname(port))
    os.close(board_end)
    os.close(port)
    assert code == 2
    assert "esptool could not put MicroPython on the board" in said and "hold its BOOT button" in said
