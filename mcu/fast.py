"""The inner loops in the form that this interpreter runs fastest."""

import sys

MYPY = False  # true for type checkers, which understand the plain form only
if MYPY or sys.implementation.name != "micropython":
    from kernels_plain import (
        aim,
        copy,
        hermite,
        merge,
        move,
        part,
        read_motion,
        registers,
        take,
        tangents,
        uncobs,
        widths,
    )
else:
    from kernels import (
        aim,
        copy,
        hermite,
        merge,
        move,
        part,
        read_motion,
        registers,
        take,
        tangents,
        uncobs,
        widths,
    )

__all__ = (
    "aim",
    "copy",
    "hermite",
    "merge",
    "move",
    "part",
    "read_motion",
    "registers",
    "take",
    "tangents",
    "uncobs",
    "widths",
)
