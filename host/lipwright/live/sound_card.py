"""Sound cards that come and go: streams that are opened again when theirs has gone.

PortAudio looks for devices only when it is started, and starting it anew ends every open stream. So all
streams of this program belong to one keeper, which looks after them once a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from lipwright.errors import LipwrightError

LOOK_EVERY_S = 0.5
# A stream whose callback has been silent for so long is dead, whatever the driver says.
DEAD_S = 1.5


def load_sounddevice() -> Any:
    """The module sounddevice. Raises LipwrightError where the library under it is missing."""
    try:
        import sounddevice
    except OSError:
        raise LipwrightError(
            "the sound library PortAudio is missing; install it with: sudo apt install libportaudio2."
        ) from None
    return sounddevice


class KeptStream:
    """One direction of sound, open whenever there is a device for it.

    Attributes:
        problem: Why there is no sound at the moment, in words; empty while there is.
    """

    def __init__(self, open_stream: Callable[[Any], Any]) -> None:
        """`open_stream` is given the module sounddevice and returns a stream that has not been started; its
        callback calls `beat`. It may raise what sounddevice raises."""
        self.problem = ""
        self.stream: Any = None
        self._open = open_stream
        self._beat_s = 0.0

    def beat(self) -> None:
        """The sound card has asked for, or brought, a buffer."""
        self._beat_s = time.monotonic()

    @property
    def is_alive(self) -> bool:
        """Whether sound goes through."""
        return self.stream is not None and time.monotonic() - self._beat_s < DEAD_S

    def open(self, sounddevice: Any) -> None:
        """Opens it. Sets `problem` where that fails."""
        try:
            self.stream = self._open(sounddevice)
            self.stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            self.stream = None
            self.problem = f"no sound device can be opened ({_reason(error)})"
            return
        self.beat()
        self.problem = ""

    def close(self) -> None:
        """Closes it at once."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close(ignore_errors=True)


class SoundCards:
    """Keeps streams open. One for each program."""

    def __init__(self) -> None:
        self._streams: list[KeptStream] = []
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def keep(self, stream: KeptStream) -> None:
        """Opens a stream, and again whenever it dies. Raises LipwrightError without PortAudio."""
        with self._lock:
            self._streams.append(stream)
            stream.open(load_sounddevice())
            if self._thread is None:
                self._thread = threading.Thread(target=self._look_after, name="sound cards", daemon=True)
                self._thread.start()

    def drop(self, stream: KeptStream) -> None:
        """Closes a stream for good."""
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)
            stream.close()

    def close(self) -> None:
        """Closes all."""
        self._closing.set()
        with self._lock:
            for stream in self._streams:
                stream.close()
            self._streams.clear()

    def _look_after(self) -> None:
        while not self._closing.wait(LOOK_EVERY_S):
            with self._lock:
                if all(stream.is_alive for stream in self._streams):
                    continue
                for stream in self._streams:
                    if stream.stream is not None and not stream.is_alive:
                        stream.problem = "the sound device has gone"
                    stream.close()
                module = load_sounddevice()
                # Private, and the only way to make PortAudio see a device that has been plugged in since.
                module._terminate()
                module._initialize()
                for stream in self._streams:
                    stream.open(module)


def _reason(error: Exception) -> str:
    return str(error.args[0]) if error.args else str(error)
