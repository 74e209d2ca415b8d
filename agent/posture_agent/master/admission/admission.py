"""Keys in use: who may connect to the master's sockets, and what each of their messages may do.

One object for the whole master. It asks the allow-list again for every message, so that a revoked key stops working
at once, and tells of revocations for the one case without messages: a console that only listens.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import zmq

from posture_agent.master.admission.allow_list import AllowList
from posture_agent.master.admission.connections import OnStranger
from posture_agent.master.admission.refusals import Refusals
from posture_agent.master.admission.zap import Domain, Zap
from posture_shared.exits import Exit
from posture_shared.keys import Allowed, KeyPair, allow_list_file, fingerprint, master_pair
from posture_shared.messages.worker import Hello, Refused
from posture_shared.records import Role

GONE: Final = "this key is not allowed any more: ask for a new one"


def admission(folder: Path) -> "Admission | None":
    """The keys in `folder`, None where there is no master's key: then keys are not in use. Raises Stop."""
    pair = master_pair(folder)
    return None if pair is None else Admission(pair, AllowList(allow_list_file(folder)))


class Admission:
    """Guards sockets and judges messages by the allow-list."""

    def __init__(self, master: KeyPair, allow: AllowList) -> None:
        self._master, self._allow = master, allow
        self._zaps: dict[int, Zap] = {}
        self._refusals = Refusals()

    def on_revoked(self, act: Callable[[list[Allowed]], None]) -> None:
        """Call `act` with keys that were allowed and are not any more."""
        self._allow.on_revoked = act

    @property
    def fingerprint(self) -> str:
        """The master's own, for people to compare."""
        return fingerprint(self._master.public)

    @property
    def refused(self) -> dict[str, int]:
        """Refused connections by reason."""
        total: dict[str, int] = {}
        for zap in self._zaps.values():
            for reason, count in zap.refused.items():
                total[reason] = total.get(reason, 0) + count
        return total

    async def stop(self) -> None:
        """Stop answering; before the sockets' contexts are ended. New connections are refused from now on."""
        for zap in self._zaps.values():
            await zap.stop()

    # Sockets.

    def guard_workers(self, socket: "zmq.Socket[Any]") -> OnStranger:
        """Ask whoever connects to `socket` for a worker's key; before it is bound, on the running loop.

        What is returned wants to be told of each connection whose handshake failed.
        """
        return self._guard(socket, "workers")

    def guard_consoles(self, socket: "zmq.Socket[Any]") -> OnStranger:
        """Ask whoever connects to `socket` for a viewer's or an operator's key; otherwise as `guard_workers`."""
        return self._guard(socket, "consoles")

    def _guard(self, socket: "zmq.Socket[Any]", domain: Domain) -> OnStranger:
        where = int(socket.context.underlying)
        if where not in self._zaps:  # one handler for each context
            self._zaps[where] = Zap(socket.context, self._allow, self._master, self._refusals)
            self._zaps[where].start()
        return self._zaps[where].guard(socket, domain)

    # Messages.

    def worker_refusal(self, user_id: str | None, hello: Hello) -> Refused | None:
        """Why a worker may not join with this HELLO, None where it may: its node must be its key's node."""
        key = self._allow.allowed(user_id, "worker")
        if key is None:
            self._tell("workers", user_id, "worker")
            return Refused(reason=GONE, code=int(Exit.REFUSED))
        if key.node == hello.node:
            return None
        why = f"the key {key.name} is for the node {key.node}, not for {hello.node}"
        self._refusals.tell("workers", key.fingerprint, why, known=True)
        return Refused(reason=why, code=int(Exit.REFUSED))

    def still_worker(self, user_id: str | None) -> bool:
        """Whether the sender of a message is a worker that is allowed now."""
        key = self._allow.allowed(user_id, "worker")
        if key is None:
            self._tell("workers", user_id, "worker")
        return key is not None

    def console(self, message: zmq.Frame) -> tuple[Role, str] | str:
        """A console's role and name for the audit, or why its message is refused."""
        mark = user_id(message)
        key = self._allow.allowed(mark, "viewer", "operator")
        if key is None:
            self._tell("consoles", mark, "viewer", "operator")
            return GONE
        return key.role, key.name

    def tell_refused(self, message: zmq.Frame, why: str) -> None:
        """A console that may be here asked for what it may not."""
        self._refusals.tell("consoles", user_id(message) or "-", why, known=True)

    def _tell(self, socket: str, mark: str | None, *roles: Role) -> None:
        """Log why a key that was let in is refused now."""
        self._refusals.tell(socket, mark or "-", self._allow.objection(mark, *roles), known=True)


def user_id(message: zmq.Frame) -> str | None:
    """The fingerprint of the key that sent `message`, None without keys."""
    try:
        found = message.get("User-Id")
    except zmq.ZMQError:
        return None
    return str(found)
