"""The analysis child: one process, N threads that share one `Analyzer`. `python -m posture_agent.worker.child FD`.

Owns MediaPipe and OpenCV, and nothing else: it may crash, hang or be killed at any time, and its parent lives on.
An error that escapes the analysis ends it, so that there is one way to fail. It ends when its parent does.
"""

import faulthandler
import os
import signal
import socket
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Final, NoReturn, Protocol

from posture_agent.worker.fault import planted
from posture_agent.worker.orphan import die_with_parent
from posture_agent.worker.pipe import ChildEnd, Found, GivenBack, Loaded, Setup, Taken, Unable, Work, pack
from posture_shared.exits import Stop
from posture_shared.messages.worker import Analysis, Baseline

CRASHED: Final = 70


class Analyses(Protocol):
    """What the child needs of an analyzer."""

    def analyze(
        self,
        jpeg: bytes,
        *,
        pi_id: str,
        run: str | None,
        seq: int | None,
        captured: datetime | None,
        tracking: bool,
        baseline: Baseline | None,
    ) -> tuple[Analysis, bytes]:
        """Analyse one picture; called from several threads at once."""
        ...

    def close(self) -> None:
        """Free what is held."""
        ...


Factory = Callable[[Setup], Analyses]


def import_mediapipe() -> None:
    """Import what `mediapipe_analyzer` needs, which takes longer than loading a model."""
    import posture_agent.analysis.analyzer  # noqa: F401, PLC0415 - heavy; only the child pays for it


def mediapipe_analyzer(setup: Setup) -> Analyses:
    """The real one, with a landmarker a thread. Raises Stop where the model is not installed."""
    import cv2  # noqa: PLC0415 - heavy; only the child pays for it

    from posture_agent.analysis.analyzer import Analyzer  # noqa: PLC0415
    from posture_agent.analysis.settings import from_master  # noqa: PLC0415

    cv2.setNumThreads(1)
    settings = from_master(setup.settings)
    return Analyzer(model=setup.model, mode=setup.mode, threads=setup.threads, settings=settings)  # type: ignore[arg-type] # the parent's settings have checked the names


class Child:
    """The reader and the threads around one analyzer."""

    def __init__(self, end: ChildEnd, analyzer: Analyses, threads: int) -> None:
        self._end, self._analyzer, self._threads = end, analyzer, threads
        self._work: deque[tuple[Work, bytes]] = deque()
        self._there = threading.Semaphore(0)
        self._busy: set[str] = set()
        self._guard = threading.Lock()

    def serve(self) -> None:
        """Work until the parent goes."""
        for number in range(self._threads):
            threading.Thread(target=self._analyse, name=f"analysis-{number}", daemon=True).start()
        self._end.send(pack(Loaded()))
        while (received := self._end.receive()) is not None:
            message, body = received
            if isinstance(message, Work):
                with self._guard:
                    self._work.append((message, body))
                self._there.release()
            else:
                self._give_back()

    def _give_back(self) -> None:
        with self._guard:
            back = [work.ticket for work, _ in self._work]
            self._work.clear()
        self._end.send(pack(GivenBack(back)))

    def _take(self) -> tuple[Work, bytes] | None:
        """The oldest work; a camera that is tracked is never in two threads at once."""
        with self._guard:
            for at, (work, _) in enumerate(self._work):
                if not work.tracking or work.pi_id not in self._busy:
                    taken = self._work[at]
                    del self._work[at]
                    if work.tracking:
                        self._busy.add(work.pi_id)
                    return taken
            return None

    def _analyse(self) -> None:
        found = b""
        try:
            while True:
                if not self._there.acquire(blocking=not found):
                    self._end.send(found)
                    found = b""
                elif taken := self._take():
                    found = self._one(*taken, found)
        except OSError:  # the parent is gone
            os._exit(0)
        except BaseException:  # noqa: BLE001 - whatever escapes the analysis ends this process, with its traceback
            crash()

    def _one(self, work: Work, jpeg: bytes, before: bytes) -> bytes:
        """Say that `work` is taken, after what was found `before`; returns what was found now, unless it is told."""
        self._end.send(before, pack(Taken(work.ticket)))
        planted(work.pi_id, jpeg)
        analysis, picture = self._analyzer.analyze(
            jpeg,
            pi_id=work.pi_id,
            run=work.run,
            seq=work.seq,
            captured=work.captured,
            tracking=work.tracking,
            baseline=work.baseline,
        )
        found = pack(Found(work.ticket, analysis), picture)
        if not work.tracking:
            return found
        self._end.send(found)
        with self._guard:
            self._busy.discard(work.pi_id)
        self._there.release()  # for a frame of this camera that was passed over
        return b""


def crash() -> NoReturn:
    """Print what happened and end at once, threads and all."""
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(CRASHED)


def run(descriptor: int, factory: Factory, *, prepare: Callable[[], object] = lambda: None) -> NoReturn:
    """Be the child on the socket `descriptor`, with the analyzer that `factory` makes.

    `prepare` is called before anything is known of what to analyse, and so of the model.
    """
    die_with_parent(int(os.environ.get("POSTURE_PARENT_PID", os.getppid())))
    faulthandler.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, who drains
    end = ChildEnd(socket.socket(fileno=descriptor))
    try:
        prepare()
        first = end.receive()
        if first is None or not isinstance(first[0], Setup):
            os._exit(0)
        analyzer = factory(first[0])
    except Stop as stop:
        end.send(pack(Unable(stop.sentence)))
        os._exit(int(stop.code))
    except BaseException:  # noqa: BLE001 - a broken installation must be told, whatever it raises
        end.send(pack(Unable(traceback.format_exc(limit=-1).strip().splitlines()[-1])))
        crash()
    try:
        Child(end, analyzer, first[0].threads).serve()
    except OSError:
        os._exit(0)
    os._exit(0)  # threads may be in the middle of a picture that nobody waits for


if __name__ == "__main__":
    run(int(sys.argv[1]), mediapipe_analyzer, prepare=import_mediapipe)
