"""The service in a machine that a real systemd runs: installed, killed, hung, starved, and taken away."""

import os
import time

import pytest

from lipwright.service.unit import KEPT, NAME, UNIT_PATH

DROP_IN = f"/run/systemd/system/{NAME}.d/test.conf"
SHORT_WATCHDOG = "[Service]\nWatchdogSec=1\nTimeoutStopSec=1\n"


@pytest.fixture
def drop_in(machine):
    """Changes the service for one test."""

    def change(text):
        machine("mkdir", "-p", os.path.dirname(DROP_IN))
        machine("sh", "-c", f"printf '%s' \"$TEXT\" > {DROP_IN}", TEXT=text)
        machine("systemctl", "daemon-reload")

    yield change
    machine("rm", "-f", DROP_IN)
    machine("systemctl", "daemon-reload")


@pytest.fixture
def installed(machine):
    if machine.shows(NAME, "LoadState") == "not-found":
        machine.lipwright("install")
    machine("systemctl", "reset-failed", NAME)  # also counts its restarts from 0 again
    machine("systemctl", "restart", NAME)
    return machine


@pytest.fixture
def without(machine):
    machine.lipwright("uninstall")
    return machine


def process(machine) -> dict[str, str]:
    """What the kernel says of the service's process, by its key."""
    pid = machine.shows(NAME, "MainPID")
    lines = machine("cat", f"/proc/{pid}/status").stdout.splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it has not happened"
        time.sleep(0.1)


def test_it_runs_as_the_person_who_installed_it_with_port_and_sound(installed):
    assert installed.shows(NAME, "ActiveState") == "active"
    assert installed.shows(NAME, "UnitFileState") == "enabled"
    status = process(installed)
    assert status["Uid"].split()[0] == installed("id", "-u", "maker").stdout.strip()
    groups = {installed("getent", "group", name).stdout.split(":")[2] for name in ("dialout", "audio")}
    assert groups <= set(status["Groups"].split())
    assert status["NoNewPrivs"] == "1" and int(status["CapEff"], 16) == 0


def test_doctor_tells_how_it_fares(installed):
    said = installed.lipwright("doctor").stdout
    assert "ok  service: runs as maker, and starts with the machine" in said
    installed("systemctl", "stop", NAME)
    said = installed.lipwright("doctor").stdout
    assert "--  service: installed, but inactive" in said and "systemctl restart lipwright" in said


def test_it_starts_with_the_machine(installed):
    installed.reboot()
    wait_until(lambda: installed.shows(NAME, "ActiveState") == "active")


def test_killed_it_is_started_again(installed):
    before = installed.shows(NAME, "MainPID")
    installed("kill", "-KILL", before)
    wait_until(
        lambda: (
            installed.shows(NAME, "MainPID") not in ("0", before)
            and installed.shows(NAME, "ActiveState") == "active"
        )
    )
    assert installed.shows(NAME, "NRestarts") == "1"


def test_hung_it_is_started_again(installed, drop_in):
    drop_in(SHORT_WATCHDOG)
    installed("systemctl", "restart", NAME)
    time.sleep(2.5)  # as long as it is alive, the watchdog leaves it alone
    assert installed.shows(NAME, "NRestarts") == "0"
    installed("kill", "-STOP", installed.shows(NAME, "MainPID"))
    wait_until(lambda: installed.shows(NAME, "NRestarts") == "1")
    wait_until(lambda: installed.shows(NAME, "ActiveState") == "active")


def test_a_full_disk_does_not_stop_it(installed):
    filler = "/var/lib/filler"
    installed("dd", "if=/dev/zero", f"of={filler}", "bs=64K", check=False)
    try:
        full = installed("dd", "if=/dev/zero", "of=/var/lib/more", "bs=64K", check=False)
        assert "No space left" in full.stderr
        installed("systemctl", "restart", NAME)
        assert installed.shows(NAME, "ActiveState") == "active"
    finally:
        installed("rm", "-f", filler, "/var/lib/more")


def test_a_read_only_root_does_not_stop_it(installed):
    installed.reboot(read_only=True)
    try:
        assert "Read-only" in installed("touch", "/var/lib/lipwright/x", check=False).stderr
        wait_until(lambda: installed.shows(NAME, "ActiveState") == "active")
    finally:
        installed.reboot()


def test_installed_twice_is_installed_once(installed):
    before, unit = installed.files(), installed("cat", UNIT_PATH).stdout
    installed.lipwright("install")
    assert installed.files() == before
    assert installed("cat", UNIT_PATH).stdout == unit


def test_uninstalled_nothing_is_left(installed):
    machine = installed
    machine.lipwright(
        "uninstall"
    )  # what the system itself writes when there is a first service, it has written
    before = machine.files()
    machine.lipwright("install")
    assert set(machine.files()) > set(before)
    said = machine.lipwright("uninstall").stdout
    assert "nothing of it is left" in said
    assert machine.files() == before
    assert machine.shows(NAME, "LoadState") == "not-found"
    assert not machine("ls", *KEPT, check=False).stdout
    assert "not installed" in machine.lipwright("uninstall").stdout


def test_a_profile_that_the_head_has_kept_is_handed_back(installed):
    machine = installed
    machine("sh", "-c", "echo precious > /var/lib/lipwright/my_head.toml")
    machine("sh", "-c", "echo older > /home/maker/my_head.toml")
    machine.lipwright("uninstall")
    assert machine("cat", "/home/maker/my_head_2.toml").stdout == "precious\n"
    assert machine("stat", "-c", "%U", "/home/maker/my_head_2.toml").stdout == "maker\n"
    machine("rm", "/home/maker/my_head.toml", "/home/maker/my_head_2.toml")


def test_for_root_alone_an_account_is_made_and_taken_away(without):
    machine = without
    machine.lipwright("install", SUDO_USER="")
    assert process(machine)["Uid"].split()[0] == machine("id", "-u", "lipwright").stdout.strip() != "0"
    other = machine.lipwright("install", check=False)
    assert other.returncode == 2 and "run `lipwright uninstall` first" in other.stderr
    machine.lipwright("uninstall", SUDO_USER="")
    assert machine("id", "lipwright", check=False).returncode


def test_a_service_that_does_not_start_is_not_half_installed(without, drop_in):
    machine = without
    before = machine.files()
    drop_in('[Service]\nExecStart=\nExecStart=sh -c "echo the lips are sealed; exit 3"\n')
    done = machine.lipwright("install", check=False, SUDO_USER="")
    assert done.returncode == 2
    assert "nothing was installed" in done.stderr and "the lips are sealed" in done.stderr
    assert "Traceback" not in done.stderr
    assert machine.files() == before
    assert machine("id", "lipwright", check=False).returncode
    assert machine.shows(NAME, "UnitFileState") == ""


def test_a_change_that_does_not_start_leaves_the_service_that_did(installed, drop_in):
    unit = installed("cat", UNIT_PATH).stdout
    drop_in("[Service]\nExecStart=\nExecStart=false\n")
    assert installed.lipwright("install", check=False).returncode == 2
    assert installed("cat", UNIT_PATH).stdout == unit
    assert installed.shows(NAME, "UnitFileState") == "enabled"


def test_a_dry_run_changes_nothing(machine):
    before = machine.files()
    said = machine.lipwright("install", "--dry-run", "--port", "/dev/ttyACM7").stdout
    assert f"write {UNIT_PATH}" in said and "Nothing was changed" in said
    assert machine.files() == before
