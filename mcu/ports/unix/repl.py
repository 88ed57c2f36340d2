"""MicroPython's prompt, which every board has, for a board that is a process: what `mpremote` talks to.

repl.py START_MS GRANTS RECORDS FLASH boot|raw

START_MS, GRANTS and RECORDS are as for start.py. The folder FLASH is the root of the board's files, and what
a board has built in (`machine`) is found in this folder, as /rom. Runs main.py, then serves the prompt: a
line at a time, as people type, or whole programs (raw REPL and its raw paste). A restart is a new process, so
that memory and modules are as after power-on: this one ends with a number, and whoever started it
(firmware_process.py) starts the next. A program that runs hears no Ctrl-C unless it looks for it, as the
firmware does.
"""

import sys
import time

import descriptors
import ffi
import micropython
import simulation
import vfs
from micropython import const

RESTART = const(75)
RESTART_RAW = const(76)  # without main.py, into the raw REPL
PASTE_WINDOW = const(512)
_SET_FLAGS = const(4)  # F_SETFL of Linux
_NONBLOCK = const(0x800)
_MASK = const(0x3FFFFFFF)

CONTROL_A, CONTROL_B, CONTROL_C, CONTROL_D, CONTROL_E, RETURN = b"\x01\x02\x03\x04\x05\r"

simulation.connect(False, int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
simulation.report(simulation.STARTED, 0, 0, 0, time.ticks_us() & _MASK, 0)
# Held for the life of the process: MicroPython closes a file's descriptor when it collects the object.
_reader = descriptors.Reader(0)
_waiting = descriptors.Waiting(simulation.lifeline())
_waiting.add(_reader)
_byte = bytearray(1)
_fcntl = ffi.open(None).func("i", "fcntl", "iii")


def get():
    """The next byte that is typed."""
    while not _waiting.wait(-1):
        pass
    _reader.readinto(_byte, 1)
    return _byte[0]


def put(text):
    """Shows text."""
    sys.stdout.write(text)


def run_main(scope):
    """Runs main.py, if there is one. What the firmware reads and writes must not block; the prompt must."""
    try:
        with open("main.py") as file:
            source = file.read()
    except OSError:
        return
    _fcntl(0, _SET_FLAGS, _NONBLOCK)
    try:
        exec(compile(source, "main.py", "exec"), scope)
    except Exception as error:
        _fcntl(0, _SET_FLAGS, 0)
        sys.print_exception(error)


def serve_lines(scope):
    """Runs a line at a time; returns when Ctrl-A asks for the raw REPL."""
    line = bytearray()
    put("\r\nMicroPython on a board that is a process; Ctrl-A enters the raw REPL\r\n>>> ")
    while True:
        byte = get()
        if byte == CONTROL_A:
            return
        if byte == CONTROL_D:
            put("\r\nMPY: soft reboot\r\n")
            raise SystemExit(RESTART)
        if byte >= 0x20:
            line.append(byte)
            put(chr(byte))
        elif byte in (RETURN, CONTROL_C):
            put("\r\n")
            if byte == RETURN and line:
                execute(line, "single", scope, "")
            line = bytearray()
            put(">>> ")


def serve_programs(scope):
    """Runs whole programs; returns when Ctrl-B asks for the friendly prompt."""
    source = bytearray()
    put("raw REPL; CTRL-B to exit\r\n>")
    while True:
        byte = get()
        if byte == CONTROL_A:
            source = bytearray()
            put("raw REPL; CTRL-B to exit\r\n>")
        elif byte == CONTROL_B:
            return
        elif byte == CONTROL_C:
            source = bytearray()
        elif byte == CONTROL_E and not source:
            get()
            get()  # the rest of the question whether this REPL takes a paste
            run_program(paste(), scope, "\x04")
        elif byte != CONTROL_D:
            source.append(byte)
        elif source:
            run_program(source, scope, "OK")
            source = bytearray()
        else:
            put("OK\r\nMPY: soft reboot\r\n")
            raise SystemExit(RESTART_RAW)


def run_program(source, scope, acknowledgement):
    """Runs a program that has arrived whole; what it shows ends with 4, and so does its error."""
    put(acknowledgement)
    put("\x04>" if execute(source, "exec", scope, "\x04") else "\x04\x04>")


def paste():
    """A program that comes in windows, each of which is asked for."""
    source = bytearray()
    put("R\x01" + chr(PASTE_WINDOW & 0xFF) + chr(PASTE_WINDOW >> 8))
    while True:
        byte = get()
        if byte == CONTROL_D:
            return source
        if byte == CONTROL_C:
            return bytearray()
        source.append(byte)
        if len(source) % PASTE_WINDOW == 0:
            put("\x01")


def execute(source, kind, scope, before_error):
    """Runs a program or a line; returns whether it went wrong, after showing how."""
    try:
        exec(compile(source.decode(), "<stdin>", kind), scope)
        return False
    except Exception as error:
        put(before_error)
        sys.print_exception(error)
        return True


def serve(raw):
    """The life of a board between two restarts."""
    scope = {"__name__": "__main__"}
    if not raw:
        run_main(scope)
    _fcntl(0, _SET_FLAGS, 0)
    while True:
        if not raw:
            serve_lines(scope)
        raw = False
        serve_programs(scope)


micropython.kbd_intr(-1)
_rom = __file__.rpartition("/")[0]
vfs.umount("/")
vfs.mount(vfs.VfsPosix(sys.argv[4]), "/")
vfs.mount(vfs.VfsPosix(_rom), "/rom")
sys.path[:] = ["", ".frozen", "/rom"]
_waiting.wait(0)  # ends the process if the parent has gone, lest it restart for ever
try:
    serve(sys.argv[5] == "raw")
except SystemExit as end:  # machine.reset(), a program that ends itself, or a parent that has gone
    sys.exit(RESTART_RAW if end.args == (RESTART_RAW,) else RESTART)
