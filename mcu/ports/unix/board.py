"""Settings of the board without a board: the servo drivers of the reference head on an emulated bus."""

NAME = "simulated board"

UART_UNIT = None
UART_TX_PIN = 0
UART_RX_PIN = 1

DRIVER = "pca9685"
SERVO_PINS = ()
LOG_FILE = "pulses.log"

I2C_UNIT = 0
I2C_SCL_PIN = 5
I2C_SDA_PIN = 4
I2C_FREQUENCY = 400_000

PCA9685_ADDRESSES = (0x40, 0x41)
PCA9685_OSCILLATOR_KHZ = 25_000

STOP_PIN = None
PLAY_PIN = None
CUE_PIN = None
SUPPLY_PIN = None
SUPPLY_ADC: "dict[str, int]" = {}
SUPPLY_FULL_SCALE_MV = 10_321
SUPPLY_LOW_MV = 4_300
SUPPLY_GOOD_MV = 4_700
WATCHDOG_MS = 0

PROFILE_FILE = "profile.bin"
