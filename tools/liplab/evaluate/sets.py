"""What a lip model is judged on: voices of the corpus, people before a camera, singers, one's own clip.

A voice is one part of the corpus, or one folder of clips. A set is what a row of the table stands for:
a held-out language's synthetic voices, its human ones, all of them, each dev voice, GRID, song.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from liplab.evaluate.labels import read_labels
from liplab.scores import RATE_HZ, Phone, Track
from liplab.speech.align import phones_for
from liplab.speech.corpus import Part, load_part
from liplab.speech.recordings import SOURCES
from lipwright.audio.decode import RATE, open_sound
from lipwright.errors import LipwrightError

HELD_OUT = ("fr", "ja", "ko", "es", "it", "de", "ru", "zh", "he", "ar")
# Language codes of engines that do not start with the language's two letters.
ALIASES = {"cmn": "zh", "yue": "zh", "iw": "he"}
HUMAN = "recording"  # the engine's name of parts that people spoke
SHARED_VOICES = "espeak-ng"  # speaks every language with the same variants, trained on in others
SOUNDS = (".wav", ".flac", ".ogg", ".mp3", ".mpg", ".mp4")

Samples = npt.NDArray[np.float32]


class Seen(NamedTuple):
    """Lips as a camera saw them; lengths in any unit."""

    times_s: Track
    aperture: Track
    width: Track


@dataclass(frozen=True)
class Clip:
    """Sound, and what is known of it: its phones, what a camera saw, or both."""

    samples: Samples  # (n,) mono 16 kHz
    phones: Sequence[Phone]
    seen: Seen | None = None

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return len(self.samples) / RATE

    def grid(self) -> Track:
        """Times (m,) in s, RATE_HZ a second, at which the clip is judged."""
        return np.arange(0, self.seconds, 1 / RATE_HZ)


@dataclass(frozen=True)
class Voice:
    """Clips of one origin."""

    name: str
    language: str
    origin: str  # synthetic, human, camera, song or clip
    split: str  # dev, held_out, or none: not part of the corpus
    engine_trained_on: bool
    speaker_trained_on: bool
    licence: str
    clips: tuple[Clip, ...]


@dataclass(frozen=True)
class JudgedSet:
    """Voices that make one row of the table."""

    name: str
    voices: tuple[Voice, ...]

    @property
    def seconds(self) -> float:
        """Length of all its sound."""
        return sum(clip.seconds for voice in self.voices for clip in voice.clips)


def language_of(code: str) -> str:
    """The two letters of an engine's language code: cmn-latn-pinyin is zh."""
    short = code.lower().replace("_", "-").partition("-")[0]
    return ALIASES.get(short, short)


def corpus_voices(folder: Path, parts: Sequence[Part]) -> list[Voice]:
    """Every dev and held-out part of the corpus, its sound in memory."""
    training = [part for part in parts if part.split == "train"]
    engines = {part.engine for part in training}
    speakers = {(part.engine, _speaker(part)) for part in training}
    return [
        Voice(
            name=part.name,
            language=language_of(part.language),
            origin="human" if part.engine == HUMAN else "synthetic",
            split=part.split,
            engine_trained_on=part.engine in engines and part.engine != HUMAN,
            speaker_trained_on=(part.engine, _speaker(part)) in speakers
            or (part.engine == SHARED_VOICES and SHARED_VOICES in engines),
            licence=part.licence,
            clips=tuple(Clip(said.samples, said.phones) for said in load_part(folder, part)),
        )
        for part in parts
        if part.split != "train"
    ]


def _speaker(part: Part) -> str:
    """Who speaks a part. Parts of a recording share its one speaker of a language, or have their own."""
    source = next((source for source in SOURCES if source.name == part.voice), None)
    if source is None or source.speakers > 1:
        return part.voice
    return f"{source.folder} {source.language}"


def grid_voice(folder: Path) -> Voice:
    """GRID clips (Cooke et al. 2006): grid_*.mpg, each with a lip track .npz; phones by alignment."""
    clips = [
        Clip(read_sound(path), phones_for(path) or [], read_track(path.with_suffix(".npz")))
        for path in sorted(folder.glob("grid_*.mpg"))
    ]
    if not clips:
        raise LipwrightError(f"There are no GRID clips (grid_*.mpg with a lip track .npz each) in {folder}.")
    return Voice("grid", "en", "camera", "none", False, False, "CC BY 4.0", tuple(clips))


def song_voice(folder: Path) -> Voice:
    """Songs in a folder: sound files, each with its phones in NAME.lab or NAME.phones.json."""
    clips = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in SOUNDS:
            labels = path.with_suffix(".lab")
            phones = read_labels(labels) if labels.is_file() else phones_for(path)
            if phones:
                clips.append(Clip(read_sound(path), phones))
    if not clips:
        raise LipwrightError(
            f"There is no song in {folder} whose phones are known; put NAME.lab or NAME.phones.json beside "
            "NAME.wav."
        )
    return Voice("song", "song", "song", "none", False, False, "that of the songs", tuple(clips))


def own_voice(sound: Path, track: Path) -> Voice:
    """One recording with the lip track that a camera measured."""
    clip = Clip(read_sound(sound), phones_for(sound) or [], read_track(track))
    return Voice(sound.stem, "", "clip", "none", False, False, "the owner's", (clip,))


def judged_sets(voices: Sequence[Voice]) -> list[JudgedSet]:
    """The rows of the table, held-out languages first, in their order."""
    held = [voice for voice in voices if voice.split == "held_out" and voice.language in HELD_OUT]
    sets: list[JudgedSet] = []
    for origin, suffix in (("synthetic", ""), ("human", "-human")):
        chosen = [voice for voice in held if voice.origin == origin]
        for language in HELD_OUT:
            sets.append(_set(language + suffix, [voice for voice in chosen if voice.language == language]))
        sets.append(_set("all" + suffix, chosen))
    new = [voice for voice in held if voice.origin == "synthetic" and not voice.engine_trained_on]
    sets.append(_set("all-new-engines", new))
    sets += [_set(voice.name, [voice]) for voice in voices if voice not in held]
    return [judged for judged in sets if judged.voices]


def read_sound(path: Path) -> Samples:
    """A file's sound, mono 16 kHz."""
    return np.concatenate([np.zeros(0, np.float32), *open_sound(path).blocks(RATE)])


def read_track(path: Path) -> Seen:
    """A measured lip track: .npz with t (s), aperture and width, all (n,).

    Raises LipwrightError when the file is not that.
    """
    try:
        with np.load(path) as stored:
            times, aperture, width = (
                np.asarray(stored[name], np.float64) for name in ("t", "aperture", "width")
            )
    except (OSError, KeyError, ValueError) as error:
        raise LipwrightError(
            f"{path} is no lip track; it must be an .npz with t (seconds), aperture and width."
        ) from error
    if not times.shape == aperture.shape == width.shape or times.ndim != 1 or len(times) < 2:
        raise LipwrightError(f"{path} is no lip track: t, aperture and width must be lists of one length.")
    known = np.isfinite(aperture) & np.isfinite(width)
    if known.sum() < 2:
        raise LipwrightError(f"{path} is no lip track: the lips are seen nowhere in it.")
    return Seen(times[known], aperture[known], width[known])


def _set(name: str, voices: Sequence[Voice]) -> JudgedSet:
    return JudgedSet(name, tuple(voices))
