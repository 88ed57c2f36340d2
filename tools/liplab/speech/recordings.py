"""Recordings of people: where they are had, what their licence is, and their phones.

Each source is a row of SOURCES. A folder of recordings, which the user fills, holds one folder a source,
named as in its row. Takes with several speakers come one from each speaker in turn, so that a part of a
source has all of its speakers.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import numpy as np
from tqdm import tqdm

from liplab.scores import Phone
from liplab.speech.align import AlignmentError, align
from liplab.speech.dtw import align_by_speaking
from liplab.speech.phones import plain, without_short_pauses
from liplab.speech.utterance import SAMPLE_RATE, Samples, Utterance
from lipwright.audio.decode import open_sound
from lipwright.errors import LipwrightError

if TYPE_CHECKING:
    from liplab.speech.hear import Listener

SHORTEST_S, LONGEST_S = 0.4, 35.0  # takes outside are left out: too short to say much, or too long to align

# Aligned by speaking: an edge that the references put further apart than this is not to be believed (half of
# those are more than 50 ms off), and a take with more than a few of them is left out.
UNSURE_S = 0.1
MOST_UNSURE = 0.1


class Take(NamedTuple):
    """One recording and what it says."""

    path: Path
    text: str  # words, or a line of JSON where the phones are supplied
    speaker: str


@dataclass(frozen=True)
class Recording:
    """A source: what it is called, which split it belongs to, and how its takes are found and aligned."""

    name: str
    split: str  # train, dev or held_out
    folder: str  # in the folder of recordings
    language: str  # as espeak-ng calls it
    speakers: int
    licence: str
    home: str  # where it is had
    seconds: float  # wanted of it
    takes: Callable[[Path], list[Take]]
    # How the phones are found where no teacher hears them (see module hear); None where only that can.
    aligner: Callable[[Samples, str], list[Phone]] | None
    share: tuple[float, float] = (0.0, 1.0)  # from and to: of the speakers, or of a single speaker's takes


def recorded(source: Recording, folder: Path, listener: Listener | None = None) -> Iterator[Utterance]:
    """The aligned utterances of a source; `folder` is the folder of recordings that holds its folder.

    Goes on until the takes are used up, whatever `seconds` says. A take that does not align is left out; the
    bar counts them. Raises LipwrightError when the source is not there.
    """
    aligner = _aligner(source, listener)
    home = folder / source.folder
    takes = in_turn(shared(source.takes(home), source.share)) if home.is_dir() else []
    if not takes:
        raise LipwrightError(f"There are no recordings in {home}; get them from {source.home}.")
    progress = tqdm(takes, unit="take", desc=f"align {source.name}", leave=False)
    left_out = 0
    for take in progress:
        try:
            samples = np.concatenate([np.zeros(0, np.float32), *open_sound(take.path).blocks(SAMPLE_RATE)])
            if not SHORTEST_S <= len(samples) / SAMPLE_RATE <= LONGEST_S:
                raise AlignmentError("its length")
            phones = aligner(samples, take.text)
        except AlignmentError:
            left_out += 1
            progress.set_postfix(left_out=left_out)
            continue
        yield Utterance(samples, phones)


def _aligner(source: Recording, listener: Listener | None) -> Callable[[Samples, str], list[Phone]]:
    if listener is not None and source.aligner is not _supplied:
        from liplab.speech.hear import align_by_hearing  # torch is in the extra train

        return lambda samples, text: align_by_hearing(samples, text, source.language, listener).phones
    assert source.aligner is not None, "parts that need a teacher are left out without one"
    return source.aligner


def shared(takes: list[Take], share: tuple[float, float]) -> list[Take]:
    """The takes of a share of the speakers, or, where there is one speaker, a share of the takes."""
    speakers = sorted({take.speaker for take in takes})
    if len(speakers) == 1:
        return takes[round(share[0] * len(takes)) : round(share[1] * len(takes))]
    chosen = set(speakers[round(share[0] * len(speakers)) : round(share[1] * len(speakers))])
    return [take for take in takes if take.speaker in chosen]


def in_turn(takes: list[Take]) -> list[Take]:
    """Takes ordered so that the speakers take turns."""
    speakers: defaultdict[str, list[Take]] = defaultdict(list)
    for take in takes:
        speakers[take.speaker].append(take)
    return [take for take in chain.from_iterable(zip_longest(*speakers.values())) if take is not None]


def _text_beside(folder: Path) -> list[Take]:
    """data/NAME.wav with NAME.txt."""
    sounds = sorted((folder / "data").glob("*.wav"))
    return [Take(sound, sound.with_suffix(".txt").read_text(encoding="utf-8"), "") for sound in sounds]


def _metadata(sounds: str) -> Callable[[Path], list[Take]]:
    """metadata.csv, "ID|text" a line, and `sounds` with ID for {}."""

    def takes(folder: Path) -> list[Take]:
        with (folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
            rows = sorted(row[:2] for row in csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))
        named = (Take(folder / sounds.format(name), text, "") for name, text in rows)
        return [take for take in named if take.path.is_file()]

    return takes


def _librispeech(folder: Path) -> list[Take]:
    """SPEAKER/CHAPTER/*.trans.txt, "ID TEXT" a line, with ID.flac beside it."""
    takes = []
    for transcript in sorted(folder.glob("*/*/*.trans.txt")):
        for line in transcript.read_text(encoding="utf-8").splitlines():
            name, text = line.split(" ", 1)
            takes.append(Take(transcript.with_name(f"{name}.flac"), text, transcript.parts[-3]))
    return takes


def _kaldi(folder: Path) -> list[Take]:
    """Kaldi's files: text and wav.scp and utt2spk, "ID VALUE" a line, in train and test."""
    takes = []
    for part in ("train", "test"):
        sounds, texts, speakers = (
            dict(line.split(maxsplit=1) for line in (folder / part / table).read_text().splitlines())
            for table in ("wav.scp", "text", "utt2spk")
        )
        takes += [Take(folder / sounds[name], texts[name], speakers[name]) for name in sounds]
    return takes


def _tuxpaint(language: str) -> Callable[[Path], list[Take]]:
    """Stamps of Tux Paint: NAME_desc_LANGUAGE.ogg says the line "LANGUAGE.utf8=TEXT" of NAME.txt."""
    mark, ending = f"{language}.utf8=", f"_desc_{language}.ogg"

    def takes(folder: Path) -> list[Take]:
        found = []
        for sound in sorted(folder.glob(f"**/*{ending}")):
            table = sound.with_name(sound.name.removesuffix(ending) + ".txt")
            lines = table.read_text(encoding="utf-8").splitlines() if table.is_file() else []
            found += [Take(sound, line.removeprefix(mark), "") for line in lines if line.startswith(mark)]
        return found

    return takes


def _common_voice(*tables: str) -> Callable[[Path], list[Take]]:
    """Tables with columns client_id, path and sentence, and clips/."""

    def takes(folder: Path) -> list[Take]:
        rows: list[dict[str, str]] = []
        for table in tables:
            with (folder / table).open(encoding="utf-8", newline="") as file:
                rows += csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        named = (Take(folder / "clips" / row["path"], row["sentence"], row["client_id"]) for row in rows)
        return [take for take in named if take.path.is_file()]

    return takes


def _audio_cmn(folder: Path) -> list[Take]:
    """64k/hsk/cmn-WORD.mp3, in Chinese characters; "_" between those that are said apart.

    Mixed, because by the alphabet the first few hundred words all begin with "one".
    """
    sounds = sorted((folder / "64k" / "hsk").glob("cmn-*.mp3"), key=lambda path: crc32(path.name.encode()))
    return [Take(sound, sound.stem.removeprefix("cmn-"), "") for sound in sounds if "_" not in sound.stem]


def _rhasspy_aligned(folder: Path) -> list[Take]:
    """NAME_align.jsonl: an object a line with the words and their phones."""
    (table,) = folder.glob("*_align.jsonl")
    lines = {json.loads(line)["id"]: line for line in table.read_text(encoding="utf-8").splitlines()}
    named = (Take(folder / "verified" / f"{name}.flac", lines[name], "") for name in sorted(lines))
    return [take for take in named if take.path.is_file()]


def _supplied(samples: Samples, line: str) -> list[Phone]:
    phones: list[Phone] = []
    for word in json.loads(line)["words"]:
        for phone in word["phones"]:
            if phones and phone["start"] > phones[-1].end_s:
                phones.append(Phone("", phones[-1].end_s, phone["start"]))
            phones.append(Phone(plain(phone["phone"]), phone["start"], phone["start"] + phone["duration"]))
    return without_short_pauses(phones)


def _by_speaking(language: str) -> Callable[[Samples, str], list[Phone]]:
    """The aligner for a language of espeak-ng."""

    def aligned(samples: Samples, text: str) -> list[Phone]:
        found = align_by_speaking(samples, text, language)
        if np.mean(found.spreads_s > UNSURE_S) > MOST_UNSURE:
            raise AlignmentError("the references do not agree")
        return found.phones

    return aligned


_RHASSPY = "git clone https://github.com/rhasspy/"
_MINI_LIBRISPEECH = "https://www.openslr.org/31 (train-clean-5; also in github.com/zhangrui0712/Voice-Age)"
_COMMON_VOICE = (
    "https://commonvoice.mozilla.org (Common Voice 6.1, CC0; a hundred clips of each language also lie in "
    "github.com/omnilingo/rsample-100-cv-corpus-6.1-2020-12-11)"
)
# Languages of Common Voice, as espeak-ng calls them: about 1,040 speakers in all.
COMMON_VOICE = {
    "as": "as", "ca": "ca", "cs": "cs", "cv": "cv", "cy": "cy", "el": "el", "en": "en-us", "eo": "eo", "et":
    "et", "eu": "eu", "fi": "fi", "ga-IE": "ga", "hi": "hi", "hu": "hu", "ia": "ia", "id": "id", "ka": "ka",
    "ky": "ky", "lt": "lt", "lv": "lv", "mt": "mt", "nl": "nl", "or": "or", "pa-IN": "pa", "pt": "pt", "ro":
    "ro", "sl": "sl", "sv-SE": "sv", "ta": "ta", "tt": "tt", "vi": "vi",
}  # fmt: skip
COMMON_VOICE_DEV = {"pl": "pl", "tr": "tr"}
COMMON_VOICE_HELD_OUT = {
    "ar": "ar", "de": "de", "es": "es", "fr": "fr", "it": "it", "ja": "ja", "ru": "ru", "zh-CN": "cmn",
}  # fmt: skip
_COMMON_VOICE_13 = "https://commonvoice.mozilla.org (Common Voice Delta 13.0, CC0; a part lies in "
_TUXPAINT = "the Debian package tuxpaint-stamps-default (cp -r /usr/share/tuxpaint/stamps DIR)"
_SPEECHOCEAN = "git clone https://github.com/jimbozhang/speechocean762 (also https://www.openslr.org/101)"

SOURCES = (
    # American, 50 to 70 years old, the CMU Arctic prompts.
    Recording(
        "kathleen", "train", "dataset-voice-kathleen", "en-us", 1, "CC0-1.0",
        _RHASSPY + "dataset-voice-kathleen", 6000, _text_beside, align,
    ),
    # Audio books by 28 readers of the public domain; the last ones are to choose by.
    Recording(
        "librispeech", "train", "LibriSpeech/train-clean-5", "en-us", 23, "CC-BY-4.0",
        _MINI_LIBRISPEECH, 16000, _librispeech, align, (0.0, 0.82),
    ),
    Recording(
        "librispeech-dev", "dev", "LibriSpeech/train-clean-5", "en-us", 5, "CC-BY-4.0",
        _MINI_LIBRISPEECH, 900, _librispeech, align, (0.82, 1.0),
    ),
    # 40 more readers.
    Recording(
        "librispeech-test", "train", "LibriSpeech/test-clean", "en-us", 40, "CC-BY-4.0",
        "https://www.openslr.org/12 (test-clean)", 12000, _librispeech, align,
    ),
    # Learners of English whose mother tongue is Chinese, half of them children, on mobile phones.
    Recording(
        "speechocean", "train", "speechocean762", "en-us", 200, "CC-BY-4.0",
        _SPEECHOCEAN, 5400, _kaldi, align, (0.0, 0.8),
    ),
    Recording(
        "speechocean-dev", "dev", "speechocean762", "en-us", 50, "CC-BY-4.0",
        _SPEECHOCEAN, 900, _kaldi, align, (0.8, 1.0),
    ),
    # Dutch.
    Recording(
        "nathalie", "train", "dataset-voice-nathalie", "nl", 1, "CC0-1.0",
        _RHASSPY + "dataset-voice-nathalie", 2400, _rhasspy_aligned, _supplied, (0.0, 0.8),
    ),
    Recording(
        "nathalie-dev", "dev", "dataset-voice-nathalie", "nl", 1, "CC0-1.0",
        _RHASSPY + "dataset-voice-nathalie", 900, _rhasspy_aligned, _supplied, (0.8, 1.0),
    ),
    Recording(
        "flemishguy", "train", "dataset-voice-flemishguy", "nl", 1, "CC0-1.0",
        _RHASSPY + "dataset-voice-flemishguy", 2400, _metadata("wavs/{}.wav"), _by_speaking("nl"),
    ),
    # Sentences that volunteers read into microphones of their own.
    *(
        Recording(
            f"commonvoice-{name}", split, f"commonvoice/{name}", language, 34, "CC0-1.0", _COMMON_VOICE, 900,
            _common_voice("validated.tsv"), None,
        )
        for split, languages in (
            ("train", COMMON_VOICE), ("dev", COMMON_VOICE_DEV), ("held_out", COMMON_VOICE_HELD_OUT)
        )
        for name, language in languages.items()
    ),
    Recording(
        "commonvoice-en-13", "train", "commonvoice-13/en", "en-us", 187, "CC0-1.0",
        _COMMON_VOICE_13 + "github.com/korliu/whisper, in dataset)", 9000,
        _common_voice("validated.tsv"), None,
    ),
    # Nobody has voted on most of these.
    Recording(
        "commonvoice-fa-13", "train", "commonvoice-13/fa", "fa", 40, "CC0-1.0",
        _COMMON_VOICE_13 + "github.com/yasaman999/SR)", 9000,
        _common_voice("validated.tsv", "other.tsv"), None,
    ),
    # Languages that nothing was learned from. CC BY-SA, which asks to share alike, is measured by only.
    Recording(
        "kerstin", "held_out", "dataset-voice-kerstin", "de", 1, "CC0-1.0",
        _RHASSPY + "dataset-voice-kerstin", 900, _metadata("verified/{}.flac"), _by_speaking("de"),
    ),
    *(
        Recording(
            f"tuxpaint-{language}", "held_out", "stamps", language, 1, "GPL-2.0",
            _TUXPAINT, 600, _tuxpaint(language), _by_speaking(language),
        )
        for language in ("es", "fr", "ru")
    ),
    Recording(
        "audio-cmn", "held_out", "audio-cmn", "cmn", 1, "CC-BY-SA-3.0",
        "git clone https://github.com/hugolpz/audio-cmn", 900, _audio_cmn, _by_speaking("cmn"),
    ),
)  # fmt: skip
