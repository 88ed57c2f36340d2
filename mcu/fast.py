"""The inner loops in the form that this interpreter runs fastest."""

import sys

if sys.implementation.name == "micropython":
    from kernels import copy, hermite, merge, read_motion, registers, slew, take, tangents, uncobs
else:
    from kernels_plain import copy, hermite, merge, read_motion, registers, slew, take, tangents, uncobs

__all__ = ("copy", "hermite", "merge", "read_motion", "registers", "slew", "take", "tangents", "uncobs")
