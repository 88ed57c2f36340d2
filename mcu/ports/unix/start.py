"""Starts the firmware in a process of the simulation: start.py real|virtual START_MS GRANTS RECORDS FOLDER...

GRANTS and RECORDS are inherited file descriptors; the folders come first on the module path, in this order.
"""

import sys

sys.path[0:0] = sys.argv[5:]

import micropython  # noqa: E402
import simulation  # noqa: E402

micropython.kbd_intr(-1)
simulation.connect(sys.argv[1] == "virtual", int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

import main  # noqa: E402

main.run()
