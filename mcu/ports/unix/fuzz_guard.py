"""Margins around the firmware's buffers: viper writes wherever it is told to, and nobody would notice."""

from array import array

_PATTERN = b"\xa5\x5a" * 128

_LATEST = 4  # margins of what a board has made since it was built: of its latest profile

_margins = []  # pairs: as it is, as it ought to be
_built = 0


def guard(modules):
    """From now on, what these modules make with `bytearray` and `array` lies between margins."""
    for module in modules:
        module.bytearray = _bytearray
        module.array = _array


def forget():
    """Lets go of the buffers made so far, for a board that is built anew."""
    global _built
    _margins.clear()
    _built = 0


def built():
    """The board is there: what it makes from now on takes the place of what it made before."""
    global _built
    _built = len(_margins)


def intact():
    """Whether nothing has been written beside any buffer."""
    return all(margin == pattern for margin, pattern in _margins)


def _bytearray(source=0):
    return _guarded("B", bytes(source))


def _array(code, source=b""):
    return _guarded(code, source if isinstance(source, bytes) else bytes(array(code, source)))


def _guarded(code, content):
    pattern = array(code, _PATTERN)
    margin = len(pattern)
    arena = memoryview(array(code, _PATTERN + content + _PATTERN))
    end = len(arena) - margin
    if _built and len(_margins) >= _built + _LATEST:
        del _margins[_built : _built + 2]
    _margins.append((arena[:margin], pattern))
    _margins.append((arena[end:], pattern))
    return arena[margin:end]
