"""The systemd unit that runs a head: its text, and what an installed one says.

Decisions, and why:

- It is a service of the system, so it starts with the machine and needs nobody to log in, but it runs under
  the account of the person who installed it: there the virtual environment, the profiles and, on a desktop,
  the sound server are. Groups for the port and the sound card come from the unit, so that nobody has to log
  out and in again.
- Nothing that it needs lies on the disk: /tmp is memory, Python writes no byte code, and the state folder may
  be read-only. A full disk and a read-only root then do not stop it.
- Devices stay open to it: systemd resolves what `DeviceAllow=` names when the service starts, so that a board
  plugged in later would stay shut out. `ProtectClock=` and `PrivateDevices=` close devices too. Memory may be
  executed, since what calls Python back from the sound library is made at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

NAME = "lipwright.service"
UNIT_PATH = Path("/etc/systemd/system") / NAME
# A Pi Zero 2 W reads Python and numpy from a slow card when it has just started.
START_LIMIT_S = 180
# The loop is alive every 20 ms; a slow card may hold it up for seconds.
WATCHDOG_S = 30
# What systemd gives the service: to keep things in, and as long as it runs.
KEPT = (Path("/var/lib/lipwright"), Path("/run/lipwright"))
# Soon enough that nobody reaches for the plug, rare enough that a Pi stays usable with a service that fails.
RESTART_S = 1
# Made by the installation, and so taken away with it; as written into the unit.
ACCOUNT, LINGER = "account", "linger"

TEMPLATE = """\
# Written by `lipwright install`; `lipwright uninstall` takes it away. Changes are lost at the next install.
[Unit]
Description=Lipwright, a robot head that speaks with its lips
After=sound.target network.target{after}
# However often it fails, it is started again: nobody is there to do it.
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={command}
User={user}
SupplementaryGroups={groups}
Restart=always
RestartSec={restart_s}
TimeoutStartSec={start_limit_s}
TimeoutStopSec=10
WatchdogSec={watchdog_s}

Environment=PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# The work of one step is too small to be shared among cores.
Environment=OPENBLAS_NUM_THREADS=1
Environment=XDG_CACHE_HOME=%t/lipwright{environment}
# For what others must not read, such as passwords: lines of NAME=VALUE, made by you.
EnvironmentFile=-/etc/default/lipwright
WorkingDirectory=/
StateDirectory=lipwright
RuntimeDirectory=lipwright
TemporaryFileSystem=/tmp:mode=1777,size=16M /var/tmp:mode=1777,size=16M

# Sound and lips before everything else that the machine does.
Nice=-5
OOMScoreAdjust=-500
LimitRTPRIO=20

NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
CapabilityBoundingSet=

[Install]
WantedBy=multi-user.target

[X-Lipwright]
Made={made}
"""


@dataclass(frozen=True)
class Unit:
    """What differs from one installation to another.

    Attributes:
        user: Name of the account that it runs under.
        groups: Further groups that it has.
        command: What is run.
        sound_server_of: User id of the account whose sound server plays; None where there is none.
        made: What the installation made for it: `ACCOUNT`, `LINGER`.
    """

    user: str
    groups: Sequence[str]
    command: Sequence[str]
    sound_server_of: int | None = None
    made: frozenset[str] = field(default_factory=frozenset)

    def text(self) -> str:
        """The unit as a file."""
        after = environment = ""
        if self.sound_server_of is not None:
            after = f" user@{self.sound_server_of}.service"
            environment = f"\nEnvironment=XDG_RUNTIME_DIR=/run/user/{self.sound_server_of}"
        return TEMPLATE.format(
            after=after,
            command=" ".join(map(quoted, self.command)),
            user=self.user,
            groups=" ".join(self.groups),
            environment=environment,
            made=" ".join(sorted(self.made)),
            restart_s=RESTART_S,
            start_limit_s=START_LIMIT_S,
            watchdog_s=WATCHDOG_S,
        )


def value(text: str, key: str) -> str:
    """What an installed unit says under a key that it has once; empty if it does not have it."""
    for line in text.splitlines():
        name, sign, words = line.partition("=")
        if sign and name == key:
            return words.strip()
    return ""


def made_by(text: str) -> frozenset[str]:
    """What was made along with an installed unit."""
    return frozenset(value(text, "Made").split())


def quoted(argument: str) -> str:
    """A word of ExecStart= that stays one word and itself: no specifier, no variable, no escape in it."""
    plain = argument.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if plain != argument or not plain or any(sign in plain for sign in " \t';") else plain
