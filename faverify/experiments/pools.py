"""Cases on many processors: any executor, a bounded number of futures, results in the order in which they come."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, TypeVar

TICK = 1.0  # seconds between two looks at the clock while no result comes
Answer = TypeVar("Answer")


class WorkersLost(Exception):
    """An executor failed; what a trial raises never comes this way. Attributes: `reason`, `cases` (not finished)."""

    def __init__(self, reason: str, cases: list[int]) -> None:
        self.reason, self.cases = reason, cases
        super().__init__(reason)


def complete(
    submit: Callable[[int], Future[bytes]],
    cases: Iterable[int],
    limit: int,
    accept: Callable[[int, bytes], None],
    idle: Callable[[], None],
    cancel: bool,
) -> None:
    """Submit the cases, at most `limit` at a time, and hand each result on as soon as it is known.

    What is known at an interruption or a failure is handed on before that is raised: `accept` may see a case twice.
    `cancel`: take back, then, what did not start.

    Raises: WorkersLost, KeyboardInterrupt, and what `accept` and `idle` raise.
    """
    # A queue, since concurrent.futures.wait would look at every future in flight at each result.
    done: SimpleQueue[Future[bytes]] = SimpleQueue()
    waiting: dict[Future[bytes], int] = {}
    left = iter(cases)

    def ask(question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except Exception as error:
            under_way = sorted(case for future, case in waiting.items() if not _succeeded(future))
            raise WorkersLost(f"{type(error).__name__}: {error}", under_way) from error

    def send(count: int) -> None:
        for case in islice(left, count):
            future = ask(lambda case=case: submit(case))  # type: ignore[misc]
            waiting[future] = case
            future.add_done_callback(done.put)

    try:
        send(limit)
        while waiting:
            try:
                future = done.get(timeout=TICK)
            except Empty:
                idle()
                continue
            accept(waiting[future], ask(future.result))
            del waiting[future]
            send(1)
    except BaseException:
        for future, case in waiting.items():
            if not (cancel and future.cancel()) and _succeeded(future):
                accept(case, future.result())
        raise


def _succeeded(future: Future[bytes]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


class Workers(ProcessPoolExecutor):
    """Spawned processes that leave Ctrl-C to this one, and end with it however it ends.

    Workers of the standard library wait for ever once their parent is killed. Each of these watches a pipe of which the
    parent alone holds the other end, and which closes when it is closed or when its holder dies.
    """

    def __init__(self, jobs: int) -> None:
        context = get_context("spawn")
        watched, self._lifeline = context.Pipe(duplex=False)
        super().__init__(jobs, mp_context=context, initializer=_attend, initargs=(watched,))

    def submit(self, *arguments: Any, **options: Any) -> Future[Any]:
        with _interrupts_held():  # a process may be started here
            return super().submit(*arguments, **options)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._lifeline.close()  # nobody waits for the trials that run
        self.shutdown(wait=True, cancel_futures=True)
        self._lifeline.close()


def _attend(lifeline: Connection) -> None:
    """What a worker does before its first trial."""

    def watch() -> None:
        try:
            lifeline.recv()
        finally:
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits; processes started meanwhile never see it, as they inherit the mask of their parent."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
