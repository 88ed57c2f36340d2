"""What systemd hears, on real datagram sockets."""

import os
import socket

import pytest

from lipwright.service.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """A socket as systemd's, and its address as systemd gives it."""
    address = str(tmp_path / "notify") if request.param == "path" else f"@lipwright-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.bind(address.replace("@", "\0", 1))
        wire.settimeout(2)
        yield wire, address


def test_the_manager_hears_every_word(manager):
    wire, address = manager
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready()
    notifier.alive()
    notifier.status("speaks;\n  the board is there")
    notifier.stopping()
    heard = [wire.recv(200).decode() for _ in range(4)]
    assert heard == ["READY=1", "WATCHDOG=1", "STATUS=speaks; the board is there", "STOPPING=1"]


def test_alive_is_due_twice_as_often_as_the_watchdog_looks(manager):
    told = {"NOTIFY_SOCKET": manager[1], "WATCHDOG_USEC": "20000000"}
    assert Notifier(told).alive_every_s == 10
    assert Notifier(told | {"WATCHDOG_PID": str(os.getpid())}).alive_every_s == 10


@pytest.mark.parametrize(
    "told",
    [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}],
)
def test_no_watchdog_looks_at_this_program(manager, told):
    assert Notifier({"NOTIFY_SOCKET": manager[1]} | told).alive_every_s is None


@pytest.mark.parametrize("address", ["", "/nowhere/notify", "@nobody-listens", "vsock:2:1"])
def test_without_a_manager_nothing_happens(address):
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready()
    notifier.status("alone")


def test_a_manager_that_does_not_read_holds_nobody_up(manager):
    notifier = Notifier({"NOTIFY_SOCKET": manager[1]})
    for _ in range(2000):  # far more than a socket takes in
        notifier.alive()
