"""`lipwright discover`: the command line; what it does stands in `run`, which needs the extra `discover`."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lipwright.errors import LipwrightError

AUTO, NECK, NONE = "auto", "neck", "none"
NEEDED = ("torch", "cv2", "PIL", "matplotlib", "flatbuffers")

EXAMPLES = """examples:
  lipwright discover --sim                      the simulated head, from nothing to speech
  lipwright discover --camera 0 --profile my_head.toml -o my_face
                                                your head on the board that is plugged in, before a camera
  lipwright discover --camera 0 --second-view 2 with a second camera to its side; it need not turn its neck
  lipwright discover -o my_face --report        the page of a discovery again, without the head

How to set up: the face fills half of the picture or more, lit from the front, half a metre from the camera,
nobody else in sight. The mouth is closed when the head rests. Faces that the camera cannot read (a skull, a
puppet) get dots: blue ones along the lips, green ones on chin, nose and over the eyes; docs/discovering.md
shows where.

It films about 7 minutes, and can be stopped with Ctrl-C at any time; the same command goes on where it
stopped. Folder DIR then holds the face model, a profile that uses it, report.html, and all that was filmed.

exit codes: 0 done, 2 something you can mend (one sentence says what), 130 stopped with Ctrl-C
"""


def add_parser(subparsers: Any) -> None:
    """Adds `lipwright discover`."""
    parser = subparsers.add_parser(
        "discover",
        help="let the head learn its own face before a camera",
        description="The head babbles before a camera, learns what its motors do, then how to speak with "
        "them, and gets a face model of its own.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--sim", action="store_true", help="the simulated head, before a simulated camera")
    where.add_argument("--port", help="the board at this serial port (default: the only one connected)")
    parser.add_argument(
        "--profile", type=Path, help="head profile, a TOML file (default: the reference head)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder of the discovery (face-NAME)"
    )
    parser.add_argument("--camera", default="0", help="number, device, video stream's address (%(default)s)")
    parser.add_argument(
        "--second-view",
        default=AUTO,
        metavar="VIEW",
        help="how to see what goes forward: neck (the head turns aside), mirror-left or mirror-right (a "
        "mirror beside the head, in that half of the picture), a second camera's number or address, or none "
        "(auto: the neck, where the head has one that turns)",
    )
    parser.add_argument(
        "--eyes",
        choices=(AUTO, "mesh", "dots"),
        default=AUTO,
        help="how lips are found: painted dots, MediaPipe's face mesh, or auto (dots, where there are any)",
    )
    parser.add_argument(
        "--eyes-mm",
        type=float,
        default=63.0,
        metavar="MM",
        help="distance of the eyes' middles (mesh) or of the two dots over them (dots) (%(default)s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="of babble and training (%(default)s)")
    parser.add_argument(
        "--training",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="of the usual steps: 2 trains twice as long",
    )
    parser.add_argument("--no-install", action="store_true", help="leave the profile as it is")
    parser.add_argument("--report", action="store_true", help="only write the page of what is in the folder")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.add_argument(
        "--worn", action="store_true", help="with --sim: a head with worn and mistaken servos"
    )
    parser.set_defaults(do=do_discover)


def do_discover(arguments: argparse.Namespace) -> None:
    """Runs `lipwright discover`; raises LipwrightError with what the user can mend."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise LipwrightError(
            f"discovering needs {', '.join(missing)}, which is not installed; run: "
            "pip install 'lipwright[discover]'"
        )
    from liplab.discover.run import run

    run(arguments)
