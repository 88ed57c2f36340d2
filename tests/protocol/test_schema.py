"""The CDDL says the same as the code."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any

import cbor2
import pycddl
import pytest
from hypothesis import given, settings
from message_strategies import MESSAGES

import facewire
from facewire import constants as c
from facewire import framing
from lipwright.link.messages import Message, ProfileUpload

FOLDER = Path(facewire.__file__).parent
CDDL = (FOLDER / "facewire.cddl").read_text()
VALID = json.loads((FOLDER / "vectors/valid.json").read_text())
MALFORMED = json.loads((FOLDER / "vectors/malformed.json").read_text())
# pycddl 0.6 takes `.cbor` for a statement about the first element of the array that it stands in; the rule
# for the profile's bytes is checked by itself.
SCHEMA = pycddl.Schema(CDDL.replace("bstr .cbor head", "bstr .size (1..1000)"))
# Nor does it take an empty array where arrays may stand: collisions are checked one by one.
HEAD = pycddl.Schema("profile-body = head\n" + CDDL.replace("[*16 collision]", "[* any]"))
COLLISION = pycddl.Schema("one-collision = collision\n" + CDDL)

# What CDDL cannot say: lengths that agree, values that differ, letters of a text.
BEYOND_CDDL = (
    "four bytes of positions",
    "spare nibble not zero",
    "mask of two, one position",
    "mask of none, one position",
    "mask of one, no position",
    "text that is not ASCII",
    # What only the rule for the profile's bytes says.
    "profile without channels",
    "two channels on one output",
    "empty pulse range",
    "pulse too long",
    "pulse too short",
    "output 32",
    "profile of 60 ticks a second",
    "acceleration 0",
    "group 8",
    "collision with a channel that is not there",
    "collision without a weight",
    # What a name is made of.
    "file without a folder",
    "file name that climbs",
)
# pycddl 0.6 looks at the length that `.size` asks for, but not at the type before it.
BEYOND_PYCDDL = (
    "text for positions",
    "array for positions",
    "nested too deep",
    "profile that is no byte string",
)


def test_the_schema_hash_is_that_of_the_cddl() -> None:
    without_comments = re.sub(r";[^\n]*", "", CDDL)
    assert zlib.crc32("".join(without_comments.split()).encode()) == c.SCHEMA_HASH


@settings(max_examples=500, deadline=None)
@given(message=MESSAGES)
def test_every_message_that_the_host_writes_fits_the_cddl(message: Message) -> None:
    SCHEMA.validate_cbor(cbor2.dumps([message.TYPE, *message.fields()]))
    if isinstance(message, ProfileUpload):
        HEAD.validate_cbor(message.profile.body())
        for pair in message.profile.collisions:
            COLLISION.validate_cbor(cbor2.dumps(pair.fields()))


@pytest.mark.parametrize("vector", VALID, ids=lambda vector: vector["name"])
def test_every_valid_vector_fits_the_cddl(vector: dict[str, Any]) -> None:
    SCHEMA.validate_cbor(bytes.fromhex(vector["payload"]))


@pytest.mark.parametrize(
    "vector",
    [vector for vector in MALFORMED if vector["board"] != "crc" and vector["name"] not in BEYOND_PYCDDL],
    ids=lambda vector: vector["name"],
)
def test_a_malformed_vector_breaks_the_cddl_or_the_encoding(vector: dict[str, Any]) -> None:
    payload = framing.unwrap(bytes.fromhex(vector["frame"])[:-1])
    if vector["name"] in BEYOND_CDDL:
        SCHEMA.validate_cbor(payload)
    elif is_canonical(payload):
        with pytest.raises(pycddl.ValidationError):
            SCHEMA.validate_cbor(payload)


def is_canonical(payload: bytes) -> bool:
    """Whether these bytes are CBOR in its one shortest form."""
    try:
        return bool(cbor2.dumps(cbor2.loads(payload), canonical=True) == payload)
    except Exception:  # cbor2 raises a good many kinds
        return False


@pytest.mark.parametrize(
    "channel",
    [
        [32, 1000, 2000, 0, 100, 25, 0],
        [0, 399, 2000, 0, 100, 25, 0],
        [0, 1000, 2601, 0, 100, 25, 0],
        [0, 1000, 2000, 0, 100, 0, 0],
        [0, 1000, 2000, 0, 100, 25, 8],
    ],
)
def test_a_profile_beyond_the_limits_breaks_the_cddl(channel: list[int]) -> None:
    HEAD.validate_cbor(cbor2.dumps([50, 100, [[0, 1000, 2000, 0, 100, 25, 0]], []]))
    with pytest.raises(pycddl.ValidationError):
        HEAD.validate_cbor(cbor2.dumps([50, 100, [channel], []]))
