"""`liplab articulation`: fit what phones ask of the lips to measured lips, and show it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liplab.speech.articulation import NUMBERS_FILE, Numbers, shipped
from liplab.speech.measured import Recording, articulograph_recordings, camera_recordings

SYLLABLES, SEED = 30, 7  # simulated utterances
FITTED = 20  # of them; the others check

EXAMPLES = """examples:
  liplab articulation fit --grid DIR                fit the targets and write them where liplab reads them
  liplab articulation fit --grid DIR --ema DIR      also say how well they fit lips that were never fitted to
  liplab articulation show --grid DIR -o show.png   targets with their sources; lips measured and modelled
DIR of --grid holds clips of the GRID corpus (bbaf2n.mpg, ...); their words stand in their names.
DIR of --ema holds the bundles src/demoDBs/ema/*_bndl.json of https://github.com/IPS-LMU/EMU-webApp.
Needs: pip install 'lipwright[sim,train,vision]'
fit also needs: pip install --no-deps vocaltractlab-cython==0.0.16
"""


def add_parser(subparsers: Any) -> None:
    """Adds `liplab articulation`."""
    parser = subparsers.add_parser(
        "articulation",
        help="fit what phones ask of the lips to measured lips, and show it",
        description="The targets that speech with phones is taught by: fitted to the lips of people that a "
        "camera saw, and of a simulated vocal tract.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="fit|show")
    for name, do in (("fit", do_fit), ("show", do_show)):
        action = actions.add_parser(
            name, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        action.add_argument("--grid", type=Path, required=True, metavar="DIR", help="clips of GRID")
        action.set_defaults(do=do)
        if name == "fit":
            action.add_argument("--ema", type=Path, metavar="DIR", help="articulograph bundles, to check by")
            action.add_argument(
                "-o", "--output", type=Path, default=NUMBERS_FILE, help="file of the numbers (%(default)s)"
            )
        else:
            action.add_argument("-o", "--output", type=Path, default=Path("articulation.png"), help="picture")


def do_fit(arguments: argparse.Namespace) -> None:
    """Runs `liplab articulation fit`."""
    from liplab.speech import fit, vocaltract

    statics = vocaltract.shapes()
    camera = camera_recordings(arguments.grid)
    simulated = vocaltract.recordings(SYLLABLES, SEED)
    numbers, fits = fit.fit(camera, simulated[:FITTED], statics)
    write(arguments.output, fit.content(fits, numbers))
    before = fit.start()
    alone = fit.left_out(camera, statics)
    print("Pearson's r with measured lips, mean over recordings: set by hand, fitted")
    _print("GRID, the speaker left out", camera, [before] * len(camera), alone)
    checks = simulated[FITTED:]
    _print("simulated, not fitted to", checks, [before] * len(checks), [numbers] * len(checks))
    if arguments.ema is not None:
        ema = articulograph_recordings(arguments.ema)
        _print("articulograph, not fitted to", ema, [before] * len(ema), [numbers] * len(ema))


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes the numbers, a line to each kind of phone."""
    rows = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in content["phones"])
    others = [
        f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)},\n"
        for name, value in content.items()
        if name != "phones"
    ]
    path.write_text("{\n" + "".join(others) + f' "phones": [\n{rows}\n ]\n}}\n', encoding="utf-8")


def do_show(arguments: argparse.Namespace) -> None:
    """Runs `liplab articulation show`."""
    from liplab.speech.articulation_picture import draw

    content = json.loads(NUMBERS_FILE.read_text(encoding="utf-8"))
    draw(arguments.output, content, shipped(), camera_recordings(arguments.grid))
    print(arguments.output)


def _print(
    name: str, recordings: Sequence[Recording], before: Sequence[Numbers], after: Sequence[Numbers]
) -> None:
    from liplab.speech.fit import correlations

    for part in recordings[0].values:
        pairs = [
            (correlations(old, recording).get(part), correlations(new, recording).get(part))
            for recording, old, new in zip(recordings, before, after, strict=True)
        ]
        both = np.array([pair for pair in pairs if None not in pair], np.float64)
        if len(both):
            old_r, new_r = both.mean(axis=0)
            print(f"  {name:28} {part:9} {old_r:5.2f} {new_r:5.2f}  ({len(both)} recordings)")
