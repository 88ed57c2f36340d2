"""Numbers of the wire that both ends share: message types, limits, states, causes.

Runs unchanged on MicroPython and CPython. protocol/README.md says what they mean;
facewire.cddl has the shape of every message.
"""

PROTOCOL_VERSION = 1
# CRC-32 of facewire.cddl without comments and white space; a test keeps it true.
SCHEMA_HASH = 0x29AED62

# Message types: the first element of every message.
FULL_FRAME = 1
COMPACT_FRAME = 2
HELLO = 3
SYNC = 4
PROFILE = 5
PARK = 6
STOP = 7
STATUS_REQUEST = 8
ACK = 10
REFUSED = 11
BOARD_INFO = 13
SYNC_REPLY = 14
STATUS = 18

MAX_CHANNELS = 32
MAX_PAYLOAD_BYTES = 512  # one message as CBOR, without its CRC
MAX_WIRE_BYTES = 520  # the same with CRC-32, COBS (at most 3 bytes here) and the closing zero
MAX_TEXT_BYTES = 64
MAX_DEPTH = 4  # nested arrays

SEQUENCE_MASK = 0xFFFF
BASE_INTERVAL = 32  # full frames whose sequence is a multiple of this are what compact frames build on
TICKS_MASK = 0x3FFFFFFF  # board milliseconds and every counter: 30 bits, MicroPython's ticks
POSITION_MAX = 4095

MAX_AHEAD_MS = 2000  # a frame further in the future is absurd and refused
MAX_BEHIND_MS = 10000  # a frame further in the past is absurd; nearer, it is late
MAX_BASE_AGE_MS = 10000  # a base older than this is forgotten, long before sequence numbers come round

# Limits of a head profile. Pulses beyond 400 to 2600 us reach no hobby servo's range.
PWM_HZ_MIN = 40
PWM_HZ_MAX = 333
OUTPUT_MAX = 31
PULSE_MIN_US = 400
PULSE_MAX_US = 2600
SPEED_MIN = 20  # percent of the range per second
SPEED_MAX = 10000

# States of the board. No pulses up to REARMING, pulses from EASING on; a track of frames from FOLLOWING on.
UNCONFIGURED = 0
STOPPED = 1
RELEASED = 2
REARMING = 3
EASING = 4
RESTING = 5
FOLLOWING = 6
HOLDING = 7
STATE_NAMES = (
    "unconfigured",
    "stopped",
    "released",
    "rearming",
    "easing",
    "resting",
    "following",
    "holding",
)

# Why the board is in the state that it is in.
CAUSE_BOOT = 0
CAUSE_FRAMES = 1
CAUSE_SILENCE = 2
CAUSE_PARK = 3
CAUSE_STOP = 4
CAUSE_PROFILE = 5
CAUSE_SESSION = 6
CAUSE_BUS = 7
CAUSE_NAMES = ("boot", "frames", "silence", "park", "stop", "profile", "session", "bus")

# Why a motion frame that arrived whole was dropped: index into the status message's list of counts.
DROP_LATE = 0
DROP_ORPHAN = 1
DROP_RING_FULL = 2
DROP_ABSURD_TIME = 3
DROP_ORDER = 4
DROP_CHANNELS = 5
DROP_NOT_READY = 6
DROP_FLUSHED = 7
DROP_NAMES = ("late", "orphan", "ring_full", "absurd_time", "order", "channels", "not_ready", "flushed")

# Why a request was refused.
REASON_UNKNOWN = 1  # no such message type
REASON_SHAPE = 2  # the message has not the shape that its type asks for
REASON_PROFILE = 3  # the profile breaks a limit; the text says which
REASON_NO_PROFILE = 4  # nothing moves before a profile is known
REASON_STORAGE = 5  # the profile is in use but could not be kept on flash
REASON_NAMES = ("", "unknown", "shape", "profile", "no_profile", "storage")
