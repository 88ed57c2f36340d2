"""``liplab bench improve``: what watching people gains on people who were never watched, and what it costs.

A folder of videos is watched, one person each. Some persons are held out; the lip model learns from more and
more of the others, from the shipped weights anew each time, as `liplab improve` does. What was watched lies
in a temporary folder, which is removed.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from liplab.eyes.mesh import MeshTracker
from liplab.improve.command import need_torch
from liplab.improve.judge import losses, people_measures
from liplab.improve.packs import CHECKS, REPLAY, load_pack
from liplab.improve.run import Improvement, Material, improve, shipped_checks
from liplab.improve.watched import Split, Watched, watched
from liplab.watch.faces import MOST_FACES
from liplab.watch.portion import watch_portion
from liplab.watch.run import find_videos
from liplab.watch.store import Store
from liplab.watch.video import Portion, video_hash
from lipwright.errors import LipwrightError
from lipwright.files import write_report
from lipwright.lips.chosen import shipped_model
from lipwright.lips.model import LipModel

HELD_SHARE = 0.35  # of persons, drawn anew for each repeat
REPEATS = 3
SEED = 7

EXAMPLES = """examples:
  liplab bench improve ~/grid                       a learning curve; other persons are held out each time
  liplab bench improve ~/grid --held s1 s2          held out are the videos whose names hold one of these
  liplab bench improve ~/grid --json curve.json --picture curve.png
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``improve`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "improve",
        help="what watching gains on people held out, by how much was watched",
        description="Lets the shipped lip model learn from growing parts of a folder of videos, one person "
        "each, and judges it on people whom it did not learn from and on the checks.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="of videos that show one person each")
    parser.add_argument(
        "--held", nargs="+", metavar="PART", help="hold out videos whose names hold one of these"
    )
    parser.add_argument("--repeats", type=int, default=REPEATS, help="of each amount (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the curve (.png)")
    parser.set_defaults(do=do_bench_improve)


def do_bench_improve(arguments: argparse.Namespace) -> None:
    """Prints the curve, and writes it where asked."""
    need_torch()
    clips = _watched(find_videos([arguments.folder]))
    figures = bench_improve(clips, arguments.held or [], max(1, arguments.repeats))
    if arguments.json != "-":
        for point in figures["points"]:
            print(_line(point))
    write_report(figures, arguments.json)
    if arguments.picture is not None:
        draw(figures, arguments.picture)


def _line(point: dict[str, Any]) -> str:
    told = [
        f"{point['persons']:3} persons, {point['seconds']:6.1f} s",
        f"aperture r {point['gain_mean']:+.3f} (spread {point['gain_spread']:.3f})",
        f"width r {point['width_gain_mean']:+.3f}",
        f"taken {point['accepted']} of {len(point['gains'])}",
        f"worst loss on checks {point['worst_loss']:.2f} of what is tolerated",
    ]
    return ", ".join(told)


def _watched(videos: Sequence[Path]) -> list[Watched]:
    """The clips of videos, each of a person who is called as it is."""
    model, mesh = LipModel.load(shipped_model()), MeshTracker(MOST_FACES)
    try:
        with tempfile.TemporaryDirectory() as folder:
            store = Store(Path(folder))
            with store.held():
                for path in tqdm(videos, unit="video", desc="watch"):
                    name, number, last = video_hash(path), 0, False
                    while not last:
                        seen = watch_portion(Portion(path, number), name, mesh, model)
                        store.keep(path.name, name, path.stem, number, seen)
                        number, last = number + 1, seen.last
                return watched(store.entries())
    finally:
        mesh.close()


def bench_improve(clips: Sequence[Watched], held_parts: Sequence[str], repeats: int) -> dict[str, Any]:
    """The learning curve over the number of persons learned from.

    Raises LipwrightError where there are too few persons, or a shipped file is missing.
    """
    persons = sorted({clip.person for clip in clips})
    chosen = [person for person in persons if any(part in person for part in held_parts)]
    count = len(chosen) or round(HELD_SHARE * len(persons))
    if not 2 <= count < len(persons):
        raise LipwrightError(f"{len(persons)} persons can be used, which is too few to hold some out.")
    replay, checks = load_pack(REPLAY).spoken, load_pack(CHECKS).spoken
    shipped = shipped_checks(checks)
    most = len(persons) - count
    amounts = sorted({most, *(2**power for power in range(most.bit_length()))})
    runs: dict[int, list[tuple[Improvement, float]]] = {amount: [] for amount in amounts}
    with tqdm(total=repeats * len(amounts), unit="run", desc="improve") as bar:
        for repeat in range(repeats):
            random = np.random.default_rng([SEED, repeat])
            order = [str(person) for person in random.permutation(persons)]
            held = chosen or order[:count]
            others = [person for person in order if person not in held]
            for amount in amounts:
                taught = [clip for clip in clips if clip.person in others[:amount]]
                parted = Split(taught, [clip for clip in clips if clip.person in held], True)
                material = Material(parted, replay, checks, shipped_model(), seed=repeat + 1)
                with tempfile.TemporaryDirectory() as folder:
                    done = improve(material, Path(folder), None, shipped)
                runs[amount].append((done, sum(clip.seconds for clip in taught)))
                bar.write(f"repeat {repeat + 1}: {_line(_point(amount, runs[amount][-1:]))}")
                bar.update()
    return {
        "persons": len(persons),
        "held": count,
        "held_by_name": list(held_parts),
        "repeats": repeats,
        "shipped": dict(shipped),
        "points": [_point(amount, own) for amount, own in runs.items()],
    }


def _point(amount: int, runs: Sequence[tuple[Improvement, float]]) -> dict[str, Any]:
    """What learning from so many persons came to, over the repeats."""
    measures = [(people_measures(done.before), people_measures(done.after)) for done, _ in runs]
    gains = {
        part: [after[f"{part}_r"] - before[f"{part}_r"] for before, after in measures]
        for part in ("aperture", "width", "jaw")
    }
    lost = [losses(done.shipped, done.new) for done, _ in runs]
    return {
        "persons": amount,
        "seconds": round(float(np.mean([seconds for _, seconds in runs])), 1),
        "gain_mean": float(np.mean(gains["aperture"])),
        "gain_spread": float(np.std(gains["aperture"], ddof=1)) if len(runs) > 1 else 0.0,
        "gains": gains["aperture"],
        "width_gain_mean": float(np.mean(gains["width"])),
        "jaw_gain_mean": float(np.mean(gains["jaw"])),
        "shares": [done.share for done, _ in runs],
        "accepted": sum(done.verdict.accepted for done, _ in runs),
        "refusals": [list(done.verdict.refusals) for done, _ in runs],
        "checks": [dict(done.new) for done, _ in runs],
        "losses": {name: [one[name] for one in lost] for name in lost[0]},
        "worst_loss": max(max(one.values()) for one in lost),
    }


def draw(figures: dict[str, Any], path: Path) -> None:
    """The curve as a picture: gain on people held out, and the checks against what is tolerated."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    gain, cost = figure.subplots(1, 2)
    seconds = [point["seconds"] for point in figures["points"]]
    for point in figures["points"]:
        gain.plot(
            [point["seconds"]] * len(point["gains"]), point["gains"], "o", color="#8899aa", markersize=4
        )
    gain.plot(seconds, [point["gain_mean"] for point in figures["points"]], "-o", color="#2f7d5b")
    gain.axhline(0, color="#223", linewidth=0.8)
    gain.set_ylabel("gain in aperture r, people held out")
    for name in figures["points"][0]["losses"]:
        worst = [max(point["losses"][name]) for point in figures["points"]]
        cost.plot(seconds, worst, "-o", markersize=3, label=name.replace("_", " "))
    cost.axhline(1, color="#223", linewidth=0.8, linestyle="--")
    cost.set_ylabel("worst loss on checks, of what is tolerated")
    cost.legend(frameon=False, fontsize=7)
    for axis in (gain, cost):
        axis.set_xlabel("seconds watched")
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
