"""What a lip model that ships has to reach, and whether this one does.

Bars are judged before the actuator, on the int8 stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from liplab.evaluate.baselines import CONTROLS, SOUND_BASELINES
from liplab.evaluate.peers import heard_peers
from liplab.evaluate.sets import HELD_OUT

FEWEST_MINUTES, FEWEST_BILABIALS = 3.0, 100
CLOSURE_MEAN, CLOSURE_WORST, FALSE_MOST = 0.92, 0.85, 10.0
PUCKER, LABIODENTAL = 0.90, 0.80
NEW_ENGINES_LANGUAGES = 5
GRID_APERTURE_R, GRID_WIDTH_R, GRID_AUC = 0.65, 0.40, 0.88
HUMAN_LANGUAGES, HUMAN_CLOSURE, HUMAN_FALSE, HUMAN_PUCKER = 4, 0.80, 15.0, 0.80
SONG_CLOSURE, SONG_RANGE = 0.80, 0.80
RANGE_LOW, RANGE_HIGH = 0.85, 1.15
NOISE_LOSS, ALONE_STRAY = 0.10, 0.15
QUANTIZATION_LOSS = 0.02
MOST_BYTES, MOST_LOOKAHEAD_MS = 600_000, 80
# Of the measures that every baseline must be beaten in, closure is taken free of any threshold: a mouth that
# is shut half the time would win a closure rate.
BEATEN_IN = ("closure_auc", "pucker_rate", "viseme_f1")
TRUE_ROWS = ("oracle", "shifted_1")  # know the phones or the lips: ceilings, not rivals

Figures = Mapping[str, Any]
Bar = dict[str, Any]


def bars(report: Figures, sets: Figures) -> list[Bar]:
    """Every bar that the report has figures for: name, figure, bar in words, and whether it is met.

    `sets` are the model's measures before the actuator, by set.
    """
    made: list[Bar] = []

    def add(name: str, figure: float | None, bar: str, met: bool) -> None:
        if figure is not None:
            rounded = round(float(figure), 3)
            made.append({"name": name, "figure": rounded, "bar": bar, "met": bool(met)})

    def least(name: str, figure: float | None, bar: float) -> None:
        add(name, figure, f"at least {bar:g}", figure is not None and figure >= bar)

    def most(name: str, figure: float | None, bar: float) -> None:
        add(name, figure, f"at most {bar:g}", figure is not None and figure <= bar)

    _languages(sets, least, most)
    _people(sets, least, most)
    if "song" in sets:
        least("song: closure rate", sets["song"]["closure_rate"], SONG_CLOSURE)
        least("song: range ratio", sets["song"]["range_ratio"], SONG_RANGE)
    ratios = {name: figures["range_ratio"] for name, figures in sets.items() if figures["range_ratio"]}
    if ratios:
        for name, chosen in (("narrowest", min), ("widest", max)):
            worst = chosen(ratios, key=lambda set_name: ratios[set_name])
            add(
                f"range ratio everywhere, the {name} ({worst})",
                ratios[worst],
                f"{RANGE_LOW:g} to {RANGE_HIGH:g}",
                RANGE_LOW <= ratios[worst] <= RANGE_HIGH,
            )
    _noise(report, most)
    if "largest_difference" in report.get("int8_against_float", {}):
        most(
            "int8 against float, largest difference of a measure",
            report["int8_against_float"]["largest_difference"],
            QUANTIZATION_LOSS,
        )
    if "drift" in report:
        most("drift over ten minutes of streaming", report["drift"]["largest_difference"], 0.0)
    most("size in bytes", report["model"]["size_bytes"], MOST_BYTES)
    most("look-ahead in ms", report["model"]["lookahead_ms"], MOST_LOOKAHEAD_MS)
    made += _rivals(report, sets)
    return made


def _languages(
    sets: Figures, least: Callable[[str, Any, float], None], most: Callable[[str, Any, float], None]
) -> None:
    spoken = [sets[language] for language in HELD_OUT if language in sets]
    if not spoken:
        return
    enough = [
        figures
        for figures in spoken
        if figures["minutes"] >= FEWEST_MINUTES and figures["events"]["bilabials"] >= FEWEST_BILABIALS
    ]
    least("held-out languages with 3 minutes and 100 bilabials", len(enough), len(HELD_OUT))
    least("closure rate, mean of languages", _mean(spoken, "closure_rate"), CLOSURE_MEAN)
    least("closure rate, worst language", _worst(spoken, "closure_rate", min), CLOSURE_WORST)
    most("false closures a minute, mean of languages", _mean(spoken, "false_closures_per_minute"), FALSE_MOST)
    most(
        "false closures a minute, worst language",
        _worst(spoken, "false_closures_per_minute", max),
        FALSE_MOST,
    )
    least("pucker rate, mean of languages", _mean(spoken, "pucker_rate"), PUCKER)
    least("labiodental rate, mean of languages", _mean(spoken, "labiodental_rate"), LABIODENTAL)
    if "all-new-engines" in sets:
        figures = sets["all-new-engines"]
        least("languages by engines never trained on", len(figures["languages"]), NEW_ENGINES_LANGUAGES)
        least("closure rate, engines never trained on", figures["closure_rate"], CLOSURE_MEAN)
        most(
            "false closures a minute, engines never trained on",
            figures["false_closures_per_minute"],
            FALSE_MOST,
        )
        least("pucker rate, engines never trained on", figures["pucker_rate"], PUCKER)


def _people(
    sets: Figures, least: Callable[[str, Any, float], None], most: Callable[[str, Any, float], None]
) -> None:
    if "grid" in sets:
        least("GRID: aperture r at lag 0", sets["grid"]["aperture_r"], GRID_APERTURE_R)
        least("GRID: width r at lag 0", sets["grid"]["width_r"], GRID_WIDTH_R)
        least("GRID: closure AUC", sets["grid"]["closure_auc"], GRID_AUC)
    human = [sets[f"{language}-human"] for language in HELD_OUT if f"{language}-human" in sets]
    if human:
        least("people: unseen languages", len(human), HUMAN_LANGUAGES)
        least("people: closure rate, mean of languages", _mean(human, "closure_rate"), HUMAN_CLOSURE)
        most(
            "people: false closures a minute, mean of languages",
            _mean(human, "false_closures_per_minute"),
            HUMAN_FALSE,
        )
        least("people: pucker rate, mean of languages", _mean(human, "pucker_rate"), HUMAN_PUCKER)


def _noise(report: Figures, most: Callable[[str, Any, float], None]) -> None:
    if "noise" in report:
        heard = report["noise"]["all"]
        for kind in heard:
            if kind != "quiet" and heard["quiet"]["closure_rate"] is not None:
                loss = heard["quiet"]["closure_rate"] - heard[kind]["closure_rate"]
                most(f"closure rate lost to {kind} at 10 dB", loss, NOISE_LOSS)
    for kind, figures in report.get("noise_alone", {}).items():
        most(f"{kind} without a voice: distance from rest", figures["furthest"], ALONE_STRAY)


def _rivals(report: Figures, sets: Figures) -> list[Bar]:
    """Whether the model beats each baseline, control and peer on every held-out language."""
    rows = {name: row["sets"] for name, row in report.get("baselines", {}).items() if name not in TRUE_ROWS}
    peers = {f"{name} (peer)": own for name, own in heard_peers(report).items()}
    rows |= peers
    made = []
    judged = [name for language in HELD_OUT for name in (language, f"{language}-human") if name in sets]
    for name, row in rows.items():
        won, lost = 0, []
        beside = report["beside_peers"] if name in peers else sets
        for judged_name in judged:
            for measure in BEATEN_IN:
                own, other = beside[judged_name][measure], row[judged_name][measure]
                if own is None or other is None:
                    continue
                if own > other:
                    won += 1
                else:
                    lost.append(f"{judged_name} {measure}")
        if won + len(lost):
            made.append(
                {
                    "name": f"beats {name} on every language in closure AUC, pucker and viseme F1",
                    "figure": round(won / (won + len(lost)), 3),
                    "bar": "everywhere",
                    "met": not lost,
                    "lost": lost,
                }
            )
    return made


def _mean(figures: Sequence[Figures], name: str) -> float | None:
    known = [own[name] for own in figures if own[name] is not None]
    return float(np.mean(known)) if known else None


def _worst(figures: Sequence[Figures], name: str, chosen: Callable[[list[float]], float]) -> float | None:
    known = [own[name] for own in figures if own[name] is not None]
    return chosen(known) if known else None


assert set(TRUE_ROWS) <= {*CONTROLS, *SOUND_BASELINES}
