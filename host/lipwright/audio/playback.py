"""Plays a sound through the speakers so that it leaves them at a given host time, and stays in step.

The lips cannot be hurried, so the sound waits: the player is told at which moment of the host's clock the
first sample must be heard. PortAudio says for every buffer when it will reach the speaker; a sound card's
clock runs up to some 100 ppm off the computer's, so single samples are left out or put out twice.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lipwright.audio.decode import Samples, Sound
from lipwright.clock import Clock
from lipwright.errors import LipwrightError

BLOCK_FRAMES = 4096  # handed to the sound card's thread at a time
QUEUE_BLOCKS = 8  # decoded ahead: 0.7 s at 48 kHz
SLACK_S = 0.005  # out of step by less than this: leave it
LATE_S = 0.080  # late by more than this, after a hitch: leave out at once what should have been heard
SMOOTHING = 0.05  # weight of one buffer in the measured step: time stamps of sound cards jitter
LONGEST_TAIL_S = 5.0  # how long after its end a sound may still be in the sound card
ADVICE = "plug in a speaker, or move the lips without sound: --mute"


class Player:
    """Plays one sound; raises LipwrightError at once where this machine cannot play."""

    def __init__(self, sound: Sound, clock: Clock) -> None:
        self.sound = sound
        self.clock = clock
        self.latency_s = 0.0  # of the speakers, measured: from a buffer being filled to its being heard
        self._done = threading.Event()
        self._playout: Playout | None = None
        try:
            import sounddevice
        except OSError:
            raise LipwrightError(
                "The sound library PortAudio is missing; install it with: sudo apt install libportaudio2 "
                "(or move the lips without sound: --mute)."
            ) from None
        channels = next(iter(sound.original_blocks(1))).shape[1]
        try:
            self._stream = sounddevice.OutputStream(
                samplerate=sound.original_rate,
                channels=channels,
                dtype="float32",
                callback=self._fill,
                finished_callback=self._done.set,
            )
        except (sounddevice.PortAudioError, ValueError) as error:
            raise LipwrightError(f"No speaker can be opened ({error}); {ADVICE}.") from None
        self._stop = sounddevice.CallbackStop

    def start(self, at: float) -> None:
        """Starts the sound card; the first sample is heard at host time ``at`` (seconds)."""
        blocks = _ahead(self.sound.original_blocks(BLOCK_FRAMES), self._done)
        self._playout = Playout(blocks, self.sound.original_rate, at)
        self._stream.start()

    def finish(self) -> None:
        """Waits until the sound has been heard to its end, and closes the sound card."""
        self._done.wait(self._remaining_s() + LONGEST_TAIL_S)
        self.close()

    def close(self) -> None:
        """Stops the sound at once; may be called twice."""
        self._done.set()
        if not self._stream.closed:
            self._stream.close()

    def _remaining_s(self) -> float:
        if self._playout is None:
            return 0.0
        return max(0.0, self._playout.starts_at + self.sound.duration_s - self.clock.now())

    def _fill(self, out: NDArray[np.float32], frames: int, time: Any, status: Any) -> None:
        assert self._playout is not None
        self.latency_s = time.outputBufferDacTime - time.currentTime
        if self.latency_s <= 0:  # some drivers leave the time stamps empty
            self.latency_s = self._stream.latency
        over = not self._playout.fill(out, self.clock.now() + self.latency_s)
        # A sound card that is stopped forgets what it holds, so it gets silence until the end was heard.
        if over and self._remaining_s() == 0.0:
            raise self._stop


class Playout:
    """What a sound card's callback does, without the sound card: the right samples for a moment."""

    def __init__(self, blocks: Iterator[Samples], rate: int, starts_at: float) -> None:
        self.rate = rate
        self.starts_at = starts_at
        self.position = 0  # samples of the sound that were put out
        self.error_s = 0.0  # how late the sound is, smoothed
        self._blocks = blocks
        self._held: Samples | None = None

    def fill(self, out: NDArray[np.float32], heard_at: float) -> bool:
        """Fills ``out`` (frames, channels), whose first sample is heard at host time ``heard_at``.

        Returns False once the sound is over.
        """
        out[:] = 0
        late_s = heard_at - self.starts_at - self.position / self.rate
        if self.position == 0 and late_s < 0:
            silent = min(len(out), round(-late_s * self.rate))
            if silent == len(out):
                return True
            late_s = 0.0
        else:
            silent = 0
        if late_s > LATE_S:
            self._take(round(late_s * self.rate))
            late_s = self.error_s = 0.0
        self.error_s += SMOOTHING * (late_s - self.error_s)
        wanted = len(out) - silent
        step = int(np.sign(self.error_s)) if abs(self.error_s) > SLACK_S else 0
        samples = self._take(wanted + step)
        if step < 0 and 0 < len(samples) == wanted + step:
            samples = np.concatenate([samples[:1], samples])
        samples = samples[:wanted]
        out[silent : silent + len(samples)] = samples
        return len(samples) == wanted

    def _take(self, count: int) -> Samples:
        """The next ``count`` samples, fewer at the end."""
        parts: list[Samples] = [] if self._held is None else [self._held]
        have = sum(map(len, parts))
        while have < count and (block := next(self._blocks, None)) is not None:
            parts.append(block)
            have += len(block)
        if not parts:
            return np.zeros((0, 1), np.float32)
        joined = np.concatenate(parts)
        self._held = joined[count:]
        self.position += min(count, have)
        return joined[:count]


def _ahead(blocks: Iterator[Samples], done: threading.Event) -> Iterator[Samples]:
    """The same blocks, decoded ahead by a thread: a sound card's callback must not wait for a file."""
    waiting: queue.Queue[Samples | None] = queue.Queue(QUEUE_BLOCKS)

    def offer(block: Samples | None) -> None:
        while not done.is_set():
            try:
                return waiting.put(block, timeout=0.5)
            except queue.Full:
                continue

    def decode() -> None:
        try:
            for block in blocks:
                offer(block)
                if done.is_set():
                    return
        finally:
            offer(None)

    def decoded() -> Iterator[Samples]:
        while (block := waiting.get()) is not None:
            yield block

    threading.Thread(target=decode, daemon=True, name="decode").start()
    return decoded()
