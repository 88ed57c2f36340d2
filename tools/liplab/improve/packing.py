"""Makes the packs from a corpus, and their card, of speech whose licence lets its features travel."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from liplab.evaluate.table import spread_out
from liplab.improve.packs import CHECKS, REPLAY, UNIT, Pack, Spoken
from liplab.scores import Phone
from liplab.speech.augment import streams
from liplab.speech.corpus import SEED, Part, load_part
from liplab.speech.recordings import SOURCES
from liplab.speech.utterance import SAMPLE_RATE, Samples, Utterance
from lipwright.audio.features import STEP_S, log_mel
from lipwright.errors import LipwrightError

# Licences under which features of a voice may be given on beside code under Apache-2.0.
FREE = frozenset({"free output (GPL-3 engine)", "BSD-like", "CC0-1.0", "CC-BY-4.0"})
CROP_STEPS = 300  # of the replay pack: as long as training draws them
CROPS = 150  # in all, 15 minutes: below 5 MB
# A voice's share of them, by its engine. People teach more about people.
SHARES = {"espeak-ng": 1, "flite": 5, "festival": 4, "singing": 1, "vocaltract": 1, "recording": 4}
TAKEN_S = 40  # of speech, that a crop is drawn from
BABBLE_VOICES, BABBLE_S = 12, 20
# Checks: seconds of each voice. Of each held-out language that espeak-ng speaks, ESPEAK_S.
ESPEAK_S = 24
CHECKED_S = {"flite-rms": 75, "librispeech-dev": 120, "nathalie-dev": 60, "kerstin": 60}

CARD_NAME = "lip_model_packs.md"
CARD = """# Packs of the lip model

Speech as features and phones, for `liplab improve` on machines that have no corpus. Made from the corpus by

    python tools/ship_packs.py --corpus DIR

No sound is in them: log-mel steps, as `lipwright.audio.features` makes them, to {unit_db:.1f} dB. A voice can
be made again from such features. Wheels carry none of them.

**`{replay}`**: {replay_minutes:.1f} minutes of training speech ({replay_crops} crops of {crop_s:g} s,
augmented as for training: `liplab/speech/augment.py`). They are mixed into every further training.

**`{checks}`**: {checks_minutes:.1f} minutes that no training heard ({checks_clips} sentences, {bilabials} of
p, b and m). No improved model may be worse on them (`docs/improving.md`). Not in them: MBROLA's voices, whose
licence does not let speech of theirs travel.

Left out of both are voices under GPL or LGPL.

## Replay

{replay_table}

## Checks

{checks_table}

## Where the recordings are had

{homes}

LibriSpeech and speechocean762 are under CC BY 4.0 (Panayotov et al. 2015; Zhang et al. 2021); what was
changed: cut, augmented, turned into features.
"""


def replay_pack(folder: Path, parts: Sequence[Part]) -> Pack:
    """Crops of all training voices. Raises LipwrightError where the corpus has none."""
    training = [part for part in parts if part.split == "train" and part.licence in FREE]
    if not training:
        raise LipwrightError(f"The corpus in {folder} has no training speech; make it with: liplab corpus.")
    babble = _babble(folder, training)
    shares = np.cumsum([0, *(SHARES[part.engine] for part in training)])
    counts = np.diff(np.rint(shares * CROPS / shares[-1])).astype(int)
    spoken: list[Spoken] = []
    for number, part in enumerate(tqdm(training, unit="voice", desc="replay")):
        random = np.random.default_rng([SEED, zlib.crc32(part.name.encode())])
        if counts[number]:
            spoken += _crops(number, load_part(folder, part), int(counts[number]), babble, random)
    return Pack([asdict(part) for part in training], spoken)


def _babble(folder: Path, parts: Sequence[Part]) -> Samples:
    """Some speech of BABBLE_VOICES voices, to be heard behind others."""
    chosen = sorted(parts, key=lambda part: zlib.crc32(part.name.encode()))[:BABBLE_VOICES]
    sounds = []
    for part in chosen:
        said = np.concatenate([utterance.samples for utterance in load_part(folder, part)[:10]])
        sounds.append(said[: BABBLE_S * SAMPLE_RATE])
    return np.concatenate(sounds)


def _crops(
    voice: int, utterances: list[Utterance], count: int, babble: Samples, random: np.random.Generator
) -> list[Spoken]:
    """The beginnings of `count` augmented streams: at a stream's beginning every step counts."""
    made = streams(spread_out(utterances, _seconds, count * TAKEN_S), babble, random)
    long_enough = [stream for stream in made if len(stream.features) >= CROP_STEPS]
    crops = []
    for stream in long_enough[:count]:
        lips = stream.lips[:CROP_STEPS]
        crops.append(
            Spoken(
                voice,
                stream.features[:CROP_STEPS].astype(np.float32),
                _within(stream.phones, CROP_STEPS * STEP_S),
                None if np.isnan(lips).all() else lips,
            )
        )
    return crops


def _seconds(utterance: Utterance) -> float:
    return len(utterance.samples) / SAMPLE_RATE


def _within(phones: Sequence[Phone], end_s: float) -> list[Phone]:
    """The phones that begin before `end_s`; the last goes on beyond it, so that it keeps its shape."""
    return [phone for phone in phones if phone.start_s < end_s]


def checks_pack(folder: Path, parts: Sequence[Part]) -> Pack:
    """Sentences that no training heard. Raises LipwrightError where the corpus lacks a voice of them."""
    wanted = dict(CHECKED_S)
    wanted |= {part.name: ESPEAK_S for part in parts if part.engine == "espeak-ng" and part.split != "train"}
    known = {part.name: part for part in parts}
    missing = [name for name in wanted if name not in known]
    if missing:
        raise LipwrightError(
            f"The corpus in {folder} lacks {', '.join(missing)}; make it with its recordings: liplab corpus "
            "--recordings DIR."
        )
    chosen = [known[name] for name in wanted]
    for part in chosen:
        assert part.split != "train" and part.licence in FREE, part
    spoken = []
    for number, part in enumerate(tqdm(chosen, unit="voice", desc="checks")):
        for said in spread_out(load_part(folder, part), _seconds, wanted[part.name]):
            features = log_mel(said.samples)
            spoken.append(Spoken(number, features.reshape(len(features), -1), said.phones))
    return Pack([asdict(part) for part in chosen], spoken)


def card(replay: Pack, checks: Pack) -> str:
    """What is in the packs, whose it is, and under which licence."""
    bilabials = sum(bool(set("pbm") & set(phone.ipa)) for one in checks.spoken for phone in one.phones)
    voices = {pack.voices[one.voice]["voice"] for pack in (replay, checks) for one in pack.spoken}
    homes: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for one in SOURCES:
        if one.name in voices:
            homes[one.home, one.licence].append(one.name)
    return CARD.format(
        unit_db=10 * UNIT,
        replay=REPLAY,
        checks=CHECKS,
        replay_minutes=_minutes(replay.spoken),
        replay_crops=len(replay.spoken),
        crop_s=CROP_STEPS * STEP_S,
        checks_minutes=_minutes(checks.spoken),
        checks_clips=len(checks.spoken),
        bilabials=bilabials,
        replay_table=_table(replay),
        checks_table=_table(checks),
        homes="\n".join(f"- {', '.join(names)} ({kind}): {home}" for (home, kind), names in homes.items()),
    )


def _table(pack: Pack) -> str:
    rows = ["| source | voices | languages | minutes | licence |", "|---|---|---|---|---|"]
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number in sorted({one.voice for one in pack.spoken}):
        voice = pack.voices[number]
        groups[voice["engine"], voice["licence"]].append(number)
    for (engine, licence), numbers in groups.items():
        own: list[Any] = [pack.voices[number] for number in numbers]
        languages = ", ".join(dict.fromkeys(voice["language"] for voice in own))
        names = "" if engine == "espeak-ng" else ", ".join(voice["voice"] for voice in own)
        minutes = _minutes([one for one in pack.spoken if one.voice in set(numbers)])
        rows.append(f"| {engine} | {names} | {languages} | {minutes:.1f} | {licence} |")
    return "\n".join(rows)


def _minutes(spoken: Sequence[Spoken]) -> float:
    return sum(one.seconds for one in spoken) / 60
