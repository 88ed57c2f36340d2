"""espeak-ng through its library: speech with the times of its phones.

Debian package: espeak-ng. The library is called synchronously; its phoneme events carry exact times.
"""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from liplab.scores import Phone
from liplab.speech.phones import plain, without_short_pauses
from lipwright.errors import LipwrightError

LIBRARY = "libespeak-ng.so.1"
# espeak-ng's speak_lib.h
_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEME_IPA, _DONT_EXIT = 0x0001, 0x0002, 0x8000
_END_OF_LIST, _PHONEME = 0, 7
_UTF8, _PHONEME_INPUT = 1, 0x100  # text may hold phonemes in [[ ]]
_RATE, _PITCH, _RANGE = 1, 3, 4
# The event of a voiceless stop marks its burst; the lips met before. The silence of the closure runs back
# from there, up to this long (behind a pause more silence lies, which is not closure).
LONGEST_CLOSURE_S = 0.055
VOICELESS_STOPS = frozenset("ptkqcʈʔ")
# Danish and Icelandic b, d and g are bursts after silence too. Voiced closures sound, and last longer.
VOICED_STOPS = frozenset("bdɡgɟɖ")
LONGEST_BURST_S = 0.040
_SILENT = 0.002  # of full scale
FASTEST = 450  # words a minute: beyond it espeak-ng drops sound and its times no longer fit


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)
Samples = npt.NDArray[np.float32]


class Espeak:
    """The engine. Objects of a process share the library's one voice, so use them from one thread.

    What it said before changes a little how it says the next thing. One that is `fresh` has a library of its
    own and has said nothing: what it says is the same whatever the process did before.
    """

    def __init__(self, fresh: bool = False) -> None:
        """Raises LipwrightError when the library is not installed."""
        try:
            self._library = ctypes.CDLL(LIBRARY)
            if fresh:
                self._library = _loaded_anew()
                ctypes.CDLL(None).srand(1)  # its breath is made of these; a process begins with this seed
        except OSError as error:
            raise LipwrightError("espeak-ng is missing; install it: sudo apt install espeak-ng.") from error
        flags = _PHONEME_EVENTS | _PHONEME_IPA | _DONT_EXIT
        self.sample_rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 200, None, flags)
        if self.sample_rate <= 0:
            raise LipwrightError(
                "espeak-ng does not start; install its data: sudo apt install espeak-ng-data."
            )
        self._library.espeak_Synth.argtypes = [
            ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint, ctypes.c_int,
            ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p, ctypes.c_void_p,
        ]  # fmt: skip
        self._blocks: list[npt.NDArray[np.int16]] = []
        self._marks: list[tuple[str, float]] = []
        self._callback = _Callback(self._take)

    def _take(self, wave: Any, count: int, events: Any) -> int:
        number = 0
        while events[number].type != _END_OF_LIST:
            event = events[number]
            if event.type == _PHONEME:
                self._marks.append(
                    (event.id.string.decode("utf-8", "replace"), event.audio_position / 1000.0)
                )
            number += 1
        if wave and count > 0:
            self._blocks.append(np.ctypeslib.as_array(wave, (count,)).copy())
        return 0

    def say(
        self, text: str, voice: str, rate: int = 175, pitch: int = 50, pitch_range: int = 50
    ) -> tuple[Samples, list[Phone]]:
        """Samples (n,) at `sample_rate`, full scale 1, and the phones in them.

        `voice` is a language with an optional variant ("nl+f2"), `rate` words a minute, `pitch` and
        `pitch_range` 0..100. Raises ValueError for a voice that espeak-ng does not have.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice}")
        for parameter, value in ((_RATE, min(rate, FASTEST)), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._blocks, self._marks = [], []
        # The library knows one callback at a time: another Espeak may have set its own meanwhile.
        self._library.espeak_SetSynthCallback(self._callback)
        buffer = ctypes.create_string_buffer(text.encode("utf-8"))
        if self._library.espeak_Synth(buffer, len(buffer), 0, 1, 0, _UTF8 | _PHONEME_INPUT, None, None) != 0:
            raise ValueError(f"espeak-ng cannot say: {text}")
        self._library.espeak_Synchronize()
        pcm = np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)
        samples = np.asarray(pcm, np.float32) / 32768.0
        return samples, stops_moved_back(self._phones(len(pcm) / self.sample_rate), samples, self.sample_rate)

    def _phones(self, duration_s: float) -> list[Phone]:
        ends = [start for _, start in self._marks[1:]] + [duration_s]
        return without_short_pauses(
            Phone(_ipa(name), start, end) for (name, start), end in zip(self._marks, ends, strict=True)
        )


def _loaded_anew() -> ctypes.CDLL:
    """The library, which must be loaded, again from a copy: it keeps all in variables of its file's own, and
    cannot be ended and begun again."""
    maps = Path("/proc/self/maps").read_text()
    path = next(line.split(maxsplit=5)[5] for line in maps.splitlines() if LIBRARY in line)
    with tempfile.NamedTemporaryFile(prefix="lipwright-", suffix=".so") as copy:
        shutil.copyfile(path, copy.name)
        return ctypes.CDLL(copy.name)


def _ipa(name: str) -> str:
    """Plain IPA of an event's name; pauses, language switches "(en)" and word marks are silence."""
    return "" if name.startswith(("(", "_")) else plain(name)


def stops_moved_back(phones: list[Phone], samples: Samples, sample_rate: int) -> list[Phone]:
    """Phones with the onsets of stops moved from the burst back over the silence of the closure."""
    result = list(phones)
    for number, phone in enumerate(result):
        burst = VOICED_STOPS & set(phone.ipa[:1]) and phone.end_s - phone.start_s <= LONGEST_BURST_S
        if not burst and not VOICELESS_STOPS & set(phone.ipa[:1]):
            continue
        start = round(phone.start_s * sample_rate)
        earliest = max(0, start - round(LONGEST_CLOSURE_S * sample_rate))
        loud = np.flatnonzero(np.abs(samples[earliest:start]) > _SILENT)
        moved = (earliest + (loud[-1] + 1 if len(loud) else 0)) / sample_rate
        if number:
            before = result[number - 1]
            moved = max(moved, before.start_s + 0.3 * (before.end_s - before.start_s))
            result[number - 1] = before._replace(end_s=moved)
        result[number] = phone._replace(start_s=moved)
    return result
