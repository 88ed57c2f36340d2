"""What an engine makes of a part of the recipe: utterance after utterance, until the part is long enough."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soxr
from tqdm import tqdm

from liplab.scores import Phone
from liplab.speech import festival, mbrola, text
from liplab.speech.align import AlignmentError, align
from liplab.speech.espeak import Espeak
from liplab.speech.held_out_text import HELD_OUT_TEXT
from liplab.speech.jtalk import jtalk_say
from liplab.speech.phones import plain, without_short_pauses
from liplab.speech.recipe import KATHLEEN, NATHALIE, Part
from liplab.speech.utterance import SAMPLE_RATE, Samples, Utterance
from lipwright.audio.decode import open_sound
from lipwright.errors import LipwrightError

SEED = 20261122
# How each engine is made to speak. Who changes what an engine renders adds one, and its parts are made anew.
RENDERING = {"espeak-ng": 2, "flite": 2, "festival": 2, "mbrola": 1, "jtalk": 1, "recording": 1}
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
PROMPT_SHARE = 0.5  # of the English sentences of flite and Festival, where there are prompts
_FESTIVAL_BATCH = 40  # sentences a process: a voice that hangs costs no more


def fingerprint(part: Part, recordings: Path | None) -> str:
    """What decides how a part sounds, as text: when it changes, the part has to be made anew."""
    prompts = (
        _prompts(recordings) if part.engine in ("flite", "festival") and part.split != "held_out" else []
    )
    texts = zlib.crc32("\n".join([*prompts, *HELD_OUT_TEXT.get(part.language, [])]).encode())
    return json.dumps(
        [part.engine, part.voice, part.language, part.seconds, RENDERING[part.engine], SEED, texts]
    )


def render(part: Part, recordings: Path | None) -> Iterator[Utterance]:
    """The utterances of a part. Raises LipwrightError when its engine or voice is not installed."""
    random = np.random.default_rng([SEED, zlib.crc32(part.name.encode())])
    makers: dict[str, Callable[[], Iterator[Utterance]]] = {
        "espeak-ng": lambda: _espeak(part, random),
        "flite": lambda: _flite(part, random, _prompts(recordings)),
        "festival": lambda: _festival(part, random, _prompts(recordings)),
        "mbrola": lambda: _mbrola(part, random),
        "jtalk": lambda: _jtalk(part, random),
        "recording": lambda: _recording(part, recordings),
    }
    with tqdm(total=round(part.seconds), unit="s", desc=part.name, leave=False) as progress:
        spoken = 0.0
        for utterance in makers[part.engine]():
            if not any(phone.ipa for phone in utterance.phones) or not np.any(utterance.samples):
                continue
            yield utterance
            spoken += len(utterance.samples) / SAMPLE_RATE
            progress.update(round(spoken) - progress.n)
            if spoken >= part.seconds:
                return


def _prompts(recordings: Path | None) -> list[str]:
    """Sentences read in the CC0 recordings, if they are there, so that English is not only our grammar's."""
    folder = recordings / KATHLEEN / "data" if recordings else None
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


_espeak_engine: list[Espeak] = []  # one per process; made when first needed


def _espeak(part: Part, random: np.random.Generator) -> Iterator[Utterance]:
    if not _espeak_engine:
        _espeak_engine.append(Espeak())
    engine = _espeak_engine[0]
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


def _recording(part: Part, recordings: Path | None) -> Iterator[Utterance]:
    assert recordings is not None
    folder = recordings / part.voice
    yield from _nathalie(folder) if part.voice == NATHALIE else _transcribed(folder / "data")


def _transcribed(folder: Path) -> Iterator[Utterance]:
    """FILE.wav with FILE.txt, English; a take that does not align is left out."""
    for path in sorted(folder.glob("*.wav")):
        samples = _read(path)
        try:
            yield Utterance(samples, align(samples, path.with_suffix(".txt").read_text(encoding="utf-8")))
        except AlignmentError:
            continue


def _nathalie(folder: Path) -> Iterator[Utterance]:
    for line in (folder / "nathalie_align.jsonl").read_text(encoding="utf-8").splitlines():
        take = json.loads(line)
        path = folder / "verified" / f"{take['id']}.flac"
        if not path.exists():
            continue
        phones: list[Phone] = []
        for word in take["words"]:
            for phone in word["phones"]:
                if phones and phone["start"] > phones[-1].end_s:
                    phones.append(Phone("", phones[-1].end_s, phone["start"]))
                phones.append(
                    Phone(plain(phone["phone"]), phone["start"], phone["start"] + phone["duration"])
                )
        yield Utterance(_read(path), without_short_pauses(phones))


def _read(path: Path) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *open_sound(path).blocks(SAMPLE_RATE)])
