"""Peers are run as agreed; one that fails is named with its reason."""

import json
import sys

import numpy as np
import pytest

from liplab.evaluate.peers import PeerError, find_peers, said_by, write_sounds
from liplab.evaluate.sets import Clip, Voice
from lipwright.errors import LipwrightError

RUN = """
import json, sys, wave
for job in json.load(open(sys.argv[1])):
    with wave.open(job["sound"]) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (16000, 1)
        seconds = sound.getnframes() / 16000
    track = {"t": [0, seconds], "aperture": [0, 1], "width": [-1, 1], "rounding": [0, 0], "tuck": [1, 1]}
    json.dump(track, open(job["out"], "w"))
"""


def peer(folder, script, name="Other"):
    folder.mkdir()
    (folder / "run.py").write_text(script)
    (folder / "peer.toml").write_text(
        f'name = "{name}"\nversion = "1"\nlicence = "MIT"\nhome = "here"\n'
        f"run = {json.dumps([sys.executable, 'run.py'])}\n"
    )


@pytest.fixture
def voices():
    clips = tuple(Clip(np.zeros(16000 * seconds, np.float32), []) for seconds in (1, 2))
    return [Voice("v", "fr", "synthetic", "held_out", False, False, "CC0-1.0", clips)]


def test_what_a_peer_says_comes_on_the_clips_grid(tmp_path, voices):
    peer(tmp_path / "a", RUN)
    (found,) = find_peers(tmp_path)
    (tracks,) = said_by(found, voices, write_sounds(voices, tmp_path)).values()
    assert [track.shape for track in tracks] == [(100, 5), (200, 5)]
    assert tracks[1][100] == pytest.approx([0.5, 0, 0, 0, 1])


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("import sys; sys.exit('no model here')", "no model here"),
        ("", "not articulation"),
        (RUN.replace('"aperture"', '"jaw"'), "not articulation"),
    ],
)
def test_a_peer_that_fails_says_why(tmp_path, voices, script, reason):
    peer(tmp_path / "a", script)
    (found,) = find_peers(tmp_path)
    with pytest.raises(PeerError, match=reason):
        said_by(found, voices, write_sounds(voices, tmp_path))


def test_a_folder_without_peers_and_a_bad_description_are_refused(tmp_path):
    with pytest.raises(LipwrightError, match="no peers"):
        find_peers(tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "peer.toml").write_text('name = "Other"\n')
    with pytest.raises(LipwrightError, match="does not describe a peer"):
        find_peers(tmp_path)
