"""What the firmware uses of MicroPython's `deflate`, on CPython's zlib."""

import zlib

RAW = 1
_CHUNK_BYTES = 64


class DeflateIO:
    """Undoes the compression of a stream."""

    def __init__(self, stream, format, window_bits):
        self._stream = stream
        self._zlib = zlib.decompressobj(-window_bits)

    def readinto(self, buffer, count):
        """Fills the buffer's first `count` bytes; returns how many there were. Raises OSError on rubbish."""
        done = 0
        while done < count:
            compressed = self._zlib.unconsumed_tail or self._stream.read(_CHUNK_BYTES)
            try:
                data = self._zlib.decompress(compressed, count - done)
            except zlib.error as error:
                raise OSError(str(error)) from None
            buffer[done : done + len(data)] = data
            done += len(data)
            if self._zlib.eof or not (data or compressed):
                break
        return done
