"""A supply that fails, to put on a board's flash in the place of the firmware's own module."""


def weak_supply(after: int) -> str:
    """The text of a supply.py that reads 5 V, and too little from its look number `after` on."""
    return f"""
class Supply:
    def __init__(self):
        self.measured = True
        self.millivolts = 5000
        self.low = False
        self._looks = 0

    def tick(self):
        self._looks += 1
        if self._looks == {after}:
            self.low = True
            self.millivolts = 3900
"""
