#!/usr/bin/env python3
"""Joins a Wyoming speech engine (wyoming-piper) to a head that serves (`lipwright serve --wyoming`).

python wyoming_say.py "Good morning" tcp://127.0.0.1:10200 tcp://127.0.0.1:10601
"""

import asyncio
import sys

from wyoming.audio import AudioStop
from wyoming.client import AsyncClient
from wyoming.snd import Played
from wyoming.tts import Synthesize


async def say(text: str, engine_uri: str, head_uri: str) -> None:
    async with AsyncClient.from_uri(engine_uri) as engine, AsyncClient.from_uri(head_uri) as head:
        await engine.write_event(Synthesize(text).event())
        while event := await engine.read_event():
            await head.write_event(event)
            if AudioStop.is_type(event.type):
                break
        answer = await head.read_event()  # once all of it has been heard
        if answer is None or not Played.is_type(answer.type):
            sys.exit(f"The head has not spoken: {answer}")


asyncio.run(say(*sys.argv[1:]))
