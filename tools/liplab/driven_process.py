"""Programs that drive the firmware inside its interpreter (mcu/ports/unix/driven.py), started from here."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from liplab.firmware_process import INTERPRETERS as ALL_INTERPRETERS
from liplab.firmware_process import interpreter_command, module_path

INTERPRETERS = ALL_INTERPRETERS[1:]  # without "auto": each is named
# More than on a board: the program that drives the firmware lives in the same heap.
HEAP_KILOBYTES = 1024
SILENCE_S = 120.0


class Died(Exception):
    """The interpreter ended in the middle, or was caught in a loop; the text says how."""


def command(
    interpreter: str, program: str, flash: Path, heap_kilobytes: int = HEAP_KILOBYTES
) -> tuple[list[str], str]:
    """What runs a program of mcu/ports/unix with `flash` as its file system, and the interpreter in words.

    Modules in `flash` come before the shipped ones. Standard input and output are the program's. Raises
    LipwrightError where the interpreter is not to be had.
    """
    start, name = interpreter_command(interpreter, program, heap_kilobytes)
    ties = ["virtual", "0", "2", "2"]  # a clock that stands, and no simulation at the other end
    return [*start, program, *ties, *module_path(name, flash)], name


def talk(
    interpreter: str, program: str, asked: Mapping[str, Any], modules: Path | None = None
) -> Iterator[dict[str, Any]]:
    """Asks a program by one line of JSON, and gives the lines that come back, until it ends.

    Modules in the folder `modules` come before the shipped ones. Raises Died when it ends with an error or
    says nothing for SILENCE_S.
    """
    with (
        tempfile.TemporaryDirectory(prefix="lipwright-driven-") as folder,
        tempfile.TemporaryFile() as errors,
    ):
        flash = Path(folder)
        if modules is not None:
            shutil.copytree(modules, flash, dirs_exist_ok=True)
        process = subprocess.Popen(
            command(interpreter, program, flash)[0],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=flash,
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        assert process.stdin and process.stdout
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps(asked).encode() + b"\n")
                process.stdin.flush()
            for line in _lines(process.stdout.fileno()):
                yield json.loads(line)
            code = process.wait()
            errors.seek(0)
            if code:
                said = errors.read()[-2000:].decode(errors="replace").strip()
                raise Died(f"the interpreter ended with exit code {code}: {said or 'no message'}")
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def _lines(descriptor: int) -> Iterator[bytes]:
    begun = b""
    while True:
        if not select.select([descriptor], [], [], SILENCE_S)[0]:
            raise Died(f"the interpreter has said nothing for {SILENCE_S:.0f} s: it is caught in a loop")
        chunk = os.read(descriptor, 1 << 16)
        if not chunk:
            return
        *whole, begun = (begun + chunk).split(b"\n")
        yield from whole


def interpreter_name(interpreter: str) -> str:
    """The interpreter in words. Raises LipwrightError where it is not to be had."""
    return command(interpreter, "", Path())[1]
