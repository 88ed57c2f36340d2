"""Makes the sentence that ships: models/sentence.flac with the times of its phones.

Flite's voice slt speaks it (CMU, a licence like BSD's, Debian's package flite), so its phones are
known exactly.

    python -m liplab.sentence
"""

from __future__ import annotations

import numpy as np
import soundfile

from liplab.speech.festival import flite_say
from liplab.speech.phones import retimed, save_phones, sidecar
from lipwright.audio.decode import RATE
from lipwright.resources import shipped_clip

VOICE = "slt"
# Rich in what lips show: m, b and p close them, w and oo push them forward, f and v tuck the lower one in.
TEXT = (
    "Hello! My name is Lip wright. I move my lips to every word: bubbles, maple syrup, a whole room full of "
    "vivid flowers."
)
PEAK = 0.7
SILENCE_S = 0.3  # at either end


def main() -> None:
    """Writes the sound and its phones into the models folder."""
    samples, phones = flite_say(TEXT, VOICE)
    silence = np.zeros(round(SILENCE_S * RATE), np.float32)
    sound = np.concatenate([silence, samples * (PEAK / np.abs(samples).max()), silence])
    soundfile.write(shipped_clip(), sound, RATE, subtype="PCM_16")
    save_phones(sidecar(shipped_clip()), retimed(phones, shift_s=SILENCE_S), f"flite -voice {VOICE} -psdur")
    print(f"{shipped_clip()}: {len(sound) / RATE:.1f} s")


if __name__ == "__main__":
    main()
