"""What the worker plane needs of keys."""

from typing import TYPE_CHECKING, Protocol

from posture_agent.master.admission.connections import OnStranger
from posture_shared.messages.worker import Hello, Refused

if TYPE_CHECKING:
    import zmq


class WorkerKeys(Protocol):
    """The keys of remote workers; a user id is what a connection's key is known by (its fingerprint)."""

    def guard_workers(self, socket: "zmq.Socket[bytes]") -> OnStranger:
        """Ask whoever connects for a key; before the socket is bound. Returns who is told of failed handshakes."""

    def worker_refusal(self, user_id: str | None, hello: Hello) -> Refused | None:
        """Why this key may not join with this HELLO; None where it may."""

    def still_worker(self, user_id: str | None) -> bool:
        """Whether the key is allowed now; asked for each message."""
