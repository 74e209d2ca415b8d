"""A Job as the master answers about it and as consoles show it: a worker that Kubernetes runs for this site."""

from datetime import datetime

import msgspec


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A Job. `worker`: its `node/instance`; `joined`: whether that is connected now."""

    name: str
    node: str
    by: str
    state: str
    detail: str
    created: datetime
    worker: str | None = None
    joined: bool = False

    @property
    def phase(self) -> str:
        """The state, or `joined` once its worker is here."""
        return "joined" if self.joined and self.state == "running" else self.state

    @property
    def is_over(self) -> bool:
        """Whether nothing runs any more."""
        return self.state in {"failed", "complete"}
