"""The one writer of `posture.db`: a thread that commits outcomes in groups, off the event loop.

Order for each group: pictures (synced, renamed), then one transaction, then the callback on the loop, which
acknowledges. When the disk is full or fails nothing is called back and the same group is tried again: what is not
acknowledged comes again, what is acknowledged is durable.
"""

import asyncio
import contextlib
import itertools
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError
from contextvars import ContextVar
from typing import Final

from posture_agent import faults
from posture_agent.frames.outcome import Outcome
from posture_agent.store.delivery import Delivery
from posture_agent.store.group import Group, Prepared
from posture_agent.store.linger import Linger
from posture_agent.store.outbox import Outbox
from posture_agent.store.pictures import Pictures
from posture_shared.jitter import jittered
from posture_shared.records import Severity

log = logging.getLogger(__name__)

LINGER_S: Final = 0.02
"""How long the first outcome of a group waits for others, unless they come fast (`linger`)."""
MAX_GROUP: Final = 256
_RETRY_S: Final = (0.1, 5.0)
"""First and longest pause after a failed commit."""

Job = Callable[[sqlite3.Connection], None]
Alarm = Callable[[str, str, str | None, Severity], None]
"""kind, subject, what is wrong in words (None ends the alarm), and how bad that is."""


class _Ask:
    """Something else to be written in the same transaction, e.g. a decision or an audit entry: all of it or nothing."""

    __slots__ = ("done", "jobs", "queued")

    def __init__(self, *jobs: Job) -> None:
        self.jobs = list(jobs)
        self.queued = False
        self.done: Future[None] = Future()

    def run(self, connection: sqlite3.Connection) -> None:
        """Do all of it, in the order in which it was asked for."""
        for job in self.jobs:
            job(connection)

    def answer(self, refusal: Exception | None) -> None:
        """It is durable, or refused; whoever asked may have given up waiting meanwhile."""
        with contextlib.suppress(InvalidStateError):
            if refusal is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(refusal)


_TOGETHER: Final[ContextVar[_Ask | None]] = ContextVar("together", default=None)
"""What the running task writes into, between the beginning and the end of `Committer.together`."""


class Committer:
    """Makes outcomes durable.

    Args:
        outbox: the opened data folder.
        pictures: the folder of pictures.
        on_committed: called on the loop with outcomes that are durable now, their results complete
            (`image_path`, `filename`, `latency_ms.total`, `end_to_end_ms`).
        on_alarm: called on the loop; kinds `store` (the file, or outcomes that a defect keeps out) and `pictures`.
        delivery_of: for a frame that came without identity, how it was delivered; stored with its row.
        skew_ms: a camera's clock skew, or None while unknown; called from the committer's thread.
        linger_s: how long a group collects, in seconds; a fast stream's groups collect longer (`linger`).
    """

    def __init__(
        self,
        *,
        outbox: Outbox,
        pictures: Pictures,
        on_committed: Callable[[list[Outcome]], None],
        on_alarm: Alarm,
        delivery_of: Callable[[str], Delivery | None] = lambda _frame_id: None,
        skew_ms: Callable[[str], float | None] = lambda _pi_id: None,
        linger_s: float = LINGER_S,
    ) -> None:
        self._linger, self._asked = Linger(linger_s), threading.Event()
        self._outbox, self._group = outbox, Group(pictures, skew_ms)
        self._on_committed, self._on_alarm, self._delivery_of = on_committed, on_alarm, delivery_of
        self._queue: queue.SimpleQueue[tuple[Outcome, Delivery | None] | _Ask | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failing = False
        self._pictures_failing = False
        self._stuck = 0
        self._closing = threading.Event()
        self.backlog = 0
        """Outcomes submitted and not yet durable."""
        self.told_id = 0
        """`posture_log.id` up to which `on_committed` has been called."""

    def start(self) -> None:
        """Begin; call on the event loop that the callbacks are for."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether the last commit succeeded, as far as is known."""
        return self._thread is not None and self._thread.is_alive() and not self._failing

    def submit(self, outcome: Outcome) -> None:
        """Take over one frame's outcome; call on the loop. `on_committed` follows when it is durable."""
        self.backlog += 1
        self._queue.put((outcome, self._delivery_of(outcome.result.frame_id)))

    def write(self, job: Job) -> Future[None]:
        """Run `job` on the writing connection within the next transaction; done when that is durable."""
        together = _TOGETHER.get()
        if together is not None and not together.queued:
            together.jobs.append(job)
            return together.done
        return self._ask(_Ask(job))

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Make what this task writes within the block durable as one, all of it or nothing; queued at its end.

        Waiting for such a write within the block would wait for ever.
        """
        ask = _Ask()
        token = _TOGETHER.set(ask)
        try:
            yield
        finally:
            _TOGETHER.reset(token)
            self._ask(ask)

    def _ask(self, ask: _Ask) -> Future[None]:
        ask.queued = True
        self._queue.put(ask)
        self._asked.set()  # somebody waits for the answer: the group is closed at once
        return ask.done

    async def stop(self) -> None:
        """Commit what was submitted, then end. Where the disk refuses, give up: nothing of it was acknowledged."""
        self._closing.set()
        self._queue.put(None)
        self._asked.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 10)

    def _run(self) -> None:
        connection = self._outbox.writer()
        ids = itertools.count(connection.execute("SELECT coalesce(max(id), 0) + 1 FROM posture_log").fetchone()[0])
        try:
            for outcomes, asks in self._groups():
                try:
                    self._commit(connection, self._group.prepare(outcomes, ids, self._tell_pictures), asks)
                except Exception:
                    log.exception("event=group_failed rows=%d", len(outcomes))
                    self._commit_apart(connection, outcomes, asks, ids)
        finally:
            connection.close()

    def _commit_apart(
        self,
        connection: sqlite3.Connection,
        outcomes: list[tuple[Outcome, Delivery | None]],
        asks: list[_Ask],
        ids: Iterator[int],
    ) -> None:
        """After a defect with a group: each part by itself, so that one costs no other its row or its answer."""
        try:
            self._commit(connection, [], asks)
        except Exception as error:
            log.exception("event=asks_failed asks=%d", len(asks))
            for ask in asks:
                ask.answer(error)
        for one in outcomes:
            try:
                self._commit(connection, self._group.prepare([one], ids, self._tell_pictures), [])
            except Exception as error:
                # It stays unacknowledged and comes again after a restart.
                log.exception("event=outcome_failed frame=%s", one[0].result.frame_id)
                self._stuck += 1
                sentence = f"{self._stuck} outcome(s) could not be stored: {error}; restart the master"
                self._call(self._on_alarm, "store", "outcomes", sentence, "critical")

    def _groups(self) -> Iterator[tuple[list[tuple[Outcome, Delivery | None]], list[_Ask]]]:
        ended = False
        while not ended:
            item = self._queue.get()
            if item is not None and not self._closing.is_set():
                self._asked.wait(self._linger.seconds)
            self._asked.clear()
            outcomes: list[tuple[Outcome, Delivery | None]] = []
            asks: list[_Ask] = []
            while True:
                if item is None:
                    ended = True
                elif isinstance(item, _Ask):
                    asks.append(item)
                else:
                    outcomes.append(item)
                if len(outcomes) + len(asks) >= MAX_GROUP:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            self._linger.committed(len(outcomes), time.monotonic())
            if outcomes or asks:
                yield outcomes, asks

    def _commit(self, connection: sqlite3.Connection, prepared: list[Prepared], asks: list[_Ask]) -> None:
        pause = _RETRY_S[0]
        while True:
            try:
                failed = _transact(connection, prepared, asks)
            except sqlite3.Error as error:
                self._failed(f"{self._outbox.file} cannot be written: {error}; nothing is acknowledged until it can")
                if self._closing.wait(jittered(pause)):
                    return
                pause = min(pause * 2, _RETRY_S[1])
            else:
                break
        faults.point("after_commit_before_ack")
        for ask in asks:
            ask.answer(failed.get(id(ask)))
        self._call(self._tell, [p.outcome for p in prepared], prepared[-1].row_id if prepared else 0)

    def _tell(self, outcomes: list[Outcome], last_id: int) -> None:
        if self._failing:
            self._failing = False
            self._on_alarm("store", str(self._outbox.file), None, "critical")
        if outcomes:
            self.backlog -= len(outcomes)
            self.told_id = last_id
            self._on_committed(outcomes)

    def _failed(self, sentence: str) -> None:
        if not self._failing:
            log.error("event=commit_failed %s", sentence)
            self._failing = True
            self._call(self._on_alarm, "store", str(self._outbox.file), sentence, "critical")

    def _tell_pictures(self, error: OSError | None) -> None:
        if (error is not None) == self._pictures_failing:
            return
        self._pictures_failing = error is not None
        folder = str(self._outbox.data_dir)
        text = None if error is None else f"pictures cannot be written: {error.strerror}; rows go on without them"
        self._call(self._on_alarm, "pictures", folder, text, "warning")

    def _call(self, function: Callable[..., None], *args: object) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)


def _transact(connection: sqlite3.Connection, prepared: list[Prepared], asks: list[_Ask]) -> dict[int, Exception]:
    """One transaction with everything in it; what an ask raised is returned under the ask's id."""
    failed: dict[int, Exception] = {}
    connection.execute("BEGIN IMMEDIATE")
    try:
        Prepared.insert(connection, prepared)
        for ask in asks:
            error = _in_savepoint(connection, ask.run)
            if error is not None:
                failed[id(ask)] = error
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return failed


def _in_savepoint(connection: sqlite3.Connection, job: Job) -> Exception | None:
    connection.execute("SAVEPOINT ask")
    try:
        job(connection)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:  # the disk's fault, not the statement's
            raise
        connection.execute("ROLLBACK TO ask")
        return error
    except Exception as error:  # noqa: BLE001 - handed to whoever asked; the group goes on
        connection.execute("ROLLBACK TO ask")
        return error
    finally:
        if connection.in_transaction:
            connection.execute("RELEASE ask")
    return None
