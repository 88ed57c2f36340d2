"""Settings of the board that the firmware runs on: here a Raspberry Pi Pico with two PCA9685 boards.

Another board needs its own copy of this file and nothing else.
"""

NAME = "Raspberry Pi Pico"

I2C_UNIT = 0
I2C_SCL_PIN = 5
I2C_SDA_PIN = 4
# 26 channels take 2.5 ms of each 10 ms tick at 400 kHz; the chips allow 1 MHz over short wires.
I2C_FREQUENCY = 400_000

# The first chip serves outputs 0 to 15, the second 16 to 31 (its A0 jumper closed).
PCA9685_ADDRESSES = (0x40, 0x41)
# Nominally 25 MHz; chips in the trade lie between 23 and 27 MHz. Measure a pulse and set it per board.
PCA9685_OSCILLATOR_KHZ = 25_000

PROFILE_FILE = "profile.bin"
