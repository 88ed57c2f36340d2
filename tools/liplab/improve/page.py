"""A page of what an improvement changed: measures, and curves of people held out. Lips are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from liplab.improve.judge import CHECKED, FALSE_CLOSURES, RANGE, ClipResult, Verdict, losses
from liplab.improve.watched import SEEN_PARTS
from liplab.watch.page import STYLE

MOST_CLIPS = 40  # those that changed most, for the better and for the worse
SIZE = (640, 110)
CAMERA, BEFORE, AFTER = "#8899aa", "#c58a3d", "#2f7d5b"
MOUTHS = 12  # drawn of a clip, evenly over its time
MOUTH_SIZE = (44, 40)

Float = npt.NDArray[np.float64]


def page(
    before: Sequence[ClipResult],
    after: Sequence[ClipResult],
    people: Mapping[str, Mapping[str, Mapping[str, Any]]],
    shipped: Mapping[str, Any],
    new: Mapping[str, Any],
    verdict: Verdict,
) -> str:
    """The page as HTML that needs nothing else.

    `people` are measures by tag, of the model "before" and the one "after"; `shipped` and `new` the checks of
    the shipped model and of the new one.
    """
    order = np.argsort([old.r[0] - new.r[0] for old, new in zip(before, after, strict=True)])
    some = [*order[: MOST_CLIPS // 2], *order[MOST_CLIPS // 2 :][-(MOST_CLIPS // 2) :]]
    figures = "\n".join(_figure(before[place], after[place]) for place in some)
    outcome = "It was taken." if verdict.accepted else "It was refused; the model before stays in use."
    refusals = "".join(f"<li>{escape(refusal)}</li>" for refusal in verdict.refusals)
    mean, low, high = verdict.gain
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>What watching improved</title><style>{STYLE}</style></head>
<body><h1>What watching improved</h1>
<p>{outcome} On clips that were held out, the correlation of the aperture with what a camera saw changes by
{mean:+.3f} (nine times of ten between {low:+.3f} and {high:+.3f}).</p><ul>{refusals}</ul>
<h2>People held out</h2>{_people_table(people)}
<h2>Speech that ships for checks</h2>{_check_table(shipped, new)}
<h2>Clips held out</h2>
<p>Aperture over time: <b style="color:{CAMERA}">the camera</b>, <b style="color:{BEFORE}">the model
before</b>, <b style="color:{AFTER}">the new one</b>, each on a scale of its own. Below, mouths of the camera,
of the model before and of the new one. First come the clips that gained most.</p>
{figures}</body></html>
"""


def _people_table(people: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    names = (*(f"{part}_r" for part in SEEN_PARTS), "closure_auc")
    head = "".join(f"<th>{_words(name)}</th>" for name in names)
    rows = []
    for tag, after in people["after"].items():
        cells = "".join(
            f"<td>{_shown(people['before'][tag][name])} → {_shown(after[name])}</td>" for name in names
        )
        rows.append(f"<tr><td>{escape(tag)}</td><td>{after['clips']} of {after['persons']}</td>{cells}</tr>")
    return f"<table><tr><th></th><th>clips of persons</th>{head}</tr>{''.join(rows)}</table>"


def _check_table(shipped: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    lost = losses(shipped, new)
    rows = "".join(
        f"<tr><td>{_words(name)}</td><td>{_shown(shipped[name])}</td><td>{_shown(new[name])}</td>"
        f"<td>{'worse than tolerated' if lost.get(name, 0.0) > 1 else ''}</td></tr>"
        for name in (*CHECKED, RANGE, FALSE_CLOSURES)
    )
    return f"<table><tr><th></th><th>shipped</th><th>new</th><th></th></tr>{rows}</table>"


def _figure(before: ClipResult, after: ClipResult) -> str:
    clip = after.clip
    curves = (
        (clip.measures[:, 0].astype(np.float64), CAMERA),
        (before.track[:, 0], BEFORE),
        (after.track[:, 0], AFTER),
    )
    width, height = SIZE
    lines = "".join(_line(values, colour) for values, colour in curves)
    caption = (
        f"{escape(clip.person)} · clip {clip.name} · {' '.join(map(escape, clip.tags))} "
        f"r {before.r[0]:.2f} → {after.r[0]:.2f}"
    )
    camera = _shares(clip.measures[:, 0]), _shares(clip.measures[:, 1])
    rows = [camera, *((_shares(one.track[:, 0]), _shares(one.track[:, 1])) for one in (before, after))]
    mouths = "".join(_mouths(*row, colour) for row, (_, colour) in zip(rows, curves, strict=True))
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" width="100%">{lines}</svg>{mouths}'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _line(values: Float, colour: str) -> str:
    width, height = SIZE
    shares = _shares(values)
    points = " ".join(
        f"{place * width / max(len(shares) - 1, 1):.1f},{height - 4 - share * (height - 8):.1f}"
        for place, share in enumerate(shares)
    )
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _mouths(openings: Float, widths: Float, colour: str) -> str:
    """A row of mouths, as open and as wide as their shares of a clip's range say."""
    width, height = MOUTH_SIZE
    drawn = []
    for number, place in enumerate(np.linspace(0, len(openings) - 1, MOUTHS).astype(int)):
        across = width * (0.25 + 0.2 * widths[place])
        up = 1 + (height / 2 - 4) * openings[place]
        drawn.append(
            f'<ellipse cx="{(number + 0.5) * width:.0f}" cy="{height / 2:.0f}" rx="{across:.1f}" '
            f'ry="{up:.1f}" fill="none" stroke="{colour}" stroke-width="3"/>'
        )
    box = f'viewBox="0 0 {MOUTHS * width} {height}" width="100%"'
    return f"<svg {box}>{''.join(drawn)}</svg>"


def _shares(values: npt.NDArray[Any]) -> Float:
    """Values (n,) as shares of their own range."""
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) / max(high - low, 1e-6), np.float64)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _words(name: str) -> str:
    return name.replace("_", " ")
