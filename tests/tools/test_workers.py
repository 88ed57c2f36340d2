"""Every job is done once, whatever becomes of the workers; nobody outside this machine hears of it."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from liplab import workers
from liplab.watch.video import video_hash
from liplab.workers import Crew, crew_of, results
from lipwright.errors import LipwrightError

pytestmark = pytest.mark.skipif(find_spec("distributed") is None, reason="NOT TESTED without the extra scale")


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    with crew_of(2, None) as two:
        assert two is not None
        yield two


def done(crew: Crew | None, function: Any, jobs: Sequence[Any]) -> dict[Any, Any]:
    waiting = iter(jobs)
    found: dict[Any, Any] = {}
    for job, result in results(crew, function, lambda: next(waiting, None)):
        assert job not in found
        found[job] = result
    return found


def test_all_jobs_are_done_once_here_and_by_workers(crew: Crew) -> None:
    wanted = {number: math.factorial(number) for number in range(20)}
    assert done(None, math.factorial, range(20)) == done(crew, math.factorial, range(20)) == wanted
    assert len(crew.processes()) == crew.size() == 2


def test_a_worker_that_is_killed_loses_no_job(crew: Crew) -> None:
    before = set(crew.processes())
    jobs = [0.1 + number / 100 for number in range(12)]
    waiting = iter(jobs)
    found = []
    for job, result in results(crew, time.sleep, lambda: next(waiting, None)):
        found.append(job)
        assert result is None
        if len(found) == 3:
            os.kill(crew.processes()[0], signal.SIGKILL)
    assert sorted(found) == jobs
    deadline = time.monotonic() + 20
    while len(crew.processes()) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(set(crew.processes()) - before) == 1


def test_what_a_user_can_mend_is_a_result_and_a_mistake_names_its_job(crew: Crew, tmp_path: Path) -> None:
    missing = tmp_path / "gone.mp4"
    for who in (None, crew):
        (error,) = done(who, video_hash, [missing]).values()
        assert isinstance(error, LipwrightError) and "gone.mp4 cannot be read" in str(error)
    with pytest.raises(LipwrightError, match=r"-5 failed on a worker: ValueError"):
        done(crew, math.sqrt, [4, -5])
    assert done(crew, math.sqrt, [9]) == {9: 3}


def test_a_job_that_ends_every_worker_is_named_and_the_others_are_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(workers.SETTINGS, "distributed.scheduler.allowed-failures", 0)
    monkeypatch.setattr(workers, "MOST_GIVEN_UP", 1)
    with crew_of(2, None) as crew:
        found = done(crew, os._exit, [7])
        assert "7 ended every worker" in str(found[7])
        assert done(crew, math.sqrt, [4]) == {4: 2}


def test_a_worker_multiplies_with_one_thread(crew: Crew) -> None:
    names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]
    assert set(done(crew, os.getenv, names).values()) == {"1"}


def test_a_cluster_is_reached_by_its_address(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    with crew_of(1, crew.client.scheduler.address) as cluster:
        assert cluster is not None and cluster.size() == 2 and cluster.processes() == []
        assert done(cluster, math.sqrt, [4, 9]) == {4: 2, 9: 3}
    assert done(crew, math.sqrt, [16]) == {16: 4}  # who leaves a cluster does not end it
    monkeypatch.setitem(workers.SETTINGS, "distributed.comm.timeouts.connect", "300ms")
    monkeypatch.setattr(workers, "FOUND_WITHIN_S", 0.3)
    with pytest.raises(LipwrightError, match="no Dask scheduler at"), crew_of(1, "tcp://127.0.0.1:9"):
        pass


def test_nothing_listens_for_other_machines(crew: Crew) -> None:
    import psutil

    me = psutil.Process()
    ports = [
        port
        for process in [me, *me.children(recursive=True)]
        for port in process.net_connections("inet")
        if port.status == psutil.CONN_LISTEN
    ]
    assert len(ports) >= 3 and {port.laddr.ip for port in ports} == {"127.0.0.1"}


SCRIPT = """
    import sys, time
    from lipwright.cli import run
    from liplab.workers import crew_of, results
    import argparse

    def work(arguments):
        jobs = iter(float(length) for length in sys.argv[1:])
        with crew_of(2, None) as crew:
            for job, result in results(crew, time.sleep, lambda: next(jobs, None)):
                print("done", flush=True)

    if __name__ == "__main__":
        parser = argparse.ArgumentParser("work")
        parser.set_defaults(do=work)
        sys.exit(run(parser, []))
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "work.py"
    path.write_text(textwrap.dedent(SCRIPT))
    return path


def assert_nobody_is_left(group: int) -> None:
    deadline = time.monotonic() + 15
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.05)


def test_ctrl_c_ends_it_with_all_its_processes_in_one_line(script: Path) -> None:
    command = [sys.executable, str(script), "0.1", *["60"] * 8]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None and process.stdout.readline() == "done\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    begun = time.monotonic()
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and said.strip() == "work: stopped"
    assert time.monotonic() - begun < 8
    assert_nobody_is_left(process.pid)


def test_workers_end_with_who_asked_for_them(script: Path) -> None:
    command = [sys.executable, str(script), "0.1", *["60"] * 8]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    assert process.stdout is not None and process.stdout.readline() == "done\n"
    process.kill()
    process.wait()
    process.stdout.close()
    assert_nobody_is_left(process.pid)


def test_no_connection_leaves_this_machine(script: Path, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("NOT TESTED without strace: that workers make no connection to other machines")
    log = tmp_path / "calls"
    trace = [strace, "-f", "-o", str(log), "-e", "trace=connect,sendto,sendmsg,bind"]
    done = subprocess.run(
        [*trace, sys.executable, str(script), "0.1", "0.1"], capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr.lower():
        pytest.skip("NOT TESTED where processes may not be traced: where workers connect to")
    assert done.stdout == "done\ndone\n", done.stderr
    reached = [line for line in log.read_text().splitlines() if "AF_INET" in line]
    assert reached and all('"127.0.0.1"' in line for line in reached)


def test_what_is_missing_or_wrong_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LipwrightError, match="at least 1"), crew_of(0, None):
        pass
    monkeypatch.setitem(sys.modules, "distributed", None)
    with crew_of(1, None) as nobody:
        assert nobody is None
    with pytest.raises(LipwrightError, match=r"lipwright\[scale\]"), crew_of(2, None):
        pass
