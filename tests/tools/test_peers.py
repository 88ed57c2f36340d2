"""Peers in the evaluation's table: pinned, drawn with our lips, fed as by a browser, imported by nothing."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tomllib

from liplab.speech.phones import load_phones, sidecar
from liplab.speech.utterance import SAMPLE_RATE, Utterance
from lipwright.audio.decode import open_sound
from lipwright.resources import shipped_clip

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "tools/peers"
FOLDERS = sorted(path.parent for path in PEERS.glob("*/peer.toml"))
NEAR_CLOSED = 0.05  # 1 mm of the reference head
EXCERPT_S = 3

each_peer = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def module(name):
    spec = importlib.util.spec_from_file_location(name, PEERS / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def run_node(script, folder):
    """What a script prints as JSON; its imports start at tools/peers/shared."""
    if shutil.which("node") is None:
        pytest.skip("NOT TESTED without node")
    path = folder / "script.mjs"
    path.write_text(script.replace("SHARED", str(PEERS / "shared")))
    done = subprocess.run(["node", path.name, "jobs.json"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout or "null")


def test_there_are_peers():
    assert {"headaudio", "rhubarb", "wlipsync"} <= {folder.name for folder in FOLDERS}


@each_peer
def test_the_named_version_is_the_one_that_gets_installed(folder):
    peer = tomllib.loads((folder / "peer.toml").read_text(encoding="utf-8"))
    assert set(peer) == {"name", "version", "licence", "home", "install", "run"}
    if (folder / "package-lock.json").exists():
        wanted = json.loads((folder / "package.json").read_text())["dependencies"]
        locked = json.loads((folder / "package-lock.json").read_text())["packages"]
        assert list(wanted.values()) == [peer["version"]]
        assert {entry["version"] for name, entry in locked.items() if name} == {peer["version"]}
        assert all("integrity" in entry and "resolved" not in entry for name, entry in locked.items() if name)
    else:
        assert f"=={peer['version']}\n" in (folder / "requirements.txt").read_text()


@each_peer
def test_the_mapping_holds_what_the_phones_ask_for_now(folder):
    mapping = json.loads((folder / "mapping.json").read_text(encoding="utf-8"))
    assert module("mappings").renewed(mapping) == mapping, "run: python tools/peers/mappings.py"


@each_peer
def test_only_rest_and_bilabials_are_closed(folder):
    mapping = json.loads((folder / "mapping.json").read_text(encoding="utf-8"))
    for name, viseme in mapping["visemes"].items():
        closed = name == mapping["rest"] or viseme["phones"] == "p b m"
        assert viseme["aperture"] <= 0 if closed else viseme["aperture"] > NEAR_CLOSED, name
    assert mapping["latency_ms"] == 0 or mapping["latency_source"]


def test_nothing_imports_peers():
    importing = re.compile(r"^\s*(from|import)\s+(tools\.)?peers\b", re.MULTILINE)
    for package in ("host", "protocol", "tools/liplab", "mcu"):
        for path in (ROOT / package).rglob("*.py"):
            assert not importing.search(path.read_text(encoding="utf-8")), path


MAPPING = {
    "latency_ms": 100,
    "rest": "X",
    "visemes": {
        "X": {"aperture": 0.0, "width": 0.0, "rounding": 0.0, "tuck": 0.0},
        "open": {"aperture": 1.0, "width": 0.5, "rounding": 0.0, "tuck": 0.0},
        "tucked": {"aperture": 0.0, "width": 0.0, "rounding": 0.0, "tuck": 1.0},
    },
}
FRAMES = [[0.1, {"open": 0.25}], [0.2, {"open": 1.0, "tucked": 1.0}]]


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_weights_are_filled_up_with_rest_or_scaled_down_and_the_latency_is_taken_off(tmp_path, language):
    (tmp_path / "mapping.json").write_text(json.dumps(MAPPING))
    (tmp_path / "jobs.json").write_text(json.dumps([{"sound": "a.wav", "out": "a.json"}]))
    if language == "python":
        script = f"import sys; sys.path.insert(0, {str(PEERS / 'shared')!r}); from jobs import do_jobs; "
        script += f"do_jobs(lambda sound: {FRAMES})"
        subprocess.run([sys.executable, "-c", script, "jobs.json"], cwd=tmp_path, check=True)
    else:
        script = 'import { doJobs } from "SHARED/jobs.mjs"; await doJobs(() => ' + json.dumps(FRAMES) + ");"
        run_node(script, tmp_path)
    made = json.loads((tmp_path / "a.json").read_text())
    assert made == {
        "t": [0.0, 0.1],
        "aperture": [0.25, 0.5],
        "width": [0.125, 0.25],
        "rounding": [0.0, 0.0],
        "tuck": [0.0, 0.5],
    }


@pytest.mark.parametrize("rate", [24000, 44100, 48000])
def test_sound_keeps_its_shape_at_a_browsers_rate(tmp_path, rate):
    script = """
        import { atRate } from "SHARED/sound.mjs";
        const turn = (2 * Math.PI * 3000) / 16000;
        const tone = Float32Array.from({ length: 3200 }, (_, n) => Math.sin(turn * n));
        console.log(JSON.stringify(Array.from(atRate(tone, RATE))));
    """
    made = np.array(run_node(script.replace("RATE", str(rate)), tmp_path))
    assert len(made) == rate // 5
    wanted = np.sin(2 * np.pi * 3000 * np.arange(len(made)) / rate)
    middle = slice(rate // 50, -rate // 50)
    assert np.abs(made[middle] - wanted[middle]).max() < 0.01


def test_a_worklet_is_fed_as_a_browser_feeds_it(tmp_path):
    script = """
        import { play } from "SHARED/web_audio.mjs";
        registerProcessor("count", class extends AudioWorkletProcessor {
          static parameterDescriptors = [{ name: "gain", defaultValue: 3 }];
          process([[block]], outputs, { gain }) {
            this.port.postMessage([block.length, currentTime, sampleRate, gain[0]]);
          }
        });
        const heard = [];
        const node = new AudioWorkletNode(new AudioContext({ sampleRate: 24000 }), "count");
        node.port.onmessage = ({ data }) => heard.push(data);
        const frames = [];
        play(new Float32Array(24000), (seconds) => frames.push(seconds));
        console.log(JSON.stringify({ heard, frames }));
    """
    result = run_node(script, tmp_path)
    assert len(result["heard"]) == -(-24000 // 128)
    assert result["heard"][0] == [128, 0, 24000, 3]
    assert result["heard"][10][1] == pytest.approx(10 * 128 / 24000)
    assert result["frames"] == pytest.approx([frame / 60 for frame in range(1, 61)])


def test_the_analyser_finds_a_tone_where_the_specification_puts_it(tmp_path):
    script = """
        import { play } from "SHARED/web_audio.mjs";
        const analyser = new AudioContext().createAnalyser();
        const bytes = new Uint8Array(analyser.frequencyBinCount);
        const turn = (2 * Math.PI * 3000) / 48000;
        const tone = Float32Array.from({ length: 48000 }, (_, n) => 0.01 * Math.sin(turn * n));
        play(tone, () => analyser.getByteFrequencyData(bytes));
        console.log(JSON.stringify(Array.from(bytes)));
    """
    made = np.array(run_node(script, tmp_path))
    assert np.argmax(made) == 3000 * 2048 // 48000
    # Amplitude 0.01 is -40 dB; half of it lies in this bin, and Blackman's window passes 0.42 of that.
    decibels = 20 * np.log10(0.01 / 2 * 0.42)
    assert made.max() == pytest.approx(255 / 70 * (decibels + 100), abs=1)
    assert made[400] == 0


@each_peer
def test_an_installed_peer_moves_with_the_shipped_sentence(folder):
    if not ((folder / "node_modules").exists() or (folder / ".venv").exists()):
        pytest.skip(f"NOT TESTED without {folder.name}, which tools/peers/README.md says how to install")
    check = module("check")
    samples = np.concatenate(list(open_sound(shipped_clip()).blocks(SAMPLE_RATE)))[: EXCERPT_S * SAMPLE_RATE]
    phones = [phone for phone in load_phones(sidecar(shipped_clip())) if phone.end_s <= EXCERPT_S]
    utterance = Utterance(samples, phones)
    ((times, track),) = check.run_peer(folder, [utterance])
    assert len(times) >= 30 * (EXCERPT_S - 0.5)
    assert np.all(np.diff(times) > 0)
    assert np.all(np.isfinite(track))
    assert np.ptp(track[:, 0]) > 0.2
    before = track[times < phones[0].end_s - 0.1, 0]
    assert before[: len(before) // 2].max() <= NEAR_CLOSED  # at rest while nobody speaks
    assert abs(check.best_lag_ms([utterance], [(times, track)])) <= 120
