"""`liplab improve`: continue training the lip model on what was watched, and use it if it is better."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from liplab.improve import shelf
from liplab.improve.judge import CHECKED, FALSE_CLOSURES, RANGE
from liplab.improve.packs import CHECKS, REPLAY, load_pack
from liplab.improve.page import page
from liplab.improve.run import Improvement, Material, improve, shipped_checks
from liplab.improve.watched import SEEN_PARTS, Split, split, watched
from liplab.watch.command import add_store, default_folder
from liplab.watch.store import CHECKPOINT, IMPROVED_PAGE, Store
from lipwright.errors import LipwrightError
from lipwright.files import write_atomically, write_report
from lipwright.lips.chosen import described

BACK = "back"
EXIT_REFUSED = 1  # as of a test that fails; 2 is for what a user can mend

EXAMPLES = """examples:
  liplab watch ~/videos && liplab improve    the lip model learns from who was watched
  liplab improve back                        the model that was in use before
A new model is taken only if it is better on people whom it did not learn from, and no worse on the speech
that ships for checks; exit code 0: it was taken, 1: it was refused, 2: it could not be done. A run that was
stopped goes on where it was. See docs/improving.md.
"""


def add_parser(subparsers: Any) -> None:
    """Adds `liplab improve`."""
    parser = subparsers.add_parser(
        "improve",
        help="let the lip model learn from who was watched",
        description="Continue training the lip model on what liplab watch kept, mixed with some of the "
        "speech that it was trained on; quantize it, judge it, and put it into use if it is better.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", nargs="?", choices=[BACK], help="go back to the model before")
    add_store(parser)
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_improve)


def do_improve(arguments: argparse.Namespace) -> None:
    """Runs `liplab improve` and `liplab improve back`; exits with EXIT_REFUSED for a model not taken."""
    if arguments.what == BACK:
        _back(arguments.json)
        return
    need_torch()
    store = Store(arguments.store or default_folder())
    if not store.folder.is_dir():
        raise LipwrightError(f"Nothing is kept in {store.folder}; watch somebody first: liplab watch VIDEO.")
    with store.held():
        accepted = _improve(store, arguments.json)
    if not accepted:
        raise SystemExit(EXIT_REFUSED)


def need_torch() -> None:
    """Raises LipwrightError where the extra `train` is not installed."""
    missing = [name for name in ("torch", "flatbuffers") if find_spec(name) is None]
    if missing:
        raise LipwrightError(
            f"Training needs {' and '.join(missing)}; install it in the clone of the repository: pip install "
            "-e '.[train,vision]'."
        )


def _improve(store: Store, json: str | None) -> bool:
    parted = split(watched(store.entries()))
    material = Material(parted, load_pack(REPLAY).spoken, load_pack(CHECKS).spoken, shelf.model_in_use())
    checkpoint = store.folder / CHECKPOINT
    folder = shelf.new_folder()
    try:
        done = improve(material, folder, checkpoint, shipped_checks(material.checks))
        where = shelf.install(folder) if done.verdict.accepted else material.start
    except OSError as error:
        raise LipwrightError(f"cannot write to {folder.parent}: {error.strerror}.") from None
    finally:
        shelf.drop(folder)
    checkpoint.unlink(missing_ok=True)
    seen = _draw(store, done)
    write_report(report(done, parted, where), json)
    if json != "-":
        print(summary(done, parted, where))
        print(f"Before and after, as curves: {seen}")
    return done.verdict.accepted


def _draw(store: Store, done: Improvement) -> Path:
    path = store.folder / IMPROVED_PAGE
    drawn = page(done.before, done.after, done.people, done.shipped, done.new, done.verdict)
    try:
        write_atomically(path, drawn.encode())
        path.chmod(0o600)
    except OSError as error:
        raise LipwrightError(f"cannot write {path}: {error.strerror}.") from None
    return path


def _back(json: str | None) -> None:
    path = shelf.back()
    write_report({"model": str(path)}, json)
    if json != "-":
        print(f"The lip model in use is now {described(path)}. Restart a service that runs.")


def report(done: Improvement, parted: Split, model: Path) -> dict[str, Any]:
    """The figures as they are written down; persons are not named."""
    mean, low, high = done.verdict.gain
    return {
        "accepted": done.verdict.accepted,
        "refusals": list(done.verdict.refusals),
        "model": str(model),
        "share": done.share,
        "taught": {"clips": len(parted.taught), "persons": len({clip.person for clip in parted.taught})},
        "held_by": "person" if parted.by_person else "clip",
        "aperture_r_gain": {"mean": mean, "p5": low, "p95": high},
        "people": done.people,
        "checks": {"shipped": dict(done.shipped), "new": dict(done.new)},
    }


def summary(done: Improvement, parted: Split, model: Path) -> str:
    """What came of it, in words."""
    mean, low, high = done.verdict.gain
    lines = [
        f"Learned from {len(parted.taught)} clips, judged on {len(parted.held)} others"
        f"{', of other people' if parted.by_person else ' of the same people'}.",
        f"Aperture r on those: {mean:+.3f} (nine times of ten {low:+.3f} to {high:+.3f}).",
        f"{'':24} {'before':>8} {'after':>8}",
    ]
    before, after = done.people["before"], done.people["after"]
    for tag in after:
        for name in (*(f"{part}_r" for part in SEEN_PARTS), "closure_auc"):
            words = f"{tag}, {name.replace('_', ' ')}"
            lines.append(f"  {words:22} {_shown(before[tag][name])} {_shown(after[tag][name])}")
    lines.append(f"{'':24} {'shipped':>8} {'new':>8}")
    for name in (*CHECKED, RANGE, FALSE_CLOSURES):
        words = name.replace("_", " ")
        lines.append(f"  {words:22} {_shown(done.shipped[name])} {_shown(done.new[name])}")
    if done.verdict.accepted:
        lines.append(f"It is in use: {model}. Restart a service that runs; to go back: liplab improve back.")
    else:
        lines += ["It was refused:", *(f"  {refusal}" for refusal in done.verdict.refusals)]
        lines.append(f"In use stays {described(model)}.")
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return f"{'-':>8}" if value is None else f"{value:8.3f}"
