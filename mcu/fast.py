"""The inner loops in the form that this interpreter runs fastest."""

import sys

MYPY = False  # true for type checkers, which understand the plain form only
if MYPY or sys.implementation.name != "micropython":
    from kernels_plain import copy, hermite, merge, read_motion, registers, slew, take, tangents, uncobs
else:
    from kernels import copy, hermite, merge, read_motion, registers, slew, take, tangents, uncobs

__all__ = ("copy", "hermite", "merge", "read_motion", "registers", "slew", "take", "tangents", "uncobs")
