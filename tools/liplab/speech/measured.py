"""Lips that were measured while somebody spoke, with the phones of the speech: what targets are fitted to.

Two kinds: camera tracks of GRID clips (Cooke et al. 2006, CC BY 4.0), and electromagnetic articulography
(EMA) of the demonstration bundles in IPS-LMU/EMU-webApp (MIT). EMA is of a German speaker, a held-out
language: it serves to check the fit and never enters it.
"""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from liplab.scores import Phone
from liplab.speech.align import phones_for
from liplab.speech.facetrack import track
from lipwright.errors import LipwrightError

EDGE_S = 0.1  # of the silence around speech that counts: before it, mouths open to inhale as they please
VIDEO_SUFFIXES = (".mpg", ".mp4")
PARTS = ("aperture", "width", "jaw")

Values = npt.NDArray[np.float64]

# SAMPA of the EMA bundles to IPA; what is not here is spelt alike, length marks and all.
_SAMPA = {
    "a": "a", "a:": "aː", "6": "ɐ", "@": "ə", "E": "ɛ", "e:": "eː", "I": "ɪ", "i:": "iː", "O": "ɔ", "U": "ʊ",
    "u:": "uː", "aI": "aɪ", "aU": "aʊ", "S": "ʃ", "N": "ŋ", "g": "ɡ", "r": "ʁ", "&p:": "",
}  # fmt: skip


class Recording(NamedTuple):
    """One utterance of one speaker; its units and zeros are the speaker's own."""

    name: str
    phones: list[Phone]
    times_s: Values  # (n,) of speech and a little around it
    values: dict[str, Values]  # part of the articulation -> (n,), greater is more


def camera_recordings(folder: Path) -> list[Recording]:
    """The GRID clips of a folder, with the lip tracks beside them (CLIP.npz: t, aperture, width, jaw).

    A track that is missing is made and kept. Raises LipwrightError when there is no clip, or a clip's words
    cannot be aligned.
    """
    recordings = []
    videos = sorted(path for path in folder.glob("*") if path.suffix in VIDEO_SUFFIXES)
    for video in tqdm(videos, unit="clip", desc="lips"):
        phones = phones_for(video)
        if phones is None:
            continue
        stored = video.with_suffix(".npz")
        if stored.is_file():
            with np.load(stored) as file:
                lips = {part: file[part].astype(np.float64) for part in ("t", *PARTS)}
        else:
            lips = track(video)
            np.savez(stored, **lips)
        times = lips.pop("t")
        recordings.append(_of_speech(Recording(video.stem, _british(phones), times, lips)))
    if not recordings:
        raise LipwrightError(
            f"{folder} holds no clips of GRID; put some there under their own names, such as bbaf2n.mpg."
        )
    return recordings


def articulograph_recordings(folder: Path) -> list[Recording]:
    """The EMA bundles (*_bndl.json of EMU-webApp) of a folder: coils of lips and jaw, in mm."""
    recordings = []
    for path in sorted(folder.glob("*_bndl.json")):
        bundle = json.loads(path.read_text(encoding="utf-8"))
        coils: dict[str, Values] = {}
        for file in bundle["ssffFiles"]:
            coils.update(_ssff(base64.b64decode(file["data"])))
        if "ul_posz" not in coils:
            continue
        rate = bundle["annotation"]["sampleRate"]
        (level,) = (level for level in bundle["annotation"]["levels"] if level["name"] == "Segment")
        phones = [
            Phone(
                _SAMPA.get(label := item["labels"][0]["value"], label),
                item["sampleStart"] / rate,
                (item["sampleStart"] + item["sampleDur"]) / rate,
            )
            for item in level["items"]
        ]
        # The bundles' last segment runs on over the silence behind the speech.
        last = max(number for number, phone in enumerate(phones) if phone.ipa)
        phones[last] = phones[last]._replace(end_s=min(phones[last].end_s, phones[last].start_s + 0.1))
        values = {
            "aperture": coils["ul_posz"] - coils["ll_posz"],
            "rounding": -(coils["ul_posy"] + coils["ll_posy"]) / 2,  # the lips' way forward
            "jaw": -coils["jw_posz"],
        }
        times = np.arange(len(coils["ul_posz"])) / coils["rate"][0]
        recordings.append(_of_speech(Recording(path.stem, phones, times, values)))
    return recordings


def _british(phones: list[Phone]) -> list[Phone]:
    """Phones of GRID's British speakers; the dictionary that aligned them is American."""
    spellings = {"eɪ": "ɛɪ", "oʊ": "əʊ"}
    result = [phone._replace(ipa=spellings.get(phone.ipa, phone.ipa)) for phone in phones]
    for number, (phone, after) in enumerate(pairwise(result)):
        if phone.ipa == "ʌ" and after.ipa == "ɡ":  # "again": the dictionary has one sign for ʌ and ə
            result[number] = phone._replace(ipa="ə")
    return result


def _of_speech(recording: Recording) -> Recording:
    spoken = [phone for phone in recording.phones if phone.ipa]
    inside = (recording.times_s >= spoken[0].start_s - EDGE_S) & (
        recording.times_s <= spoken[-1].end_s + EDGE_S
    )
    values = {part: track[inside] for part, track in recording.values.items()}
    return recording._replace(times_s=recording.times_s[inside], values=values)


def _ssff(content: bytes) -> dict[str, Values]:
    """The columns of an SSFF file of 32-bit floats, and its "rate" in Hz; others give nothing."""
    head, body = content.split(b"-----------------\n", 1)
    lines = [line.split() for line in head.decode("latin-1").splitlines()]
    names = [line[1] for line in lines if line[0] == "Column"]
    if any(line[2] != "FLOAT" for line in lines if line[0] == "Column"):
        return {}
    table = np.frombuffer(body, "<f4").reshape(-1, len(names)).astype(np.float64)
    (rate,) = (float(line[1]) for line in lines if line[0] == "Record_Freq")
    return {**dict(zip(names, table.T, strict=True)), "rate": np.array([rate])}
