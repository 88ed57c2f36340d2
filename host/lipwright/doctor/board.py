"""Is a board plugged in, may it be opened, and does it fare well?"""

from __future__ import annotations

import os
import pwd
from contextlib import closing
from pathlib import Path

from lipwright import __version__
from lipwright.boards import SerialBoard, described, lasting_name, plugged_in, present_path
from lipwright.doctor.findings import Note, NotHere, answer_of
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.link.board_link import BoardLink
from lipwright.link.frames import board_profile
from lipwright.link.plain_words import board_lines
from lipwright.service.account import PORT_GROUP, SOUND_GROUP, groups_of, needed_groups


def plugged() -> str:
    """Which boards are plugged in, and by which names are they found again?"""
    ports = plugged_in()
    if not ports:
        raise Note(
            "none is plugged in: another cable (many only charge); `lsusb` lists what the machine sees."
        )
    names = []
    for port in ports:
        lasting = lasting_name(port.device)
        names.append(
            described(port) + (f", also --port {lasting}" if lasting else ", without a serial number")
        )
    return "; ".join(names)


def groups(ports: list[str]) -> str:
    """May this account open the port and the sound card, at once or after the next login?"""
    needed = set(needed_groups(ports[0] if len(ports) == 1 else None))
    if os.geteuid() == 0:
        raise NotHere
    name = pwd.getpwuid(os.geteuid()).pw_name
    lacking = sorted(needed - groups_of(name))
    if lacking:
        raise Note(
            f"{name} is not in {' and '.join(lacking)} ({PORT_GROUP}: ports, {SOUND_GROUP}: sound):"
            f" sudo usermod -aG {','.join(lacking)} {name}, then log out and in again."
        )
    if needed - _groups_now():
        raise Note(f"{name} got its groups after it had logged in: log out and in again, or restart.")
    return f"{name} is in {', '.join(sorted(needed))}"


def users(ports: list[str]) -> str:
    """Does another program have the port?"""
    if not ports:
        raise NotHere
    found = [f"{program} has {port}" for port in ports for program in programs_with(port)]
    if found:
        raise Note(f"{'; '.join(found)}: end it, or unplug the board and plug it in again.")
    return "no other program has them"


def modem_manager() -> str:
    """Does ModemManager run, which takes boards for modems and talks to them?"""
    if answer_of("systemctl", "is-active", "ModemManager.service") != "active":
        raise NotHere
    raise Note(
        "ModemManager runs: it may take a board for a modem and speak to it in its first seconds; without a"
        " modem it is of no use: sudo systemctl disable --now ModemManager."
    )


def asked(port: str, profile_path: str | None) -> str:
    """What does the board say of itself? Raises LipwrightError if it says nothing."""
    profile = load_profile(profile_path)
    try:
        with closing(SerialBoard(port)) as board, BoardLink(board, None, asks_only=True) as link:
            info = link.connect()
            words = "\n        ".join(board_lines(info, link.request_status(), profile))
    except LipwrightError as error:
        others = ", ".join(programs_with(port))
        if not others:
            raise
        raise Note(
            f"{error} Now {others} has it; is that the service, `sudo systemctl stop lipwright` lets it go."
        ) from None
    if info.firmware_version != __version__:
        raise Note(
            f"{words}\n        its firmware is not that of this Lipwright ({__version__}): lipwright flash."
        )
    if info.channel_count and info.profile_crc != board_profile(profile).crc:
        raise Note(words)
    return words


def programs_with(port: str) -> list[str]:
    """Programs that have a port open, as "name (process number)"; those of others only for root."""
    try:
        wanted = os.stat(present_path(port)).st_rdev
    except (OSError, LipwrightError):
        return []
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            if any(file.stat().st_rdev == wanted for file in (process / "fd").iterdir() if file.exists()):
                found.append(f"{(process / 'comm').read_text().strip()} (process {process.name})")
        except OSError:
            continue
    return found


def _groups_now() -> set[str]:
    """The groups that this very process has."""
    import grp

    names = set()
    for number in {*os.getgroups(), os.getegid()}:
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return names
