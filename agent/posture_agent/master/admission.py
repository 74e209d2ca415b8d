"""What a key may do on each message: workers as their node, consoles by their role. Asked again every time."""

from typing import Final

import zmq

from posture_agent.master.allow_list import AllowList
from posture_shared.exits import Exit
from posture_shared.messages.worker import Hello, Refused
from posture_shared.records import Role

_GONE: Final = "this key is not allowed any more: ask for a new one"


def worker_refusal(allow: AllowList, user_id: str | None, hello: Hello) -> Refused | None:
    """Why a worker may not join with this HELLO, None where it may: its node must be its key's node."""
    key = allow.allowed(user_id, "worker")
    if key is None:
        return Refused(reason=_GONE, code=int(Exit.REFUSED))
    if key.node != hello.node:
        return Refused(
            reason=f"the key {key.name} is for the node {key.node}, not for {hello.node}", code=int(Exit.REFUSED)
        )
    return None


def still_worker(allow: AllowList, user_id: str | None) -> bool:
    """Whether the sender of a message is a worker that is allowed now."""
    return allow.allowed(user_id, "worker") is not None


def console(allow: AllowList, message: zmq.Frame) -> tuple[Role, str] | str:
    """A console's role and name for the audit, or why its message is refused."""
    key = allow.allowed(user_id(message), "viewer", "operator")
    return _GONE if key is None else (key.role, key.name)


def user_id(message: zmq.Frame) -> str | None:
    """The fingerprint of the key that sent `message`, None without keys."""
    try:
        found = message.get("User-Id")
    except zmq.ZMQError:
        return None
    return str(found)
