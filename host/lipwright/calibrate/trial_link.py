"""The link to a board while it is calibrated: it is greeted without a move, drives one servo at a time, and
gets a profile to keep without giving a pulse."""

from __future__ import annotations

from lipwright.boards import Board
from lipwright.calibrate.servos import CannotDo
from lipwright.errors import LipwrightError
from lipwright.link import messages as m
from lipwright.link.board_link import BoardLink
from lipwright.link.board_profile import BoardProfile
from lipwright.link.frames import FrameEncoder

# How long a board takes to read a profile from a slow serial chip: 700 bytes at 115200 baud, and some more.
READ_S = 0.1


class TrialLink(BoardLink):
    """As `BoardLink`; `connect` takes the pulses from all servos, and none gets any before `use`."""

    def __init__(self, board: Board) -> None:
        """Nothing is opened before `connect`."""
        super().__init__(board, None)
        self._upload = 0  # the request that gives a profile
        self._upload_answer: m.Ack | m.Refused | None = None

    def __enter__(self) -> TrialLink:
        return self

    def connect(self) -> m.BoardInfo:
        """Greets the board and lets all servos go. Raises LipwrightError as `BoardLink.connect`."""
        info = super().connect()
        self.stop()
        self.request_status()
        return info

    def stop(self) -> None:
        """All pulses off, at once and until `use`."""
        self._write(b"\0")  # what was being written may have broken off in the middle
        self.ask(m.Stop, m.Ack)

    def use(self, profile: BoardProfile) -> m.BoardStatus:
        """Has the board drive by this profile until it loses power; returns its state right after.

        Its servos get pulses at once: the board brings them to rest, as if it did not know where they stand.
        Raises CannotDo if the board refuses the profile, LipwrightError if it is lost.
        """

        def upload(number: int) -> m.ProfileUpload:
            self._upload = number
            return m.ProfileUpload(number, profile, keep=False)

        self.stop()  # the board stays stopped while it takes the profile
        self._upload_answer = None
        try:
            self.ask(upload, m.Ack)
        except LipwrightError as error:
            if isinstance(self._upload_answer, m.Refused):
                raise CannotDo(str(error)) from None
            raise
        self._frames = FrameEncoder(len(profile.channels))
        self.ask(m.Park, m.Ack)
        return self.request_status()

    def keep(self, profile: BoardProfile) -> m.BoardInfo:
        """Gives the board a profile to keep on its flash, and no servo a pulse. Returns what it says then.

        Raises LipwrightError if it refuses the profile.
        """
        self.stop()
        self.ask(lambda number: m.ProfileUpload(number, profile, keep=True), m.Ack)
        self.info = self.ask(lambda number: m.Hello.open(number, self._session), m.BoardInfo)
        return self.info

    def _take(self, message: m.Message, now: float) -> None:
        if isinstance(message, m.Ack | m.Refused) and message.request == self._upload:
            self._upload_answer = message
        super()._take(message, now)
