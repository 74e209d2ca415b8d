"""A master with a camera that never stops, for faults: what alarms and doctor say, and that nothing is lost."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from posture_shared.records import Alarm
from support.mosquitto import Mosquitto
from support.operator_link import Operator
from support.processes import Program, Programs, our_program, wait_for
from support.servers import lacking
from support.site import Master
from support.whole_site import people

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
"""Analysis itself has no part in these faults, and MediaPipe would only make them slow."""
SOON_S = 5.0
"""Within this time a fault is an alarm."""
AGAIN_S = 90.0
"""Within this time all goes on by itself."""


class Troubled:
    """One site in which things go wrong. `settings` are environment variables of master and doctor alike."""

    def __init__(
        self,
        programs: Programs,
        broker: Mosquitto,
        folder: Path,
        *,
        data: Path | None = None,
        settings: Mapping[str, str] | None = None,
        master_only: Mapping[str, str] | None = None,
    ) -> None:
        self.folder, self.broker, self._programs = folder, broker, programs
        self._settings = {"POSTURE_STORE__FREE_BYTES": "0", **(settings or {})}
        own = {**self._settings, **(master_only or {})}
        self.master = Master(programs, broker, data or folder / "data", "--local-threads", "0", env=own)
        self.master.start(wait=False)
        where = f"tcp://127.0.0.1:{self.master.worker_port}"
        programs.start(sys.executable, str(FAKE_WORKER), where, "orin", "main", "1", name="worker")
        self.master.wait_ready(120)
        self.operator = Operator(self.master.control_port)

    def camera(
        self,
        pi_id: str = "pi1",
        *,
        source: str | None = None,
        fps: int = 4,
        spool: Path | None = None,
        broker: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Program:
        """A publisher of photographs, or of `source`, over and over, with a spool and a ledger; `broker`: HOST:PORT."""
        source = source or f"dir:{people(self.folder, 240)[0].parent}"
        return self._programs.start(
            *("posture-publisher", "run", "--pi-id", pi_id, "--broker", broker or self.broker.address),
            *("--source", source, "--loop", "--fps", str(fps)),
            *("--spool", spool or self.folder / "spool" / pi_id, "--ledger", self.folder / f"{pi_id}.ledger"),
            name=pi_id,
            env=env,
        )

    # What is said.

    def alarm(self, kind: str, words: str = "") -> Alarm | None:
        """The open alarm of that kind whose text has `words`."""
        return next((one for one in self._alarms() if one.kind == kind and words in one.text), None)

    def alarmed(self, kind: str, words: str, since_s: float, *, within_s: float = SOON_S) -> None:
        """An operator sees the alarm with these words, and in time: one without them does not count."""
        began = self._alarms()
        wait_for(lambda: self.alarm(kind, words), 30, what=f"an alarm {kind} with {words!r}")
        took_s = now_s() - since_s
        assert took_s <= within_s, f"the words came after {took_s:.1f} s; at first there was {began}"

    def no_alarm(self, kind: str) -> None:
        """The alarm ends by itself."""
        wait_for(lambda: self.alarm(kind) is None, AGAIN_S, what=f"the end of {kind}")

    def _alarms(self) -> list[Alarm]:
        return [alarm for alarm in self.operator.site().alarms if alarm.ended is None]

    def doctor(self, **more: str) -> dict[str, dict[str, Any]]:
        """What `posture-agent doctor` finds not well, by check."""
        command = [*our_program("posture-agent"), "doctor", "--json", "--data-dir", str(self.master.folder)]
        found = self._ask(command, {**self._settings, **self._ports(), **more})
        return {one["check"]: one for one in found if one["state"] in ("failed", "warning")}

    def publishers_doctor(self, *flags: str, **env: str) -> dict[str, dict[str, Any]]:
        """What `posture-publisher doctor` finds not well, by check."""
        command = [*our_program("posture-publisher"), "doctor", "--json", "--broker", self.broker.address, *flags]
        return {one["check"]: one for one in self._ask(command, env) if one["state"] in ("failed", "warning")}

    def _ports(self) -> dict[str, str]:
        own = {f"POSTURE_{name.upper()}_PORT": str(getattr(self.master, f"{name}_port")) for name in
               ("worker", "control", "events", "metrics")}  # fmt: skip
        return {"POSTURE_BROKER__PORT": str(self.broker.port), "POSTURE_LOCAL_THREADS": "0", **own}

    @staticmethod
    def _ask(command: list[str], env: Mapping[str, str]) -> list[dict[str, Any]]:
        done = subprocess.run(command, capture_output=True, env={**os.environ, **env}, timeout=60, check=False)
        assert done.stdout, done.stderr.decode()
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    # That nothing is lost.

    def more_rows(self, count: int = 4) -> None:
        """So many rows more than there are now."""
        wanted = self.master.count_rows() + count
        wait_for(lambda: self.master.count_rows() >= wanted, AGAIN_S, what=f"{wanted} rows")

    def nothing_lost(self, *cameras: Program) -> None:
        """Every frame so far gets its row; end the cameras; then there is one for each, by the master of the start."""
        so_far = self._published()
        wait_for(lambda: so_far <= self._stored(), AGAIN_S, what="a row for each frame of the time of trouble")
        for camera in cameras:
            assert camera.terminate() == 0, camera.tail()
        wait_for(lambda: self._published() == self._stored(), AGAIN_S, what="a row for each frame")
        rows = self.master.rows()
        assert len(rows) == len({row["frame_id"] for row in rows})
        assert self.master.program is not None
        assert len(self.master.program.lines("event=started")) == 1, "it was not started again"
        self.operator.close()

    def _published(self) -> set[str]:
        lines = [line for file in self.folder.glob("*.ledger") for line in file.read_text().splitlines()]
        return {json.loads(line)["frame_id"] for line in lines}

    def _stored(self) -> set[str]:
        return {row["frame_id"] for row in self.master.rows()}


def faketime() -> Path:
    """The library that fakes the time of a process, while it runs."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        lacking("faketime", "libfaketime is not installed")
    return found[0]


def now_s() -> float:
    """The time on the wall, as alarms have it."""
    return time.time()
