"""``liplab bench live``: the running service in real time: late frames, memory, processor, offset.

`lipwright serve` runs as a process of its own, on a board without a board that this process simulates, with
the head on it. It speaks a clip again and again, through its Unix socket, in real time. Where PulseAudio is
installed it plays into a sound card that goes nowhere, which is recorded here: so the offset is that of the
lips, after the actuator, against the sound as it came out. With a microphone, the clip plays on that sound
card, and the service hears it: then the delay counts from the sound to the jaw servo's registers.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tqdm import tqdm

from liplab.bench import show_figures
from liplab.bus import ADDRESSES
from liplab.family import end_with_parent
from liplab.scores import RATE_HZ, Track, lags_ms, resample
from liplab.sound_server import SoundServer
from liplab.stage import APERTURE, SimulatedStage
from lipwright import resources
from lipwright.audio.decode import RATE, Sound, open_sound
from lipwright.errors import LipwrightError
from lipwright.face.model import FaceModel
from lipwright.face.profile import HeadProfile, load_profile
from lipwright.lips.model import LipModel
from lipwright.live.engine import LIVE_AHEAD_S
from lipwright.live.recording import Recording
from lipwright.live.service_socket import NAME, SPOKEN
from lipwright.performance import Performer, poses_of

LOOK_EVERY_S = 1.0
START_S = 30.0
BREAK_S = 0.7  # between two clips
# Memory is compared with that after these times: when all has been used once, and when the clock's window of
# seven minutes is full too.
SETTLED_S = {"a_minute": 60.0, "ten_minutes": 600.0}
FOUND = 0.4  # correlation from which a clip counts as found in the recording
# How long after its first byte was sent a clip can begin to be heard.
LATEST_START_S = 1.5
# Less never passes from the sound to a pulse: what the lip model looks ahead.
SURE_S = 0.080
# Of the PCA9685 (its data sheet): the first output's register for the end of its pulse, and its outputs.
LED0_OFF = 0x08
PINS = 16
ONSET = 10 ** (-40 / 20)  # from which level a clip sounds
STIRS = 2  # counts of the driver, some 10 us of pulse

EXAMPLES = """examples:
  liplab bench live --minutes 10 --load      lips against sound, while another core is busy
  liplab bench live --minutes 60 --no-head   an hour of talk: late frames, memory, processor
  liplab bench live --microphone             from the sound to the servo's pulse, and the sum of its parts
"""


def add_parser(subparsers: Any) -> None:
    """Adds ``live`` to ``liplab bench``."""
    parser = subparsers.add_parser(
        "live",
        help="run the service in real time: late frames, memory, processor, lips against sound",
        description=(__doc__ or "").split("\n\n", 1)[1],
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("clip", nargs="?", type=Path, help="what is spoken (default: the shipped sentence)")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long (default: %(default)s)")
    parser.add_argument("--load", action="store_true", help="keep one processor core busy all the time")
    parser.add_argument("--microphone", action="store_true", help="the service listens, and speaks nothing")
    parser.add_argument("--no-head", action="store_true", help="no head on the board, and no offset")
    parser.add_argument("--no-life", action="store_true", help="move nothing but the lips")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON; - for standard output")
    parser.set_defaults(do=do_bench_live)


def do_bench_live(arguments: argparse.Namespace) -> None:
    """Prints the figures, and writes them where asked."""
    sound = from_onset(open_sound(arguments.clip or resources.shipped_clip()))
    with tempfile.TemporaryDirectory(prefix="lipwright-live-") as folder, contextlib.ExitStack() as closing:
        place = Path(folder)
        try:
            server: SoundServer | None = closing.enter_context(SoundServer(place))
        except LipwrightError as error:
            print(f"no sound is played: {error}", file=sys.stderr)
            server = None
        if server is not None:
            os.environ.update(server.environment)  # this process records
        if arguments.load:
            busy = subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=end_with_parent)
            closing.callback(busy.kill)
        with tqdm(total=round(arguments.minutes * 60), unit="s", desc="speaking") as bar:
            figures = bench_live(
                sound,
                arguments.minutes * 60,
                place,
                plays=server is not None,
                head=not arguments.no_head,
                listens=arguments.microphone,
                options=["--no-life"] if arguments.no_life else [],
                progress=bar.update,
            )
    show_figures(figures, arguments.json)


def bench_live(
    sound: Sound,
    seconds: float,
    folder: Path,
    *,
    plays: bool,
    head: bool,
    listens: bool,
    options: list[str],
    progress: Callable[[float], object],
) -> dict[str, Any]:
    """Flat keys with their units. Raises LipwrightError if the service does not start, or ends."""
    profile = load_profile()
    if listens:
        options = [*options, "--microphone"]
        if not plays:
            raise LipwrightError(
                "a microphone is measured with PulseAudio: install it, as the line above says."
            )
    with contextlib.ExitStack() as closing:
        board = closing.enter_context(contextlib.closing(SimulatedStage(profile=profile, remembers=head)))
        pulses = JawPulses(board)
        speaks = plays and not listens
        service = closing.enter_context(contextlib.closing(Service(board.port, folder, speaks, options)))
        recording = Recording() if plays and head else None
        if recording is not None:
            closing.enter_context(contextlib.closing(recording))
            recording.start()
        talker: Repeater = Loudspeaker(sound, folder) if listens else Talker(sound, folder / NAME)
        closing.callback(talker.close)
        looks = [service.look()]
        talker.start()
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds:
            time.sleep(LOOK_EVERY_S)
            looks.append(service.look())
            progress(LOOK_EVERY_S)
            if talker.problem:
                raise LipwrightError(talker.problem)
        talker.close()
        figures = told(looks, passed) | {"clips_spoken": len(talker.sent_s)}
        if not listens:
            figures |= first_movements(pulses, talker.sent_s)
        if head:
            time.sleep(1.0)
            service.close()
            board.settle()
            if recording is not None:
                recording.close()
                starts = list(heard_starts(sound, recording, talker.sent_s))
                figures["clips_heard"] = len(starts)
                if listens:
                    figures |= pulses_after_sound(sound, profile, pulses, starts)
                else:
                    figures |= lips_against_sound(sound, profile, board, starts)
    return figures


class Look(dict[str, float]):
    """What the service needed and did up to a moment: time_s, processor_s, memory_mb, dropped."""


class Service:
    """`lipwright serve` in a process of its own."""

    def __init__(self, port: str, folder: Path, plays: bool, options: list[str]) -> None:
        """Returns when it is connected to the board. Raises LipwrightError if it does not come so far."""
        command = [sys.executable, "-m", "lipwright", "serve", "--port", port, "--http-port", "0", *options]
        self._log = folder / "log"
        environment = {**os.environ, "STATE_DIRECTORY": str(folder), "RUNTIME_DIRECTORY": str(folder)}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command if plays else [*command, "--mute"],
                stderr=log,
                env=environment,
                preexec_fn=end_with_parent,
            )
        deadline = time.monotonic() + START_S
        while "Connected to" not in self.log():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise LipwrightError(f"the service does not start: {self.log()}")
            time.sleep(0.1)
        self._url = self.log().partition("http://")[2].split()[0].rstrip("/")

    def log(self) -> str:
        """What it has said."""
        return self._log.read_text()

    def look(self) -> Look:
        """How it fares. Raises LipwrightError if it has ended."""
        if self.process.poll() is not None:
            raise LipwrightError(f"the service has ended: {self.log()[-2000:]}")
        # Of /proc/PID/stat: time in user and in system mode, in ticks; resident pages.
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        pages = int(fields[21])
        with urllib.request.urlopen(f"http://{self._url}/api/v1/state", timeout=5) as answer:
            snapshot = json.load(answer)["snapshot"]
        return Look(
            time_s=time.monotonic(),
            processor_s=ticks / os.sysconf("SC_CLK_TCK"),
            memory_mb=pages * os.sysconf("SC_PAGE_SIZE") / 1e6,
            dropped=snapshot["frames_dropped"],
        )

    def close(self) -> None:
        """Ends it."""
        self.process.terminate()
        self.process.wait(20)


class Repeater(ABC):
    """Has the clip sound again and again, in a thread of its own, with breaks between.

    Attributes:
        sent_s: Host times at which the first sample of each was sent.
        problem: What went wrong, in words.
    """

    def __init__(self) -> None:
        self.sent_s: list[float] = []
        self.problem = ""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begins."""
        self._thread.start()

    def close(self) -> None:
        """Ends with the clip that is sounding."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    @abstractmethod
    def once(self) -> None:
        """The clip, once; notes when it began, and what went wrong."""

    def _run(self) -> None:
        while not (self._closing.wait(BREAK_S) or self.problem):
            self.once()


class Talker(Repeater):
    """Sends the clip to the service as a microphone would: in real time, in blocks of 20 ms."""

    def __init__(self, sound: Sound, path: Path) -> None:
        super().__init__()
        samples = np.concatenate(list(sound.blocks(RATE)))
        self._data = (samples * 32767).astype("<i2").tobytes()
        self._path = path

    def once(self) -> None:
        """Speaks it, and waits until it has been heard."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self._path))
            client.sendall(b'{"rate": 16000}\n')
            begin = time.monotonic()
            self.sent_s.append(begin)
            step = RATE // 50 * 2
            for k in range(0, len(self._data), step):
                time.sleep(max(0.0, begin + k / 2 / RATE - time.monotonic()))
                client.sendall(self._data[k : k + step])
            client.shutdown(socket.SHUT_WR)
            answer = client.makefile().readline().strip()
        if answer != SPOKEN:
            self.problem = f"the service did not speak: {answer}"


class Loudspeaker(Repeater):
    """Plays the clip on the default sound card, for a microphone."""

    def __init__(self, sound: Sound, folder: Path) -> None:
        super().__init__()
        self._path = folder / "clip.wav"
        soundfile.write(self._path, np.concatenate(list(sound.blocks(RATE))), RATE)

    def once(self) -> None:
        """Plays it to its end."""
        self.sent_s.append(time.monotonic())
        if subprocess.run(["paplay", str(self._path)], check=False).returncode:
            self.problem = "paplay does not play."


def told(looks: list[Look], seconds: float) -> dict[str, Any]:
    """Figures from what was seen each second."""
    first, last = looks[0], looks[-1]
    minutes = [looks[k : k + 61] for k in range(0, len(looks) - 1, 60)]
    dropped = [part[-1]["dropped"] - part[0]["dropped"] for part in minutes]
    growth = {
        f"memory_growth_after_{name}_mb": round(last["memory_mb"] - settled["memory_mb"], 2)
        for name, after_s in SETTLED_S.items()
        if (settled := next((look for look in looks if look["time_s"] - first["time_s"] >= after_s), None))
    }
    busy = (last["processor_s"] - first["processor_s"]) / (last["time_s"] - first["time_s"])
    return {
        "minutes": round(seconds / 60, 2),
        "frames_dropped_a_minute_mean": round(float(np.mean(dropped)), 3),
        "frames_dropped_a_minute_max": int(max(dropped)),
        "processor_percent_of_one_core": round(100 * busy, 2),
        "memory_mb": round(last["memory_mb"], 1),
        **growth,
    }


class JawPulses:
    """What the jaw's servo was told, as the registers of its driver were written."""

    def __init__(self, board: SimulatedStage) -> None:
        self.times_s: list[float] = []  # host time
        self.counts: list[int] = []
        self._board = board
        output = board.profile.channels[board.profile.index("jaw")].output
        self._address = ADDRESSES[output // PINS]
        self._off = LED0_OFF + 4 * (output % PINS)
        board.on_bus_write = self._take

    def _take(self, time_us: float, address: int, register: int, data: bytes) -> None:
        place = self._off - register
        if address == self._address and 0 <= place <= len(data) - 2:
            self.times_s.append(time_us / 1e6 - self._board.head_time(0.0))
            self.counts.append(data[place] | (data[place + 1] & 15) << 8)


def from_onset(sound: Sound) -> Sound:
    """The same from its first sound on, so that one can tell how soon a head answers it."""
    samples = np.concatenate(list(sound.blocks(RATE)))
    samples = samples[np.argmax(np.abs(samples) > ONSET) :]
    return Sound(sound.path, RATE, len(samples), lambda: iter([samples[:, None]]))


def first_movements(pulses: JawPulses, sent_s: list[float]) -> dict[str, Any]:
    """From the first sound of a clip reaching the service to the jaw's first other pulse."""
    times, counts = np.asarray(pulses.times_s), np.asarray(pulses.counts)
    waits = []
    for at in sent_s:
        after = np.flatnonzero(times > at)
        moved = after[np.abs(counts[after] - counts[after[0]]) > STIRS] if len(after) else after
        if len(moved):
            waits.append(1000 * (times[moved[0]] - at))
    return {
        "first_movement_ms_median": round(float(np.median(waits)), 1) if waits else None,
        "first_movement_ms_max": round(max(waits), 1) if waits else None,
    }


def pulses_after_sound(
    sound: Sound, profile: HeadProfile, pulses: JawPulses, starts: list[float]
) -> dict[str, Any]:
    """Delay from a moment of the sound to the jaw's pulse for it, and its parts in ms."""
    performer = Performer(LipModel.load(), FaceModel.load(profile), profile, hurried=True)
    poses = list(poses_of(sound, performer, lambda heard_s: None))
    grid = np.arange(0.0, sound.duration_s, 1 / RATE_HZ)
    jaw = np.array([pose.targets[profile.index("jaw")] for pose in poses], np.float64)
    asked = resample([pose.time_s for pose in poses], jaw, grid)
    times, counts = np.asarray(pulses.times_s), np.asarray(pulses.counts, np.float64)
    delays: list[float] = []
    for start_s in starts:
        # Shifted by what is sure to pass, so that the search lies around the rest.
        actual = resample(times - start_s - SURE_S, counts / 200, grid)
        delays += [1000 * SURE_S + lag for lag in lags_ms(asked, actual)]
    parts = {
        "part_ms_lip_model_looks_ahead": 1000 * performer.lookahead_s,
        "part_ms_step_of_sound": 1000 * performer.step_s,
        "part_ms_frame_sent_ahead": 1000 * LIVE_AHEAD_S,
    }
    median = float(np.median(delays)) if delays else None
    rest = None if median is None else round(median - sum(parts.values()), 1)
    return {
        "sound_to_pulse_ms_median": None if median is None else round(median, 1),
        "sound_to_pulse_ms_p95": round(float(np.percentile(delays, 95)), 1) if delays else None,
        "sound_to_pulse_windows": len(delays),
        **{name: round(part, 1) for name, part in parts.items()},
        "part_ms_sound_card_and_waiting": rest,
    }


def lips_against_sound(
    sound: Sound, profile: HeadProfile, board: SimulatedStage, starts: list[float]
) -> dict[str, Any]:
    """Lag of the lips behind the recorded sound, by windows as everywhere (docs/architecture.md)."""
    performer = Performer(LipModel.load(), FaceModel.load(profile), profile)
    poses = list(poses_of(sound, performer, lambda heard_s: None))
    grid = np.arange(0.0, sound.duration_s + 0.2, 1 / RATE_HZ)
    asked_mm = profile.articulation.to_mm(np.array([pose.articulation for pose in poses], np.float64))
    scale = profile.articulation.aperture_mm
    asked = resample([pose.asked_s for pose in poses], asked_mm[:, APERTURE], grid) / scale
    seen = board.head.history
    times = np.asarray(seen.times_s)
    aperture = seen.articulation_mm[:, APERTURE] / scale
    lags: list[float] = []
    for start_s in starts:
        actual: Track = resample(times - board.head_time(start_s), aperture, grid)
        lags += lags_ms(asked, actual)
    figures: dict[str, Any] = {"offset_windows": len(lags)}
    if lags:
        for name, percent in (("p5", 5), ("median", 50), ("p95", 95)):
            figures[f"offset_ms_{name}"] = round(float(np.percentile(lags, percent)), 1)
        figures["offset_ms_size_p95"] = round(float(np.percentile(np.abs(lags), 95)), 1)
    return figures


def heard_starts(sound: Sound, recording: Recording, sent_s: list[float]) -> Iterator[float]:
    """Host times at which the clips that were found in the recording begin to be heard."""
    clip = np.concatenate(list(sound.blocks(RATE)))
    for at in sent_s:
        window = recording.window(at, at + LATEST_START_S + len(clip) / RATE)
        if len(window) < len(clip):
            continue
        size = len(window) + len(clip)
        product = np.fft.irfft(np.fft.rfft(window, size) * np.conj(np.fft.rfft(clip, size)), size)
        place = int(np.argmax(product[: len(window) - len(clip) + 1]))
        part = window[place : place + len(clip)]
        likeness = product[place] / (np.linalg.norm(part) * np.linalg.norm(clip) + 1e-9)
        if likeness > FOUND:
            yield at + place / RATE
