"""``lipwright doctor``: asks every question, prints every answer, and exits 2 if a head cannot speak here."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lipwright import __version__
from lipwright.boards import find_ports
from lipwright.doctor import board, installation, latency, machine, service, sound
from lipwright.doctor.findings import MISSING, Finding, look
from lipwright.errors import LipwrightError
from lipwright.files import write_report
from lipwright.service.unit import KEPT

EXAMPLES = """examples:
  lipwright doctor               one line for each thing, and what helps
  lipwright doctor --port /dev/ttyACM0 --profile my_head.toml   also asks the board how it fares
  lipwright doctor --latency     how late the speakers are, so that lips and sound meet
  lipwright doctor --json -      the same for programs

ok: well   --: something to know   !!: a head cannot speak before this is mended
"""

Question = tuple[str, Callable[[], str]]


def add_parser(subparsers: Any) -> None:
    """Adds ``doctor`` to the command line."""
    parser = subparsers.add_parser(
        "doctor",
        help="check what this machine has and what it lacks",
        description="Checks what Lipwright needs on this machine, and says how to get what is missing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", help="ask the board at this serial port (default: the only one connected)")
    parser.add_argument(
        "--profile", help="the profile that the board should have (default: the reference head)"
    )
    parser.add_argument(
        "--latency",
        action="store_true",
        help="measure how late the speakers are: they click, a microphone listens",
    )
    parser.add_argument("--json", metavar="FILE", help="write the findings as JSON; - for standard output")
    parser.set_defaults(do=do_doctor)


def do_doctor(arguments: argparse.Namespace) -> None:
    """Prints the findings; raises LipwrightError if the head cannot speak here."""
    if arguments.latency:
        latency.measure(arguments.json)
        return
    out = sys.stderr if arguments.json == "-" else sys.stdout
    print(f"Lipwright {__version__} on Python {platform.python_version()}, {platform.machine()}", file=out)
    findings = []
    for name, question in questions(arguments.port, arguments.profile):
        finding = look(name, question)
        if finding is not None:
            findings.append(finding)
            print(f"  {finding.state}  {name}: {finding.words}", file=out, flush=True)
    write_report(report(findings), arguments.json)
    missing = [finding.name for finding in findings if finding.state == MISSING]
    if missing:
        raise LipwrightError(f"a head cannot speak here: see {', '.join(missing)} above.")


def questions(port: str | None, profile: str | None) -> list[Question]:
    """Everything that is asked, in the order in which it is told; the board only if it is clear which."""
    ports = [port] if port else find_ports()
    asked: list[Question] = [
        ("python", installation.python),
        ("numpy", installation.wheels_fit),
        ("models", installation.models),
        ("head profile", lambda: installation.profile(profile)),
        ("firmware", installation.firmware),
        ("speaker", sound.speaker),
        ("microphone", sound.microphone),
        ("sound server", sound.server),
        ("volume", sound.volume),
        ("voices", installation.voices),
        ("boards", board.plugged),
        ("groups", lambda: board.groups(ports)),
        ("ports", lambda: board.users(ports)),
        ("modems", board.modem_manager),
    ]
    if len(ports) == 1:
        asked.append(("board", lambda: board.asked(ports[0], profile)))
    return [
        *asked,
        ("service", service.state),
        ("power", machine.power),
        ("heat", machine.heat),
        ("processor", machine.governor),
        ("memory", machine.memory),
        ("disk", lambda: machine.disk(Path.home())),
        ("kept settings", lambda: machine.disk(KEPT[0])),
        ("clock", machine.clock),
        ("simulated head", installation.simulation),
    ]


def report(findings: list[Finding]) -> dict[str, Any]:
    """The findings under their names."""
    return {
        "lipwright": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "findings": {
            one.name.replace(" ", "_"): {"state": one.state, "words": one.words} for one in findings
        },
    }
