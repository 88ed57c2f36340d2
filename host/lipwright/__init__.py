"""Lipwright's runtime: what turns sound into lip motion on a Raspberry Pi and sends it to the head."""

__version__ = "0.1.0"
