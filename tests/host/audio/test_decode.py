"""Every kind of sound file is read; whatever is none ends in one clear sentence."""

import os
import shutil
import subprocess
import sys
import time
from fractions import Fraction

import numpy as np
import pytest
import soundfile

from lipwright.audio import decode
from lipwright.audio.decode import RATE, open_sound
from lipwright.errors import LipwrightError

TONE_HZ = 440.0


def tone(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    wave = 0.5 * np.sin(2 * np.pi * TONE_HZ * np.arange(round(seconds * rate)) / rate)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def heard(path) -> np.ndarray:
    return np.concatenate(list(open_sound(path).blocks(320)))


def pitch(samples: np.ndarray) -> float:
    """The strongest frequency, Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 8 * len(samples)))
    return float(np.argmax(spectrum)) * RATE / (8 * len(samples))


def write_film(path, seconds=1.0, with_sound=True):
    import av

    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream("aac", rate=44100, layout="stereo") if with_sound else None
        for _ in range(round(seconds * 25)):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if audio is not None:
            samples = tone(seconds, 44100, 2)
            for start in range(0, len(samples), 1024):
                block = np.ascontiguousarray(samples[start : start + 1024].T)
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
                frame.rate, frame.pts, frame.time_base = 44100, start, Fraction(1, 44100)
                container.mux(audio.encode(frame))
            container.mux(audio.encode(None))


@pytest.mark.parametrize(
    ("name", "rate", "channels", "subtype"),
    [
        ("telephone.wav", 8000, 1, "PCM_16"),
        ("same.wav", 16000, 1, "PCM_16"),
        ("cd.wav", 44100, 2, "PCM_24"),
        ("studio.wav", 96000, 2, "FLOAT"),
        ("eight_bit.wav", 11025, 1, "PCM_U8"),
        ("a_law.wav", 8000, 1, "ALAW"),
        ("surround.wav", 48000, 6, "PCM_16"),
        ("lossless.flac", 48000, 2, "PCM_16"),
        ("surround.flac", 48000, 6, "PCM_16"),
        ("vorbis.ogg", 44100, 2, "VORBIS"),
        ("opus.ogg", 48000, 1, "OPUS"),
        ("layer_three.mp3", 44100, 2, "MPEG_LAYER_III"),
        ("layer_three_mono.mp3", 22050, 1, "MPEG_LAYER_III"),
        ("wrong_name.raw", 16000, 1, "PCM_16"),
    ],
)
def test_every_kind_is_heard_at_its_length_and_pitch(tmp_path, name, rate, channels, subtype):
    kind = "WAV" if name.endswith(".raw") else None
    soundfile.write(tmp_path / name, tone(1.0, rate, channels), rate, subtype=subtype, format=kind)
    sound = open_sound(tmp_path / name)
    assert sound.duration_s == pytest.approx(1.0, abs=0.06)  # MP3 pads to whole frames
    samples = heard(tmp_path / name)
    assert samples.dtype == np.float32 and samples.ndim == 1
    assert len(samples) == pytest.approx(sound.duration_s * RATE, abs=2)
    assert pitch(samples[1600:14400]) == pytest.approx(TONE_HZ, abs=1)
    assert 0.2 < np.abs(samples[1600:14400]).max() < 0.7


def test_a_films_sound_is_heard(tmp_path):
    write_film(tmp_path / "film.mp4")
    sound = open_sound(tmp_path / "film.mp4")
    samples = heard(tmp_path / "film.mp4")
    assert sound.duration_s == pytest.approx(1.0, abs=0.06)
    assert len(samples) == pytest.approx(sound.duration_s * RATE, abs=2)
    assert pitch(samples[1600:14400]) == pytest.approx(TONE_HZ, abs=1)


def test_a_film_without_sound_is_refused(tmp_path):
    write_film(tmp_path / "silent.mp4", with_sound=False)
    with pytest.raises(LipwrightError, match=r"silent\.mp4 has no sound track"):
        open_sound(tmp_path / "silent.mp4")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_without_pyav_the_ffmpeg_program_reads_a_film(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "_open_av", lambda path: None)
    write_film(tmp_path / "film.mp4")
    assert open_sound(tmp_path / "film.mp4").duration_s == pytest.approx(1.0, abs=0.06)
    assert pitch(heard(tmp_path / "film.mp4")[1600:14400]) == pytest.approx(TONE_HZ, abs=1)
    (tmp_path / "notes.txt").write_text("no sound\n" * 50)
    with pytest.raises(LipwrightError, match=r"ffmpeg finds no sound in .*notes\.txt"):
        open_sound(tmp_path / "notes.txt")


def test_without_pyav_and_ffmpeg_a_film_names_both(tmp_path, monkeypatch):
    monkeypatch.setattr(decode, "_open_av", lambda path: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    write_film(tmp_path / "film.mp4")
    with pytest.raises(LipwrightError, match=r"apt install ffmpeg.*lipwright\[sim\]"):
        open_sound(tmp_path / "film.mp4")


def test_the_voice_in_the_centre_of_surround_is_kept_and_the_bass_left_out(tmp_path):
    for name, channel in (("centre.wav", 2), ("bass.wav", 3)):
        samples = np.zeros((48000, 6), np.float32)
        samples[:, channel] = tone(1.0, 48000)[:, 0]
        soundfile.write(tmp_path / name, samples, 48000)
    assert np.abs(heard(tmp_path / "centre.wav")).max() > 0.1
    assert np.abs(heard(tmp_path / "bass.wav")).max() < 1e-3


def test_left_and_right_are_mixed_alike(tmp_path):
    samples = tone(0.5, 16000, 2)
    samples[:, 1] = 0
    soundfile.write(tmp_path / "left.wav", samples, 16000)
    assert np.allclose(heard(tmp_path / "left.wav"), samples[:, 0] / 2, atol=1e-3)


def test_ten_milliseconds_are_enough(tmp_path):
    soundfile.write(tmp_path / "tick.wav", tone(0.01, 16000), 16000)
    assert open_sound(tmp_path / "tick.wav").duration_s == pytest.approx(0.01)
    assert len(heard(tmp_path / "tick.wav")) == 160


def test_blocks_have_the_size_asked_for_and_can_be_read_again(tmp_path):
    soundfile.write(tmp_path / "cd.wav", tone(1.003, 44100), 44100)
    sound = open_sound(tmp_path / "cd.wav")
    first, second = list(sound.blocks(320)), list(sound.blocks(320))
    assert {len(block) for block in first[:-1]} == {320} and 0 < len(first[-1]) <= 320
    assert np.array_equal(np.concatenate(first), np.concatenate(second))


def test_block_size_does_not_change_what_is_heard(tmp_path):
    soundfile.write(tmp_path / "cd.wav", tone(0.7, 44100), 44100)
    sound = open_sound(tmp_path / "cd.wav")
    whole = np.concatenate(list(sound.blocks(100_000)))
    assert np.array_equal(np.concatenate(list(sound.blocks(77))), whole)


def test_the_original_keeps_its_rate_and_at_most_two_sides(tmp_path):
    soundfile.write(tmp_path / "surround.wav", tone(0.5, 48000, 6), 48000)
    sound = open_sound(tmp_path / "surround.wav")
    assert sound.original_rate == 48000
    original = np.concatenate(list(sound.original_blocks(1024)))
    assert original.shape == (24000, 2)
    assert np.abs(original).max() <= 1


def test_silence_and_clipped_noise_are_sounds(tmp_path):
    soundfile.write(tmp_path / "silence.wav", np.zeros(16000), 16000)
    noise = np.clip(np.random.default_rng(0).normal(0, 5, 16000), -1, 1)
    soundfile.write(tmp_path / "noise.wav", noise, 16000)
    assert not heard(tmp_path / "silence.wav").any()
    assert np.allclose(heard(tmp_path / "noise.wav"), noise, atol=1e-3)


def test_numbers_that_are_none_become_sound(tmp_path):
    samples = tone(0.5, 16000)[:, 0]
    samples[100:110], samples[200] = np.nan, np.inf
    soundfile.write(tmp_path / "broken.wav", samples, 16000, subtype="FLOAT")
    assert np.isfinite(heard(tmp_path / "broken.wav")).all()


def test_an_hour_is_read_quickly_and_in_little_memory(tmp_path):
    with soundfile.SoundFile(tmp_path / "hour.flac", "w", 44100, 2) as file:
        for _ in range(60):
            file.write(np.zeros((60 * 44100, 2), np.int16))
    script = (
        "import resource, sys\n"
        "from lipwright.audio.decode import open_sound\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "sound = open_sound(sys.argv[1])\n"
        "count = sum(len(block) for block in sound.blocks(320))\n"
        "print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "hour.flac")],
        capture_output=True,
        text=True,
        check=True,
    )
    count, grown_kib = map(int, done.stdout.split())
    assert count == 3600 * RATE
    assert grown_kib < 30_000
    assert time.perf_counter() - began < 120


def test_a_length_that_the_header_does_not_know_is_found(tmp_path):
    """As espeak-ng --stdout writes it: the header promises two gigabytes."""
    soundfile.write(tmp_path / "piped.wav", tone(0.5, 16000), 16000)
    data = bytearray((tmp_path / "piped.wav").read_bytes())
    data[4:8], data[40:44] = b"\x24\xf0\xff\x7f", b"\x00\xf0\xff\x7f"
    (tmp_path / "piped.wav").write_bytes(data)
    assert open_sound(tmp_path / "piped.wav").duration_s == pytest.approx(0.5)


def test_a_file_that_breaks_off_is_heard_so_far_or_refused(tmp_path):
    soundfile.write(tmp_path / "whole.flac", np.random.default_rng(0).normal(0, 0.1, 160000), 16000)
    data = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "half.flac").write_bytes(data[: len(data) // 2])
    try:
        assert len(heard(tmp_path / "half.flac")) <= 160000
    except LipwrightError as error:
        assert "half.flac is damaged" in str(error)


@pytest.mark.parametrize("name", ["notes.wav", "picture.mp3", "zeros.flac", "program"])
def test_what_is_no_sound_is_refused(tmp_path, name):
    content = {
        "notes.wav": b"no samples\n" * 99,
        "zeros.flac": bytes(4000),
        "program": b"\x7fELF" + bytes(999),
    }
    (tmp_path / name).write_bytes(content.get(name, np.random.default_rng(0).bytes(5000)))
    with pytest.raises(LipwrightError, match=name):
        open_sound(tmp_path / name)


def test_a_sound_file_without_sound_is_refused(tmp_path):
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 16000)
    with pytest.raises(LipwrightError, match=r"none\.wav .* no sound in it"):
        open_sound(tmp_path / "none.wav")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "empty.wav").touch()
    with pytest.raises(LipwrightError, match=r"empty\.wav is empty"):
        open_sound(tmp_path / "empty.wav")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(LipwrightError, match=r"no file .*nowhere\.wav"):
        open_sound(tmp_path / "nowhere.wav")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(LipwrightError, match="is a folder"):
        open_sound(tmp_path)


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(LipwrightError, match=r"pipe\.wav is not a file"):
        open_sound(tmp_path / "pipe.wav")


def test_a_loop_of_links_is_refused(tmp_path):
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    with pytest.raises(LipwrightError, match=r"loop\.wav cannot be read"):
        open_sound(tmp_path / "loop.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    soundfile.write(tmp_path / "secret.wav", tone(0.1, 16000), 16000)
    (tmp_path / "secret.wav").chmod(0)
    with pytest.raises(LipwrightError, match=r"secret\.wav cannot be read: Permission denied"):
        open_sound(tmp_path / "secret.wav")
