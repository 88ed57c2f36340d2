"""The shows on the board's flash, while the service has the board: list, bring, play, remove.

What `lipwright show` does, between two frames of the head's loop. The head is at rest meanwhile.
"""

from __future__ import annotations

import os
from pathlib import Path

from facewire import constants as wire
from lipwright import show
from lipwright.audio.decode import open_sound
from lipwright.errors import LipwrightError
from lipwright.link.board_link import BoardLink
from lipwright.link.file_transfer import SHOWS, delete_file, play_show, store_file
from lipwright.link.frames import board_profile
from lipwright.service import messages as m
from lipwright.service.head_service import HeadService
from lipwright.show_file import Show

LONGEST_SHOW_S = 120.0


class ShowShelf:
    """Shows, by name."""

    def __init__(self, head: HeadService) -> None:
        self._head = head

    async def all(self) -> m.Shows:
        """What the board has. Raises LipwrightError."""
        found = await self._head.on_board(show.shows_on)
        return m.Shows(
            tuple(
                m.Show(name, size, tuple(show.STARTS[start] for start in starts))
                for name, (size, starts) in found.items()
            )
        )

    async def store(self, name: str, data: bytes, starts: tuple[str, ...]) -> None:
        """Brings a show to the board: a show's file, or a sound to make one of. Raises LipwrightError.

        `starts`: those of `lipwright.show.STARTS` at which it shall play.
        """
        show.checked(name)
        self._must_be_still()
        if not data.startswith(wire.SHOW_MAGIC):
            data = await self._head.talking.run(lambda: self._recorded(data))
        try:
            made = Show.decode(data)
        except ValueError as error:
            raise LipwrightError(f"what was sent is {error}: record it again.") from None
        if made.profile_crc != board_profile(self._head.engine.profile).crc:
            raise LipwrightError("the show was made for another head: record it with this head's profile.")
        self._must_be_still()
        stopped = self._head.engine.snapshot().stopped

        def go_on(_: int) -> None:
            if self._head.engine.snapshot().stopped != stopped:
                raise LipwrightError("the head has been stopped, and the show was not stored.")

        def bring(link: BoardLink) -> None:
            store_file(link, f"{SHOWS}/{name}", data, go_on)
            for start in starts:
                store_file(link, f"{SHOWS}/{start}", name.encode(), go_on)

        await self._head.on_board(bring)
        self._head.engine.journal.tell("stored", f"The show {name} is on the board.")

    async def play(self, name: str, wish: m.PlayShow) -> None:
        """Has the board play a show. Raises LipwrightError."""
        show.checked(name)
        engine = self._head.engine
        if engine.snapshot().stopped:
            raise LipwrightError("the head is stopped: let it go on first.")
        self._must_be_still()

        def begin(link: BoardLink) -> None:
            show.must_have(name, show.shows_on(link))
            play_show(link, name, wish.times)
            engine.give_way(name)

        await self._head.on_board(begin)
        engine.journal.tell("show", f"The board plays the show {name}.")

    async def delete(self, name: str) -> None:
        """Removes a show, and what says when it plays. Raises LipwrightError."""
        show.checked(name)
        self._must_be_still()

        def remove(link: BoardLink) -> None:
            found = show.shows_on(link)
            show.must_have(name, found)
            for file in (*found[name][1], name):
                delete_file(link, f"{SHOWS}/{file}")

        await self._head.on_board(remove)
        self._head.engine.journal.tell("deleted", f"The show {name} was removed from the board.")

    def _must_be_still(self) -> None:
        if self._head.engine.snapshot().speaking:
            raise LipwrightError("somebody speaks: interrupt that, or wait, and try again.")

    def _recorded(self, data: bytes) -> bytes:
        """A show of a sound. The sound lies in memory only."""
        handle = os.memfd_create("sound")
        try:
            with open(handle, "wb", closefd=False) as file:
                file.write(data)
            sound = open_sound(Path(f"/proc/self/fd/{handle}"))
            if sound.duration_s > LONGEST_SHOW_S:
                raise LipwrightError(f"a show is {LONGEST_SHOW_S:.0f} s at most: cut the sound.")
            return show.record(sound, self._head.engine.profile, 0, progress=False).encode()
        except LipwrightError as error:
            raise LipwrightError(str(error).replace(f"/proc/self/fd/{handle}", "what was sent")) from None
        finally:
            os.close(handle)
