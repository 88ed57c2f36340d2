"""Text to sound by what this machine has: Piper with the voices in the state folder, else espeak-ng.

Programs are started without a shell and get the text on standard input; what they write is spoken as it
comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

from lipwright.errors import LipwrightError
from lipwright.live.incoming import Encoding

FOLDER = "voices"
PIPER_RATE = 22_050  # of a voice whose description does not say
READ_BYTES = 4096
# From being asked to the first sound, and between two pieces: a Pi takes seconds to load a big voice.
SILENT_S = 30.0
NO_ENGINE = (
    "no speech engine is installed: run `sudo apt install espeak-ng`, or send sound instead of text"
    " (docs/api.md)."
)
# Some that espeak-ng has; any other that it knows is spoken too.
USUAL = ("en", "en-us", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "cmn", "ja")


class Voices:
    """The speech engines of this machine."""

    def __init__(self, state_folder: Path) -> None:
        """Piper's voices, NAME.onnx beside NAME.onnx.json, lie in the folder "voices" of the state folder."""
        self._folder = state_folder / FOLDER

    def names(self) -> list[str]:
        """What `stream` takes, the usual one first; empty where there is no engine."""
        return [*self._piper_voices(), *(USUAL if shutil.which("espeak-ng") else ())]

    async def stream(self, text: str, voice: str) -> AsyncGenerator[tuple[Encoding | None, bytes], None]:
        """Sound as it comes: how its samples lie (None: as its header says), and bytes.

        Raises LipwrightError where there is no engine, or it has no such voice.
        """
        command, raw = self._command(voice)
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert process.stdin is not None and process.stdout is not None
        came = False
        try:
            # One line is one utterance to Piper; what is no text might be an order to an engine.
            process.stdin.write(_plain(text).encode() + b"\n")
            process.stdin.close()
            while True:
                try:
                    data = await asyncio.wait_for(process.stdout.read(READ_BYTES), SILENT_S)
                except asyncio.TimeoutError:
                    raise LipwrightError("the speech engine is stuck: try a shorter text.") from None
                if not data:
                    break
                came = True
                yield raw, data
            if await process.wait() and not came:
                raise LipwrightError(f"the speech engine has no voice {voice!r}: choose another.")
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                # A pipe that is full keeps asyncio from seeing that the program has ended.
                while await process.stdout.read(READ_BYTES):
                    pass
                await process.wait()

    def _command(self, voice: str) -> tuple[list[str], Encoding | None]:
        piper = self._piper_voices()
        if voice in piper or (not voice and piper):
            model = self._folder / f"{voice or piper[0]}.onnx"
            return [_need("piper"), "--model", str(model), "--output-raw"], Encoding(_rate_of(model))
        return [_need("espeak-ng"), "--stdin", "--stdout", "-v", voice or USUAL[0]], None

    def _piper_voices(self) -> list[str]:
        if shutil.which("piper") is None or not self._folder.is_dir():
            return []
        return sorted(path.stem for path in self._folder.glob("*.onnx"))


def _need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise LipwrightError(NO_ENGINE)
    return found


def _rate_of(model: Path) -> int:
    try:
        return int(json.loads(model.with_name(model.name + ".json").read_text())["audio"]["sample_rate"])
    except (OSError, ValueError, KeyError, TypeError):
        return PIPER_RATE


def _plain(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f\s]+", " ", text).strip()
