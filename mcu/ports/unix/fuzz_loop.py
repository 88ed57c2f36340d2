"""What the fuzzers share: rounds, and the lines on standard output that tell the parent how they go.

The parent writes one line of JSON, {"seed", "rounds", "inputs", "traced"}, to standard input. A round has a
seed of its own, the next one after the round before, so that any round can be run again by itself. Lines of
JSON go back: {"round", "inputs", "digest", ...} after each one, and {"broken", "seed", "input"} when a
property does not hold, which ends the run. Traced, each input is told before it is tried: for inputs that
kill the interpreter.
"""

import binascii
import gc
import json
import sys

# A collection that scans the stack may find old pointers there and keep what nobody uses. A leak of two bytes
# an input is more than this after one round.
SLACK = 8192


class Broken(Exception):
    """A property does not hold; the text says which and how."""


class Tracer:
    """Knows the input that is being tried. strict: what is slow to check is checked each time."""

    def __init__(self, traced):
        self.strict = traced
        self._traced = traced
        self.input = b""

    def begin(self, data):
        """These bytes are tried next."""
        self.input = data
        if self._traced:
            tell({"input": to_hex(data)})


def to_hex(data):
    """Bytes as hexadecimal digits."""
    return binascii.hexlify(data).decode()


def tell(message):
    """One line to the parent."""
    print(json.dumps(message))
    if hasattr(sys.stdout, "flush"):
        sys.stdout.flush()


def memory():
    """Bytes in use after a collection; on CPython, blocks."""
    gc.collect()
    if sys.implementation.name == "micropython":
        return gc.mem_alloc()
    return sys.getallocatedblocks()


def run(run_round):
    """Runs what the parent asks for. `run_round(seed, inputs, tracer)` returns a dict with its "digest"."""
    asked = json.loads(sys.stdin.readline())
    most = 0
    for number in range(asked["rounds"]):
        seed = asked["seed"] + number
        tracer = Tracer(asked["traced"])
        try:
            told = run_round(seed, asked["inputs"], tracer)
            told["round"] = number
            tell(told)
            used = memory()
            if number < 3:
                most = max(most, used)
            elif used > most + SLACK:
                raise Broken(f"memory grows from round to round: {used} bytes are in use, {most} were")
        except Exception as error:
            gc.enable()  # it may have broken while memory was watched
            if not tracer.strict:
                tracer, error = _again(run_round, seed, asked["inputs"], tracer, error)
            text = str(error) if isinstance(error, Broken) else "an exception: " + _describe(error)
            tell({"broken": text, "seed": seed, "input": to_hex(tracer.input)})
            return


def _again(run_round, seed, inputs, tracer, error):
    """Runs a broken round once more, strictly, to tell which input it was."""
    strict = Tracer(False)
    strict.strict = True
    try:
        run_round(seed, inputs, strict)
    except Exception as same:
        gc.enable()
        return strict, same
    return tracer, error


def _describe(error):
    if sys.implementation.name == "micropython":
        import io

        text = io.StringIO()
        sys.print_exception(error, text)
        return text.getvalue()
    import traceback

    return "".join(traceback.format_exception(type(error), error, error.__traceback__))
