"""Jobs done by several processes, here or on a cluster, by Dask (extra `scale`).

A job goes to a worker and its result comes back. A worker that is lost takes nothing with it: its jobs go to
others, and only who asked for a job writes what came of it, so it counts once however often it was begun.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import os
import signal
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from lipwright import __version__
from lipwright.errors import LipwrightError

Job = TypeVar("Job")
Result = TypeVar("Result")

# Jobs asked for at once, for each worker: one that it does, one that waits for it, and one for the way.
AHEAD = 3
# Dask gives a job up that was there as MOST_LOST + 1 workers died. Asked for anew so often, it has seen more
# deaths than chance brings, and one that ends whatever process does it is named at last.
MOST_LOST = 3  # Dask's own setting, which a cluster may have changed
MOST_GIVEN_UP = 5
COUNTED_EVERY_S = 5.0  # workers come and go
FOUND_WITHIN_S = 30.0  # a cluster, and its first worker
LOOPBACK = "127.0.0.1"
# Of this machine's workers: bars of their own would be drawn into ours, and each has one core.
ENVIRONMENT = {
    "TQDM_DISABLE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
SETTINGS = {
    "distributed.scheduler.allowed-failures": MOST_LOST,
    "distributed.nanny.pre-spawn-environ": ENVIRONMENT,
    # A worker has one job, and the others wait here: for whoever is free first.
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.scheduler.work-stealing": False,
    # Dask watches itself 50 times a second: with few cores that is worth having.
    "distributed.admin.tick.interval": "500ms",
    "distributed.admin.system-monitor.interval": "30s",
    "distributed.admin.system-monitor.disk": False,
    # Pages that nobody asked for.
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    # Samples of what the program does, for the dashboard that is not there.
    "distributed.worker.profile.enabled": False,
    # After which Dask counts one of this machine for gone that a busy machine is slow to begin anew.
    "distributed.deploy.lost-worker-timeout": "1h",
    "distributed.comm.timeouts.connect": f"{FOUND_WITHIN_S}s",
}


@dataclass
class Crew:
    """Workers that wait for jobs; `client` is Dask's."""

    client: Any
    _counted_s: float = -math.inf
    _size: int = 0

    def size(self) -> int:
        """How many workers there are, at least 1; raises LipwrightError where one does jobs side by side."""
        if time.monotonic() - self._counted_s > COUNTED_EVERY_S:
            threads = self.client.nthreads()
            if any(count > 1 for count in threads.values()):
                raise LipwrightError(
                    "A worker does one job at a time here; start the cluster's workers with: "
                    "dask worker ADDRESS --nworkers N --nthreads 1."
                )
            self._size, self._counted_s = max(1, len(threads)), time.monotonic()
        return self._size

    def processes(self) -> list[int]:
        """The process numbers of this machine's workers that live; none of a cluster's."""
        nannies = getattr(self.client.cluster, "workers", {})
        return [nanny.pid for nanny in nannies.values() if nanny.pid]

    def results(
        self, function: Callable[[Job], Result], next_job: Callable[[], Job | None]
    ) -> Iterator[tuple[Job, Result | LipwrightError]]:
        """As `results` below."""
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        asked: dict[str, tuple[Job, Any, int]] = {}  # by key: how often the job was given up before
        arrived = as_completed(loop=self.client.loop, with_results=True, raise_errors=False)

        def ask(job: Job, given_up: int) -> None:
            key = f"lipwright-{uuid.uuid4()}"
            future = self.client.submit(function, job, key=key, pure=False)
            asked[key] = job, future, given_up
            arrived.add(future)

        try:
            while True:
                while len(asked) < AHEAD * self.size() and (job := next_job()) is not None:
                    ask(job, 0)
                if not asked:
                    return
                future, result = next(arrived)
                job, _, given_up = asked.pop(future.key)
                if future.status == "finished":
                    yield job, result
                elif future.status != "error":
                    raise LipwrightError(
                        "The cluster is gone; what was done is kept. Start it and run the same command again."
                    )
                elif isinstance(error := result[1], LipwrightError):
                    yield job, error
                elif not isinstance(error, KilledWorker):
                    raise LipwrightError(f"{job} failed on a worker: {error!r}.") from error
                elif given_up < MOST_GIVEN_UP:
                    ask(job, given_up + 1)
                else:
                    yield job, LipwrightError(f"{job} ended every worker that did it; leave it out.")
        finally:
            with contextlib.suppress(Exception):
                self.client.cancel([future for _, future, _ in asked.values()], force=True)


def results(
    crew: Crew | None, function: Callable[[Job], Result], next_job: Callable[[], Job | None]
) -> Iterator[tuple[Job, Result | LipwrightError]]:
    """What `function` makes of every job, in the order in which they are done; here where there is no crew.

    `next_job` is asked for more as often as there is room; None means that there is none now, and, when
    nothing is being done, none at all. A LipwrightError of a job is its result. `function` must be one of a
    module, and jobs and results such as pickle carries. Raises LipwrightError where the cluster is gone, or a
    job fails by a mistake in the program, which then is told.
    """
    if crew is not None:
        yield from crew.results(function, next_job)
        return
    # As in a worker: how many threads multiply decides how sums are rounded.
    with threadpool_limits(1, "blas"):
        while (job := next_job()) is not None:
            result: Result | LipwrightError
            try:
                result = function(job)
            except LipwrightError as error:
                result = error
            yield job, result


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `crew_of` takes."""
    parser.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that share the work (%(default)s)"
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="of a Dask scheduler whose workers do the work, as tcp://10.0.0.1:8786",
    )


@contextlib.contextmanager
def crew_of(workers: int, cluster: str | None) -> Iterator[Crew | None]:
    """Processes on this machine, or those of the cluster whose scheduler has this address.

    None for one worker and no cluster: jobs are then done in this process, and Dask is not needed. Raises
    LipwrightError where the extra is missing, or the cluster cannot be reached.
    """
    if workers < 1:
        raise LipwrightError("--workers is at least 1.")
    if cluster is None and workers == 1:
        yield None
        return
    try:
        import dask
        import distributed  # noqa: F401
    except ImportError:
        raise LipwrightError(
            "Several workers need Dask; install it with: pip install 'lipwright[scale]', or leave --workers "
            "and --cluster out."
        ) from None
    with dask.config.set(SETTINGS), _here(workers) if cluster is None else _there(cluster) as client:
        yield Crew(client)


@contextlib.contextmanager
def _here(workers: int) -> Iterator[Any]:
    from distributed import Client, LocalCluster

    with contextlib.ExitStack() as stack:
        # Dask sets it here, for those that are begun later to inherit.
        stack.callback(_forget_environment, dict(os.environ))
        # What is too much for a worker's memory would be written here: for nobody else to read.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lipwright-"))
        # Ctrl-C reaches all processes of a terminal. Workers, and those that follow them, inherit deafness to
        # it: they are ended by us, without tracebacks of theirs.
        with _deaf():
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    host=LOOPBACK,
                    dashboard_address=None,
                    scheduler_kwargs={"dashboard": False, "dashboard_address": f"{LOOPBACK}:0"},
                    silence_logs=logging.CRITICAL,
                    memory_limit=None,
                    local_directory=folder,
                )
            )
            client = stack.enter_context(Client(cluster, set_as_default=False))
        try:
            yield client
        except BaseException:  # Ctrl-C too: nobody waits for what is in work
            for nanny in cluster.workers.values():
                nanny.close_gracefully()  # that is: no other is begun in the place of this one
                if nanny.pid:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(nanny.pid, signal.SIGKILL)
            raise


@contextlib.contextmanager
def _there(address: str) -> Iterator[Any]:
    from distributed import Client

    for name in ("distributed", "distributed.client"):  # what a user has to know is said by us
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=FOUND_WITHIN_S, set_as_default=False)
    except (OSError, ValueError, TypeError):
        raise LipwrightError(
            f"There is no Dask scheduler at {address}; start one with: dask scheduler, and give the address "
            "that it prints."
        ) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=FOUND_WITHIN_S)
        except TimeoutError:
            raise LipwrightError(
                f"The cluster at {address} has no workers; start some with: dask worker {address} "
                "--nworkers N --nthreads 1."
            ) from None
        try:
            theirs = client.run(version)
        except ImportError:
            raise LipwrightError(
                f"A worker at {address} has no Lipwright; install it there as it is here."
            ) from None
        for worker, one in theirs.items():
            if one != __version__:
                raise LipwrightError(f"{worker} has Lipwright {one}; install {__version__} there, as here.")
        yield client


def version() -> str:
    """Lipwright's, where this is called."""
    return __version__


def _forget_environment(before: Mapping[str, str]) -> None:
    for name in ENVIRONMENT:
        if name in before:
            os.environ[name] = before[name]
        else:
            os.environ.pop(name, None)


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Keeps Ctrl-C from threads and processes that are begun meanwhile; here it counts afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
