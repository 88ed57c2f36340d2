"""Phones: their spellings, their file, their times."""

import pytest

from liplab.scores import Phone
from liplab.speech import phones
from liplab.speech.articulation import symbols
from lipwright.errors import LipwrightError


@pytest.mark.parametrize(
    "table",
    [
        phones.ARPABET,
        phones.CZECH,
        phones.FINNISH,
        phones.CATALAN,
        phones.ITALIAN,
        phones.RUSSIAN,
        phones.INDIC,
        phones.SAMPA,
        phones.JAPANESE,
    ],
)
def test_every_phone_of_every_engine_has_lips(table):
    for name, ipa in table.items():
        assert symbols(ipa), name


def test_engines_spellings_are_brought_to_ipa():
    assert phones.spelled("AH0", phones.ARPABET) == "ʌ"
    assert phones.spelled("pau", phones.ARPABET) == ""
    assert phones.spelled("b:", phones.FINNISH) == "b"
    assert phones.spelled("i1", phones.ITALIAN) == "i"
    with pytest.raises(KeyError):
        phones.spelled("???", phones.ARPABET)


def test_phones_that_espeak_spells_in_ascii_are_brought_to_ipa():
    assert [phones.plain(name) for name in ("tS", "N", "ˈε", "ɓ", "ɡ͡b")] == ["tʃ", "ŋ", "ɛ", "b", "ɡb"]


def test_short_gaps_between_words_are_no_pauses():
    spoken = [
        Phone("a", 0, 0.1),
        Phone("", 0.1, 0.13),
        Phone("b", 0.13, 0.2),
        Phone("", 0.2, 0.4),
        Phone("c", 0.4, 0.4),
    ]
    assert phones.without_short_pauses(spoken) == [
        Phone("a", 0, 0.13),
        Phone("b", 0.13, 0.2),
        Phone("", 0.2, 0.4),
    ]


def test_phones_move_with_their_sound():
    assert phones.retimed([Phone("b", 1.0, 2.0)], 0.5, 0.25) == [Phone("b", 0.75, 1.25)]


def test_phones_are_read_as_they_were_written(tmp_path):
    path = phones.sidecar(tmp_path / "clip.wav")
    assert path.name == "clip.phones.json"
    spoken = [Phone("", 0.0, 0.1), Phone("ʃ", 0.1, 0.25)]
    phones.save_phones(path, spoken, "a test")
    assert phones.load_phones(path) == spoken


@pytest.mark.parametrize(
    "text", ["", "{}", '{"phones": [["b", 1]]}', '{"phones": 3}', '{"phones": [["b", "x", 1]]}']
)
def test_a_file_that_lists_no_phones_is_refused(tmp_path, text):
    path = tmp_path / "clip.phones.json"
    path.write_text(text)
    with pytest.raises(LipwrightError, match="does not list phones"):
        phones.load_phones(path)
