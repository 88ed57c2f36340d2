"""The coarticulation model's numbers as set by hand: where the fit starts, and what it keeps where nothing
was measured.

After what is known of speech: plateaus of 60 to 120 ms, onsets and decays of about 120 ms, rounding 120 to
150 ms ahead.
"""

from __future__ import annotations

from typing import NamedTuple

from lipwright.lips.model import ARTICULATION

Values = tuple[float, float, float, float, float]  # aperture, width, rounding, jaw, tuck


class Row(NamedTuple):
    """What phones of one kind ask for."""

    symbols: tuple[str, ...]
    goal: Values
    weight: Values
    group: str  # phones of one group are alike: what is measured on some moves the others too


FADE_S: Values = (0.055, 0.080, 0.080, 0.055, 0.055)  # a weight falls by e over this time outside its phone
LEAD_S: Values = (0.0, 0.0, 0.0, 0.0, 0.0)
GESTURES = {
    "closing_s": 0.050, "opening_s": 0.050, "closure_lead_s": 0.012, "tucking_s": 0.080,
    "rounding_lead_s": 0.130, "rounding_tail_s": 0.100,
}  # fmt: skip

# Aperture, width, rounding, jaw of the vowels, by how open they are.
_VOWELS = {
    "close": {
        "i": (0.30, 0.90, 0, 0.20), "y": (0.18, -0.75, 0.90, 0.20), "ɨ": (0.30, 0.50, 0, 0.25),
        "ʉ": (0.20, -0.70, 0.80, 0.20), "ɯ": (0.30, 0.40, 0, 0.25), "u": (0.15, -0.90, 1.0, 0.20),
        "ɿ": (0.25, 0.40, 0, 0.12),
    },
    "near-close": {
        "ɪ": (0.42, 0.55, 0, 0.35), "ᵻ": (0.40, 0.40, 0, 0.35), "ʏ": (0.30, -0.50, 0.70, 0.30),
        "ʊ": (0.32, -0.50, 0.60, 0.35), "ᵿ": (0.34, -0.30, 0.40, 0.35),
    },
    "close-mid": {
        "e": (0.50, 0.65, 0, 0.45), "ø": (0.35, -0.50, 0.80, 0.40), "ɘ": (0.45, 0.20, 0, 0.40),
        "ɵ": (0.40, -0.40, 0.60, 0.40), "ɤ": (0.50, 0.10, 0, 0.45), "o": (0.40, -0.70, 0.90, 0.45),
        "ɚ": (0.40, -0.20, 0.40, 0.40), "ɝ": (0.40, -0.20, 0.40, 0.40),
    },
    "open-mid": {
        "ɛ": (0.68, 0.40, 0, 0.65), "œ": (0.50, -0.30, 0.60, 0.60), "ɜ": (0.55, 0, 0.10, 0.50),
        "ɞ": (0.50, -0.30, 0.50, 0.50), "ʌ": (0.62, 0.10, 0, 0.60), "ɔ": (0.65, -0.40, 0.60, 0.70),
    },
    "open": {
        "æ": (0.90, 0.40, 0, 0.90), "ɐ": (0.75, 0.10, 0, 0.75), "a": (0.95, 0.20, 0, 0.95),
        "ɶ": (0.80, -0.10, 0.40, 0.90), "ɑ": (1.00, 0.10, 0, 1.00), "ɒ": (0.80, -0.30, 0.40, 0.90),
    },
}  # fmt: skip
# Vowels that share a row. espeak-ng writes A for ɑ in its Irish and X for χ in its Luxembourgish.
_ALIKE = {"ɿ": "ɿʅ", "ɑ": "ɑA"}
# Measured English has no plain e: what ɪ moves by, e moves by.
_LIKE = {"close-mid spread": "near-close spread"}
_ROUNDED = frozenset("yʉuʏʊᵿøɵoœɞɔɶɒ")

_CONSONANTS: tuple[tuple[str, str, Values, Values], ...] = (
    # Lips: gestures do the closing; here is what the rest of the mouth does meanwhile.
    ("bilabial", "pbmɓʙʘ", (0.0, 0, 0, 0.15, 0), (1.5, 0.1, 0.1, 0.8, 0.5)),
    ("labiodental", "fvɱⱱ", (0.08, 0.1, 0, 0.15, 1.0), (1.0, 0.3, 0.3, 0.7, 1.0)),
    ("labial", "ɸβ", (0.10, 0, 0.1, 0.20, 0), (1.5, 0.3, 0.3, 0.5, 0.5)),
    ("labial", "ʋ", (0.14, 0, 0.1, 0.20, 0.6), (1.2, 0.3, 0.3, 0.5, 0.8)),
    ("glide", "wʍ", (0.12, -1.0, 1.0, 0.20, 0), (1.2, 1.5, 1.5, 0.7, 0.5)),
    ("glide", "ɥ", (0.14, -0.9, 1.0, 0.20, 0), (1.2, 1.4, 1.4, 0.7, 0.5)),
    # Teeth close together.
    ("sibilant", "szʦʣ", (0.22, 0.35, 0, 0.10, 0), (0.8, 0.5, 0.4, 1.2, 0.5)),
    ("sibilant", "ʃʒʧʤʂʐɧ", (0.25, -0.5, 0.75, 0.15, 0), (0.9, 1.0, 1.0, 1.2, 0.5)),
    ("sibilant", "ɕʑçʨʥ", (0.25, 0.2, 0.2, 0.15, 0), (0.7, 0.5, 0.5, 1.0, 0.5)),
    # The tongue alone: the lips are left to the neighbours.
    ("tongue", "θð", (0.30, 0.1, 0, 0.25, 0), (0.4, 0.2, 0.2, 0.5, 0.5)),
    ("tongue", "tdɗʈɖᶑǀǃǂ", (0.28, 0.1, 0, 0.22, 0), (0.25, 0.12, 0.12, 0.5, 0.5)),
    ("tongue", "nɳ", (0.28, 0.1, 0, 0.22, 0), (0.25, 0.12, 0.12, 0.5, 0.5)),
    ("tongue", "lɫɭɬɮɾrɺǁ", (0.28, 0.1, 0, 0.22, 0), (0.25, 0.12, 0.12, 0.5, 0.5)),
    ("tongue", "ʎjʝɲɟcʄ", (0.30, 0.6, 0, 0.25, 0), (0.4, 0.5, 0.3, 0.5, 0.5)),
    ("tongue", "ɹɻɽ", (0.30, -0.3, 0.45, 0.30, 0), (0.5, 0.5, 0.6, 0.5, 0.5)),
    ("tongue", "kɡgɠŋxɣqɢʛχXʁʀʟɰɴ", (0.40, 0, 0, 0.35, 0), (0.12, 0.08, 0.08, 0.15, 0.5)),
    ("throat", "ħʕʜʢʡhɦʔ", (0.40, 0, 0, 0.35, 0), (0.12, 0.08, 0.08, 0.15, 0.5)),
)


def rows() -> list[Row]:
    """All rows: rest (silence), a phone without a symbol here ("?"), vowels, consonants."""
    result = [
        Row(("",), (0.01, 0.0, 0.0, 0.02, 0.0), (1.0, 1.0, 1.0, 1.0, 1.0), "rest"),
        Row(("?",), (0.4, 0, 0, 0.4, 0), (0.2, 0.2, 0.2, 0.2, 0.5), "unknown"),
        Row(("ə",), (0.45, 0.10, 0, 0.42, 0), (0.5, 0.4, 0.4, 0.5, 0.5), "schwa"),
    ]
    for height, shapes in _VOWELS.items():
        for symbol, (aperture, width, rounding, jaw) in shapes.items():
            lips = "round" if symbol in _ROUNDED else "rhotic" if symbol in "ɚɝ" else "spread"
            result.append(
                Row(
                    tuple(_ALIKE.get(symbol, symbol)),
                    (aperture, width, rounding, jaw, 0.0),
                    (1.0, 1.0, 1.0, 1.0, 0.5),
                    _LIKE.get(f"{height} {lips}", f"{height} {lips}"),
                )
            )
    result += [Row(tuple(letters), goal, weight, group) for group, letters, goal, weight in _CONSONANTS]
    return result


def content() -> dict[str, object]:
    """These numbers as the content of articulation.json: each with its source, "set"."""

    def noted(values: Values) -> dict[str, list[object]]:
        return {part: [float(value), "set"] for part, value in zip(ARTICULATION, values, strict=True)}

    return {
        "fade_before_s": noted(FADE_S),
        "fade_after_s": noted(FADE_S),
        "lead_s": noted(LEAD_S),
        "gestures": {name: [value, "set"] for name, value in GESTURES.items()},
        "phones": [
            {"symbols": list(row.symbols), "goal": noted(row.goal), "weight": noted(row.weight)}
            for row in rows()
        ],
    }
