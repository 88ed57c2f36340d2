#!/usr/bin/env python3
"""Writes down what each peer's visemes are in our articulation: the numbers of each `mapping.json`.

A mapping names the phones that a viseme stands for, after the peer's own documents; the numbers are the
mean of what `liplab.speech.articulation` asks for in the middle of each of those phones, spoken alone. So a
peer is drawn with our lips, and what is compared is what it hears and when.

    python tools/peers/mappings.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from liplab.scores import Phone
from liplab.speech.articulation import articulation
from lipwright.lips.model import ARTICULATION

FOLDER = Path(__file__).parent
TRACKS = ("aperture", "width", "rounding", "tuck")
PHONE_S = 0.1
# Peers rest with closed lips; ours part by a hair, which would cost a peer nothing but looks like a choice.
REST_APERTURE = 0.0


def shape(phones: str) -> dict[str, float]:
    """Aperture, width, rounding and tuck of a viseme that stands for the phones, which spaces separate.

    No phones is the mouth at rest.
    """
    alone = [articulation([Phone(ipa, 0.0, PHONE_S)], [PHONE_S / 2])[0] for ipa in phones.split()]
    if not alone:
        alone = [articulation([], [0.0])[0]]
        alone[0][ARTICULATION.index("aperture")] = REST_APERTURE
    mean = np.mean(alone, axis=0)
    return {name: round(float(mean[ARTICULATION.index(name)]), 3) + 0.0 for name in TRACKS}


def renewed(mapping: dict[str, Any]) -> dict[str, Any]:
    """The mapping with the numbers that its phones have now."""
    visemes = {
        name: {"phones": viseme["phones"], **shape(viseme["phones"])}
        for name, viseme in mapping["visemes"].items()
    }
    return {**mapping, "visemes": visemes}


def to_text(mapping: dict[str, Any]) -> str:
    """The mapping as JSON, a viseme a line."""
    head = "".join(
        f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n"
        for key, value in mapping.items()
        if key != "visemes"
    )
    rows = ",\n".join(
        f"    {json.dumps(name)}: {json.dumps(viseme, ensure_ascii=False)}"
        for name, viseme in mapping["visemes"].items()
    )
    return f'{{\n{head}  "visemes": {{\n{rows}\n  }}\n}}\n'


def main() -> None:
    """Renews the numbers of every mapping."""
    for path in sorted(FOLDER.glob("*/mapping.json")):
        path.write_text(to_text(renewed(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main()
