"""What tools/demo and tools/check do on a machine that lacks something: they say what, and stop."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(lines: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bash = shutil.which("bash")
    assert bash
    return subprocess.run(
        [bash, "-c", f"set -euo pipefail\n. tools/environment.sh\n{lines}"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_a_suitable_python_one_sentence_says_so():
    done = run("find_python", PATH="/nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("No Python 3.11, 3.12 or 3.13 was found;")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="not Debian")
def test_packages_that_are_there_are_not_installed_again():
    done = run("need_packages coreutils bash")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="not Debian")
def test_who_may_not_install_is_told_what_to_install():
    nobody = 'id() { echo 1000; }\ncommand() { [ "$2" != sudo ] && builtin command "$@"; }\n'
    done = run(f"{nobody}need_packages coreutils no-such-package another-one")
    assert done.returncode == 2
    assert "apt-get install no-such-package another-one" in done.stderr
