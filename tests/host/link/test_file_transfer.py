"""Files on the real firmware's flash: whole or not at all, listed and removed, over good cables and bad."""

import zlib

import pytest

from facewire import constants as wire
from liplab.board import SimulatedBoard
from lipwright.boards import SerialBoard
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.link import file_transfer
from lipwright.link import messages as m
from lipwright.link.board_link import BoardLink
from lipwright.link.file_messages import FileBegin
from lipwright.link.file_transfer import delete_file, list_files, store_file

from .relay import Relay

INTERPRETERS = ("micropython64", "micropython32", "cpython")
FIRMWARE = bytes(range(256)) * 11 + b"the end"  # six parts, the last a short one


@pytest.fixture(params=INTERPRETERS)
def interpreter(request):
    return request.param


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, len(FIRMWARE)])
def test_what_is_stored_lies_on_the_flash_byte_for_byte(interpreter, tmp_path, size):
    data, gone = FIRMWARE[:size], []
    with SimulatedBoard(interpreter, True, flash=tmp_path) as board, BoardLink(board, None) as link:
        link.connect()
        store_file(link, "slot/facewire/cobs.mpy", data, gone.append)
    assert (tmp_path / "a/facewire/cobs.mpy").read_bytes() == data
    assert sum(gone) == size
    assert all(0 < count <= wire.MAX_PART_BYTES for count in gone)


def test_files_are_listed_in_order_and_removed(interpreter, tmp_path):
    (tmp_path / "shows").mkdir()
    (tmp_path / "shows/two.txt").write_bytes(FIRMWARE)
    with SimulatedBoard(interpreter, True, flash=tmp_path) as board, BoardLink(board, None) as link:
        link.connect()
        store_file(link, "shows/one.txt", b"1")
        listed = list_files(link)
        assert [(info.name, info.size, info.crc) for info in listed] == [
            ("shows/one.txt", 1, zlib.crc32(b"1")),
            ("shows/two.txt", len(FIRMWARE), zlib.crc32(FIRMWARE)),
        ]
        for _ in range(2):  # what is removed may be removed again
            delete_file(link, "shows/one.txt")
        assert [info.name for info in list_files(link)] == ["shows/two.txt"]
        assert list_files(link, "slot") == [], "what runs is nobody's to see"


def test_a_link_without_a_profile_leaves_the_board_its_own_and_moves_nothing():
    with SimulatedBoard("auto", True) as board:
        with BoardLink(board, None) as link:
            assert link.connect().profile_crc == 0
            assert link.request_status().state == wire.UNCONFIGURED
        with BoardLink(board, load_profile()) as link:
            crc = link.connect().profile_crc
            link.ask(m.Stop, m.Ack)
        with BoardLink(board, None) as link:
            assert link.connect().profile_crc == crc
            assert link.request_status().state == wire.RELEASED


def test_a_head_that_moves_is_waited_for(tmp_path):
    profile = load_profile()
    with SimulatedBoard("auto", True, flash=tmp_path) as board:
        with BoardLink(board, profile) as link:
            link.connect()
            far = 1 - profile.rest_targets()
            for _ in range(10):
                link.send(far, board.clock.now() + 0.1)
                board.clock.sleep_until(board.clock.now() + 0.02)
        with BoardLink(board, None) as link:
            link.connect()
            assert link.request_status().state == wire.EASING
            with pytest.raises(LipwrightError, match="the head moves: park it first"):
                link.ask(lambda number: FileBegin(number, "shows/a.txt", 1, zlib.crc32(b"a")), m.Ack)
            store_file(link, "shows/a.txt", b"a")
            assert link.request_status().state == wire.RESTING
    assert (tmp_path / "shows/a.txt").read_bytes() == b"a"


def test_a_head_that_does_not_come_to_rest_is_told_of(monkeypatch):
    monkeypatch.setattr(file_transfer, "STILL_S", 0.2)
    profile = load_profile()
    with SimulatedBoard("auto", True) as board, BoardLink(board, profile) as link:
        link.connect()
        link.send(1 - profile.rest_targets(), board.clock.now() + 1)
        board.clock.sleep_until(board.clock.now() + 0.02)
        with pytest.raises(LipwrightError, match="has not come to rest"):
            store_file(link, "shows/a.txt", b"a")


@pytest.fixture
def relay(tmp_path):
    """A cable to spoil, between the host and a real-time board."""
    with SimulatedBoard("auto", flash=tmp_path) as board:
        relay = Relay(board.open())
        yield relay
        relay.pull()


def test_a_noisy_cable_costs_time_and_no_byte(relay, tmp_path):
    board = SerialBoard(relay.port)
    with BoardLink(board, None) as link:
        link.connect()
        relay.damage = 0.0003
        store_file(link, "shows/a.txt", FIRMWARE * 5)
        relay.damage = 0.0
        assert link.request_status().crc_errors > 0
    board.close()
    assert (tmp_path / "shows/a.txt").read_bytes() == FIRMWARE * 5


def test_a_cable_pulled_half_way_leaves_the_old_file_and_the_next_try_works(tmp_path):
    with SimulatedBoard("auto", flash=tmp_path) as board:
        with BoardLink(board, None) as link:
            link.connect()
            store_file(link, "shows/a.txt", b"old")
        relay = Relay(board.open())
        half = SerialBoard(relay.port)
        with BoardLink(half, None) as link, pytest.raises(LipwrightError, match="is lost: check the cable"):
            link.connect()
            store_file(link, "shows/a.txt", FIRMWARE, lambda _: relay.pull())
        half.close()
        assert (tmp_path / "shows/a.txt").read_bytes() == b"old"
        with BoardLink(board, None) as link:
            link.connect()
            assert [info.name for info in list_files(link)] == ["shows/a.txt"]
            store_file(link, "shows/a.txt", FIRMWARE)
        assert (tmp_path / "shows/a.txt").read_bytes() == FIRMWARE
