"""What an engine makes of a part of the recipe: utterance after utterance, until the part is long enough."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import soxr
from tqdm import tqdm

from liplab.speech import festival, mbrola, text, vocaltract
from liplab.speech.espeak import Espeak
from liplab.speech.held_out_text import HELD_OUT_TEXT
from liplab.speech.jtalk import jtalk_say
from liplab.speech.recipe import Part, recipe
from liplab.speech.recordings import SOURCES, Recording, recorded
from liplab.speech.singing import sung
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from lipwright.errors import LipwrightError

if TYPE_CHECKING:
    from liplab.speech.hear import Listener

SEED = 20261122
# How each engine is made to speak. Who changes what an engine renders adds one, and its parts are made anew.
RENDERING = {
    "espeak-ng": 2,
    "flite": 2,
    "festival": 2,
    "mbrola": 1,
    "jtalk": 1,
    "singing": 1,
    "vocaltract": 1,
    "recording": 3,
}
# espeak-ng variants that sound like people; its robots and monsters are left out.
VARIANTS = tuple(
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael Mike "
    "Nguyen Storm adam anika antonio aunty belinda benjamin boris caleb david ed edward f1 f2 f3 f4 f5 "
    "grandma grandpa gustave iven iven3 john kaukovalta klatt klatt3 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8 "
    "marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro shelby steph steph3 "
    "travis victor whisper zac".split()
)
ESPEAK_RATE = (100, 300)  # words a minute: from, and below
ESPEAK_PITCH = (10, 90)
ESPEAK_RANGE = (15, 95)
MBROLA_RATE = (120, 210)
MBROLA_PITCH = (30, 70)
JTALK_SPEED = (0.8, 1.3)
JTALK_HALF_TONES = (-3.0, 3.0)
STRETCH = (0.75, 1.4)  # of flite and Festival: 1.4 speaks slower
PROMPTS = "dataset-voice-kathleen/data"  # in the folder of recordings; CC0
PROMPT_SHARE = 0.5  # of the English sentences of flite and Festival, where there are prompts
_FESTIVAL_BATCH = 40  # sentences a process: a voice that hangs costs no more


def fingerprint(part: Part, recordings: Path | None, teacher: Path | None = None) -> str:
    """What decides how a part sounds, as text: when it changes, the part has to be made anew."""
    heard_by = [_digest(teacher)] if teacher is not None and part.engine == "recording" else []
    prompts = (
        _prompts(recordings) if part.engine in ("flite", "festival") and part.split != "held_out" else []
    )
    texts = zlib.crc32("\n".join([*prompts, *HELD_OUT_TEXT.get(part.language, [])]).encode())
    return json.dumps(
        [part.engine, part.voice, part.language, part.seconds, RENDERING[part.engine], SEED, texts, *heard_by]
    )


def is_missing(part: Part, recordings: Path | None, teacher: Path | None = None) -> bool:
    """Whether a part is a recording that is not there, or whose phones only a teacher could find."""
    if part.engine != "recording":
        return False
    source = _source(part)
    there = recordings is not None and (recordings / source.folder).is_dir()
    return not there or (source.aligner is None and teacher is None)


def render(part: Part, recordings: Path | None, teacher: Path | None = None) -> Iterator[Utterance]:
    """The utterances of a part; a `teacher`, by its weights, finds the phones of recordings.

    Raises LipwrightError when its engine or voice is not installed.
    """
    with tqdm(total=round(part.seconds), unit="s", desc=part.name, leave=False) as progress:
        spoken = 0.0
        for utterance in _utterances(part, recordings, teacher):
            if not any(phone.ipa for phone in utterance.phones) or not np.any(utterance.samples):
                continue
            yield utterance
            spoken += len(utterance.samples) / SAMPLE_RATE
            progress.update(round(spoken) - progress.n)
            if spoken >= part.seconds:
                return


def _utterances(part: Part, recordings: Path | None, teacher: Path | None = None) -> Iterator[Utterance]:
    """As many utterances as anyone wants; of a recording, as many as there are."""
    random = np.random.default_rng([SEED, zlib.crc32(part.name.encode())])
    makers: dict[str, Callable[[], Iterator[Utterance]]] = {
        "espeak-ng": lambda: _espeak(part, random),
        "flite": lambda: _flite(part, random, _prompts(recordings)),
        "festival": lambda: _festival(part, random, _prompts(recordings)),
        "mbrola": lambda: _mbrola(part, random),
        "jtalk": lambda: _jtalk(part, random),
        "singing": lambda: _singing(part, random, recordings),
        "vocaltract": lambda: _vocal_tract(part),
        "recording": lambda: recorded(
            _source(part), recordings or Path(), None if teacher is None else _listener(teacher)
        ),
    }
    return makers[part.engine]()


@lru_cache(maxsize=1)
def _listener(teacher: Path) -> Listener:
    from liplab.speech.hear import Listener  # torch is in the extra train

    return Listener.load(teacher)


@lru_cache(maxsize=1)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _source(part: Part) -> Recording:
    return next(source for source in SOURCES if source.name == part.voice)


def _prompts(recordings: Path | None) -> list[str]:
    """Sentences of recordings that are CC0, if they are there: English beyond our own grammar."""
    folder = recordings / PROMPTS if recordings else None
    if folder is None or not folder.is_dir():
        return []
    return sorted({path.read_text(encoding="utf-8").strip() for path in folder.glob("*.txt")})


def _texts(language: str, random: np.random.Generator, prompts: Sequence[str]) -> Iterator[str]:
    held_out = HELD_OUT_TEXT.get(language)
    while True:
        if held_out:
            yield from (str(words) for words in random.permutation(held_out))
        elif language in text.ENGLISH and prompts and random.random() < PROMPT_SHARE:
            yield str(random.choice(prompts))
        else:
            yield text.sentence(language, random)


def _espeak(part: Part, random: np.random.Generator) -> Iterator[Utterance]:
    engine = Espeak(fresh=True)  # a part does not depend on those before it
    for words in _texts(part.voice, random, []):
        samples, phones = engine.say(
            words,
            f"{part.voice}+{random.choice(VARIANTS)}",
            rate=int(random.integers(*ESPEAK_RATE)),
            pitch=int(random.integers(*ESPEAK_PITCH)),
            pitch_range=int(random.integers(*ESPEAK_RANGE)),
        )
        resampled = soxr.resample(samples, engine.sample_rate, SAMPLE_RATE)
        yield Utterance(np.asarray(resampled, np.float32), phones)


def _flite(part: Part, random: np.random.Generator, prompts: Sequence[str]) -> Iterator[Utterance]:
    for words in _texts(part.language, random, prompts):
        yield Utterance(*festival.flite_say(words, part.voice, stretch=float(random.uniform(*STRETCH))))


def _festival(part: Part, random: np.random.Generator, prompts: Sequence[str]) -> Iterator[Utterance]:
    texts = _texts(part.language, random, prompts)
    while True:
        batch = [next(texts) for _ in range(_FESTIVAL_BATCH)]
        stretches = random.uniform(*STRETCH, _FESTIVAL_BATCH)
        count = 0
        for samples, phones in festival.festival_say(batch, festival.VOICES[part.voice], list(stretches)):
            yield Utterance(samples, phones)
            count += 1
        if count == 0:
            raise LipwrightError(f"Festival says nothing with the voice {part.voice}; reinstall its package.")


def _mbrola(part: Part, random: np.random.Generator) -> Iterator[Utterance]:
    voice = mbrola.VOICES[part.voice]
    for words in _texts(part.language, random, []):
        rate, pitch = random.integers(*MBROLA_RATE), random.integers(*MBROLA_PITCH)
        utterance = mbrola.mbrola_say(words, voice, int(rate), int(pitch))
        if utterance is not None:
            yield utterance


def _jtalk(part: Part, random: np.random.Generator) -> Iterator[Utterance]:
    for words in _texts(part.language, random, []):
        yield jtalk_say(words, random.uniform(*JTALK_SPEED), random.uniform(*JTALK_HALF_TONES))


def _singing(part: Part, random: np.random.Generator, recordings: Path | None) -> Iterator[Utterance]:
    """The voice of another part, with words of its own, sung."""
    voice = next(other for other in recipe() if other.name == part.voice)
    for utterance in _utterances(replace(voice, name=part.name), recordings):
        song = sung(utterance, random)
        if song is not None:
            yield song


def _vocal_tract(part: Part) -> Iterator[Utterance]:
    """Speech with the lips that spoke it, where they are known."""
    random = Random(f"{SEED} {part.name}")
    while True:
        utterance, lips = vocaltract.speak(random)
        yield utterance._replace(lips=np.where(lips.known, lips.track, np.float32(np.nan)))
