"""Aligning recordings: GRID names say what is said, and phones land where they sound."""

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from liplab.scores import Phone
from liplab.speech.align import AlignmentError, align, grid_transcript, phones_for, spelled_by_flite
from liplab.speech.festival import flite_say
from liplab.speech.phones import save_phones
from lipwright.errors import LipwrightError

CLIPS = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("grid_bbaf2n", "bin blue at f two now"),
        ("swiz3n", "set white in z three now"),
        ("grid_lrwp9a", "lay red with p nine again"),
        ("grid_pgbkzs", "place green by k zero soon"),
        ("hello", None),
        ("bbaw2n", None),
        ("sentence", None),
    ],
)
def test_grid_names_decode(name, words):
    assert grid_transcript(name) == words


def test_a_grid_clip_aligns():
    phones = phones_for(CLIPS / "grid_bbaf2n.flac")
    assert phones is not None
    assert "".join(phone.ipa for phone in phones) == "bɪnbluætɛftunaʊ"
    bilabials = [phone for phone in phones if phone.ipa == "b"]
    assert len(bilabials) == 2
    assert all(0.02 <= phone.end_s - phone.start_s <= 0.2 for phone in bilabials)
    assert all(left.end_s <= right.start_s + 1e-9 for left, right in pairwise(phones))


@pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite")
def test_aligned_phones_land_where_flite_spoke_them():
    words = "Please bring my big blue map home before the summer evening"
    samples, exact = flite_say(words, "rms")
    found = align(samples, words)
    exact_starts = [phone.start_s for phone in exact if phone.ipa in ("b", "p", "m")]
    found_starts = [phone.start_s for phone in found if phone.ipa in ("b", "p", "m")]
    assert len(exact_starts) == len(found_starts)
    assert np.median(np.abs(np.subtract(exact_starts, found_starts))) < 0.03


def test_a_clip_that_nothing_is_known_of_has_no_phones(tmp_path):
    shutil.copy(CLIPS / "grid_bbaf2n.flac", tmp_path / "unknown.flac")
    assert phones_for(tmp_path / "unknown.flac") is None


def test_a_transcript_beside_the_clip_is_used_and_phones_beside_it_come_first(tmp_path):
    clip = tmp_path / "clip.flac"
    shutil.copy(CLIPS / "grid_bbaf2n.flac", clip)
    (tmp_path / "clip.txt").write_text("Bin blue at F two now.")
    phones = phones_for(clip)
    assert phones is not None
    assert "".join(phone.ipa for phone in phones).startswith("bɪn")
    known = [Phone("m", 0.5, 0.6)]
    save_phones(tmp_path / "clip.phones.json", known, "a test")
    assert phones_for(clip) == known


def test_a_word_that_is_in_no_dictionary_is_spelled_by_flite():
    assert spelled_by_flite("quilter") == "K W IH L T ER"


def test_without_flite_a_word_that_is_in_no_dictionary_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    spelled_by_flite.cache_clear()
    with pytest.raises(AlignmentError, match="zzyzzx"):
        align(np.zeros(16000, np.float32), "the zzyzzx")
    with pytest.raises(LipwrightError, match="zzyzzx"):
        phones_for(CLIPS / "grid_bbaf2n.flac", "zzyzzx")


def test_without_pocketsphinx_a_sentence_says_what_to_install():
    script = (
        "import sys; sys.modules['pocketsphinx'] = None\n"
        "import numpy as np\n"
        "from lipwright.errors import LipwrightError\n"
        "from liplab.speech.align import align\n"
        "try: align(np.zeros(16000, np.float32), 'bin blue')\n"
        "except LipwrightError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "pip install" in done.stdout, done.stderr
