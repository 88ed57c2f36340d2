"""MicroPython itself on a board: the right file, a drive that is there, and then the firmware."""

import hashlib
import os
import pty
import subprocess
import sys
import tty

import pytest

from liplab.flash import bootloader, esp_image, ports, uf2
from liplab.flash.targets import PICO, PICO2
from lipwright.errors import LipwrightError

from .board_images import (
    ABSOLUTE,
    OTHER,
    PROGRAM_AT,
    RP2040,
    RP2350,
    TABLE_AT,
    esp_file,
    partition_table,
    uf2_block,
    uf2_file,
)


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
    assert uf2.target_of_file(uf2_file(tmp_path / "x.uf2", RP2350)) is PICO2


def block(number, count=3, address=None, size=256, family=RP2040):
    return uf2_block(family, number, count, 0x10000000 + 256 * number if address is None else address, size)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ((block(0) + block(1) + block(2))[:-100], "not a whole UF2 file"),
        (block(0) + b"x" + block(1)[1:] + block(2), "not a whole UF2 file"),
        (block(0) + block(1)[:-1] + b"x" + block(2), "not a whole UF2 file"),
        (block(0) + block(2), "not a whole UF2 file"),
        (block(0) + block(1), "not a whole UF2 file"),
        (block(0) + block(1) + block(1) + block(2), "not a whole UF2 file"),
        (block(0) + block(1) + block(2, address=0x10000000), "not a whole UF2 file"),
        (block(0) + block(1) + block(2, size=128), "not a whole UF2 file"),
        (block(0) + block(1) + block(2, address=0x10000280), "not a whole UF2 file"),
        (block(0) + block(1) + block(2, address=0x10200000), "does not fit the flash of a Raspberry Pi Pico"),
        (block(0) + block(1) + block(2, address=0x20000000), "does not fit the flash of a Raspberry Pi Pico"),
        (b"", "not for a Pico or a Pico 2"),
        (block(0, 1, family=OTHER), "not for a Pico or a Pico 2"),
        (block(0, 1, family=ABSOLUTE), "not for a Pico or a Pico 2"),
        (block(0, 1) + block(0, 1, family=RP2350), "not for a Pico or a Pico 2"),
    ],
    ids=[
        *("cut off", "a mark", "the last mark", "lacks one", "lacks the last", "one twice"),
        *("one place twice", "short blocks", "between two places", "beyond the flash", "not to flash"),
        *("empty", "for another chip", "for no chip", "for two chips"),
    ],
)
def test_files_that_will_not_do(tmp_path, data, says):
    path = tmp_path / "x.uf2"
    path.write_bytes(data)
    with pytest.raises(LipwrightError, match=says):
        uf2.target_of_file(path)


def test_a_pico_2_has_more_flash(tmp_path):
    (tmp_path / "x.uf2").write_bytes(block(0, 1, 0x103FFF00, family=RP2350))
    assert uf2.target_of_file(tmp_path / "x.uf2") is PICO2


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
    code, said = flash("--micropython", uf2_file(tmp_path / "x.uf2", RP2350), "--drive", drive)
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


def test_what_esptool_takes_for_a_whole_image_is_one(tmp_path):
    path = esp_file(tmp_path / "s3.bin")
    esp_image.check(path)
    command = [sys.executable, "-m", "esptool", "image-info", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Detected image type: ESP32-S3" in said and said.count("(valid)") == 2, said


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: flip(data, 100), "the sum of the bootloader is wrong"),
        (lambda data: flip(data, 4), "the SHA-256 of the bootloader is wrong"),  # where it begins to run
        (lambda data: data[:23] + b"\0" + data[24:], "the SHA-256 of the bootloader is wrong"),
        (lambda data: flip(data, PROGRAM_AT + 900), "the sum of the partition factory is wrong"),
        (lambda data: flip(data, -1), "the SHA-256 of the partition factory is wrong"),
        (lambda data: flip(flip(data, PROGRAM_AT + 900), PROGRAM_AT + 901), "the SHA-256 of the partition"),
        (lambda data: flip(data, PROGRAM_AT), "the partition factory is missing"),
        (lambda data: flip(data, TABLE_AT + 36), "the MD5 of the partition table is wrong"),
        (lambda data: data[:-1], "the partition factory is cut off"),
        (lambda data: data[:-2000], "the partition factory is cut off"),
        (lambda data: data[: PROGRAM_AT + 26], "the partition factory is cut off"),
        (lambda data: data[:PROGRAM_AT], "take the file that ends in .bin"),
        (lambda data: data[PROGRAM_AT:], "take the file that ends in .bin"),
        (lambda data: data[:300], "the bootloader is cut off"),
        (lambda data: with_table(data, partition_table()), "take the file that ends in .bin"),
        (lambda data: data.ljust((4 << 20) + 1, b"\xff"), "is larger than the board's flash"),
    ],
)
def test_an_image_that_is_not_what_it_was_does_not_go_onto_an_esp32s3(flash, tmp_path, board, damage, says):
    path = esp_file(tmp_path / "s3.bin")
    path.write_bytes(damage(path.read_bytes()))
    code, said = flash("--micropython", path, "--port", board.port)
    assert code == 2 and says in said


def flip(data, place):
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def with_table(data, table):
    return data[:TABLE_AT] + table + data[TABLE_AT + len(table) :]


def test_esptool_is_asked_and_its_failure_told(flash, tmp_path):
    """The real esptool, on a port behind which nothing answers."""
    board_end, port = pty.openpty()
    tty.setraw(port)
    code, said = flash("--micropython", esp_file(tmp_path / "s3.bin"), "--port", os.ttyname(port))
    os.close(board_end)
    os.close(port)
    assert code == 2
    assert "esptool could not put MicroPython on the board" in said and "hold its BOOT button" in said
