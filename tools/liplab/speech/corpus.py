"""The corpus: which voice says how much of what, made part by part and kept on disk.

A part is one voice. `make_parts` renders the parts that are not on disk yet, so a broken run goes on where
it stopped. Three splits never mix: "train"; "dev", voices that choices of training are judged by; and
"held_out", the languages, voices and the speaker that only the final measures see.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import soxr
from tqdm import tqdm

from liplab.scores import Phone
from liplab.speech import festival, text
from liplab.speech.align import AlignmentError, align
from liplab.speech.espeak import Espeak
from liplab.speech.phones import plain, without_short_pauses
from liplab.speech.utterance import SAMPLE_RATE, Samples, Utterance
from lipwright.audio.decode import open_sound
from lipwright.errors import LipwrightError

SEED = 20261122
# Recordings of people that may be used (both CC0). They are looked for in a folder of clones, named as here.
KATHLEEN = "dataset-voice-kathleen"  # github.com/rhasspy, US English, transcripts: aligned with pocketsphinx
NATHALIE = "dataset-voice-nathalie"  # github.com/rhasspy, Dutch, phone alignment included
# espeak-ng variants that sound like people; its robots and monsters are left out.
VARIANTS = tuple(
    "Alex Alicia Andrea Andy Annie Denis Diogo Gene Henrique Hugo Jacky Lee Marco Mario Michael Mike "
    "Nguyen Storm adam anika antonio aunty belinda benjamin boris caleb david ed edward f1 f2 f3 f4 f5 "
    "grandma grandpa gustave iven iven3 john kaukovalta klatt klatt3 klatt6 linda m1 m2 m3 m4 m5 m6 m7 m8 "
    "marcelo max michel miguel norbert pablo paul pedro quincy rob robert sandro shelby steph steph3 "
    "travis victor whisper zac".split()
)
_FESTIVAL_BATCH = 40  # sentences a process: a voice that hangs costs no more


@dataclass(frozen=True)
class Part:
    """One voice's share of the corpus."""

    name: str
    split: str  # train, dev or held_out
    engine: str  # espeak-ng, flite, festival, or recording
    voice: str
    language: str
    licence: str
    seconds: float


def recipe() -> list[Part]:
    """All parts. The licence is that of the voice or recording; texts are our own (module text)."""
    parts = [
        Part(
            f"espeak-{language}",
            "train",
            "espeak-ng",
            language,
            language,
            "free output (GPL-3 engine)",
            seconds,
        )
        for language in text.LANGUAGES
        for seconds in [600 if language in text.ENGLISH else 240]
    ]
    parts += [
        Part(
            f"espeak-{language}",
            "held_out",
            "espeak-ng",
            language,
            language,
            "free output (GPL-3 engine)",
            240,
        )
        for language in text.HELD_OUT_TEXT
    ]
    flite = {"slt": ("train", 2400), "awb": ("train", 2400), "kal16": ("train", 900), "rms": ("dev", 600)}
    for voice, (split, seconds) in flite.items():
        parts.append(Part(f"flite-{voice}", split, "flite", voice, "en-us", "BSD-like", seconds))
    amounts = {
        "cmu_us_slt_arctic_hts": 1200, "kal_diphone": 700, "ked_diphone": 900, "upc_ca_ona_hts": 1200,
        "czech_dita": 800, "czech_machac": 800, "czech_krb": 600, "czech_ph": 600, "suo_fi_lj_diphone": 800,
        "hy_fi_mv_diphone": 800, "hindi_NSK_diphone": 700, "lp_diphone": 240, "msu_ru_nsh_clunits": 240,
    }  # fmt: skip
    for name, seconds in amounts.items():
        spoken = festival.VOICES[name]
        split = "held_out" if spoken.language in text.HELD_OUT_TEXT else "train"
        parts.append(
            Part(f"festival-{name}", split, "festival", name, spoken.language, spoken.licence, seconds)
        )
    parts.append(Part("kathleen", "train", "recording", KATHLEEN, "en-us", "CC0-1.0", 6000))
    parts.append(Part("nathalie", "dev", "recording", NATHALIE, "nl", "CC0-1.0", 900))
    return parts


def make_parts(folder: Path, parts: Sequence[Part], recordings: Path | None) -> list[Part]:
    """Render the parts that `folder` lacks; returns those that it then holds, with their true lengths.

    `recordings` is the folder with the clones of the recordings; without it (or a clone) those parts are left
    out. Raises LipwrightError when an engine or voice is not installed.
    """
    held = []
    folder.mkdir(parents=True, exist_ok=True)
    progress = tqdm(parts, unit="voice", desc="corpus")
    for part in progress:
        progress.set_postfix_str(part.name)
        if not _path(folder, part).exists():
            if part.engine == "recording" and not (recordings and (recordings / part.voice).is_dir()):
                progress.write(
                    f"{part.name} left out: no folder {part.voice} of recordings (see --recordings)"
                )
                continue
            _save(_path(folder, part), list(_render(part, recordings)))
        with np.load(_path(folder, part)) as stored:
            held.append(replace(part, seconds=float(stored["ends"][-1]) / SAMPLE_RATE))
    (folder / "parts.json").write_text(json.dumps([asdict(part) for part in held], indent=1) + "\n")
    return held


def held_parts(folder: Path) -> list[Part]:
    """The parts of a corpus made before. Raises LipwrightError when there is none."""
    try:
        return [Part(**entry) for entry in json.loads((folder / "parts.json").read_text())]
    except OSError as error:
        raise LipwrightError(f"There is no corpus in {folder}; make it with: liplab corpus.") from error


def load_part(folder: Path, part: Part) -> list[Utterance]:
    """The utterances of a part on disk."""
    with np.load(_path(folder, part)) as stored:
        samples, ends = stored["samples"], stored["ends"]
        utterance, ipa, times = stored["utterance"], stored["ipa"], stored["times"]
    utterances, start = [], 0
    for number, end in enumerate(ends):
        rows = np.flatnonzero(utterance == number)
        phones = [Phone(str(ipa[row]), float(times[row, 0]), float(times[row, 1])) for row in rows]
        utterances.append(Utterance(samples[start:end].astype(np.float32) / 32768, phones))
        start = end
    return utterances


def _path(folder: Path, part: Part) -> Path:
    return folder / "speech" / f"{part.name}.npz"


def _save(path: Path, utterances: Sequence[Utterance]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [(number, phone) for number, (_, phones) in enumerate(utterances) for phone in phones]
    samples = np.concatenate([samples for samples, _ in utterances])
    partial = path.with_suffix(".part.npz")
    np.savez(
        partial,
        samples=np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16),
        ends=np.cumsum([len(samples) for samples, _ in utterances]),
        utterance=np.array([number for number, _ in rows]),
        ipa=np.array([phone.ipa for _, phone in rows]),
        times=np.array([[phone.start_s, phone.end_s] for _, phone in rows]),
    )
    partial.rename(path)


def _render(part: Part, recordings: Path | None) -> Iterator[Utterance]:
    random = np.random.default_rng([SEED, zlib.crc32(part.name.encode())])
    makers: dict[str, Callable[[], Iterator[Utterance]]] = {
        "espeak-ng": lambda: _espeak(part, random),
        "flite": lambda: _flite(part, random, _prompts(recordings)),
        "festival": lambda: _festival(part, random, _prompts(recordings)),
        "recording": lambda: _recording(part, recordings),
    }
    spoken = 0.0
    for utterance in makers[part.engine]():
        if not any(phone.ipa for phone in utterance.phones) or not np.any(utterance.samples):
            continue
        yield utterance
        spoken += len(utterance.samples) / SAMPLE_RATE
        if spoken >= part.seconds:
            return


def _prompts(recordings: Path | None) -> list[str]:
    """Sentences read in the CC0 recordings, if they are there, so that English is not only our grammar's."""
    folder = recordings / KATHLEEN / "data" if recordings else None
    if folder is None or not folder.is_dir():
        return []
    return sorted({path.read_text(encoding="utf-8").strip() for path in folder.glob("*.txt")})


def _texts(language: str, random: np.random.Generator, prompts: Sequence[str]) -> Iterator[str]:
    held_out = text.HELD_OUT_TEXT.get(language)
    while True:
        if held_out:
            yield str(random.choice(held_out))
        elif language in text.ENGLISH and prompts and random.random() < 0.5:
            yield str(random.choice(prompts))
        else:
            yield text.sentence(language, random)


_espeak_engine: list[Espeak] = []  # one per process; made when first needed


def _espeak(part: Part, random: np.random.Generator) -> Iterator[Utterance]:
    if not _espeak_engine:
        _espeak_engine.append(Espeak())
    engine = _espeak_engine[0]
    for words in _texts(part.voice, random, []):
        variant = random.choice(VARIANTS)
        samples, phones = engine.say(
            words,
            f"{part.voice}+{variant}",
            rate=int(random.integers(110, 260)),
            pitch=int(random.integers(15, 85)),
            pitch_range=int(random.integers(20, 90)),
        )
        resampled = soxr.resample(samples, engine.sample_rate, SAMPLE_RATE)
        yield Utterance(np.asarray(resampled, np.float32), phones)


def _flite(part: Part, random: np.random.Generator, prompts: Sequence[str]) -> Iterator[Utterance]:
    for words in _texts(part.language, random, prompts):
        yield Utterance(*festival.flite_say(words, part.voice, stretch=float(random.uniform(0.8, 1.35))))


def _festival(part: Part, random: np.random.Generator, prompts: Sequence[str]) -> Iterator[Utterance]:
    texts = _texts(part.language, random, prompts)
    while True:
        batch = [next(texts) for _ in range(_FESTIVAL_BATCH)]
        stretches = random.uniform(0.8, 1.35, _FESTIVAL_BATCH)
        count = 0
        for samples, phones in festival.festival_say(batch, festival.VOICES[part.voice], list(stretches)):
            yield Utterance(samples, phones)
            count += 1
        if count == 0:
            raise LipwrightError(f"Festival says nothing with the voice {part.voice}; reinstall its package.")


def _recording(part: Part, recordings: Path | None) -> Iterator[Utterance]:
    assert recordings is not None
    folder = recordings / part.voice
    yield from _nathalie(folder) if part.voice == NATHALIE else _transcribed(folder / "data")


def _transcribed(folder: Path) -> Iterator[Utterance]:
    """FILE.wav with FILE.txt, English; a take that does not align is left out."""
    for path in tqdm(
        sorted(folder.glob("*.wav")), unit="take", desc=f"align {folder.parent.name}", leave=False
    ):
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
