"""Can the machine play and hear, through what, and how loud?"""

from __future__ import annotations

import re
from typing import Any

from lipwright.doctor.findings import Note, NotHere, answer_of

LOUD_PERCENT = 20  # below, a speaker in a head is hardly heard
NO_PORTAUDIO = "PortAudio is missing; sudo apt install libportaudio2."


def speaker() -> str:
    """Is there a speaker?"""
    return _device("output", "none is connected; lips move without sound with --mute.")


def microphone() -> str:
    """Is there a microphone?"""
    return _device("input", "none is connected; only `lipwright listen` needs one.")


def server() -> str:
    """Which sound server has the sound card?"""
    try:
        lines = answer_of("pactl", "info").splitlines()
    except NotHere:
        if _alsa_cards():
            return f"none: ALSA itself, with {', '.join(_alsa_cards())}"
        raise Note(
            "no sound card is there: plug one in, or switch on that of the Pi (dtparam=audio=on in"
            " /boot/firmware/config.txt)."
        ) from None
    named = dict(line.split(": ", 1) for line in lines if ": " in line)
    return f"{named.get('Server Name', 'PulseAudio')}, plays to {named.get('Default Sink', 'nothing')}"


def volume() -> str:
    """Is the speaker that everything plays to muted, or hardly audible?"""
    muted = answer_of("pactl", "get-sink-mute", "@DEFAULT_SINK@").endswith("yes")
    levels = re.findall(r"(\d+)%", answer_of("pactl", "get-sink-volume", "@DEFAULT_SINK@"))
    if muted:
        raise Note("muted: pactl set-sink-mute @DEFAULT_SINK@ 0.")
    if not levels:
        raise NotHere
    if max(map(int, levels)) < LOUD_PERCENT:
        raise Note(f"{max(map(int, levels))} %: pactl set-sink-volume @DEFAULT_SINK@ 70%.")
    return f"{max(map(int, levels))} %"


def _device(direction: str, without: str) -> str:
    try:
        import sounddevice
    except OSError:
        raise Note(NO_PORTAUDIO) from None
    try:
        found: Any = sounddevice.query_devices(kind=direction)
    except (sounddevice.PortAudioError, ValueError):
        raise Note(without) from None
    return str(found["name"])


def _alsa_cards() -> list[str]:
    try:
        with open("/proc/asound/cards", encoding="utf-8") as file:
            return re.findall(r"^ *\d+ \[\w+ *\]: (.+)$", file.read(), re.MULTILINE)
    except OSError:
        return []
