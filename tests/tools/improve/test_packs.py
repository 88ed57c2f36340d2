"""Packs come back as they went in, and a damaged or missing one is said with what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from liplab.improve import packs
from liplab.improve.packs import CHECKS, REPLAY, UNIT, Pack, Spoken, load_pack, read_pack, write_pack
from lipwright import resources
from lipwright.audio.features import SILENCE
from lipwright.errors import LipwrightError

VOICES = [{"name": "a", "engine": "flite"}, {"name": "b", "engine": "recording"}]


def test_what_is_packed_comes_back(tmp_path: Path, spoken: list[Spoken]) -> None:
    lips = np.full((len(spoken[1].features), 5), np.nan, np.float32)
    lips[3, 1] = 0.5
    silent = Spoken(1, np.full((7, 160), SILENCE, np.float32), [])
    wanted = [spoken[0], Spoken(1, spoken[1].features, spoken[1].phones, lips), silent]
    write_pack(tmp_path / "pack.npz", Pack(VOICES, wanted))
    got = read_pack(tmp_path / "pack.npz")
    assert got.voices == VOICES
    for one, other in zip(got.spoken, wanted, strict=True):
        assert one.voice == other.voice
        assert np.abs(one.features - other.features).max() <= UNIT / 2 + 1e-4
        assert [phone.ipa for phone in one.phones] == [phone.ipa for phone in other.phones]
        assert np.allclose([phone[1:] for phone in one.phones], [phone[1:] for phone in other.phones])
        if other.lips is None:
            assert one.lips is None
        else:
            assert one.lips is not None and np.array_equal(one.lips, other.lips, equal_nan=True)
    assert [path.name for path in tmp_path.iterdir()] == ["pack.npz"]


def test_a_damaged_pack_is_said(tmp_path: Path, spoken: list[Spoken]) -> None:
    path = tmp_path / "pack.npz"
    write_pack(path, Pack(VOICES, spoken))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(LipwrightError, match="damaged"):
        read_pack(path)


def test_a_wheel_has_no_packs_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs.resources, "models_dir", lambda: tmp_path)
    with pytest.raises(LipwrightError, match="clone of the repository"):
        load_pack(REPLAY)


@pytest.mark.parametrize(("name", "most_mb"), [(REPLAY, 5.0), (CHECKS, 4.0)])
def test_packs_that_ship_are_small_and_never_mixed(name: str, most_mb: float) -> None:
    pack = load_pack(name)
    assert (resources.models_dir() / name).stat().st_size <= most_mb * 1e6
    train = {voice["split"] == "train" for voice in pack.voices}
    assert train == {name == REPLAY}
    assert not [voice for voice in pack.voices if "mbrola" in voice["engine"] or "GPL-2" in voice["licence"]]
    bilabials = sum(bool(set("pbm") & set(phone.ipa)) for one in pack.spoken for phone in one.phones)
    assert bilabials > 400
