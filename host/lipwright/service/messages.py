"""All that goes over the API, each message once: `typed_json` reads, writes and describes them.

docs/api.md is for people; docs/api/openapi.json and asyncapi.json are made from these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lipwright.face.profile import SPEED_LIMITS
from lipwright.live.incoming import KINDS, RATES_HZ
from lipwright.service.typed_json import told

LONGEST_TEXT = 2000  # characters: some two minutes of speech
LONGEST_EXPRESSION_S = 3600.0
VOICE = r"[A-Za-z0-9][A-Za-z0-9_+.-]{0,63}|"
# A show's name as the board takes it (`lipwright.show`).
SHOW_NAME = "[a-z0-9_][a-z0-9_-]{0,23}"
WHATEVER = "any"
FORMATS = (WHATEVER, *KINDS)
# One click moves no further than this; what is held moves again and again.
MOST_MOVE_US = 50.0

# ---- what is asked by HTTP


@dataclass(frozen=True)
class Say:
    """A text to be spoken by a speech engine of this machine."""

    text: str = told("what to say", minLength=1, maxLength=LONGEST_TEXT)
    voice: str = told("one of the voices of the state; empty for the usual one", "", pattern=VOICE)


@dataclass(frozen=True)
class Express:
    """An expression to wear, in place of the one before."""

    name: str = told("one of the expressions of the state", maxLength=40)
    strength: float = told("from nothing to all of it", 1.0, minimum=0.0, maximum=1.0)
    duration_s: float | None = told(
        "how long; null for as long as is usual for it", None, minimum=0.0, maximum=LONGEST_EXPRESSION_S
    )


@dataclass(frozen=True)
class SetMood:
    """How the face behaves while it does nothing else."""

    name: str = told("one of the moods of the state", maxLength=40)


@dataclass(frozen=True)
class SetLife:
    """Whether eyes, lids, brows and neck move by themselves."""

    on: bool = told("whether they do")


@dataclass(frozen=True)
class PlayShow:
    """How a show of the board is played."""

    times: int = told("how often; 0 for again and again", 1, minimum=0, maximum=255)


# ---- what is answered by HTTP


@dataclass(frozen=True)
class Problem:
    """What is wrong, in one sentence that says what to do."""

    error: str = told("the sentence")


@dataclass(frozen=True)
class Done:
    """It is done, or under way."""

    done: bool = told("always true", True)


@dataclass(frozen=True)
class SpeechTold:
    """What became of a sound."""

    speech: str = told("who speaks, for people")
    outcome: str = told("accepted: it is being spoken", enum=("accepted", "spoken", "interrupted"))


@dataclass(frozen=True)
class Show:
    """A show on the board's flash."""

    name: str = told("what the board calls it")
    size: int = told("in bytes")
    starts: tuple[str, ...] = told("when it plays by itself: at boot, by the button")


@dataclass(frozen=True)
class Shows:
    """The shows on the board's flash."""

    shows: tuple[Show, ...] = told("in order of their names")


@dataclass(frozen=True)
class Channel:
    """One servo of the head."""

    name: str = told("as the head profile calls it")
    group: str = told("mouth, eyes, lids, brows, neck, or whatever the profile says")
    rest: float = told("where it rests, 0 to 1 of its range")


@dataclass(frozen=True)
class Snapshot:
    """What there is to see of the head at one moment."""

    TYPE: ClassVar[str] = "snapshot"

    time_s: float = told("the head's own time, of the frame that was sent last")
    connected: bool = told("whether there is a board")
    state: str = told("what the board does, one word: following, resting, released, stopped ...")
    cause: str = told("why, in words")
    limp: bool = told("whether no servo has pulses")
    stopped: bool = told("whether somebody has stopped the head, until resume")
    speaking: str = told("who speaks; empty while nobody does")
    live: bool = told("whether a microphone is listened to")
    level_db: float = told("loudness of the sound, full scale 0")
    waiting_s: float = told("sound that waits to be spoken")
    ahead_ms: float = told("how long before its time a frame is sent")
    ring_depth: int = told("frames that wait on the board")
    frames_dropped: int = told("frames that the board has dropped since it was greeted")
    supply: str = told("the servos' supply, in words")
    troubles: tuple[str, ...] = told("what is wrong, in words; empty if all is well")
    hot: tuple[str, ...] = told("servos that rest because they must be too hot")
    targets: tuple[float, ...] = told("where each channel was sent last, 0 to 1 of its range")
    mood: str = told("how the face behaves")
    life: bool = told("whether eyes, lids, brows and neck move by themselves")
    calibrating: bool = told("whether a calibration has the board")
    show: str = told("the show that the board plays; empty while it plays none")
    watching: str = told("whom a program watches by camera and microphone, in words; empty: nobody")


@dataclass(frozen=True)
class Entry:
    """One thing that has happened."""

    TYPE: ClassVar[str] = "journal"

    number: int = told("grows from entry to entry")
    at: float = told("seconds since 1970")
    kind: str = told("one word for programs")
    text: str = told("a sentence for people")


@dataclass(frozen=True)
class State:
    """The head, what it can be asked for, and how it is now."""

    version: str = told("of Lipwright")
    head: str = told("the head profile's name")
    channels: tuple[Channel, ...] = told("in the order of targets")
    expressions: tuple[str, ...] = told("what the face can wear")
    moods: tuple[str, ...] = told("how the face can behave")
    voices: tuple[str, ...] = told("of this machine's speech engines; the first is the usual one")
    has_picture: bool = told("whether /api/v1/picture shows a simulated head")
    snapshot: Snapshot = told("how it is now")  # noqa: RUF009
    journal: tuple[Entry, ...] = told("what has happened, oldest first")


# ---- the socket that takes sound


@dataclass(frozen=True)
class SpeakStart:
    """Sound follows, in binary messages. Whoever speaks now falls silent once there is enough of it."""

    TYPE: ClassVar[str] = "start"

    format: str = told("samples, or any: a WAV, MP3, Ogg, FLAC or WebM stream", WHATEVER, enum=FORMATS)
    rate: int = told("samples a second, of samples", 22050, minimum=RATES_HZ[0], maximum=RATES_HZ[1])
    channels: int = told("of samples", 1, minimum=1, maximum=8)
    live: bool = told("a microphone: it is not played, and lips follow as fast as they can", False)
    name: str = told("who speaks, for people", "a program", minLength=1, maxLength=60)


@dataclass(frozen=True)
class SpeakEnd:
    """No more sound comes; "spoken" follows when all has been heard."""

    TYPE: ClassVar[str] = "end"


@dataclass(frozen=True)
class SpeakInterrupt:
    """Silence at once."""

    TYPE: ClassVar[str] = "interrupt"


@dataclass(frozen=True)
class SpeakStarted:
    """The head knows what the sound is, and begins."""

    TYPE: ClassVar[str] = "started"


@dataclass(frozen=True)
class SpeakSpoken:
    """All has been spoken."""

    TYPE: ClassVar[str] = "spoken"


@dataclass(frozen=True)
class SpeakInterrupted:
    """Another one speaks, or somebody said stop: the rest was not spoken."""

    TYPE: ClassVar[str] = "interrupted"


@dataclass(frozen=True)
class SocketProblem:
    """What is wrong, in one sentence that says what to do."""

    TYPE: ClassVar[str] = "error"

    error: str = told("the sentence")


# ---- the socket that calibrates


@dataclass(frozen=True)
class Alive:
    """Somebody is there. The servo goes limp within a second of the last message."""

    TYPE: ClassVar[str] = "alive"


@dataclass(frozen=True)
class Choose:
    """Go on with another servo, which is limp at first."""

    TYPE: ClassVar[str] = "choose"

    servo: int = told("its place among the servos", minimum=0, maximum=31)


@dataclass(frozen=True)
class Power:
    """Pulses on, where it was let go; at first where it rests."""

    TYPE: ClassVar[str] = "power"


@dataclass(frozen=True)
class Limp:
    """Pulses off."""

    TYPE: ClassVar[str] = "limp"


@dataclass(frozen=True)
class Move:
    """A little further, at a creep."""

    TYPE: ClassVar[str] = "move"

    by_us: float = told("of pulse width, in microseconds", minimum=-MOST_MOVE_US, maximum=MOST_MOVE_US)


@dataclass(frozen=True)
class SetHere:
    """Where the servo is now is its minimum, its rest or its maximum."""

    TYPE: ClassVar[str] = "set"

    what: str = told("which", enum=("minimum", "rest", "maximum"))


@dataclass(frozen=True)
class Reverse:
    """Turn the direction round; nothing moves."""

    TYPE: ClassVar[str] = "reverse"


@dataclass(frozen=True)
class SetSpeed:
    """How fast the servo may be when it speaks."""

    TYPE: ClassVar[str] = "speed"

    ranges_s: float = told("ranges per second", minimum=SPEED_LIMITS[0], maximum=SPEED_LIMITS[1])


@dataclass(frozen=True)
class ShowMotion:
    """Have the servo move by itself. Its speed is not a creep: hands off."""

    TYPE: ClassVar[str] = "show"

    what: str = told("through its range, to rest, or faster each round", enum=("range", "rest", "speed"))


@dataclass(frozen=True)
class Halt:
    """Stay where it is."""

    TYPE: ClassVar[str] = "halt"


@dataclass(frozen=True)
class Undo:
    """Take the last change back; nothing moves."""

    TYPE: ClassVar[str] = "undo"


@dataclass(frozen=True)
class Save:
    """Write the profile, and have the board keep it."""

    TYPE: ClassVar[str] = "save"


@dataclass(frozen=True)
class ServoSetting:
    """What is set of one servo."""

    name: str = told("as the head profile calls it")
    min_us: float = told("shortest pulse, microseconds")
    rest_us: float = told("where it rests")
    max_us: float = told("longest pulse")
    inverted: bool = told("whether a target of 0 is the longest pulse")
    speed: float = told("ranges per second at most")
    changed: bool = told("whether that is not saved")


@dataclass(frozen=True)
class Calibration:
    """How the calibration stands."""

    TYPE: ClassVar[str] = "calibration"

    servos: tuple[ServoSetting, ...] = told("in the order of the profile")
    chosen: int = told("the servo that is calibrated now")
    state: str = told("of its motion", enum=("limp", "moving", "holding"))
    shows: bool = told("whether it moves by itself; halt ends that")
    at_us: float = told("the pulse that it gets; while it is limp, the one that it will get first")
    goal_us: float = told("where it is on its way to")
    low_us: float = told("how far it may go now")
    high_us: float = told("how far it may go now")
    notice: str = told("what happened last, in words")
    unsaved: bool = told("whether there is anything to save")
    file: str = told("where the profile is written")


CALIBRATE_WISHES = (
    Alive,
    Choose,
    Power,
    Limp,
    Move,
    SetHere,
    Reverse,
    SetSpeed,
    ShowMotion,
    Halt,
    Undo,
    Save,
)
SPEAK_WISHES = (SpeakStart, SpeakEnd, SpeakInterrupt)
SPEAK_ANSWERS = (SpeakStarted, SpeakSpoken, SpeakInterrupted, SocketProblem)
