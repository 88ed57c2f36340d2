"""What becomes of a request that is not done."""


class Refusal(Exception):
    """A request that is not done: a reason of the protocol, and a text that says why."""

    def __init__(self, reason: int, text: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.text = text
