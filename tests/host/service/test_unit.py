"""The unit's text: systemd understands it, and what it starts tells systemd that it is ready and alive."""

import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from lipwright.service.unit import ACCOUNT, LINGER, Unit, made_by, quoted, value

COMMAND = (sys.executable, "-m", "lipwright", "serve")


@pytest.mark.parametrize("sound_server_of", [None, 1000])
def test_systemd_finds_no_fault(tmp_path, sound_server_of):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("NOT TESTED: there is no systemd-analyze here")
    file = tmp_path / "lipwright.service"
    file.write_text(Unit("root", ["dialout", "audio"], COMMAND, sound_server_of).text())
    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True)
    ours = [line for line in done.stderr.splitlines() if "lipwright" in line]
    assert not ours
    file.write_text(file.read_text().replace("Restart=always", "Restart=sometimes"))
    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True)
    assert "sometimes" in done.stderr  # it does look


def test_what_was_made_along_with_it_is_known_again():
    text = Unit("maker", ["audio"], COMMAND, 1000, frozenset({ACCOUNT, LINGER})).text()
    assert made_by(text) == {ACCOUNT, LINGER}
    assert value(text, "User") == "maker"
    assert made_by(Unit("maker", ["audio"], COMMAND).text()) == frozenset()
    assert value(text, "Group") == ""


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("/opt/head/bin/python", "/opt/head/bin/python"),
        ("/home/a maker/head.toml", '"/home/a maker/head.toml"'),
        ("100%.toml", '"100%%.toml"'),
        ('say "b"', '"say \\"b\\""'),
        ("$HOME", '"$$HOME"'),
        ("", '""'),
    ],
)
def test_a_word_stays_one_word(word, line):
    assert quoted(word) == line


def test_what_it_starts_says_that_it_is_ready_and_alive_and_ends_when_told(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, socket.socket() as probe:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        probe.bind(("127.0.0.1", 0))
        http_port = probe.getsockname()[1]
        probe.close()
        text = Unit("nobody", [], COMMAND).text()
        told = [
            line.split("=", 1)[1].split() for line in text.splitlines() if line.startswith("Environment=")
        ]
        environment = dict(word.split("=", 1) for line in told for word in line if "%" not in word)
        service = subprocess.Popen(
            [*value(text, "ExecStart").split(), "--mute", "--http-port", str(http_port)],
            env={
                "PATH": os.environ["PATH"],
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "1000000",
                "STATE_DIRECTORY": str(tmp_path),
                "RUNTIME_DIRECTORY": str(tmp_path),
                **environment,
            },
        )
        try:
            heard = set()
            while "READY=1" not in heard:
                heard.add(manager.recv(1000).decode())
            manager.settimeout(1)  # within the watchdog's second, always
            for _ in range(5):
                while manager.recv(1000).decode() != "WATCHDOG=1":
                    pass
            service.send_signal(signal.SIGTERM)
            assert service.wait(10) == 0
        finally:
            service.kill()
            service.wait()
