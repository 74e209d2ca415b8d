"""A whole site of real processes: broker, master, workers, cameras with spools, an operator; and the count at its end.

Loads are scripted and calm, so that nothing moves but by an operator's word; what is measured comes from the stories
that the master keeps with its rows.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psutil
import psycopg2
import psycopg2.extensions

from posture_shared.records import ANALYSED
from support.images import photographs
from support.mosquitto import Mosquitto
from support.operator_link import Operator
from support.postgres import Postgres
from support.processes import Program, Programs, our_program, wait_for
from support.site import Camera, Master

STUCK_WORKER = Path(__file__).with_name("stuck_worker.py")
CALM = "0 20\n"
"""A load script: 20 % for ever."""


class Tell(Protocol):
    """Writes a test's line of the table at the end of the run."""

    def __call__(self, count: "Count", figure: str = "") -> None:
        """What was counted, and the figure that matters."""
        ...


class Step(NamedTuple):
    """One step of a frame's story; `at_s` is seconds since 1970."""

    at_s: float
    step: str
    detail: str


@dataclass(frozen=True)
class Count:
    """What was published and what became of it."""

    frames: int
    rows: int
    lost: int
    twice: int
    by_status: Counter[str]

    def right(self, *, failed: int = 0, shed: int = 0) -> None:
        """Rows = distinct ids = frames published; analysed, but for so many `Failed` and at most `shed` `Expired`."""
        assert (self.rows, self.lost, self.twice) == (self.frames, 0, 0)
        other = {status: count for status, count in self.by_status.items() if status not in ANALYSED}
        assert other.pop("Failed", 0) == failed, self.by_status
        assert other.pop("Expired", 0) <= shed, self.by_status
        assert not other, self.by_status


class WholeSite:
    """One site; `programs` ends its processes.

    Args:
        folder: for data, spools, ledgers. model, threads: of every worker; `full` is always installed.
        master_env: of the master and its local worker. master_flags: further flags.
    """

    def __init__(
        self,
        programs: Programs,
        broker: Mosquitto,
        folder: Path,
        *,
        model: str = "full",
        threads: int = 1,
        master_env: Mapping[str, str] | None = None,
        master_flags: Sequence[str] = (),
    ) -> None:
        self.folder, self.broker, self._programs = folder, broker, programs
        self._model, self._threads = model, threads
        (folder / "calm.load").write_text(CALM)
        own = ["--model", model, "--local-threads", str(threads), "--load", f"script:{folder / 'calm.load'}"]
        self.master = Master(programs, broker, folder / "data", *own, *master_flags, env=master_env)
        self.operator = Operator(self.master.control_port)
        self.workers: dict[str, Program] = {}
        self._publishers: list[Program] = []
        self._bursting: Camera | None = None
        self._ledgers: list[Path] = []
        self._cameras: list[Camera] = []
        self._numbers = 0

    # Who takes part.

    def worker(
        self, node: str, *, port: int | None = None, env: Mapping[str, str] | None = None, may_stick: bool = False
    ) -> Program:
        """Start a remote worker (again) and wait until it has joined, on standby if nothing is for it to do."""
        command = [sys.executable, str(STUCK_WORKER)] if may_stick else our_program("posture-agent")
        self._numbers += 1
        program = self.workers[node] = self._programs.start(
            *command,
            *("worker", "--master", f"tcp://127.0.0.1:{port or self.master.worker_port}", "--node-name", node),
            *("--threads", str(self._threads), "--model", self._model, "--load", f"script:{self.folder / 'calm.load'}"),
            name=f"worker-{node}-{self._numbers}",
            env=env,
        )
        program.wait_for_line("event=joined", 60)
        return program

    def warm(self, *nodes: str) -> None:
        """Have these workers load their model: analysis goes there once and comes back."""
        for node in nodes:
            self.pin(node)
        self.to_local()
        self.operator.clear()

    def pin(self, node: str, *, timeout: float = 60) -> None:
        """All analysis to `node`, which is waited for."""
        self.operator.override(f"node:{node}")
        self.ready(f"{node}/main", timeout)

    def to_local(self) -> None:
        """All analysis to the master's own worker, which is waited for."""
        self.operator.override("local")
        self.ready("orin/local")

    def ready(self, key: str, timeout: float = 60) -> None:
        """Wait until the worker `<node>/<instance>` is ready."""
        wait_for(lambda: self.operator.worker_is(key, "ready"), timeout, what=f"{key} is ready")

    def holding(self, node: str, frames: int, timeout: float = 60) -> None:
        """Wait until the remote worker of `node` is ready and holds so many frames."""

        def holds() -> bool:
            worker = self.operator.worker(f"{node}/main")
            return worker is not None and worker.state == "ready" and worker.in_flight >= frames

        wait_for(holds, timeout, what=f"{node} holds {frames} frames")

    def burst(self, frames: int) -> None:
        """So many pictures of one more camera at once: for a moment every worker has its hands full."""
        if self._bursting is None:
            self._bursting = Camera(self.broker, "burst")
            self.count_also(self._bursting)
        self._bursting.publish([people(self.folder, 480)[0].read_bytes()] * frames)

    def camera(self, pi_id: str, frames: int, *, fps: float = 6.0, height: int = 480) -> Program:
        """A publisher with a spool that shows `frames` photographs and ends when the master has confirmed all."""
        folder = self.folder / f"pictures-{pi_id}"
        folder.mkdir()
        pictures = people(self.folder, height)
        for number in range(frames):
            os.link(pictures[number % len(pictures)], folder / f"{number:06d}.jpg")
        ledger = self.folder / f"{pi_id}.ledger"
        self._ledgers.append(ledger)
        program = self._programs.start(
            *("posture-publisher", "run", "--pi-id", pi_id, "--broker", self.broker.address),
            *("--source", f"dir:{folder}", "--fps", str(fps)),
            *("--spool", self.folder / "spool", "--ledger", ledger),
            name=f"camera-{pi_id}",
        )
        self._publishers.append(program)
        return program

    # What is there.

    def child(self, node: str) -> psutil.Process:
        """The analysis child of a remote worker."""
        return psutil.Process(self.workers[node].pid).children()[0]

    def published(self) -> list[dict[str, Any]]:
        """The ledgers' entries."""
        files = [file for file in self._ledgers if file.exists()]
        written = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return written + [
            {"pi_id": camera.pi_id, "run": frame.run, "seq": frame.seq, "frame_id": frame.id}
            for camera in self._cameras
            for frame in camera.ledger
        ]

    def rows(self) -> list[dict[str, Any]]:
        """The rows of `posture.db`."""
        return self.master.rows()

    def more_rows(self, count: int, timeout: float = 60) -> None:
        """Wait for so many rows more than there are now."""
        wanted = self.count_rows() + count
        wait_for(lambda: self.count_rows() >= wanted, timeout, what=f"{wanted} rows")

    def count_rows(self) -> int:
        """How many rows there are."""
        return self.master.count_rows()

    # The end.

    def count_also(self, *cameras: Camera) -> None:
        """Cameras of the test's own, whose ledgers count too."""
        self._cameras += cameras

    def settled(self, timeout: float = 120) -> None:
        """Wait until all that was published has its row."""
        wait_for(lambda: self.count_rows() >= len(self.published()), timeout, what="a row for each frame")

    def finish(self, timeout: float = 180) -> Count:
        """Wait until each camera knows that all its frames are durable, and count."""
        for publisher in self._publishers:
            code = publisher.wait(timeout)
            assert code == 0, f"{publisher.name} ended with {code}\n{publisher.tail()}"
        self.settled(timeout)
        return self.count()

    def close(self) -> None:
        """Let go of the sockets of the test's own process."""
        if self._bursting is not None:
            self._bursting.close()
        self.operator.close()

    def count(self) -> Count:
        """Ledgers against rows."""
        published = {(entry["pi_id"], entry["run"], entry["seq"]): entry["frame_id"] for entry in self.published()}
        rows = self.rows()
        keys = Counter((row["pi_id"], row["run"], row["seq"]) for row in rows)
        ids = {row["frame_id"] for row in rows}
        lost = sum(frame_id not in ids for frame_id in published.values())
        return Count(
            frames=len(published),
            rows=len(rows),
            lost=max(lost, len(published.keys() - keys.keys())),
            twice=len(rows) - min(len(keys), len(ids)),
            by_status=Counter(row["posture_status"] for row in rows),
        )


def people(folder: Path, height: int) -> list[Path]:
    """A few photographs of people from the side, `height` pixels high, as files in `folder`."""
    import cv2  # noqa: PLC0415 - only where pictures are made

    small = folder / f"people-{height}"
    if not small.is_dir():
        small.mkdir()
        for number, photo in enumerate(photographs("side_left")[:4]):
            image = cv2.imread(str(photo.path))
            assert image is not None
            scale = height / image.shape[0]
            resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(small / f"{number}.jpg"), resized)
    return sorted(small.iterdir())


def story(row: Mapping[str, Any]) -> list[Step]:
    """The steps of a row's frame up to its commit."""
    return [
        Step(datetime.fromisoformat(step["at"]).timestamp(), step["step"], step.get("detail", ""))
        for step in json.loads(row["story"])
    ]


def steps(rows: Sequence[Mapping[str, Any]], name: str) -> Iterator[tuple[Mapping[str, Any], Step]]:
    """Each step of that name, with its row."""
    return ((row, step) for row in rows for step in story(row) if step.step == name)


def received_s(row: Mapping[str, Any]) -> float:
    """When the master had the frame, seconds since 1970."""
    return datetime.fromisoformat(row["received_time"]).timestamp()


def started_s(row: Mapping[str, Any]) -> float:
    """When a thread took the frame for its last attempt, seconds since 1970."""
    return max(step.at_s for step in story(row) if step.step == "started")


def stored_s(row: Mapping[str, Any]) -> float:
    """When the row was made durable, seconds since 1970."""
    return datetime.fromisoformat(row["stored_at"]).timestamp()


def latency_ms(row: Mapping[str, Any], part: str = "total") -> float:
    """Receipt to commit, or another part of a frame's time."""
    return float(json.loads(row["latency_ms"])[part])


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def database_of(postgres: Postgres, programs: Programs) -> dict[str, str]:
    """Our tables in a new database, and the environment of a master that writes there."""
    migrate = programs.start("posture-agent", "migrate", "--admin-url", postgres.url, name="migrate")
    assert migrate.wait() == 0, migrate.tail()
    parts = psycopg2.extensions.parse_dsn(postgres.url)
    return {
        "SUPABASE_HOST": parts["host"],
        "SUPABASE_PORT": str(parts["port"]),
        "SUPABASE_DB": parts["dbname"],
        "SUPABASE_USER": parts["user"],
        "SUPABASE_SSL": "disable",
    }


def ids_in(postgres: Postgres) -> list[str]:
    """The frame of each row in PostgreSQL; none while it is away."""
    try:
        with psycopg2.connect(postgres.url) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT frame_id::text FROM posture_log")
            return [row[0] for row in cursor.fetchall()]
    except psycopg2.OperationalError:
        return []


def slowness() -> float:
    """How much longer a process takes on this machine now than it computes: 1 where it has a core for itself."""
    began_s = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", _COMPUTE], capture_output=True, check=True)
    return max(1.0, (time.perf_counter() - began_s) / float(done.stdout))


_COMPUTE = """
import time
while time.process_time() < 0.3:
    pass
print(time.process_time())
"""


def stop_all_of(program: Program) -> None:
    """SIGSTOP to a program and all that it started."""
    os.killpg(program.pid, signal.SIGSTOP)


def resume_all_of(program: Program) -> None:
    os.killpg(program.pid, signal.SIGCONT)
