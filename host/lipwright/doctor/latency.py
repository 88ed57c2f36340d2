"""``lipwright doctor --latency``: how late the speakers are, by a microphone; kept for the service."""

from __future__ import annotations

import sys

from tqdm import tqdm

from lipwright.files import write_report
from lipwright.live import latency
from lipwright.service.places import state_folder

# What people notice: ITU-R BT.1359 has lips that come 45 ms too early, or 125 ms too late, as noticed.
NOTICED_S = 0.045


def measure(where: str | None) -> None:
    """Clicks for some seconds, says what was found, and keeps it. Raises LipwrightError."""
    print("Clicks will be heard for seven seconds; put the microphone where the head is.", file=sys.stderr)
    tenths = round((latency.PROBES + 1) * latency.EVERY_S * 10)
    bar_format = "{desc} {percentage:3.0f} % |{bar}|"
    with tqdm(total=tenths, desc="clicking", leave=False, bar_format=bar_format) as bar:
        found = latency.measure(lambda tenth: bar.update(1))
    folder = state_folder()
    latency.save(found, folder)
    late_ms = 1000 * found.extra_s
    print(
        f"{found.speaker}, heard by {found.microphone}: {abs(late_ms):.0f} ms"
        f" {'later' if late_ms >= 0 else 'sooner'} than its driver says"
        f" ({found.found} of {latency.PROBES} clicks agree, to {1000 * found.spread_s:.0f} ms).",
        file=sys.stderr,
    )
    noticed = "would be noticed" if abs(found.extra_s) > NOTICED_S else "would hardly be noticed"
    print(f"That {noticed}; from its next start on, `lipwright serve` makes up for it.", file=sys.stderr)
    report = {
        "extra_ms": round(late_ms, 1),
        "spread_ms": round(1000 * found.spread_s, 1),
        "clicks_found": found.found,
        "speaker": found.speaker,
        "microphone": found.microphone,
    }
    write_report(report, where)
