"""Starts the firmware in a process of the simulation:

start.py PROGRAM real|virtual START_MS GRANTS RECORDS FOLDER...

PROGRAM is the module to run, GRANTS and RECORDS are inherited file descriptors, and the folders come first
on the module path, in this order; but the last comes last, as it may hold much else (an installed package's).
"""

import sys

sys.path[0:0] = sys.argv[6:-1]
sys.path.append(sys.argv[-1])

import micropython  # noqa: E402
import simulation  # noqa: E402

micropython.kbd_intr(-1)
simulation.connect(sys.argv[2] == "virtual", int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
__import__(sys.argv[1]).run()
