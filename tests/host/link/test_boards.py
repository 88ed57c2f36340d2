"""Finding and opening boards: what cannot work ends in a sentence that says what to do."""

import os
import pty
import subprocess
import sys
import tty

import pytest
from serial.tools.list_ports_common import ListPortInfo

from lipwright import boards
from lipwright.boards import SerialBoard, load_board
from lipwright.errors import LipwrightError


@pytest.fixture
def port():
    """Path of a pty, as good as a serial port."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


def test_opens_a_port_and_reads_without_waiting(port):
    board = SerialBoard(port)
    assert board.open().read(10) == b""
    board.close()
    board.close()


def test_a_port_that_is_not_there():
    with pytest.raises(LipwrightError, match=r"no serial port /dev/ttyACM77.*plug"):
        SerialBoard("/dev/ttyACM77").open()


def test_a_port_that_another_program_uses(port):
    first = SerialBoard(port)
    first.open()
    with pytest.raises(LipwrightError, match="in use"):
        SerialBoard(port).open()
    first.close()


def test_a_file_that_is_no_port(tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(LipwrightError, match="not a serial port"):
        SerialBoard(str(file)).open()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up its rights to a port")
def test_a_port_that_the_user_may_not_open(port):
    os.chmod(port, 0o600)
    code = (
        "import os, sys\n"
        "from lipwright.boards import SerialBoard\n"
        "from lipwright.errors import LipwrightError\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: SerialBoard(sys.argv[1]).open()\n"
        "except LipwrightError as error: print(error)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, port], capture_output=True, text=True, check=True
    ).stdout
    assert "usermod -aG" in said


@pytest.mark.parametrize(
    ("plugged_in", "says"),
    [
        ([], "no board is plugged in.*--sim"),
        ([("/dev/ttyS0", None), ("/dev/ttyUSB0", 0x1234)], "no board is plugged in"),
        ([("/dev/ttyACM1", 0x2E8A), ("/dev/ttyACM0", 0x303A)], "several.*ttyACM0, /dev/ttyACM1"),
    ],
)
def test_without_a_port_there_must_be_one_board(monkeypatch, plugged_in, says):
    monkeypatch.setattr(boards.list_ports, "comports", lambda: _ports(plugged_in))
    with pytest.raises(LipwrightError, match=says):
        boards.find_port()


def test_the_only_board_is_found(monkeypatch):
    plugged_in = [("/dev/ttyS0", None), ("/dev/ttyACM0", 0x2E8A)]
    monkeypatch.setattr(boards.list_ports, "comports", lambda: _ports(plugged_in))
    assert boards.find_port() == "/dev/ttyACM0"


def test_a_board_is_found_by_its_usb_serial_number_wherever_it_is(monkeypatch, port):
    usb = [usb_port(port, "E661", "1-1.2:1.0"), usb_port("/dev/ttyACM8", "E662", "1-1.3:1.0")]
    monkeypatch.setattr(boards.list_ports, "comports", lambda: usb)
    assert boards.lasting_name(port) == "usb:E661"
    board = SerialBoard("usb:E661")
    assert board.open().port == port
    board.close()
    usb.pop(0)
    with pytest.raises(LipwrightError, match="serial number E661 is not plugged in: connect it"):
        board.open()
    usb.append(
        usb_port(port, "E661", "1-1.4:1.0")
    )  # in another socket, so under another path on most systems
    assert board.open().port == port
    board.close()


def test_a_board_with_two_ports_is_its_first(monkeypatch):
    usb = [usb_port("/dev/ttyACM1", "7", "1-1:1.2"), usb_port("/dev/ttyACM0", "7", "1-1:1.0")]
    monkeypatch.setattr(boards.list_ports, "comports", lambda: usb)
    assert boards.present_path("usb:7") == "/dev/ttyACM0"


def test_a_number_that_boards_share_names_none(monkeypatch):
    usb = [usb_port("/dev/ttyUSB0", "0001", "1-1"), usb_port("/dev/ttyUSB1", "0001", "1-2")]
    monkeypatch.setattr(boards.list_ports, "comports", lambda: usb)
    assert boards.lasting_name("/dev/ttyUSB0") is None
    with pytest.raises(LipwrightError, match=r"several boards .*ttyUSB0, /dev/ttyUSB1"):
        SerialBoard("usb:0001").open()


@pytest.mark.parametrize("number", [None, ""])
def test_a_board_without_a_number_has_no_lasting_name(monkeypatch, number):
    monkeypatch.setattr(boards.list_ports, "comports", lambda: [usb_port("/dev/ttyUSB0", number, "1-1")])
    assert boards.lasting_name("/dev/ttyUSB0") is None
    assert boards.present_path("/dev/ttyUSB0") == "/dev/ttyUSB0"


def usb_port(path, serial_number, location):
    port = ListPortInfo(path)
    port.serial_number, port.location = serial_number, location
    return port


def _ports(plugged_in):
    found = []
    for device, maker in plugged_in:
        port = ListPortInfo(device)
        port.vid = maker
        found.append(port)
    return found


def test_a_board_that_nobody_registered():
    with pytest.raises(LipwrightError, match=r"pip install 'lipwright\[robot\]'"):
        load_board("robot")
