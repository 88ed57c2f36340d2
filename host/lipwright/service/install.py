"""``lipwright install`` and ``lipwright uninstall``: the head speaks from power-on, and no longer does."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lipwright.boards import USB_NAME, lasting_name, present_path
from lipwright.errors import LipwrightError
from lipwright.face.profile import load_profile
from lipwright.files import write_atomically
from lipwright.service import account, serve
from lipwright.service.unit import ACCOUNT, KEPT, LINGER, NAME, UNIT_PATH, Unit, made_by, value

SYSTEMD = Path("/run/systemd/system")  # there where systemd runs the machine (sd_booted(3))
LAST_WORDS = 5  # lines of the journal that are shown when the service does not start

INSTALL_EXAMPLES = """examples:
  lipwright install                              the reference head, on the only board that is plugged in
  lipwright install --profile my_head.toml       your head
  lipwright install --port /dev/ttyACM0 --profile my_head.toml   this board, wherever it is plugged in later
  lipwright install -- --listen 0.0.0.0          what stands after -- is told to `lipwright serve`
  lipwright install --dry-run                    shows the service and every step, and changes nothing

Run it again to change anything. It asks for your password through sudo. docs/standalone.md says more.
"""
UNINSTALL_EXAMPLES = """examples:
  lipwright uninstall              stops the service and takes away all that `lipwright install` made
  lipwright uninstall --dry-run    shows every step, and changes nothing
"""


@dataclass(frozen=True)
class Step:
    """One change of the machine.

    Attributes:
        words: What it does.
        do: Makes the change; raises LipwrightError.
        undo: Takes it back.
    """

    words: str
    do: Callable[[], object]
    undo: Callable[[], object] = lambda: None


def add_install_parser(subparsers: Any) -> None:
    """Adds ``install`` to the command line."""
    parser = subparsers.add_parser(
        "install",
        help="have the head speak from power-on, as a service of the system",
        description="Sets up a service that starts with the machine, waits for the board, and is started "
        "again whatever happens to it.",
        epilog=INSTALL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--profile", type=Path, help="head profile, a TOML file (default: the reference head)"
    )
    parser.add_argument(
        "--port",
        help="the board at this serial port, remembered by its USB serial number (default: the only one)",
    )
    parser.add_argument(
        "serve", nargs="*", metavar="OPTION", help="after --: options of `lipwright serve`, such as --listen"
    )
    _add_dry_run(parser)
    parser.set_defaults(do=do_install)


def add_uninstall_parser(subparsers: Any) -> None:
    """Adds ``uninstall`` to the command line."""
    parser = subparsers.add_parser(
        "uninstall",
        help="take the service away",
        description="Stops the service, and takes away all that `lipwright install` made.",
        epilog=UNINSTALL_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_dry_run(parser)
    parser.set_defaults(do=do_uninstall)


def do_install(arguments: argparse.Namespace) -> None:
    """Installs the service, or leaves the machine as it was and raises LipwrightError."""
    profile = arguments.profile and arguments.profile.resolve()
    load_profile(profile)
    port = arguments.port and _remembered(arguments.port)
    if not arguments.dry_run:
        _become_root()
    before = UNIT_PATH.read_text() if UNIT_PATH.exists() else ""
    user = account.chosen()
    if before and value(before, "User") != user:
        raise LipwrightError(
            f"the service is installed for the account {value(before, 'User')}, and this would be {user}:"
            " run `lipwright uninstall` first."
        )
    command = _command(port, profile, arguments.serve)
    steps = _install_steps(user, command, account.needed_groups(port), before, profile)
    if arguments.dry_run:
        _show(steps)
        return
    _make(steps)
    print(
        f"The head speaks from power-on, under the account {user}. What it does: systemctl status lipwright;"
        " what it said: journalctl -u lipwright; to take it away: lipwright uninstall"
    )


def do_uninstall(arguments: argparse.Namespace) -> None:
    """Takes the service away; what cannot be taken away is named in a LipwrightError at the end."""
    if not UNIT_PATH.exists():
        print("The service is not installed; nothing to take away.")
        return
    steps = _uninstall_steps(UNIT_PATH.read_text())
    if arguments.dry_run:
        _show(steps)
        return
    _become_root()
    failed = []
    for step in steps:
        print(step.words)
        try:
            step.do()
        except (LipwrightError, OSError) as error:
            failed.append(str(error))
    if failed:
        raise LipwrightError(f"not everything could be taken away: {'; '.join(failed)}")
    print("The service is gone, and nothing of it is left. Lipwright itself stays: pip uninstall lipwright.")


def _install_steps(
    user: str, command: Sequence[str], groups: Sequence[str], before: str, profile: Path | None
) -> list[Step]:
    """`before` is the text of the unit that is installed already."""
    made = set(made_by(before))
    steps = []
    if account.user_id(user) is None:
        made.add(ACCOUNT)
        steps.append(
            Step(
                f"make the account {user}, for the service alone",
                lambda: _run(
                    "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(KEPT[0]),
                    "--shell", "/usr/sbin/nologin", user,
                ),
                lambda: _run("userdel", user),
            )
        )  # fmt: skip
    steps.append(
        Step(
            f"see that the account {user} can read this Lipwright and the head profile",
            lambda: account.check_reach(user, profile),
        )
    )
    server = None
    # An account for the service alone has no sound server, and takes the sound card itself.
    if user != account.OWN_ACCOUNT and account.has_sound_server():
        server = account.user_id(user)
        if not account.lingers(user):
            made.add(LINGER)
            steps.append(
                Step(
                    f"have the sound server of {user} run when nobody is logged in",
                    lambda: _run("loginctl", "enable-linger", user),
                    lambda: _run("loginctl", "disable-linger", user),
                )
            )
    text = Unit(user, groups, command, server, frozenset(made)).text()
    steps += [
        Step(
            f"write {UNIT_PATH}:\n\n{text}",
            lambda: _write(text),
            lambda: _write(before) if before else UNIT_PATH.unlink(missing_ok=True),
        ),
        Step("have systemd read it", _reload, _reload),
        Step(
            "have it start with the machine",
            lambda: _run("systemctl", "--quiet", "enable", NAME),
            lambda: None if before else _run("systemctl", "--quiet", "disable", "--now", NAME),
        ),
        Step(
            "start it, and wait until it says that it is ready",
            _start,
            lambda: _run("systemctl", "--no-block", "restart", NAME) if before else _delete_kept(),
        ),
    ]
    return steps


def _uninstall_steps(unit: str) -> list[Step]:
    user, made = value(unit, "User"), made_by(unit)
    steps = [
        Step(
            "stop the service, and no longer start it with the machine",
            lambda: _run("systemctl", "--quiet", "disable", "--now", NAME),
        ),
        Step(f"delete {UNIT_PATH}", lambda: UNIT_PATH.unlink(missing_ok=True)),
        Step("have systemd forget it", _forget),
    ]
    home = account.home(user)
    steps += [
        Step(f"move {profile} to {home}: it is yours", partial(_rescue, profile, home))
        for profile in sorted(KEPT[0].glob("*.toml"))
    ]
    steps.append(Step(f"delete what it kept in {KEPT[0]}", _delete_kept))
    if LINGER in made:
        steps.append(
            Step(
                f"have the sound server of {user} run at logins only, as before",
                lambda: _run("loginctl", "disable-linger", user),
            )
        )
    if ACCOUNT in made:
        steps.append(Step(f"delete the account {user}", lambda: _run("userdel", user)))
    return steps


def _make(steps: Sequence[Step]) -> None:
    """Does all steps; when one fails, takes those before it back and raises its error."""
    done: list[Step] = []
    try:
        for step in steps:
            print(step.words.partition("\n")[0].rstrip(":"))
            done.append(step)  # before it is done: one that fails may have done half
            step.do()
    except BaseException as error:
        for step in reversed(done):
            try:
                step.undo()
            except (LipwrightError, OSError) as left:
                print(f"could not be taken back: {left}", file=sys.stderr)
        if isinstance(error, OSError):
            raise LipwrightError(
                f"{error.filename}: {error.strerror}. All is as it was before; mend that, and try again."
            ) from None
        raise


def _show(steps: Sequence[Step]) -> None:
    for number, step in enumerate(steps, 1):
        print(f"{number}. {step.words}")
    print("Nothing was changed.")


def _add_dry_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show every step, and change nothing")


def _remembered(port: str) -> str:
    """The name by which the service finds the board again."""
    if port.startswith(USB_NAME):
        return port
    path = present_path(port)
    lasting = lasting_name(path)
    if lasting is None:
        why = "has no USB serial number of its own" if Path(path).exists() else "is not plugged in now"
        print(
            f"The board on {port} {why}: the service looks for it there, and does not find it under"
            " another name."
        )
    return lasting or port


def _command(port: str | None, profile: Path | None, options: Sequence[str]) -> list[str]:
    """What the service runs. Ends the program, with the usage, for an option that `lipwright serve` lacks."""
    words = ["serve", *(["--port", port] if port else []), *(["--profile", str(profile)] if profile else [])]
    words += options
    parser = argparse.ArgumentParser(prog="lipwright")
    serve.add_parser(parser.add_subparsers())
    parser.parse_args(words)
    return [sys.executable, "-m", "lipwright", *words]


def _become_root() -> None:
    """Starts this command again through sudo if it needs that; raises LipwrightError where it cannot work."""
    if not SYSTEMD.is_dir():
        raise LipwrightError(
            "this machine is not run by systemd, so there is nothing to install a service into:"
            " start `lipwright serve` in the way of your system."
        )
    if os.geteuid() == 0:
        return
    sudo = shutil.which("sudo")
    if sudo is None:
        raise LipwrightError("a service can only be set up by root: run this command again as root.")
    sys.stdout.flush()
    os.execv(sudo, [sudo, sys.executable, "-m", "lipwright", *sys.argv[1:]])


def _write(text: str) -> None:
    write_atomically(UNIT_PATH, text.encode())


def _reload() -> None:
    _run("systemctl", "daemon-reload")


def _start() -> None:
    try:
        _run("systemctl", "restart", NAME)
    except LipwrightError:
        said = _run("journalctl", "--unit", NAME, "--lines", str(LAST_WORDS), "--output", "cat", "--quiet")
        raise LipwrightError(
            "the service does not start, so nothing was installed. Its last words:\n"
            f"{said.strip() or '(none)'}\nTry it by hand, and mend what it says: lipwright serve"
        ) from None


def _forget() -> None:
    _reload()
    # It has failed only if it was stopped with force; otherwise there is nothing to forget.
    subprocess.run(["systemctl", "--quiet", "reset-failed", NAME], capture_output=True)


def _rescue(profile: Path, home: Path) -> None:
    """Moves a head profile out of a folder that is deleted, to a name that is free."""
    name, number = home / profile.name, 1
    while name.exists():
        number += 1
        name = home / f"{profile.stem}_{number}.toml"
    owner = home.stat()
    shutil.move(profile, name)
    os.chown(name, owner.st_uid, owner.st_gid)


def _delete_kept() -> None:
    for folder in KEPT:
        if folder.exists():
            shutil.rmtree(folder)


def _run(*command: str) -> str:
    """Runs a command of the system and returns what it prints; raises LipwrightError with what it says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise LipwrightError(f"this machine has no {command[0]}, which setting up a service needs.") from None
    if done.returncode:
        raise LipwrightError(f"`{' '.join(command)}` failed: {done.stderr.strip() or done.returncode}")
    return done.stdout
