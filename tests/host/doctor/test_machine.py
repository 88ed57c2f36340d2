"""What the doctor says of the machine, from the files that a Raspberry Pi's kernel has."""

import os
import stat

import pytest

from lipwright.doctor import machine
from lipwright.doctor.findings import NOTE, WELL, NotHere, look

MEMORY = "MemTotal:         431000 kB\nMemFree:  20000 kB\nMemAvailable:  {} kB\n"


@pytest.fixture
def pi(tmp_path):
    """The files of a Raspberry Pi that fares well."""
    files = {
        "proc/device-tree/model": "Raspberry Pi Zero 2 W Rev 1.0\0",
        "proc/meminfo": MEMORY.format(250_000),
        "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
        "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
        "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
        "sys/class/thermal/thermal_zone0/temp": "48312\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq": "1000000\n",
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq": "1000000\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def throttled(tmp_path, monkeypatch):
    """The Pi's own tool, which answers with these flags."""

    def say(flags):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        tool = folder / "vcgencmd"
        tool.write_text(f"#!/bin/sh\n[ $1 = get_throttled ] && echo throttled={flags}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return say


def asked(question, *arguments):
    finding = look("it", lambda: question(*arguments))
    return finding and (finding.state, finding.words)


def test_a_pi_that_fares_well(pi):
    assert asked(machine.power, pi) == (WELL, "it was never too low since the Pi was switched on")
    assert asked(machine.heat, pi) == (WELL, "48 °C")
    assert asked(machine.governor, pi) == (WELL, "ondemand, up to 1000 MHz")
    assert asked(machine.memory, pi) == (WELL, "250 MB of 431 are free")


def test_a_weak_supply_is_seen_by_the_kernel_and_by_the_pi(pi, throttled):
    (pi / "sys/class/hwmon/hwmon1/in0_lcrit_alarm").write_text("1\n")
    state, words = asked(machine.power, pi)
    assert state == NOTE and "since it was switched on" in words and "docs/power.md" in words
    (pi / "sys/class/hwmon/hwmon1/in0_lcrit_alarm").write_text("0\n")
    throttled("0x50005")
    assert "too low now" in asked(machine.power, pi)[1]
    throttled("0x0")
    assert asked(machine.power, pi)[0] == WELL


def test_a_hot_pi(pi, throttled):
    (pi / "sys/class/thermal/thermal_zone0/temp").write_text("78900\n")
    assert asked(machine.heat, pi)[0] == NOTE
    (pi / "sys/class/thermal/thermal_zone0/temp").write_text("60000\n")
    throttled("0x80000")
    assert "has slowed down" in asked(machine.heat, pi)[1]
    throttled("0x50000")  # slowed down by its supply, not by heat
    assert asked(machine.heat, pi)[0] == WELL


@pytest.mark.parametrize(
    ("file", "text"), [("scaling_governor", "powersave\n"), ("scaling_max_freq", "600000\n")]
)
def test_a_processor_that_is_kept_slow(pi, file, text):
    (pi / "sys/devices/system/cpu/cpu0/cpufreq" / file).write_text(text)
    state, words = asked(machine.governor, pi)
    assert state == NOTE and "ondemand" in words


def test_little_memory(pi):
    (pi / "proc/meminfo").write_text(MEMORY.format(20_000))
    assert asked(machine.memory, pi)[0] == NOTE


@pytest.mark.parametrize("question", [machine.power, machine.heat, machine.governor, machine.memory])
def test_on_another_machine_the_question_does_not_arise(tmp_path, question):
    with pytest.raises(NotHere):
        question(tmp_path)


def test_the_disk_is_that_of_the_folder_to_come(tmp_path):
    state, words = asked(machine.disk, tmp_path / "not" / "yet")
    assert state == WELL and words.endswith(f"free at {tmp_path}")
    assert asked(machine.disk, tmp_path)[0] == WELL


@pytest.mark.skipif(not os.path.isdir("/sys/kernel"), reason="there is no folder here that is always full")
def test_a_full_or_read_only_disk():
    state, words = asked(machine.disk, machine.ROOT / "sys/kernel")
    assert state == NOTE and ("free" in words or "read-only" in words)
