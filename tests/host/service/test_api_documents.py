"""The documents of the API are what the code does, and what the repository shows."""

import json
import re
from pathlib import Path

import openapi_spec_validator
import pytest
from jsonschema import Draft202012Validator

from lipwright.errors import LipwrightError
from lipwright.service import documents
from lipwright.service import messages as m
from lipwright.service.api import Api
from lipwright.service.endpoints import ENDPOINTS, SOCKETS
from lipwright.service.sockets import Sockets
from lipwright.service.typed_json import from_text, one_of, parse, schema, to_json, to_text

FOLDER = Path(__file__).parents[3] / "docs" / "api"
MADE = {"openapi": documents.openapi, "asyncapi": documents.asyncapi}


@pytest.mark.parametrize("name", MADE)
def test_the_repository_shows_the_newest(name):
    shown = (FOLDER / f"{name}.json").read_text()
    assert shown == documents.as_text(MADE[name]()), "run: python -m lipwright.service.documents docs/api"


def test_openapi_is_valid():
    openapi_spec_validator.validate(documents.openapi())


@pytest.mark.parametrize("name", MADE)
def test_every_reference_leads_somewhere(name):
    document = MADE[name]()
    references = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))
    assert len(references) > 20
    for reference in references:
        place = document
        for step in reference.split("/"):
            place = place[step]


def test_every_door_is_there_and_has_one_handler():
    assert all(callable(getattr(Api, endpoint.handler)) for endpoint in ENDPOINTS)
    assert all(callable(getattr(Sockets, socket.handler)) for socket in SOCKETS)
    assert len({endpoint.handler for endpoint in ENDPOINTS}) == len(ENDPOINTS)


EXAMPLES = [
    m.Say("Hello"),
    m.Express("smile", 0.5, None),
    m.SpeakStart(rate=16000, format="s16le"),
    m.Move(-20.0),
    m.Shows((m.Show("hello", 5, ("at boot",)),)),
]


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_a_message_is_as_its_schema_says_and_comes_back(message):
    kind = type(message)
    components = {"components": {"schemas": {"Show": schema(m.Show)}}}
    validator = Draft202012Validator({**schema(kind), **components})
    validator.validate(to_json(message))
    assert from_text(kind, to_text(message)) == message


@pytest.mark.parametrize(
    "value",
    [
        {"name": "smile", "strength": 2},
        {"name": "smile", "strength": "1"},
        {"name": "smile", "strength": True},
        {"name": "smile", "duration_s": -1},
        {"name": "x" * 41},
        {"strength": 1},
        {"name": "smile", "more": 1},
        [],
    ],
    ids=str,
)
def test_what_the_schema_refuses_the_code_refuses(value):
    assert not Draft202012Validator(schema(m.Express)).is_valid(value)
    with pytest.raises(LipwrightError):
        parse(m.Express, value)


def test_a_type_chooses_the_message():
    assert one_of(m.CALIBRATE_WISHES, '{"type": "move", "by_us": 5}') == m.Move(5.0)
    with pytest.raises(LipwrightError, match="by_us has to be -50 to 50"):
        one_of(m.CALIBRATE_WISHES, '{"type": "move", "by_us": 51}')
    with pytest.raises(LipwrightError, match="alive, choose"):
        one_of(m.CALIBRATE_WISHES, '{"type": "jump"}')
