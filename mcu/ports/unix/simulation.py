"""What ties this process to the simulation that started it: two pipes and the kind of time.

To the parent go records of 12 bytes, little endian: kind, unit, address, register (a byte each), board time
in microseconds (30 bits) and the number of bytes that follow. From the parent come, in virtual time, grants
of 8 bytes: microseconds that may pass and bytes that have arrived. When the parent has gone, so has this.
"""

import struct

import descriptors
from micropython import const

STARTED = const(0)  # time: the machine's own clock at board time 0
BUS_WRITE = const(1)  # unit: bus, address and register; the data follow
PAUSED = const(2)  # virtual time: the grant is used up; the length is the bytes written to the wire
MEASURED_TICK = const(3)  # time: how long a tick took, in us; the length is the bytes that it allocated
MEASURED_READ = const(4)  # the same of reading a motion frame

_RECORD = "<BBBBII"
_GRANT = "<II"

virtual = False
start_ms = 0
_record = bytearray(12)
_grant = bytearray(8)
_to_parent = None
_from_parent = None


def connect(is_virtual, board_start_ms, grants_descriptor, records_descriptor):
    """Takes over the inherited pipes; to be called before `clock` and `serial_port` are imported."""
    global virtual, start_ms, _to_parent, _from_parent
    virtual = is_virtual
    start_ms = board_start_ms
    _from_parent = descriptors.Reader(grants_descriptor)
    _to_parent = descriptors.Writer(records_descriptor)


def lifeline():
    """The reader that becomes ready, in real time, only when the parent has gone."""
    return _from_parent


def report(kind, unit, address, register, time_us, length, data=None):
    """Sends one record, and its data if there are any."""
    struct.pack_into(_RECORD, _record, 0, kind, unit, address, register, time_us, length)
    _to_parent.write(_record)
    if data is not None:
        _to_parent.write(data)


def next_grant():
    """Waits for the parent's next grant: (microseconds that may pass, bytes that have arrived)."""
    if _from_parent.readinto(_grant, 8) != 8:
        raise SystemExit
    return struct.unpack(_GRANT, _grant)
