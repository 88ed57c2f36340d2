"""Log-mel features of sound, as a stream: what the lip model hears.

A 25 ms window moves in hops of 10 ms; each column is 80 mel bands of log10 power. The lip model takes two
columns a step, one step every 20 ms of sound. Streaming and whole-clip results agree because there is only
the stream: `log_mel` pushes the clip through it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16000
WINDOW = 400  # samples: 25 ms
HOP = 160  # samples: 10 ms
FFT_SIZE = 512
BANDS = 80
LOWEST_HZ = 60.0
HIGHEST_HZ = 7600.0
COLUMNS_PER_STEP = 2
STEP_SAMPLES = HOP * COLUMNS_PER_STEP
STEP_S = STEP_SAMPLES / SAMPLE_RATE
# Added to the power before the logarithm. Full scale is about 10^4, so the floor lies 100 dB below it, under
# the quantization noise of a cheap 16-bit recording's quiet passages but above that of digital silence.
POWER_FLOOR = 1e-6
SILENCE = float(np.log10(POWER_FLOOR))  # what every band of digital silence reads

Float = npt.NDArray[np.float32]


def hz_to_mel(hz: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Mel of a frequency in Hz (O'Shaughnessy 1987: 2595 log10(1 + f / 700))."""
    mel: npt.NDArray[np.float64] = 2595.0 * np.log10(1.0 + np.asarray(hz, np.float64) / 700.0)
    return mel


def _mel_edges() -> npt.NDArray[np.float64]:
    """Where the bands begin, are centred and end (82,), in mel: band k from k over k + 1 to k + 2."""
    return np.linspace(hz_to_mel(LOWEST_HZ), hz_to_mel(HIGHEST_HZ), BANDS + 2)


def mel_centres() -> npt.NDArray[np.float64]:
    """Centre frequencies (80,) of the bands, in Hz."""
    centres: npt.NDArray[np.float64] = 700.0 * (10.0 ** (_mel_edges()[1:-1] / 2595.0) - 1.0)
    return centres


def mel_weights() -> Float:
    """Weights (257, 80) from power spectrum bins to mel bands; each band's weights add up to 1.

    Low bands are narrower than a bin of the transform, so the triangles are integrated over each bin's width
    instead of being sampled at its centre: no band stays empty.
    """
    fine = 64  # samples of the triangle in each bin
    bin_hz = SAMPLE_RATE / FFT_SIZE
    bins = FFT_SIZE // 2 + 1
    offsets = (np.arange(fine) + 0.5) / fine - 0.5
    mel = hz_to_mel(np.maximum(0.0, (np.arange(bins)[:, None] + offsets) * bin_hz))
    edges = _mel_edges()
    spacing = edges[1] - edges[0]
    triangles = np.maximum(0.0, 1.0 - np.abs(mel[:, :, None] - edges[1:-1]) / spacing).mean(axis=1)
    return np.asarray(triangles / triangles.sum(axis=0), np.float32)


_WEIGHTS = mel_weights()
_TAPER = np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)


class StreamingLogMel:
    """Turns pushed samples into lip model steps; holds the samples that the next window still needs.

    The first window ends with the sound's first hop: the 240 samples before the sound count as silence.
    Step k (from 0) is complete when sample (k + 1) * 320 has been pushed.
    """

    def __init__(self) -> None:
        self._pending: Float = np.zeros(WINDOW - HOP, np.float32)

    def push(self, samples: Float) -> list[Float]:
        """Take mono 16 kHz samples (n,), full scale 1; return the steps now complete, each (2, 80).

        Raises ValueError when the samples are not one-dimensional.
        """
        if samples.ndim != 1:
            raise ValueError(f"samples must have one dimension, got shape {samples.shape}")
        self._pending = np.concatenate([self._pending, np.asarray(samples, np.float32)])
        steps = (len(self._pending) - (WINDOW - HOP)) // STEP_SAMPLES
        if steps == 0:
            return []
        # What sliding_window_view makes, but that takes a fifth of the time of a step on a Pi.
        step = self._pending.strides[0]
        windows: Float = np.ndarray(
            (steps * COLUMNS_PER_STEP, WINDOW), np.float32, self._pending, strides=(HOP * step, step)
        )
        columns = _columns(windows)
        self._pending = self._pending[steps * STEP_SAMPLES :].copy()
        return list(columns.reshape(steps, COLUMNS_PER_STEP, BANDS))


def _columns(windows: Float) -> Float:
    """Log-mel columns (n, 80) of windows (n, 400)."""
    spectrum = np.fft.rfft(windows * _TAPER, FFT_SIZE, axis=1)
    squares = np.square(spectrum.view(spectrum.real.dtype))  # real and imaginary parts in turn
    power = np.asarray(squares[:, ::2] + squares[:, 1::2], np.float32)
    columns: Float = np.log10(power @ _WEIGHTS + np.float32(POWER_FLOOR))
    return columns


def log_mel(samples: Float) -> Float:
    """Steps (n, 2, 80) of a whole clip of mono 16 kHz samples (m,), n = m // 320."""
    steps = StreamingLogMel().push(samples)
    return np.stack(steps) if steps else np.zeros((0, COLUMNS_PER_STEP, BANDS), np.float32)
