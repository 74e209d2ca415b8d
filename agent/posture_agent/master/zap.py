"""Who may connect: the ZAP handler (ZeroMQ RFC 27) of one context, and the CURVE side of its listening sockets.

Relies on one asyncio loop. A connection's user id is its key's fingerprint; since a key that was revoked after the
handshake keeps its connection, whoever reads a message asks the allow-list for that message's user id again.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from typing import Any, Final, Literal

import zmq
import zmq.asyncio
from zmq.utils import z85
from zmq.utils.monitor import parse_monitor_message

from posture_agent.master.allow_list import AllowList
from posture_shared.keys import KeyPair, fingerprint
from posture_shared.log import RateLimit, one_line
from posture_shared.records import Role

log = logging.getLogger("posture.keys")

Domain = Literal["workers", "consoles"]
ROLES: Final[dict[Domain, tuple[Role, ...]]] = {"workers": ("worker",), "consoles": ("viewer", "operator")}
WATCH_S: Final = 0.2
"""How often the allow-list is looked at while nobody talks."""
_ENDPOINT: Final = "inproc://zeromq.zap.01"
_VERSION: Final = b"1.0"
_MONITORED: Final = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL


class Zap:
    """Answers libzmq's question "may this key connect?" for every socket that was guarded."""

    def __init__(self, context: "zmq.Context[Any]", allow: AllowList, master: KeyPair) -> None:
        self._context = zmq.asyncio.Context(shadow=context.underlying)
        self._allow, self._master = allow, master
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: list[zmq.asyncio.Socket] = []
        self._limit = RateLimit()
        self.refused: Counter[str] = Counter()
        """Refused connections by reason."""

    def start(self) -> None:
        """Begin to answer; before any guarded socket is bound."""
        handler = self._context.socket(zmq.REP)
        handler.linger = 0
        handler.bind(_ENDPOINT)
        self._sockets.append(handler)
        self._tasks += [
            asyncio.create_task(self._answer(handler), name="zap"),
            asyncio.create_task(self._watch(), name="allow-list"),
        ]

    async def stop(self) -> None:
        """Stop answering; after the guarded sockets are closed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for socket in self._sockets:
            socket.close(linger=0)

    def guard(self, socket: "zmq.Socket[Any]", domain: Domain) -> None:
        """Make `socket` a CURVE server of `domain`; before it is bound."""
        socket.curve_server = True
        socket.curve_publickey = self._master.public.encode()
        socket.curve_secretkey = self._master.secret.encode()
        socket.setsockopt_string(zmq.ZAP_DOMAIN, domain)
        endpoint = f"inproc://handshakes-{id(self)}-{len(self._sockets)}"
        socket.monitor(endpoint, _MONITORED)
        monitor = self._context.socket(zmq.PAIR)
        monitor.connect(endpoint)
        self._sockets.append(monitor)
        self._tasks.append(asyncio.create_task(self._handshakes(monitor, domain), name=f"handshakes-{domain}"))

    def judge(self, domain: str, public: str) -> tuple[str, str | None]:
        """The user id and None, or the fingerprint and why it is refused."""
        mark, key = fingerprint(public), self._allow.known(public)
        if key is None:
            return mark, "unknown key"
        if key.revoked is not None:
            return mark, f"the key of {key.name} was revoked"
        if domain not in ROLES or key.role not in ROLES[domain]:
            return mark, f"the key of {key.name} has the role {key.role}"
        return mark, None

    async def _answer(self, handler: zmq.asyncio.Socket) -> None:
        while True:
            parts = await handler.recv_multipart()
            _, request_id, domain, address, _, mechanism, *credentials = (*parts, *[b""] * (7 - len(parts)))
            if mechanism == b"CURVE" and credentials and len(credentials[0]) == 32:
                public = z85.encode(credentials[0]).decode()
                user_id, why = self.judge(domain.decode(errors="replace"), public)
            else:
                user_id, why = "-", "no key"
            if why is not None:
                self._refuse(domain.decode(errors="replace"), why, mark=user_id, address=address.decode())
            code, text = (b"200", b"OK") if why is None else (b"400", b"refused")
            await handler.send_multipart([_VERSION, request_id, code, text, user_id.encode(), b""])

    async def _handshakes(self, monitor: zmq.asyncio.Socket, domain: Domain) -> None:
        """Connections that failed before they could be asked for a key: those that speak in plain."""
        with contextlib.suppress(zmq.ZMQError):
            while True:
                event = parse_monitor_message(await monitor.recv_multipart())
                if event["event"] == zmq.EVENT_MONITOR_STOPPED:
                    return
                self._refuse(domain, "no key, or for another master", mark="-", address="")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            self._allow.look()

    def _refuse(self, domain: str, why: str, *, mark: str, address: str) -> None:
        self.refused[why] += 1
        allowed, kept_back = self._limit.allow()
        if allowed:
            log.warning(
                "event=key_refused socket=%s fingerprint=%s address=%s reason=%r kept_back=%d",
                one_line(domain, 40),
                mark,
                one_line(address, 80),
                why,
                kept_back,
            )
