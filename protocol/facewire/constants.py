"""Numbers of the wire that both ends share: message types, limits, states, causes.

Runs unchanged on MicroPython and CPython. protocol/README.md says what they mean;
facewire.cddl has the shape of every message.
"""

PROTOCOL_VERSION = 2
# CRC-32 of facewire.cddl without comments and white space; a test keeps it true.
SCHEMA_HASH = 0x82B9B0AF

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
FILE_BEGIN = 20
FILE_PART = 21
FILE_END = 22
FILE_LIST = 23
FILE_INFO = 24
FILE_DELETE = 25
SHOW_PLAY = 26
UPDATE = 27

MAX_CHANNELS = 32
MAX_PAYLOAD_BYTES = 1024  # one message as CBOR, without its CRC
MAX_WIRE_BYTES = 1034  # the same with CRC-32, COBS (at most 5 bytes here) and the closing zero
MAX_TEXT_BYTES = 64
MAX_PART_BYTES = 512  # of a file, in one message
MAX_NAME_BYTES = 32  # of a file, its folder included
MAX_DEPTH = 4  # nested arrays

# A show as a file; protocol/README.md has its format.
SHOW_MAGIC = b"show"
SHOW_VERSION = 1
# Magic, CRC-32 of all that follows it, version, channels, cues, 0, profile's CRC-32, duration in ms, frames.
SHOW_HEADER = "<4sIBBBBIII"
SHOW_CRC_FROM = 8  # where that CRC-32 begins
SHOW_CUE = "<IB"  # ms from the first frame, number
SHOW_WINDOW_BITS = 10  # of the compression: the board needs 1 KB to undo it
SHOW_CHANGE_BIAS = 128  # changes are -127 to 127, stored with this added; a 0 stands for a whole position

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
RANGE_MIN_US = 20  # less is no range, and may hold no step of the pulse
SPEED_MIN = 5  # percent of the range per second
SPEED_MAX = 10000
ACCELERATION_MAX = 20000  # ranges per second, per second; at least 1
GROUP_MAX = 7
TICK_RATES_HZ = (50, 100, 200)
MAX_COLLISIONS = 16
MAX_TERMS = 6  # channels in one collision
WEIGHT_BIAS = 128  # weights are -127 to 127, sent with this added
SUM_BIAS = 1 << 27  # the most that a sum may be is sent with this added, in weights times 65536ths of a range

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
CAUSE_BUTTON = 8
CAUSE_SUPPLY = 9
CAUSE_SHOW = 10
CAUSE_NAMES = (
    "boot",
    "frames",
    "silence",
    "park",
    "stop",
    "profile",
    "session",
    "bus",
    "button",
    "supply",
    "show",
)

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
REASON_BUTTON = 6  # the stop button is pressed
REASON_BUSY = 7  # the head moves; files are written while it is still
REASON_FILE = 8  # no such file, not the bytes that were announced, or not a name for a file
REASON_SHOW = 9  # not a show, or one for another head
REASON_NAMES = (
    "",
    "unknown",
    "shape",
    "profile",
    "no_profile",
    "storage",
    "button",
    "busy",
    "file",
    "show",
)
