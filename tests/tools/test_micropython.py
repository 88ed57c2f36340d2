"""Finding MicroPython: on PATH, in the cache, from Debian, or a sentence that says why not."""

import os
import platform

import pytest

from liplab import micropython
from liplab.micropython import ARCHITECTURES, find_micropython, get_micropython, probe
from lipwright.errors import LipwrightError

WIDTHS = sorted(ARCHITECTURES.get(platform.machine(), {}))


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """An empty cache folder and no memory of earlier searches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a cache"))
    micropython._get_once.cache_clear()
    yield tmp_path
    micropython._get_once.cache_clear()


def program(folder, name, text):
    """Puts an executable shell script into the folder."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("bits", WIDTHS)
def test_an_interpreter_of_the_wanted_width_runs(bits):
    found = get_micropython(bits)
    assert found.bits == bits
    assert tuple(map(int, found.version.split(".")))[:2] >= (1, 22)
    assert probe(found.command) == found
    assert find_micropython(bits) == found


def test_one_on_path_comes_first(fresh, monkeypatch):
    micropython._get_once.cache_clear()
    monkeypatch.delenv("XDG_CACHE_HOME")
    known = get_micropython(WIDTHS[-1])
    micropython._get_once.cache_clear()
    ours = program(fresh / "bin", "micropython", f'exec {" ".join(known.command)} "$@"')
    monkeypatch.setenv("PATH", f"{ours.parent}{os.pathsep}{os.environ['PATH']}")
    assert get_micropython(known.bits).command == [str(ours)]


def test_one_on_path_that_cannot_run_the_firmware_is_passed_over(fresh):
    assert probe([str(program(fresh / "bin", "micropython", "echo 1.0.0 64; exit 1"))]) is None
    assert probe([str(program(fresh / "bin", "micropython", "echo hello"))]) is None
    assert probe([str(fresh / "nothing here")]) is None


def test_without_a_network_a_sentence_says_so_and_nothing_half_done_is_left(fresh, monkeypatch, capfd):
    sources = fresh / "sources.list"
    sources.write_text("deb http://127.0.0.1:9/debian trixie main\n")
    monkeypatch.setattr(micropython, "APT_SOURCES", (str(sources),))
    monkeypatch.setattr(micropython, "PAUSES_S", (0.1,))
    monkeypatch.setattr(micropython.shutil, "which", _without("micropython"))
    with pytest.raises(LipwrightError, match=r"check the network.*127\.0\.0\.1"):
        get_micropython(WIDTHS[-1])
    assert "trying again" in capfd.readouterr().err
    assert find_micropython(WIDTHS[-1]) is None
    assert "check the network" in capfd.readouterr().err
    assert [
        path for path in micropython.cache_folder().iterdir() if path.suffix not in (".work", ".lock")
    ] == []


def test_mirrors_are_read_from_every_kind_of_sources_file(monkeypatch, tmp_path):
    (tmp_path / "one.list").write_text(
        "# deb http://old.example/debian x main\ndeb [arch=amd64] http://a.example/debian/ bookworm main\n"
        "deb http://a.example/debian-security bookworm-security main\n"
    )
    (tmp_path / "two.sources").write_text("Types: deb\nURIs: https://b.example/debian\nSuites: trixie\n")
    monkeypatch.setattr(micropython, "APT_SOURCES", (str(tmp_path / "*"),))
    assert micropython.debian_mirrors() == ["http://a.example/debian", "https://b.example/debian"]


def test_without_a_mirror_a_sentence_says_so(fresh, monkeypatch):
    monkeypatch.setattr(micropython, "APT_SOURCES", (str(fresh / "nothing"),))
    monkeypatch.setattr(micropython.shutil, "which", _without("micropython"))
    with pytest.raises(LipwrightError, match="knows no mirror of Debian"):
        get_micropython(WIDTHS[-1])


def test_without_apt_a_sentence_says_so(fresh, monkeypatch):
    monkeypatch.setattr(micropython.shutil, "which", _without("micropython", "apt-get"))
    with pytest.raises(LipwrightError, match="apt-get, which would fetch it"):
        get_micropython(WIDTHS[-1])


def test_a_width_that_this_machine_cannot_run(fresh, monkeypatch):
    monkeypatch.setattr(micropython.platform, "machine", lambda: "riscv64")
    monkeypatch.setattr(micropython.shutil, "which", _without("micropython"))
    with pytest.raises(LipwrightError, match="32-bit MicroPython is not available on this machine"):
        get_micropython(32)


def test_a_cache_folder_that_cannot_be_written(fresh, monkeypatch):
    (fresh / "a cache").write_text("a file is in the way")
    monkeypatch.setattr(micropython.shutil, "which", _without("micropython"))
    with pytest.raises(LipwrightError, match="cannot write to the cache folder"):
        get_micropython(WIDTHS[-1])


def _without(*names):
    which = micropython.shutil.which
    return lambda name: None if name in names else which(name)
