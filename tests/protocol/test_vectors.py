"""The test vectors of the protocol, on both ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import facewire
from facewire import constants as c
from lipwright.link import messages
from lipwright.link.board_profile import BoardChannel, BoardProfile
from lipwright.link.elements import CrcError, MalformedError
from lipwright.link.messages import Hello, Refused, Splitter, encode

FOLDER = Path(facewire.__file__).parent / "vectors"
VALID = json.loads((FOLDER / "valid.json").read_text())
MALFORMED = json.loads((FOLDER / "malformed.json").read_text())
MOTION = ("FullFrame", "CompactFrame")
REQUESTS = ("Hello", "Sync", "ProfileUpload", "Park", "Stop", "StatusRequest")


def named(vectors: list[dict[str, Any]]) -> Any:
    return pytest.mark.parametrize("vector", vectors, ids=[vector["name"] for vector in vectors])


def plain(value: Any) -> Any:
    """JSON has no byte strings: they stand as {"hex": ...}."""
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"])
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


@named(VALID)
def test_the_host_reads_and_writes_a_valid_frame(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["frame"])
    message = messages.decode(frame[:-1])
    assert type(message).__name__ == vector["message"]
    assert message.fields() == plain(vector["fields"])
    assert encode(message) == frame
    assert len(frame) <= c.MAX_WIRE_BYTES


@named(VALID)
def test_the_codec_of_the_board_reads_and_writes_a_valid_frame(device: Any, vector: dict[str, Any]) -> None:
    frame, payload = vector["frame"], vector["payload"]
    assert device("unwrap", frame[:-2]) == payload
    assert device("wrap", payload) == frame
    value = device("loads", payload)
    assert value == [getattr(messages, vector["message"]).TYPE, *vector["fields"]]
    assert device("dumps", value) == payload


@named([vector for vector in VALID if vector["message"] in REQUESTS])
def test_the_board_answers_a_valid_request(device: Any, vector: dict[str, Any]) -> None:
    device("start", 0, {"PROFILE_FILE": "vectors.bin"})
    device("receive", encode(messages.ProfileUpload(1, PROFILE)).hex())
    (answer,) = Splitter().feed(bytes.fromhex(device("receive", vector["frame"])))
    if isinstance(answer, Refused):  # there is no such file here
        assert answer.reason in (c.REASON_FILE, c.REASON_SHOW)
    assert answer.request == vector["fields"][0]


@named([vector for vector in VALID if vector["message"] in MOTION])
def test_the_board_counts_a_valid_motion_frame(device: Any, vector: dict[str, Any]) -> None:
    device("start", 0, {"PROFILE_FILE": "vectors.bin"})
    assert device("receive", vector["frame"]) == ""
    state = device("state")
    assert (state["received"], state["crc_errors"], state["malformed"]) == (1, 0, 0)


@named(MALFORMED)
def test_the_host_refuses_a_malformed_frame(vector: dict[str, Any]) -> None:
    frame = bytes.fromhex(vector["frame"])
    if vector["board"] == "refused" and vector["name"].startswith(("hello", "unknown")):
        expected: Any = MalformedError
    else:
        expected = (CrcError, MalformedError)
    with pytest.raises(expected):
        messages.decode(frame[:-1])
    splitter = Splitter()
    assert splitter.feed(frame) == []
    assert splitter.crc_errors + splitter.malformed == 1


@named([vector for vector in MALFORMED if vector["to"] == "board"])
def test_the_board_refuses_a_malformed_frame(device: Any, vector: dict[str, Any]) -> None:
    device("start", 0, {"PROFILE_FILE": "vectors.bin"})
    device("receive", encode(Hello.open(1, 1)).hex())
    before = device("state")
    answers = Splitter().feed(bytes.fromhex(device("receive", vector["frame"])))
    after = device("state")
    changed = {name for name in after if after[name] != before[name]}
    if vector["board"] == "refused":
        (answer,) = answers
        assert isinstance(answer, Refused)
        assert changed == set()
    else:
        assert answers == []
        assert changed == {"crc_errors" if vector["board"] == "crc" else "malformed"}


PROFILE = BoardProfile(50, 100, (BoardChannel(0, 1000, 2000, 0, 100, 2500, 0),))
