"""Leaves the tests of training out where torch, which is big, is not installed; CI has it."""

from importlib.util import find_spec

import pytest

NEED_TORCH = [
    "discover/test_baselines.py",
    "discover/test_delay.py",
    "discover/test_discover_command.py",
    "discover/test_discovery.py",
    "discover/test_filming.py",
    "discover/test_judge.py",
    "discover/test_learn.py",
    "discover/test_lip_space.py",
    "discover/test_motors.py",
    "discover/test_package.py",
    "discover/test_self_model.py",
    "discover/test_shipped.py",
    "improve/test_bench_improve.py",
    "improve/test_improve_command.py",
    "improve/test_learn.py",
    "lips/test_network.py",
    "lips/test_train_command.py",
    "speech/test_corpus_command.py",
    "speech/test_corpus_workers.py",
]

collect_ignore = [] if find_spec("torch") else NEED_TORCH


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name in collect_ignore:
        terminalreporter.write_line(f"NOT TESTED without the extra train: {name}")
