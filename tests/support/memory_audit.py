"""The audit of operators' commands in memory, with a disk that may refuse."""

from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from posture_agent.master.consoles.requests import Answered
from posture_shared.messages import console as wire


@dataclass
class MemoryAudit:
    lines: list[tuple[wire.Command, str, wire.Reply]] = field(default_factory=list)
    disk: list[Future[None]] | None = None
    """What waits for a disk that cannot be written; None while it can."""

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    async def answered(self, command_id: str) -> Answered | None:
        found = ((author, reply) for command, author, reply in self.lines if command.id == command_id)
        return next((Answered(*one) for one in found), None)

    def record(self, command: wire.Command, author: str, reply: wire.Reply) -> Future[None]:
        written: Future[None] = Future()
        if self.disk is None:
            self.lines.append((command, author, reply))
            written.set_result(None)
        else:
            self.disk.append(written)
        return written
