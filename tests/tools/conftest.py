"""Leaves the tests of training out where torch, which is big, is not installed; CI has it."""

from importlib.util import find_spec

NEED_TORCH = ["face/test_learn.py", "lips/test_network.py"]

collect_ignore = [] if find_spec("torch") else NEED_TORCH


def pytest_report_header() -> str:
    return "" if find_spec("torch") else f"not tested without the extra train: {', '.join(NEED_TORCH)}"
