"""Phones of songs from HTS label files, as NIT SONG070 has them."""

from __future__ import annotations

import re
from pathlib import Path

from liplab.scores import Phone
from liplab.speech.phones import without_short_pauses
from lipwright.errors import LipwrightError

TICKS_PER_SECOND = 10_000_000  # HTS counts in 100 ns
# Japanese phones as Sinsy and Open JTalk write them. A long consonant's closure ("cl") belongs to the
# consonant that follows it.
JAPANESE = {
    "a": "a", "i": "i", "u": "ɯ", "e": "e", "o": "o", "A": "a", "I": "i", "U": "ɯ", "E": "e", "O": "o",
    "k": "k", "ky": "kʲ", "g": "ɡ", "gy": "ɡʲ", "s": "s", "sh": "ɕ", "z": "z", "j": "dʑ", "t": "t",
    "ch": "tɕ", "ts": "ts", "ty": "tʲ", "d": "d", "dy": "dʲ", "n": "n", "ny": "ɲ", "h": "h", "hy": "ç",
    "f": "ɸ", "b": "b", "by": "bʲ", "p": "p", "py": "pʲ", "m": "m", "my": "mʲ", "y": "j", "r": "ɾ",
    "ry": "ɾʲ", "w": "w", "v": "v", "N": "ɴ",
}  # fmt: skip
SILENT = frozenset({"pau", "sil", "br", "xx"})
GLOTTAL = "cl"
_FULL_CONTEXT = re.compile(r"-([A-Za-z]+)\+")  # of a full-context label: the phone it stands for


def read_labels(path: Path) -> list[Phone]:
    """Phones of an HTS label file, plain or full-context: "start end name" a line.

    Raises LipwrightError for a line that is not that, or a phone that is not Japanese.
    """
    phones: list[Phone] = []
    held: float | None = None  # where a long consonant's closure began
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            start, end, label = line.split(maxsplit=2)
            match = _FULL_CONTEXT.search(label)
            name = match[1] if match else label.strip()
            ipa = "" if name in SILENT else GLOTTAL if name == GLOTTAL else JAPANESE[name]
            span = int(start) / TICKS_PER_SECOND, int(end) / TICKS_PER_SECOND
        except (ValueError, KeyError) as error:
            raise LipwrightError(
                f"{path} has a line that is no Japanese HTS label: {line[:60]!r}."
            ) from error
        if ipa == GLOTTAL:
            held = span[0] if held is None else held
            continue
        phones.append(Phone(ipa, span[0] if held is None or not ipa else held, span[1]))
        held = None
    return without_short_pauses(phones)
