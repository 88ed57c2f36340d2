"""The firmware as a process of its own, on a pty: started, watched, and ended with whoever started it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import tempfile
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import facewire
from liplab.micropython import find_micropython, get_micropython
from lipwright.errors import LipwrightError
from lipwright.resources import firmware_dir

INTERPRETERS = ("auto", "micropython64", "micropython32", "cpython")
# The program of a board that has no firmware but what lies on its flash.
REPL = "repl"
# Starts that board anew whenever it restarts: mcu/ports/unix/repl.py says what its exit codes ask for. With
# 142 (SIGALRM) its watchdog has ended it.
RESTARTER = """
mode=boot
while true; do
  "$@" $mode
  case $? in
    75 | 142) mode=boot ;;
    76) mode=raw ;;
    *) exit $? ;;
  esac
done
"""
# What MicroPython 1.25 leaves to programs of an RP2040's 264 KB; a 64-bit machine's words are twice as wide.
HEAP_KILOBYTES = {32: 192, 64: 384}
# Records wait here while the simulated head is busy: about a minute of them.
PIPE_BYTES = 1 << 20
F_SETPIPE_SZ = 1031
# Longer than any tick, boot or collection takes on a loaded machine.
SILENCE_S = 20.0
EXIT_S = 2.0

# Kinds of record: see mcu/ports/unix/simulation.py.
STARTED, BUS_WRITE, PAUSED, MEASURED_TICK, MEASURED_READ = range(5)
_RECORD = struct.Struct("<BBBBII")
_GRANT = struct.Struct("<II")


class Record(NamedTuple):
    """What the firmware's process reports. `time_us` is board time, 30 bits."""

    kind: int
    unit: int
    address: int
    register: int
    time_us: int
    length: int
    data: bytes


class FirmwareProcess:
    """A running firmware.

    Attributes:
        interpreter: What runs it, in words.
        port: Path of the pty's other end, for any host program to open.
        wire: A descriptor of that end, which keeps the pty alive while no host program has it open.
    """

    def __init__(
        self, interpreter: str, virtual: bool, start_ms: int, flash: Path | None, program: str
    ) -> None:
        """Starts the firmware. `flash` is its file system (default: an empty one that goes with the process);
        modules in it come before the shipped ones. `program` is the module to run; `REPL` runs what is on
        `flash` and nothing else, as a board does, and only in real time.

        Raises LipwrightError if the interpreter is not to be had.
        """
        if program == REPL and virtual:
            raise ValueError("the REPL runs in real time only")
        command, self.interpreter = interpreter_command(interpreter, program)
        with contextlib.ExitStack() as opened:
            if flash is None:
                flash = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="lipwright-board-")))
            self._stderr = opened.enter_context(tempfile.TemporaryFile())
            board_end, self.wire = pty.openpty()
            opened.callback(os.close, self.wire)
            grants_in, self._grants = os.pipe()
            opened.callback(self._close_grants)
            self._records, records_out = os.pipe()
            opened.callback(os.close, self._records)
            try:
                with contextlib.suppress(OSError):  # a smaller pipe does, while the head keeps up
                    fcntl.fcntl(records_out, F_SETPIPE_SZ, PIPE_BYTES)
                tty.setraw(self.wire)
                self.port = os.ttyname(self.wire)
                if not virtual:
                    os.set_blocking(board_end, False)
                ties = [str(start_ms), str(grants_in), str(records_out)]
                if program == REPL:
                    command = ["sh", "-c", RESTARTER, "sh", *command, *ties, str(flash.resolve())]
                else:
                    kind = "virtual" if virtual else "real"
                    command = [*command, program, kind, *ties, *module_path(self.interpreter, flash)]
                self._process = subprocess.Popen(
                    command,
                    stdin=board_end,
                    stdout=board_end,
                    stderr=self._stderr,
                    cwd=flash,
                    pass_fds=(grants_in, records_out),
                    start_new_session=True,  # Ctrl-C in the terminal is the parent's to handle
                )
            finally:
                for descriptor in (board_end, grants_in, records_out):
                    os.close(descriptor)
            opened.callback(self._end)
            self._opened = opened.pop_all()
        self._readable = select.poll()
        self._readable.register(self._records, select.POLLIN)
        self._pending = b""

    def close(self) -> None:
        """Ends the firmware and lets go of everything. May be called twice."""
        self._opened.close()

    def stop(self) -> None:
        """Ends the firmware; what it reported before can still be read."""
        self._end()

    def grant(self, duration_us: int, arrived_bytes: int) -> None:
        """Virtual time: lets the board's clock run on, and tells it that these bytes are on the wire."""
        try:
            os.write(self._grants, _GRANT.pack(duration_us, arrived_bytes))
        except OSError:
            raise self.death() from None

    def records(self, timeout_s: float | None) -> Iterator[Record]:
        """The records that have arrived, after waiting for the first of them.

        There are none if `timeout_s` has passed. Raises LipwrightError if the firmware must answer
        (`timeout_s` None) and does not, or has ended, and then with what it wrote to its error output.
        """
        if not self._readable.poll((SILENCE_S if timeout_s is None else timeout_s) * 1000):
            if timeout_s is None:
                raise LipwrightError(
                    f"the firmware has not answered for {SILENCE_S:.0f} s: it is caught in a loop."
                )
            return
        chunk = os.read(self._records, PIPE_BYTES)
        if not chunk:
            raise self.death()
        data = self._pending + chunk
        position, end = 0, len(data)
        while end - position >= _RECORD.size:
            kind, unit, address, register, time_us, length = _RECORD.unpack_from(data, position)
            start = position + _RECORD.size
            follow = length if kind == BUS_WRITE else 0
            if end - start < follow:
                break
            position = start + follow
            yield Record(kind, unit, address, register, time_us, length, data[start:position])
        self._pending = data[position:]

    def death(self) -> LipwrightError:
        """The error that says how the firmware ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_S)
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip()
        return LipwrightError(
            f"the firmware ended (exit code {self._process.returncode}): {said or 'no message'}"
        )

    def _end(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _close_grants(self) -> None:
        os.close(self._grants)


def interpreter_command(
    interpreter: str, program: str, heap_kilobytes: int | None = None
) -> tuple[list[str], str]:
    """What to start for a program, up to the script, and the interpreter in words.

    `heap_kilobytes`: without it, what a board has. Raises LipwrightError if the interpreter is not to be had.
    """
    if interpreter not in INTERPRETERS:
        raise LipwrightError(f"no interpreter {interpreter!r}; choose one of {', '.join(INTERPRETERS)}.")
    script = str(firmware_dir() / "ports" / "unix" / ("repl.py" if program == REPL else "start.py"))
    if interpreter != "cpython":
        bits = 32 if interpreter == "micropython32" else 64
        found = find_micropython(bits) if interpreter == "auto" else get_micropython(bits)
        if found is not None:
            heap = f"heapsize={heap_kilobytes or HEAP_KILOBYTES[bits]}k"
            return [*found.command, "-X", heap, script], f"MicroPython {found.version} ({bits}-bit)"
    if program == REPL:
        raise LipwrightError(
            "a board with files of its own needs MicroPython: `sudo apt install micropython`."
        )
    version = ".".join(str(part) for part in sys.version_info[:3])
    return [sys.executable, "-B", "-S", "-E", script], f"CPython {version} with a shim"


def module_path(interpreter: str, flash: Path) -> list[str]:
    """The folders that start.py puts on the module path, for an interpreter in words; `flash` comes before
    the shipped modules."""
    firmware = firmware_dir()
    ports = ["unix"] if interpreter.startswith("MicroPython") else ["cpython", "unix"]
    protocol = Path(facewire.__file__).parent.parent
    shims = [firmware / "ports" / port for port in ports]
    return [str(folder) for folder in (*shims, flash.resolve(), firmware, protocol)]
