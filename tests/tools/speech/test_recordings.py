"""Recordings of people: every layout is read, speakers take turns, and splits never share one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from liplab.speech.recordings import SOURCES, Take, in_turn, recorded, shared
from liplab.speech.utterance import SAMPLE_RATE
from lipwright.errors import LipwrightError

CLIP = Path(__file__).parents[2] / "data" / "grid_bbaf2n.flac"
WORDS = "BIN BLUE AT F TWO NOW"
HELD_OUT = {"fr", "ja", "ko", "es", "it", "de", "ru", "cmn", "he", "ar"}
NAMED = {source.name: source for source in SOURCES}


def said(utterance):
    return "".join(phone.ipa for phone in utterance.phones)


def wave(path):
    samples, rate = soundfile.read(CLIP)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate)


def test_held_out_languages_are_measured_by_and_nothing_else_is():
    assert len(NAMED) == len(SOURCES)
    for source in SOURCES:
        assert (source.language.split("-")[0] in HELD_OUT) == (source.split == "held_out"), source.name
    assert len({source.language for source in SOURCES if source.split == "held_out"}) >= 4


def test_nothing_is_trained_on_whose_licence_forbids_what_ships():
    for source in SOURCES:
        if source.split != "held_out":
            assert source.licence in ("CC0-1.0", "CC-BY-4.0"), source.name


def test_shares_of_one_folder_have_no_speaker_and_no_take_in_common():
    takes = [Take(Path(f"{speaker}{number}"), "", speaker) for speaker in "abcdefghij" for number in range(3)]
    by_folder: dict[str, list[tuple[float, float]]] = {}
    for source in SOURCES:
        by_folder.setdefault(source.folder, []).append(source.share)
    for shares in (shares for shares in by_folder.values() if len(shares) == 2):
        first, second = (shared(takes, share) for share in shares)
        assert first
        assert second
        assert not {take.speaker for take in first} & {take.speaker for take in second}
        alone = [take._replace(speaker="") for take in takes]
        first, second = (shared(alone, share) for share in shares)
        assert sorted(first + second) == sorted(alone)


def test_speakers_take_turns_until_none_has_takes_left():
    takes = [Take(Path(name), "", name[0]) for name in ("a1", "a2", "a3", "b1", "c1", "c2")]
    assert [str(take.path) for take in in_turn(takes)] == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_librispeech_is_read_and_a_take_that_does_not_align_is_left_out(tmp_path):
    source = replace(NAMED["librispeech"], share=(0.0, 1.0))
    chapter = tmp_path / source.folder / "19" / "198"
    chapter.mkdir(parents=True)
    shutil.copy(CLIP, chapter / "19-198-0000.flac")
    shutil.copy(CLIP, chapter / "19-198-0001.flac")
    (chapter / "19-198.trans.txt").write_text(f"19-198-0000 {WORDS}\n19-198-0001 ZZYZZX\n")
    (utterance,) = recorded(source, tmp_path)
    assert said(utterance) == "bɪnbluætɛftunaʊ"
    assert utterance.samples.dtype == np.float32
    assert 2.5 < len(utterance.samples) / SAMPLE_RATE < 3.5


def test_kaldi_tables_and_transcripts_beside_the_sound_are_read(tmp_path):
    source = replace(NAMED["speechocean"], share=(0.0, 1.0))
    home = tmp_path / source.folder
    wave(home / "WAVE" / "SPEAKER1" / "11.WAV")
    for part in ("train", "test"):
        (home / part).mkdir()
        for table in ("text", "wav.scp", "utt2spk"):
            (home / part / table).write_text("")
    (home / "test" / "text").write_text(f"11\t{WORDS}\n")
    (home / "test" / "wav.scp").write_text("11\tWAVE/SPEAKER1/11.WAV\n")
    (home / "test" / "utt2spk").write_text("11\t1\n")
    assert [said(utterance) for utterance in recorded(source, tmp_path)] == ["bɪnbluætɛftunaʊ"]

    source = NAMED["kathleen"]
    wave(tmp_path / source.folder / "data" / "arctic_1.wav")
    (tmp_path / source.folder / "data" / "arctic_1.txt").write_text("Bin blue at F two now.\n")
    assert [said(utterance) for utterance in recorded(source, tmp_path)] == ["bɪnbluætɛftunaʊ"]


def test_phones_that_come_with_the_recording_are_kept_with_the_pauses_between_them(tmp_path):
    source = replace(NAMED["nathalie"], share=(0.0, 1.0))
    home = tmp_path / source.folder
    (home / "verified").mkdir(parents=True)
    shutil.copy(CLIP, home / "verified" / "nl_1.flac")
    phones = [
        {"phone": "ˈm", "start": 0.1, "duration": 0.1},
        {"phone": "a", "start": 0.2, "duration": 0.2},
        {"phone": "p", "start": 0.7, "duration": 0.1},
    ]
    rows = [{"id": name, "words": [{"phones": phones}]} for name in ("nl_1", "nl_not_recorded")]
    (home / "nathalie_align.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (utterance,) = recorded(source, tmp_path)
    assert [phone.ipa for phone in utterance.phones] == ["m", "a", "", "p"]
    assert utterance.phones[2][1:] == pytest.approx((0.4, 0.7))


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
def test_languages_without_a_recogniser_are_aligned_by_speaking(tmp_path):
    source = replace(NAMED["tuxpaint-fr"], language="en-us")
    folder = tmp_path / source.folder / "animals"
    wave(folder / "cat_desc_fr.wav")
    (folder / "cat_desc_fr.wav").rename(folder / "cat_desc_fr.ogg")
    (folder / "cat.txt").write_text("A cat.\nes.utf8=Un gato.\nfr.utf8=Bine blou ate effe tou naou\n")
    utterances = list(recorded(source, tmp_path))
    assert [said(utterance)[:3] for utterance in utterances] == ["bin"]


def test_a_source_that_is_not_there_says_where_it_is_had(tmp_path):
    with pytest.raises(LipwrightError, match=r"dataset-voice-kathleen; get them from git clone https://"):
        next(iter(recorded(NAMED["kathleen"], tmp_path)))
