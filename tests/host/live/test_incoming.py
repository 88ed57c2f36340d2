"""Bytes of sound of any kind become a speech, however they are cut; rubbish becomes a sentence."""

from __future__ import annotations

import io
import random
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from lipwright.errors import LipwrightError
from lipwright.live.incoming import KINDS, Encoding, Incoming, wav_header
from lipwright.live.speech import Speech

RATE = 16000
TONE = (0.5 * np.sin(np.arange(RATE) * 2 * np.pi * 300 / RATE)).astype(np.float32)


class Ear:
    """Takes all that is spoken."""

    def __init__(self) -> None:
        self.speech: Speech | None = None

    def begin(self, rate: int, channels: int) -> Speech:
        self.speech = Speech("test", rate, channels, RATE)
        return self.speech

    def heard(self) -> np.ndarray:
        blocks = []
        while self.speech is not None and (step := self.speech.take()) is not None:
            blocks.append(step.mono)
        return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


def hear(data: bytes, cuts: int = 5, raw: Encoding | None = None) -> np.ndarray:
    ear = Ear()
    incoming = Incoming(ear.begin, raw or Encoding(RATE))
    places = sorted(random.Random(cuts).sample(range(len(data) + 1), min(cuts, len(data))))
    for begin, end in zip([0, *places], [*places, len(data)], strict=True):
        incoming.feed(data[begin:end])
    incoming.finish()
    return ear.heard()


def coded(kind: str, subtype: str | None = None, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, TONE, rate, format=kind, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_raw_samples_of_every_kind(kind: str) -> None:
    full = {"s16le": 32768, "s32le": 2**31, "f32le": 1, "u8": 128}[kind]
    samples = TONE.astype(np.float64) * full + (128 if kind == "u8" else 0)
    data = samples.astype(KINDS[kind]).tobytes()
    assert hear(data, raw=Encoding(RATE, 1, kind)) == pytest.approx(TONE, abs=0.009)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_32", "FLOAT", "PCM_U8"])
def test_a_wav_says_itself_what_it_is(subtype: str) -> None:
    assert hear(coded("WAV", subtype), 40) == pytest.approx(TONE, abs=0.009)


def test_a_wav_of_a_program_that_does_not_know_its_length() -> None:
    data = bytearray(coded("WAV", "PCM_16"))
    place = data.index(b"data") + 4
    data[place : place + 4] = b"\xff\xff\xff\xff"
    assert len(hear(bytes(data))) == RATE


@pytest.mark.parametrize("kind", [("OGG", "OPUS"), ("OGG", "VORBIS"), ("FLAC", "PCM_16")])
def test_compressed_streams(kind: tuple[str, str]) -> None:
    pytest.importorskip("av")
    heard = hear(coded(*kind), 30)
    assert len(heard) / RATE == pytest.approx(1.0, abs=0.08)
    power = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert np.argmax(power) * RATE / len(heard) == pytest.approx(300, abs=5)


def test_compressed_streams_are_also_read_by_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("NOT TESTED: ffmpeg is not installed")
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    assert len(hear(coded("OGG", "VORBIS"))) / RATE == pytest.approx(1.0, abs=0.08)


def test_what_a_speech_engine_writes_is_understood() -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("NOT TESTED: espeak-ng is not installed")
    done = subprocess.run(["espeak-ng", "--stdout", "hello"], capture_output=True, check=True)
    assert len(hear(done.stdout, 20)) > RATE // 4


@given(data=st.binary(max_size=4000), mark=st.sampled_from([b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt "]))
@settings(max_examples=150, deadline=None)
def test_rubbish_is_heard_or_refused_with_a_sentence(data: bytes, mark: bytes) -> None:
    try:
        hear(mark + data, 3)
    except LipwrightError as error:
        assert str(error)


def test_compressed_rubbish_is_refused_with_a_sentence() -> None:
    pytest.importorskip("av")
    with pytest.raises(LipwrightError, match="no sound that can be read"):
        hear(b"OggS" + random.Random(1).randbytes(20000))


@pytest.mark.parametrize("wrong", [Encoding(10), Encoding(RATE, 0), Encoding(RATE, 1, "mp3")])
def test_samples_that_cannot_be_are_refused(wrong: Encoding) -> None:
    with pytest.raises(LipwrightError):
        wrong.check()


def test_a_header_is_waited_for() -> None:
    data = coded("WAV", "PCM_16")
    assert wav_header(data[:30]) is None
    found = wav_header(data)
    assert found is not None and found[0] == Encoding(RATE, 1, "s16le")
