"""What the API has: each door once. Routes are made from this, and so are the documents (`documents.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lipwright.live.incoming import RATES_HZ
from lipwright.service import messages as m

API = "/api/v1"
SOUND = "application/octet-stream"
PICTURE = "image/jpeg"
NAME = "name"


@dataclass(frozen=True)
class Query:
    """What may follow the question mark."""

    name: str
    about: str
    schema: dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """One thing to ask by HTTP. `takes` and `gives`: a message, or a type of content."""

    method: str
    path: str
    handler: str
    summary: str
    takes: type[Any] | str | None
    gives: type[Any] | str
    query: tuple[Query, ...] = ()
    status: int = 200


@dataclass(frozen=True)
class Socket:
    """One WebSocket: what a client sends, and what it hears."""

    path: str
    handler: str
    summary: str
    takes: tuple[type[Any], ...]
    gives: tuple[type[Any], ...]
    takes_sound: bool = False


WAIT = Query(
    "wait", "1: answer when all has been spoken, or interrupted", {"enum": ["0", "1"], "default": "0"}
)
RAW = (
    Query(
        "format", "of samples; any: a WAV, MP3, Ogg, FLAC or WebM", {"enum": [*m.FORMATS], "default": "any"}
    ),
    Query(
        "rate",
        "samples a second, of samples",
        {"type": "integer", "minimum": RATES_HZ[0], "maximum": RATES_HZ[1], "default": 22050},
    ),
    Query("channels", "of samples", {"type": "integer", "minimum": 1, "maximum": 8, "default": 1}),
)
SHOW_QUERY = (
    Query(NAME, "what the board shall call it", {"type": "string", "pattern": f"^{m.SHOW_NAME}$"}),
    Query("boot", "1: play it whenever the board gets power", {"enum": ["0", "1"], "default": "0"}),
    Query("button", "1: play it when the button is pressed", {"enum": ["0", "1"], "default": "0"}),
)

ENDPOINTS = (
    Endpoint("GET", f"{API}/state", "state", "The head, what it can be asked for, how it is", None, m.State),
    Endpoint("POST", f"{API}/speak", "speak", "Speak a sound", SOUND, m.SpeechTold, (WAIT, *RAW), status=202),
    Endpoint("POST", f"{API}/say", "say", "Speak a text", m.Say, m.SpeechTold, (WAIT,), status=202),
    Endpoint("POST", f"{API}/interrupt", "interrupt", "Be silent; the face goes on", None, m.Done),
    Endpoint("POST", f"{API}/stop", "stop", "All servos limp at once, until resume", None, m.Done),
    Endpoint("POST", f"{API}/resume", "resume", "Go on after a stop", None, m.Done),
    Endpoint("POST", f"{API}/expression", "expression", "Wear an expression", m.Express, m.Done),
    Endpoint("POST", f"{API}/mood", "mood", "Behave in another way", m.SetMood, m.Done),
    Endpoint("POST", f"{API}/life", "life", "Let the face move by itself, or not", m.SetLife, m.Done),
    Endpoint(
        "POST", f"{API}/watching/stop", "stop_watching", "Have camera and microphone put off", None, m.Done
    ),
    Endpoint("GET", f"{API}/shows", "shows", "The shows on the board", None, m.Shows),
    Endpoint(
        "POST",
        f"{API}/shows",
        "store_show",
        "Bring a show to the board: its file, or a sound to make one of",
        SOUND,
        m.Shows,
        SHOW_QUERY,
    ),
    Endpoint(
        "POST", f"{API}/shows/{{name}}/play", "play_show", "Have the board play a show", m.PlayShow, m.Done
    ),
    Endpoint("DELETE", f"{API}/shows/{{name}}", "delete_show", "Remove a show from the board", None, m.Shows),
    Endpoint("GET", f"{API}/picture", "picture", "The simulated head, as it is now", None, PICTURE),
)

SOCKETS = (
    Socket(
        f"{API}/events",
        "events",
        "How the head is, up to 20 times a second when that changes, and what happens",
        (),
        (m.Snapshot, m.Entry),
    ),
    Socket(
        f"{API}/speak",
        "speak_socket",
        "Speak sound as it comes: start, binary messages, end",
        m.SPEAK_WISHES,
        m.SPEAK_ANSWERS,
        takes_sound=True,
    ),
    Socket(
        f"{API}/calibrate",
        "calibrate",
        "Calibrate the servos; while this is open, the board is lent to it",
        m.CALIBRATE_WISHES,
        (m.Calibration, m.SocketProblem),
    ),
)
