"""The command as a user runs it: help that teaches, one sentence an error, exit codes for scripts."""

import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import lipwright
from liplab import bench
from liplab import cli as liplab_cli
from lipwright import cli

COMMANDS = [("lipwright", name) for name in (*cli.COMMANDS, "board")]
COMMANDS += [("liplab", name) for name in liplab_cli.COMMANDS]
BENCHES = [("liplab", "bench", name) for name in bench.BENCHES]


def run(program: str, *arguments: str, **keywords) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name(program)), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        **keywords,
    )


@pytest.mark.parametrize("program", ["lipwright", "liplab"])
def test_help_lists_every_command_and_shows_examples(program):
    done = run(program, "--help")
    assert done.returncode == 0, done.stderr
    for owner, name in COMMANDS:
        if owner == program:
            # A long name has its explanation on the next line.
            assert f"    {name} " in done.stdout or f"    {name}\n" in done.stdout
    assert "examples:" in done.stdout


@pytest.mark.parametrize("command", [*COMMANDS, *BENCHES], ids=" ".join)
def test_every_command_has_help_with_an_example(command):
    done = run(*command, "--help")
    if find_spec("torch") is None and "this needs torch" in done.stderr:
        pytest.skip("the extra train is not installed")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: {' '.join(command)}")
    assert f" {command[0]} " in done.stdout.partition("example")[2]


@pytest.mark.parametrize("program", ["lipwright", "liplab"])
def test_version_is_the_packages_own(program):
    done = run(program, "--version")
    assert (done.returncode, done.stdout) == (0, f"{program} {lipwright.__version__}\n")


@pytest.mark.parametrize("arguments", [[], ["sing"], ["say", "--loudly"]])
def test_a_wrong_command_line_exits_2_and_shows_the_usage(arguments):
    done = run("lipwright", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: lipwright")
    assert "Traceback" not in done.stderr


def test_an_error_is_one_sentence_and_exit_code_2():
    done = run("lipwright", "say", "nowhere.wav")
    assert done.returncode == 2
    assert done.stderr == "lipwright: There is no file nowhere.wav; check the path.\n"
    assert done.stdout == ""


def test_help_does_not_import_the_models_runtime():
    """On a small Pi each of these takes a second."""
    script = (
        "import sys\nfrom lipwright.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'numpy', 'tflite_runtime', 'soundfile', 'mujoco'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stderr == "[]\n"


def run_command(body: str) -> subprocess.Popen[str]:
    """The real command line, with one more command whose work is ``body``."""
    script = (
        "import sys, types, time\nfrom lipwright import cli\n"
        f"def do(arguments):\n{body}\n"
        "def add_parser(subparsers):\n    subparsers.add_parser('work').set_defaults(do=do)\n"
        "module = types.ModuleType('work')\nmodule.add_parser = add_parser\nsys.modules['work'] = module\n"
        "cli.COMMANDS = {'work': ('works', 'work:add_parser')}\n"
        "sys.exit(cli.main(['work']))\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_ctrl_c_exits_130_without_a_traceback():
    process = run_command("    print('working', flush=True)\n    time.sleep(50)")
    assert process.stdout is not None and process.stdout.readline() == "working\n"
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert complaint.strip() == "lipwright: stopped"


def test_a_reader_that_leaves_early_is_no_error():
    process = run_command("    for _ in range(100000):\n        print('a line')")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(20) == 0


@pytest.mark.parametrize(
    ("module", "extra"), [("mujoco", "sim"), ("mediapipe.tasks", "vision"), ("torch", "train")]
)
def test_a_missing_extra_is_named(module, extra):
    process = run_command(f"    raise ModuleNotFoundError(name={module!r})")
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"pip install 'lipwright[{extra}]'" in complaint and len(complaint.splitlines()) == 1


def test_a_fault_of_ours_is_not_called_the_users():
    process = run_command("    raise ModuleNotFoundError(name='lipwright.forgotten')")
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == 1 and "Traceback" in complaint
