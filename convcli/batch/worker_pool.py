"""Images handed out to worker processes: one that dies or hangs takes no other along.

Workers are copies of a process that has imported all and has no threads yet (`fork`; on macOS and
Windows they are started anew). They answer along a pipe for each image, so it is known what each
was working on: the image is a failure if it was alone, else those it had are tried again, one at a
time.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from convcli import threads
from convcli.batch.estimate import estimate
from convcli.batch.jobs import STREAM, BatchLimits, Job, Outcome
from convcli.batch.memory_budget import MemoryBudget
from convcli.batch.names import exists
from convcli.batch.one import Common, foresee
from convcli.batch.worker import serve
from convcli.errors import ImageError
from convcli.image.atomic import sweep
from convcli.record import replace

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import ForkProcess, SpawnProcess

#: Images that a worker has at once: one is read or written to the disk while one is filtered.
SLOTS = 2
#: Memory that images take before no further one is begun, in bytes a worker: what two of 12
#: megapixels take in linear light, so that two workers have one each.
_ROOM = 3 * 2**27
#: Seconds that workers have to come to an end.
_PATIENCE = 5.0
#: The longest wait at once: what the system takes ends at 2**31 milliseconds.
_LONGEST = 86_400.0


class _Worker:
    """A process and the lines to it."""

    def __init__(self, pool: WorkerPool) -> None:
        self.slots: list[_Slot] = []
        theirs: list[Connection] = []
        try:
            for _ in range(SLOTS):
                ours, end = pool.context.Pipe()
                self.slots.append(_Slot(self, ours))
                theirs.append(end)
            # A process that is forked has all that is open here.
            forked = pool.context.get_start_method() == "fork"
            others = [slot.line for slot in (*pool.slots, *self.slots)] if forked else []
            self.process: ForkProcess | SpawnProcess = pool.context.Process(
                target=serve, args=(pool.common, theirs, others, pool.limits.threads), daemon=True
            )
            self.process.start()
        except OSError:
            self.hang_up()
            raise
        finally:
            for end in theirs:
                end.close()

    def hang_up(self) -> None:
        """End the lines to it."""
        for slot in self.slots:
            slot.line.close()

    @property
    def busy(self) -> list[int]:
        """The images it has."""
        return [slot.place for slot in self.slots if slot.place is not None]


class _Slot:
    """Where a worker has an image, and the line that it came along."""

    def __init__(self, worker: _Worker, line: Connection) -> None:
        self.worker, self.line = worker, line
        self.place: int | None = None
        self.since = 0.0


class WorkerPool:
    """Worker processes, and the images that they are handed.

    Parameters
    ----------
    jobs, common
        As `Common.do` takes them.
    limits
        How much is done at once.
    """

    def __init__(self, jobs: Sequence[Job], common: Common, limits: BatchLimits) -> None:
        self.context: Any = multiprocessing.get_context(_way())
        self.jobs, self.common, self.limits = jobs, common, limits
        self.workers: list[_Worker] = []
        self._room = MemoryBudget(_ROOM * limits.workers)
        self._left: deque[int] = deque(range(len(jobs)))
        #: The image whose turn is next, and what it will take.
        self._estimated = -1, 0
        #: Images that a worker had when it died, perhaps of another one.
        self._suspects: deque[int] = deque()

    @property
    def slots(self) -> list[_Slot]:
        """Those of all workers."""
        return [slot for worker in self.workers for slot in worker.slots]

    def start(self) -> bool:
        """Start a worker, and return whether there is one now."""
        try:
            self.workers.append(_Worker(self))
        except OSError:
            # Too many processes or open files: it is done with those that there are.
            self.limits = replace(self.limits, workers=len(self.workers))
        return bool(self.workers)

    def run(self) -> Generator[Outcome, None, None]:
        """Yield what becomes of the images, as they are done.

        Raises
        ------
        ImageError
            If there is no worker left, and none can be started.
        """
        try:
            while True:
                yield from self._hand_out()
                busy = [slot for slot in self.slots if slot.place is not None]
                if not busy:
                    return
                heard = wait([slot.line for slot in busy], self._patience(busy))
                for slot in busy:
                    if slot.line in heard:
                        yield from self._hear(slot)
                yield from self._give_up()
        finally:
            self._end()

    def _hand_out(self) -> Iterator[Outcome]:
        """Give images to workers that can take one, and say what needs none."""
        while queue := self._left or self._suspects:
            again = queue is self._suspects
            slot = self._free(alone=again)
            size = self._size(queue[0]) if slot is not None else 0
            if slot is None or not self._room.fits(size):
                return
            place = queue.popleft()
            outcome = self._foresee(place, again=again)
            if outcome.error or outcome.skipped:
                yield outcome
            else:
                self._begin(slot, place, size)

    def _size(self, place: int) -> int:
        """Return what an image will take; its header is read once."""
        if self._estimated[0] != place:
            self._estimated = (
                place,
                estimate(self.common.work, self.common.writing, self.jobs[place]),
            )
        return self._estimated[1]

    def _foresee(self, place: int, *, again: bool) -> Outcome:
        """Return what can be told of an image that no worker has; `again` if one had it."""
        job, writing = self.jobs[place], self.common.writing
        # There was nothing of that name before, and what has a name is whole.
        if again and not writing.overwrite and exists(Path(job.target)):
            return Outcome(job, skipped="was written by a process that died after that")
        return foresee(job, writing)

    def _free(self, *, alone: bool) -> _Slot | None:
        """Return where the next image goes; None if there is no place for one.

        With `alone` that is a worker that has no other, so that it is known which it dies of.
        """
        wanted = max(1, self.limits.workers)
        if all(worker.busy for worker in self.workers) and len(self.workers) < wanted:
            self.start()
        if not self.workers:
            raise ImageError("no process can be started: too many of them, or of open files")
        worker = min(self.workers, key=lambda each: len(each.busy))
        if alone and worker.busy:
            return None
        return next((slot for slot in worker.slots if slot.place is None), None)

    def _begin(self, slot: _Slot, place: int, size: int) -> None:
        """Give an image to a worker."""
        slot.place, slot.since = place, monotonic()
        self._room.enter(place, size)
        # A worker that has died is noticed by the end of its lines.
        with suppress(ConnectionError):
            slot.line.send(self.jobs[place])

    def _hear(self, slot: _Slot) -> Iterator[Outcome]:
        """Take what a worker says of an image."""
        if slot.place is None or slot.worker not in self.workers:
            return
        try:
            what, said = slot.line.recv()
        except (EOFError, ConnectionError):
            yield from self._bury(slot.worker)
            return
        yield from self._take(slot, what, said)

    def _take(self, slot: _Slot, what: str, said: Any) -> Iterator[Outcome]:
        """Note what a worker has said of its image."""
        if slot.place is None:
            return
        if what == "broken":
            raise said
        if what == "takes":
            self._room.enter(slot.place, said)
            return
        self._room.leave(slot.place)
        slot.place = None
        yield said

    def _bury(self, worker: _Worker) -> Iterator[Outcome]:
        """Settle what becomes of the images of a worker that has died."""
        worker.process.join(_PATIENCE)
        for slot in worker.slots:
            # What it said last, of images that were done.
            with suppress(EOFError, ConnectionError):
                while slot.place is not None and slot.line.poll():
                    yield from self._take(slot, *slot.line.recv())
        places = self._dismiss(worker)
        if len(places) > 1:
            self._suspects += places
            return
        for place in places:
            found = self._foresee(place, again=True)
            why = "" if found.skipped else _how(worker.process.exitcode)
            yield replace(found, error=why)

    def _give_up(self) -> Iterator[Outcome]:
        """End the workers that have had an image for too long."""
        limit = self.limits.timeout
        for slot in self.slots:
            if limit is None or slot.place is None or monotonic() < slot.since + limit:
                continue
            late, since = slot.place, slot.since
            self._suspects += [place for place in self._dismiss(slot.worker) if place != late]
            yield Outcome(
                self.jobs[late],
                seconds=monotonic() - since,
                error=f"took longer than {limit:g} seconds; `timeout` allows for more",
            )

    def _dismiss(self, worker: _Worker) -> list[int]:
        """Do without a worker, leave nothing of what it had begun, and return its images."""
        self.workers.remove(worker)
        worker.process.kill()
        worker.process.join()
        places = worker.busy
        worker.hang_up()
        for slot in worker.slots:
            slot.place = None
        for place in places:
            self._room.leave(place)
            sweep(Path(self.jobs[place].target).parent)
        return places

    def _patience(self, slots: Iterable[_Slot]) -> float | None:
        """Return how long to wait until an image has taken too long."""
        if self.limits.timeout is None:
            return None
        left = min(slot.since for slot in slots) + self.limits.timeout - monotonic()
        return min(max(0.0, left), _LONGEST)

    def _end(self) -> None:
        """Have all workers come to an end; they notice that their lines do."""
        for worker in self.workers:
            worker.hang_up()
        end = monotonic() + _PATIENCE
        for worker in self.workers.copy():
            worker.process.join(max(0.0, end - monotonic()))
            self._dismiss(worker)


def _how(status: int | None) -> str:
    """Say how a worker died."""
    if status is None or status >= 0:
        return f"the process that worked on it ended with status {status}"
    if -status == signal.SIGKILL:
        return "the process that worked on it was killed, perhaps for want of memory"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"crashed the library that reads it ({name}); the file is damaged, or made to do so"


def can_hand_out(jobs: Sequence[Job]) -> bool:
    """Whether processes can be had for these images.

    They can't have standard streams, and a process with threads can't be copied safely.
    """
    if any(STREAM in (job.source, job.target) for job in jobs):
        return False
    return _way() == "spawn" or (threading.active_count() == 1 and not threads.running())


def _way() -> str:
    """How processes are made. On macOS the libraries below NumPy don't bear to be copied."""
    return "fork" if hasattr(os, "fork") and sys.platform != "darwin" else "spawn"
