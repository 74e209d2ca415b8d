"""A real master for integration tests, and cameras that keep count of what they published."""

import json
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as mqtt

from posture_shared.frame import FrameIdentity, embed, new_id
from posture_shared.records import ANALYSED
from support.mosquitto import Mosquitto
from support.processes import Program, Programs, free_port, our_program, wait_for


class Master:
    """`posture-agent master` as a process on free ports that stay the same over restarts."""

    def __init__(
        self,
        programs: Programs,
        broker: Mosquitto,
        folder: Path,
        *flags: str,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.worker_port, self.control_port, self.events_port, self.metrics_port = (free_port() for _ in range(4))
        self._programs, self._broker, self._flags, self._env = programs, broker, flags, dict(env or {})
        self.program: Program | None = None

    def start(self, *, wait: bool = True, env: Mapping[str, str] | None = None) -> Self:
        """Start it (again); with `wait` until it says that it is ready."""
        command = ["posture-agent", "master", "--broker", self._broker.address, "--data-dir", str(self.folder)]
        for name in ("worker", "control", "events", "metrics"):
            command += [f"--{name}-port", str(getattr(self, f"{name}_port"))]
        command += ["--node-name", "orin", "--local-threads", "2", *self._flags]
        self.program = self._programs.start(*command, name="master", env={**self._env, **(env or {})})
        if wait:
            self.wait_ready()
        return self

    def kill(self) -> None:
        assert self.program is not None
        self.program.kill()

    @property
    def connect(self) -> str:
        return f"tcp://127.0.0.1:{self.control_port}"

    def console(self, *words: str) -> Any:
        """What a headless verb of the console prints, as JSON."""
        command = [*our_program("posture-console"), *words, "--connect", self.connect, "--json"]
        done = subprocess.run(command, capture_output=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def wait_ready(self, timeout: float = 60) -> None:
        def ready() -> bool:
            assert self.program is not None
            assert self.program.alive, f"the master ended\n{self.program.tail()}"
            return self.get("/readyz")[0] == 200

        wait_for(ready, timeout, what="the master is ready")

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a path of the health server; 0 where nothing answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def rows(self) -> list[dict[str, Any]]:
        """All rows of `posture_log` in `posture.db`, in the order of their commit."""
        file = self.folder / "posture.db"
        if not file.exists():
            return []
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
            database.row_factory = sqlite3.Row
            try:
                found = database.execute("SELECT * FROM posture_log ORDER BY rowid").fetchall()
            except sqlite3.OperationalError:  # not migrated yet
                return []
        return [dict(row) for row in found]

    def count_rows(self) -> int:
        """How many rows `posture_log` has."""
        file = self.folder / "posture.db"
        if not file.exists():
            return 0
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
            try:
                return int(database.execute("SELECT count(*) FROM posture_log").fetchone()[0])
            except sqlite3.OperationalError:  # not migrated yet
                return 0

    def wait_rows(self, count: int, timeout: float = 60) -> list[dict[str, Any]]:
        """The rows, once there are at least `count`."""
        wait_for(lambda: len(self.rows()) >= count, timeout, what=f"{count} rows")
        return self.rows()


@dataclass
class Camera:
    """A publisher with identity that resends nothing; `ledger` holds every (run, seq) it published."""

    broker: Mosquitto
    pi_id: str
    run: str = field(default_factory=new_id)
    ledger: list[FrameIdentity] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=f"camera-{self.pi_id}-{self.run}", protocol=mqtt.MQTTv5
        )
        self._client.connect(self.broker.host, self.broker.port)
        self._client.loop_start()

    def publish(self, jpegs: Iterable[bytes], *, fps: float | None = None) -> list[str]:
        """Publish each with an identity of its own; returns the ids once the broker has acknowledged them."""
        sent, ids = [], []
        due = time.monotonic()
        for jpeg in jpegs:
            if fps:
                due += 1 / fps
                time.sleep(max(0.0, due - time.monotonic()))
            who = FrameIdentity(new_id(), self.run, len(self.ledger) + 1, datetime.now(UTC))
            self.ledger.append(who)
            ids.append(who.id)
            sent.append(self._client.publish(f"images/{self.pi_id}", embed(jpeg, who), qos=1))
        for message in sent:
            message.wait_for_publish(30)
        return ids

    def send(self, payload: bytes, *, topic: str | None = None) -> None:
        """One raw message, acknowledged by the broker."""
        self._client.publish(topic or f"images/{self.pi_id}", payload, qos=1).wait_for_publish(30)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def exactly_one_row_each(rows: list[dict[str, Any]], ids: Iterable[str]) -> None:
    """Every id has one row, of an analysed status, and there are no others."""
    ids = set(ids)
    seen = Counter(row["frame_id"] for row in rows)
    assert not ids - seen.keys(), f"{len(ids - seen.keys())} frames have no row"
    assert not seen.keys() - ids, f"{len(seen.keys() - ids)} rows belong to no frame"
    assert max(seen.values(), default=1) == 1
    unanalysed = Counter(row["posture_status"] for row in rows if row["posture_status"] not in ANALYSED)
    assert not unanalysed, f"rows that are not analysed: {dict(unanalysed)}"


def latency(row: dict[str, Any]) -> dict[str, float]:
    return dict(json.loads(row["latency_ms"]))
