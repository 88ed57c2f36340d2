"""Settings of the board that the firmware runs on: here an ESP32-S3 with two PCA9685 boards.

Another board needs its own copy of this file and nothing else.
"""

NAME = "ESP32-S3"

# What the host is at the other end of: None, the USB cable; the number of a UART, these pins, at 115200 baud,
# with the Pi's own UART or a USB serial adapter behind them. The board is less busy then, as a UART's bytes
# come in bulk, and USB has the REPL alone.
UART_UNIT = None
UART_TX_PIN = 18
UART_RX_PIN = 21

# What the servos hang on: "pca9685" chips; "pins", the board's own (output n is SERVO_PINS[n]), for small
# heads; "log", nothing: what they would be told goes to LOG_FILE.
DRIVER = "pca9685"
SERVO_PINS = (4, 5, 6, 7, 10, 11, 12, 13)
LOG_FILE = "pulses.log"

I2C_UNIT = 0
I2C_SCL_PIN = 9
I2C_SDA_PIN = 8
# At 400 kHz 26 channels that all move take 2.5 ms of each 10 ms tick, a mouth that talks 1.3 ms; the chips
# allow 1 MHz over short wires.
I2C_FREQUENCY = 400_000

# The first chip serves outputs 0 to 15, the second 16 to 31 (its A0 jumper closed).
PCA9685_ADDRESSES = (0x40, 0x41)
# Nominally 25 MHz; chips in the trade lie between 23 and 27 MHz. Measure a pulse and set it per board.
PCA9685_OSCILLATOR_KHZ = 25_000

# A button from here to ground stops the head; None: there is none.
STOP_PIN = 15
# A button from here to ground plays a show; a cue pulls the other pin to ground for 0.1 s, so that a sound
# module starts its track. None: there is none.
PLAY_PIN = 16
CUE_PIN = 17
# The servos' supply over a divider to an ADC pin; None: it is not measured. Full scale is what 3.1 V at the
# pin, the most that this one reads, stand for: 3100 mV times (10k + 4.7k) / 4.7k.
SUPPLY_PIN = None
SUPPLY_ADC = {"atten": 3}  # ADC.ATTN_11DB: up to 3.1 V
SUPPLY_FULL_SCALE_MV = 9_696
SUPPLY_LOW_MV = 4_300
SUPPLY_GOOD_MV = 4_700
# The processor restarts when the firmware has been silent for so long; 0: it does not.
WATCHDOG_MS = 2_000

PROFILE_FILE = "profile.bin"
