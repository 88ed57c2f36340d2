"""The simulated reference head: 26 servos, soft lips, a face to look at."""

from liplab.head.head import Head, HeadHistory, Snapshot

__all__ = ["Head", "HeadHistory", "Snapshot"]
