"""The report in a terminal: the model's table, its rivals in short, the bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from liplab.evaluate.peers import heard_peers

COLUMNS = (
    ("minutes", "min", 1),
    ("closure_rate", "closure", 2),
    ("false_closures_per_minute", "false/min", 1),
    ("pucker_rate", "pucker", 2),
    ("labiodental_rate", "labiod.", 2),
    ("aperture_r", "apert. r", 2),
    ("width_r", "width r", 2),
    ("rounding_r", "round. r", 2),
    ("range_ratio", "range", 2),
    ("viseme_f1", "F1", 2),
    ("closure_auc", "AUC", 2),
)

Figures = Mapping[str, Any]


def text_table(report: Figures) -> str:
    """All of it as lines."""
    lines = _rows("set", report["sets"].items())
    if "amplitude_jaw" in report:
        lines += ["", *_rows("a jaw by the level", report["amplitude_jaw"]["sets"].items())]
    rivals = [("the model", report["sets"])]
    rivals += [(name, row["sets"]) for name, row in report.get("baselines", {}).items()]
    if "beside_peers" in report:
        rivals.append(("model, as peers", report["beside_peers"]))
    rivals += heard_peers(report).items()
    for judged in ("all", "all-human", "grid", "song"):
        if judged in report["sets"] and len(rivals) > 1:
            lines += ["", *_rows(judged, [(name, sets[judged]) for name, sets in rivals])]
    if report.get("bars"):
        lines += ["", "bars"]
        lines += [
            f"  {'met   ' if bar['met'] else 'MISSED'} {bar['name']}: {bar['figure']:g} ({bar['bar']})"
            for bar in report["bars"]
        ]
    return "\n".join(lines)


def shown(value: float | None, digits: int) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def _rows(title: str, rows: Sequence[tuple[str, Figures]] | Any) -> list[str]:
    rows = list(rows)
    width = max([len(title), *(len(name) for name, _ in rows)])
    head = [f"{title:{width}}", *(f"{heading:>9}" for _, heading, _ in COLUMNS), " bilab.", " offset"]
    lines = [" ".join(head)]
    for name, figures in rows:
        cells = [f"{shown(figures[key], digits):>9}" for key, _, digits in COLUMNS]
        cells.append(f"{figures['events']['bilabials']:>7}")
        cells.append(f"{shown(figures['offset_ms']['median'], 0):>7}")
        lines.append(" ".join([f"{name:{width}}", *cells]))
    return lines
