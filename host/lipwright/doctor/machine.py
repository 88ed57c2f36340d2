"""Is the machine under the head well: power, heat, memory, disk, clock?

What a Raspberry Pi says of itself is read from /sys, which needs no rights: its voltage sensor (`rpi_volt`)
remembers that the supply was too low; the firmware's own word, `vcgencmd get_throttled`, says more where it
is there. Functions take the root of the file system.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from lipwright.doctor.findings import Note, NotHere, answer_of

ROOT = Path("/")
# Of `vcgencmd get_throttled`: since power-on, and 16 bits lower: now.
UNDER_VOLTAGE, CAPPED, THROTTLED, SOFT_LIMIT = 16, 17, 18, 19
# A Raspberry Pi slows down from 80 degrees on; little headroom is left from here.
WARM_C = 75.0
# Less than this, and a machine writes to its card what it needs in memory; Lipwright takes some 70 MB.
FREE_MEMORY_MB = 60
FREE_DISK_MB = 100
# Before this no clock can be right: Lipwright did not exist.
CLOCK_FROM = 1_750_000_000
POWER = (
    "the Pi's 5 V were too low {when}: it needs a supply of its own (5.1 V, 2.5 A or more), a short thick"
    " cable, and no servo on it (docs/power.md)."
)


def power(root: Path = ROOT) -> str:
    """Was the Pi's supply ever too low since it was switched on?"""
    _only_on_a_pi(root)
    try:
        flags = int(answer_of("vcgencmd", "get_throttled").partition("=")[2], 16)
    except (NotHere, ValueError):
        flags = 0
    if flags & 1 << UNDER_VOLTAGE or _voltage_alarm(root):
        raise Note(POWER.format(when="now" if flags & 1 else "since it was switched on"))
    return "it was never too low since the Pi was switched on"


def heat(root: Path = ROOT) -> str:
    """Is the processor so hot that it slows down?"""
    temperature = _temperature_c(root)
    if temperature is None:
        raise NotHere
    slowed = False
    try:
        flags = int(answer_of("vcgencmd", "get_throttled").partition("=")[2], 16)
        slowed = bool(
            flags & (1 << THROTTLED | 1 << SOFT_LIMIT | 1 << CAPPED) and not flags & 1 << UNDER_VOLTAGE
        )
    except (NotHere, ValueError):
        pass
    if slowed or temperature >= WARM_C:
        raise Note(
            f"{temperature:.0f} °C{', and it has slowed down' if slowed else ''}: give it a heat sink, a fan,"
            " or room in the head; lips come late on a Pi that slows down."
        )
    return f"{temperature:.0f} °C"


def governor(root: Path = ROOT) -> str:
    """May the processor run at full speed?"""
    folder = root / "sys/devices/system/cpu/cpu0/cpufreq"
    try:
        name = (folder / "scaling_governor").read_text().strip()
        most = int((folder / "cpuinfo_max_freq").read_text()) // 1000
        allowed = int((folder / "scaling_max_freq").read_text()) // 1000
    except (OSError, ValueError):
        raise NotHere from None
    if name == "powersave" or allowed < most:
        raise Note(
            f"the processor is kept slow ({name}, at most {allowed} of {most} MHz): "
            "echo ondemand | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor."
        )
    return f"{name}, up to {most} MHz"


def memory(root: Path = ROOT) -> str:
    """Is there memory left?"""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        kilobytes = {line.partition(":")[0]: int(line.split()[1]) for line in lines}
        free, total = kilobytes["MemAvailable"] // 1000, kilobytes["MemTotal"] // 1000
    except (OSError, KeyError, ValueError, IndexError):
        raise NotHere from None
    if free < FREE_MEMORY_MB:
        raise Note(f"{free} MB of {total} are free: close other programs; a Pi without a desktop has more.")
    return f"{free} MB of {total} are free"


def disk(folder: Path) -> str:
    """Can the folder be written, and is there room?"""
    folder = next(path for path in (folder, *folder.parents) if path.exists())
    state = os.statvfs(folder)
    if state.f_flag & os.ST_RDONLY:
        raise Note(
            f"{folder} is read-only: the head speaks, and keeps nothing that you set in the panel"
            " (docs/standalone.md)."
        )
    free = state.f_bavail * state.f_frsize // 1_000_000
    if free < FREE_DISK_MB:
        raise Note(f"{free} MB are free at {folder}: sudo apt clean; sudo journalctl --vacuum-size=50M.")
    return f"{free} MB are free at {folder}"


def clock() -> str:
    """Is the wall clock plausible? Only the log and HTTPS need it; lips and sound do not."""
    if time.time() < CLOCK_FROM:
        raise Note(
            f"{time.strftime('%Y-%m-%d %H:%M')} cannot be right: a Pi has no battery for its clock and asks"
            " the network (timedatectl); lips and sound do not mind."
        )
    return time.strftime("%Y-%m-%d %H:%M")


def _only_on_a_pi(root: Path) -> None:
    try:
        model = (root / "proc/device-tree/model").read_text()
    except OSError:
        raise NotHere from None
    if "Raspberry Pi" not in model:
        raise NotHere


def _voltage_alarm(root: Path) -> bool:
    """What the voltage sensor remembers since it was last asked."""
    for sensor in (root / "sys/class/hwmon").glob("hwmon*"):
        try:
            if (sensor / "name").read_text().strip() == "rpi_volt":
                return (sensor / "in0_lcrit_alarm").read_text().strip() == "1"
        except OSError:
            continue
    return False


def _temperature_c(root: Path) -> float | None:
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        try:
            if (zone / "type").read_text().strip() in ("cpu-thermal", "x86_pkg_temp"):
                return int((zone / "temp").read_text()) / 1000
        except (OSError, ValueError):
            continue
    return None
