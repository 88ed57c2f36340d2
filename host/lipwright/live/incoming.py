"""Bytes of sound, of any kind, as they come: WAV, raw samples, or a compressed stream.

Raw samples are what speech engines write (`piper --output-raw`). MP3, Ogg (Opus, Vorbis), FLAC and WebM are
decoded by PyAV where it is installed, else by the ffmpeg program.
"""

from __future__ import annotations

import os
import queue
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipwright.errors import LipwrightError
from lipwright.live.speech import STEREO, Speech

# What marks a compressed stream.
COMPRESSED = (b"OggS", b"ID3", b"fLaC", b"\x1a\x45\xdf\xa3")
MARK_BYTES = 4
# A WAV header with all that some programs put into it.
LONGEST_HEADER = 64 * 1024
DECODED_RATE = 48_000
READ_BYTES = 4096
WAV_PCM, WAV_FLOAT, WAV_EXTENSIBLE = 1, 3, 0xFFFE
RATES_HZ = (4_000, 384_000)

Samples = NDArray[np.float32]
Begin = Callable[[int, int], Speech]


@dataclass(frozen=True)
class Encoding:
    """How raw samples lie in bytes: `kind` is one of KINDS, channels one after the other."""

    rate: int = 22_050
    channels: int = 1
    kind: str = "s16le"

    def check(self) -> Encoding:
        """Itself. Raises LipwrightError where that is no sound."""
        if self.kind not in KINDS:
            raise LipwrightError(f"{self.kind!r} is no format of samples: choose {', '.join(KINDS)}.")
        if not RATES_HZ[0] <= self.rate <= RATES_HZ[1]:
            raise LipwrightError(f"{self.rate} Hz is no rate of sound: {RATES_HZ[0]} to {RATES_HZ[1]}.")
        if not 1 <= self.channels <= 8:
            raise LipwrightError(f"{self.channels} channels: Lipwright takes 1 to 8.")
        return self

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample in all channels."""
        return KINDS[self.kind].itemsize * self.channels

    def decode(self, data: bytes) -> Samples:
        """Float32 (n, channels), full scale 1, of whole frames."""
        raw = np.frombuffer(data, KINDS[self.kind]).reshape(-1, self.channels)
        samples: Samples = raw.astype(np.float32)
        if self.kind == "f32le":
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
        elif self.kind == "u8":
            samples = (samples - 128) / np.float32(128)
        else:
            samples = samples / np.float32(-float(np.iinfo(raw.dtype).min))
        return samples


KINDS: dict[str, np.dtype[Any]] = {
    "s16le": np.dtype("<i2"),
    "s32le": np.dtype("<i4"),
    "f32le": np.dtype("<f4"),
    "u8": np.dtype("u1"),
}


class Incoming:
    """Finds out what the bytes are, and makes a speech of them."""

    def __init__(self, begin: Begin, raw: Encoding | None) -> None:
        """`begin` is told rate and channels once they are known; `raw`: how samples without a header lie.

        Without `raw`, whatever is no WAV is taken for a compressed stream.
        """
        self.speech: Speech | None = None
        self._begin = begin
        self._raw = None if raw is None else raw.check()
        self._head = b""
        self._rest = b""
        self._encoding: Encoding | None = None
        self._decoder: Decoder | None = None

    @property
    def decodes(self) -> bool:
        """Whether it is a compressed sound; `feed` then waits while more comes than is spoken."""
        return self._decoder is not None

    def feed(self, data: bytes) -> None:
        """Takes the next bytes. Raises LipwrightError for a sound that cannot be read."""
        if self._decoder is not None:
            self._decoder.feed(data)
        elif self._encoding is not None:
            self._push(data)
        else:
            self._head += data
            self._look(ended=False)

    def finish(self) -> None:
        """No more bytes come."""
        if self._decoder is None and self._encoding is None:
            self._look(ended=True)
        if self._decoder is not None:
            self._decoder.finish()
        if self.speech is not None:
            self.speech.finish()

    def cancel(self) -> None:
        """Who sends has gone in the midst of it."""
        if self._decoder is not None:
            self._decoder.stop()
        if self.speech is not None:
            self.speech.cancel()

    def _look(self, ended: bool) -> None:
        head = self._head
        if (len(head) < MARK_BYTES and not ended) or not head:
            return
        if head.startswith(COMPRESSED) or (self._raw is None and not head.startswith(b"RIFF")):
            self._decoder = Decoder(self._begin_decoded)
            self._decoder.feed(head)
        elif head.startswith(b"RIFF"):
            found = wav_header(head)
            if found is None:
                if ended or len(head) > LONGEST_HEADER:
                    raise LipwrightError("the WAV that was sent has no samples in it: send it again.")
                return
            encoding, begins = found
            self._begin_raw(encoding)
            self._push(head[begins:])
        elif self._raw is not None:
            self._begin_raw(self._raw)
            self._push(head)
        self._head = b""

    def _begin_raw(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self.speech = self._begin(encoding.rate, encoding.channels)

    def _begin_decoded(self, rate: int, channels: int) -> Speech:
        self.speech = self._begin(rate, channels)
        return self.speech

    def _push(self, data: bytes) -> None:
        encoding, speech = self._encoding, self.speech
        assert encoding is not None and speech is not None
        data = self._rest + data
        whole = len(data) - len(data) % encoding.frame_bytes
        self._rest = data[whole:]
        if whole:
            speech.push(encoding.decode(data[:whole]))


def wav_header(head: bytes) -> tuple[Encoding, int] | None:
    """How the samples of a WAV lie, and where they begin; None while the header is not whole.

    The length that it gives is not heeded: programs that stream do not know it.
    Raises LipwrightError for samples of another kind.
    """
    encoding = None
    place = 12
    while place + 8 <= len(head):
        name, size = struct.unpack_from("<4sI", head, place)
        place += 8
        if name == b"data":
            if encoding is None:
                raise LipwrightError("the WAV that was sent does not say what its samples are.")
            return encoding, place
        if name == b"fmt " and place + 16 <= len(head):
            kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", head, place)
            if kind == WAV_EXTENSIBLE and size >= 26 and place + 26 <= len(head):
                (kind,) = struct.unpack_from("<H", head, place + 24)
            names = {
                (WAV_PCM, 8): "u8",
                (WAV_PCM, 16): "s16le",
                (WAV_PCM, 32): "s32le",
                (WAV_FLOAT, 32): "f32le",
            }
            if (kind, bits) not in names:
                raise LipwrightError(
                    f"the WAV that was sent has samples of {bits} bits, kind {kind}: send 16 bits."
                )
            encoding = Encoding(rate, channels, names[kind, bits]).check()
        place += size + size % 2
    return None


class Decoder:
    """A compressed stream on its way to samples, in threads of its own."""

    def __init__(self, begin: Begin) -> None:
        self._begin = begin
        self._bytes: queue.Queue[bytes | None] = queue.Queue(64)
        self._failure: LipwrightError | None = None
        self._stopped = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="decoder", daemon=True)
        self._thread.start()

    def feed(self, data: bytes) -> None:
        """Takes bytes; waits while more come than are spoken. Raises LipwrightError if they are no sound."""
        while self._thread.is_alive() and not self._stopped:
            try:
                self._bytes.put(data, timeout=0.2)
                break
            except queue.Full:
                continue
        self._check()

    def finish(self) -> None:
        """No more come; returns when all are decoded."""
        while self._thread.is_alive():
            try:
                self._bytes.put(None, timeout=0.2)
                break
            except queue.Full:
                continue
        self._thread.join()
        self._check()

    def stop(self) -> None:
        """Decodes no further."""
        self._stopped = True

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            try:
                import av
            except ImportError:
                self._run_ffmpeg()
            else:
                self._run_av(av)
        except LipwrightError as error:
            self._failure = error

    def _next(self) -> bytes | None:
        while not (self._stopped or self._ended):
            try:
                data = self._bytes.get(timeout=0.2)
            except queue.Empty:
                continue
            self._ended = data is None
            return data
        return None

    def _run_av(self, av: Any) -> None:
        speech: Speech | None = None
        try:
            with av.open(_Pipe(self._next), mode="r") as container:
                if not container.streams.audio:
                    raise LipwrightError("there is no sound in what was sent: send MP3, Ogg, FLAC or WAV.")
                resampler = av.AudioResampler(format="flt")  # rate and channels stay as they are
                for frame in container.decode(audio=0):
                    for part in resampler.resample(frame):
                        channels = part.layout.nb_channels
                        speech = speech or self._begin(part.sample_rate, channels)
                        self._pass_on(speech, part.to_ndarray().reshape(-1, channels))
                    if self._stopped:
                        return
        except av.error.FFmpegError as error:
            if speech is None:
                raise LipwrightError(
                    f"what was sent is no sound that can be read ({error.strerror}): send MP3, Ogg, FLAC"
                    " or WAV."
                ) from None

    def _run_ffmpeg(self) -> None:
        program = shutil.which("ffmpeg")
        if program is None:
            raise LipwrightError(
                "compressed sound needs PyAV or ffmpeg: run `pip install 'lipwright[streams]'` or "
                "`sudo apt install ffmpeg`, or send WAV or raw samples."
            )
        command = [program, "-nostdin", "-v", "error", "-i", "pipe:0", "-f", "f32le", "-ac", str(STEREO)]
        command += ["-ar", str(DECODED_RATE), "pipe:1"]
        speech: Speech | None = None
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            threading.Thread(target=self._write, args=(process.stdin,), daemon=True).start()
            assert process.stdout is not None
            rest = b""
            while data := os.read(process.stdout.fileno(), READ_BYTES):
                data = rest + data
                whole = len(data) - len(data) % (4 * STEREO)
                rest = data[whole:]
                speech = speech or self._begin(DECODED_RATE, STEREO)
                self._pass_on(speech, np.frombuffer(data[:whole], "<f4").reshape(-1, STEREO))
                if self._stopped:
                    process.kill()
        if speech is None and not self._stopped:
            raise LipwrightError("ffmpeg finds no sound in what was sent: send MP3, Ogg, FLAC or WAV.")

    def _write(self, pipe: Any) -> None:
        try:
            while data := self._next():
                pipe.write(data)
                pipe.flush()
            pipe.close()
        except OSError:  # ffmpeg has ended, and said why
            pass

    def _pass_on(self, speech: Speech, samples: Samples) -> None:
        while not self._stopped and not speech.wait_for_room(0.2):
            pass
        speech.push(samples)


class _Pipe:
    """What PyAV reads from: it returns as soon as there is anything."""

    def __init__(self, more: Callable[[], bytes | None]) -> None:
        self._more = more
        self._held = b""

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end."""
        if not self._held:
            self._held = self._more() or b""
        part, self._held = self._held[:size], self._held[size:]
        return part
