"""What MicroPython runs when the board gets power: the firmware."""

import micropython

# Before the rest is loaded: a host may be greeting already, and every greeting has a byte 3 in it, which
# would interrupt and leave the board without its firmware.
micropython.kbd_intr(-1)

import firmware

firmware.run()
