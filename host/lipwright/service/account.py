"""Under which account the service runs, and what that account may do."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from lipwright.boards import find_ports, group_of, present_path
from lipwright.errors import LipwrightError

# For machines where root is the only one to log in; everywhere else the person's own account serves.
OWN_ACCOUNT = "lipwright"
PORT_GROUP, SOUND_GROUP = "dialout", "audio"
# A desktop's sound servers, one for each person who is logged in.
SOUND_SERVERS = ("pipewire.socket", "pulseaudio.socket")
USER_UNITS = Path("/usr/lib/systemd/user")
# The service has a /tmp of its own.
HIDDEN = (Path("/tmp"), Path("/var/tmp"))


def chosen(environment: Mapping[str, str] = os.environ) -> str:
    """The account of the person who asks for it, through sudo or not; `OWN_ACCOUNT` for root itself."""
    name = environment.get("SUDO_USER", "") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    return name if name and name != "root" else OWN_ACCOUNT


def user_id(name: str) -> int | None:
    """The account's number; None if there is no such account."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def home(name: str) -> Path:
    """The account's home, or root's for one that has none."""
    try:
        folder = Path(pwd.getpwnam(name).pw_dir)
    except KeyError:
        folder = Path("/nonexistent")
    return folder if folder.is_dir() and name != OWN_ACCOUNT else Path(pwd.getpwuid(0).pw_dir)


def needed_groups(port: str | None) -> list[str]:
    """The groups that may open the board's port and the sound card, as far as this machine has them."""
    named = [port] if port else find_ports()
    try:
        ports = [present_path(name) for name in named]
    except LipwrightError:  # it may be plugged in later
        ports = []
    groups = [*sorted({group_of(path) for path in ports} or {PORT_GROUP}), SOUND_GROUP]
    return [name for name in groups if name != "root" and _exists(name)]


def groups_of(name: str) -> set[str]:
    """The groups that the account has from its next login on."""
    entry = pwd.getpwnam(name)
    return {grp.getgrgid(number).gr_name for number in os.getgrouplist(name, entry.pw_gid) if _named(number)}


def has_sound_server() -> bool:
    """Whether people who log in get a sound server of their own, which has the sound card then."""
    return any((USER_UNITS / unit).exists() for unit in SOUND_SERVERS)


def lingers(name: str) -> bool:
    """Whether the account's services, its sound server among them, run without a login."""
    return Path("/var/lib/systemd/linger", name).exists()


def check_reach(name: str, profile: Path | None) -> None:
    """Raises LipwrightError if the account cannot run this Lipwright or read the profile."""
    for path in (Path(sys.prefix), Path(__file__), *([profile] if profile else [])):
        if any(path.resolve().is_relative_to(folder) for folder in HIDDEN):
            raise LipwrightError(
                f"{path} lies in a folder for temporary files, which a service does not see:"
                " put it elsewhere, and install again."
            )
    entry = pwd.getpwnam(name)
    rights: dict[str, object] = {}
    if os.geteuid() == 0:
        groups = os.getgrouplist(name, entry.pw_gid)
        rights = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": groups}
    code = "import sys, lipwright, facewire\nfor path in sys.argv[1:]: open(path).close()"
    command = [sys.executable, "-c", code, *([str(profile)] if profile else [])]
    try:
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, **rights)  # type: ignore[call-overload]
        failed, complaint = done.returncode, done.stderr
    except PermissionError as error:
        failed, complaint = 1, str(error)
    if failed:
        what = f"{profile}" if profile and str(profile) in complaint else f"{sys.prefix}"
        raise LipwrightError(
            f"the account {name} cannot read {what}: put Lipwright and the head profile where every account"
            " may read, for instance under /opt, and install from there."
        )


def _exists(group: str) -> bool:
    try:
        grp.getgrnam(group)
    except KeyError:
        return False
    return True


def _named(number: int) -> bool:
    try:
        grp.getgrgid(number)
    except KeyError:
        return False
    return True
