"""An opened store for tests, with everything that it calls written down, and outcomes to put into it."""

import asyncio
import json
import uuid
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posture_agent.frames.outcome import Outcome
from posture_agent.master.consoles.audit import StoredAudit
from posture_agent.store.committer import LINGER_S, Committer
from posture_agent.store.outbox import Outbox
from posture_agent.store.pictures import Pictures
from posture_agent.store.placement_log import PlacementLog
from posture_agent.store.reads import Reads
from posture_shared.frame import new_id
from posture_shared.messages.console import Command, Reply
from posture_shared.records import Decision, Result, Severity, StoryStep
from support.processes import eventually

if TYPE_CHECKING:
    from posture_agent.store.delivery import Delivery

NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)


def outcome(pi_id: str = "pi1", picture: bytes | None = b"jpeg", **fields: Any) -> Outcome:
    values: dict[str, Any] = {
        "frame_id": new_id(),
        "pi_id": pi_id,
        "run": str(uuid.uuid4()),
        "seq": 1,
        "filename": None,
        "captured_time": NOW,
        "received_time": NOW,
        "analyzed_time": NOW,
        "neck_angle": 12.5,
        "body_angle": -3.25,
        "posture_status": "Good",
        "landmarks_detected": True,
        "reason": "trunk 3°",
        "processed_by": "nano",
        "attempt": 1,
        "model": "full",
    }
    return Outcome(
        result=Result(**{**values, **fields}),
        received_s=0.0,
        picture=picture,
        steps=[StoryStep(at=NOW, step="received")],
    )


class Store:
    """A committer with everything it calls written down."""

    def __init__(self, folder: Path, *, free_bytes: int = 0, linger_s: float = LINGER_S) -> None:
        self.folder = folder
        self.outbox = Outbox(folder)
        self.pictures = Pictures(folder, free_bytes=free_bytes)
        self.committed: list[Outcome] = []
        self.alarms: list[tuple[str, str, str | None]] = []
        self.severities: dict[str, str] = {}
        self.deliveries: dict[str, Delivery] = {}
        self.committer = Committer(
            linger_s=linger_s,
            outbox=self.outbox,
            pictures=self.pictures,
            on_committed=self.committed.extend,
            on_alarm=self._alarm,
            delivery_of=self.deliveries.get,
            skew_ms=lambda _pi_id: 5.0,
        )
        self.committer.start()
        self.reads = Reads(self.outbox.file)

    async def commit(self, *outcomes: Outcome) -> list[Outcome]:
        before = len(self.committed)
        for one in outcomes:
            self.committer.submit(one)
        await eventually(lambda: len(self.committed) == before + len(outcomes))
        return self.committed[before:]

    async def decide(self, decision: Decision) -> None:
        """Have placement keep a final decision."""
        log = PlacementLog(self.outbox, self.committer)
        await asyncio.wrap_future(log.save(b"{}", decision.generation, [decision]))

    async def audit(self, command_id: str, **args: Any) -> None:
        """Have the audit keep a command that was answered."""
        command = Command(id=command_id, verb="override_set", args=args)
        with closing(self.outbox.reader()) as reader:
            reply = Reply(id=command_id, ok=True, body="done")
            await asyncio.wrap_future(StoredAudit(self.committer, reader).record(command, "a", reply))

    def state(self, name: str) -> Any:
        """What is kept under `name`, None where nothing is."""
        with closing(self.outbox.reader()) as reader:
            found = reader.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if found is None else json.loads(found[0])

    def _alarm(self, kind: str, subject: str, text: str | None, severity: Severity) -> None:
        self.alarms.append((kind, subject, text))
        self.severities[kind] = severity

    async def close(self) -> None:
        await self.committer.stop()
        self.reads.close()
        self.pictures.close()
        self.outbox.close()
