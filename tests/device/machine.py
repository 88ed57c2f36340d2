"""A bus that the test listens to and can pull the chips off."""

writes = []  # (address, register, bytes), as long as `recording`
recording = False
plugged_in = True
levels = {}  # by pin number; 1 where nothing is said
supply = 65535  # what every ADC reads


class Pin:
    IN = 0
    OPEN_DRAIN = 2
    PULL_UP = 1

    def __init__(self, number, mode=IN, pull=None, value=None):
        self.number = number
        if value is not None:
            levels[number] = value

    def value(self, new=None):
        if new is None:
            return levels.get(self.number, 1)
        levels[self.number] = new


class ADC:
    def __init__(self, pin):
        pass

    def read_u16(self):
        return supply


pwm_told = {}  # by pin: pulse width in ns, 0 for none


class PWM:
    def __init__(self, pin, *, freq, duty_u16):
        self.pin = pin.number
        self.freq = freq
        pwm_told[self.pin] = 0

    def duty_ns(self, width):
        pwm_told[self.pin] = width

    def duty_u16(self, duty):
        assert duty == 0
        pwm_told[self.pin] = 0

    def deinit(self):
        del pwm_told[self.pin]


class WDT:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class I2C:
    def __init__(self, unit, *, scl, sda, freq):
        self.freq = freq

    def writeto_mem(self, address, register, data):
        if not plugged_in:
            raise OSError(19)
        if recording:
            writes.append((address, register, bytes(data)))


def reset():
    raise SystemExit
