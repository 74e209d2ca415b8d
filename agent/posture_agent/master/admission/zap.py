"""Who may connect: the ZAP handler (ZeroMQ RFC 27) of one context, and the CURVE side of its listening sockets.

Relies on one asyncio loop. A connection's user id is its key's fingerprint; since a key that was revoked after the
handshake keeps its connection, whoever reads a message asks the allow-list for that message's user id again.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from functools import partial
from typing import Any, Final, Literal

import zmq
import zmq.asyncio
from zmq.utils import z85

from posture_agent.master.admission.allow_list import UNKNOWN, AllowList, objection
from posture_agent.master.admission.connections import OnStranger
from posture_agent.master.admission.refusals import Refusals
from posture_shared.keys import KeyPair, fingerprint
from posture_shared.records import Role

Domain = Literal["workers", "consoles"]
ROLES: Final[dict[str, tuple[Role, ...]]] = {"workers": ("worker",), "consoles": ("viewer", "operator")}
WATCH_S: Final = 0.2
"""How often the allow-list is looked at while nobody talks."""
_ENDPOINT: Final = "inproc://zeromq.zap.01"
_VERSION: Final = b"1.0"
_KEYLESS: Final = "no key"
_STRANGER: Final = "no key, or for another master"


class Zap:
    """Answers libzmq's question "may this key connect?" for every socket that was guarded."""

    def __init__(self, context: "zmq.Context[Any]", allow: AllowList, master: KeyPair, refusals: Refusals) -> None:
        self._context = zmq.asyncio.Context(shadow=context.underlying)
        self._allow, self._master = allow, master
        self._tasks: set[asyncio.Task[None]] = set()
        self._refusals = refusals
        self.refused: Counter[str] = Counter()
        """Refused connections by reason."""

    def start(self) -> None:
        """Begin to answer; before any guarded socket is bound."""
        handler = self._context.socket(zmq.REP)
        handler.linger = 0
        handler.bind(_ENDPOINT)
        self._run(self._answer(handler), "zap")
        self._run(self._watch(), "allow-list")

    async def stop(self) -> None:
        """Stop answering: guarded sockets take no new connections from now on."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def guard(self, socket: "zmq.Socket[Any]", domain: Domain) -> OnStranger:
        """Make `socket` a CURVE server of `domain`; before it is bound. Returns who is told of failed handshakes."""
        socket.curve_server = True
        socket.curve_publickey = self._master.public.encode()
        socket.curve_secretkey = self._master.secret.encode()
        socket.setsockopt_string(zmq.ZAP_DOMAIN, domain)
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)  # nobody gets in while no handler answers
        # Connections that failed before they could be asked for a key: those that speak in plain.
        return partial(self._refuse, domain, _STRANGER, mark="-", address="")

    def judge(self, domain: str, public: str) -> tuple[str, str]:
        """A key's fingerprint, and why it may not connect there; empty where it may."""
        mark, key = fingerprint(public), self._allow.known(public)
        return mark, objection(key, *ROLES.get(domain, ()))

    async def _answer(self, handler: zmq.asyncio.Socket) -> None:
        with handler:
            while True:
                await handler.send_multipart(self._reply(await handler.recv_multipart()))

    def _reply(self, request: list[bytes]) -> list[bytes]:
        """Libzmq asks: version, request, domain, address, routing id, mechanism, and for CURVE the public key."""
        _, request_id, domain, address, _, mechanism, *credentials = request
        asked = domain.decode(errors="replace")
        mark, why = "-", _KEYLESS
        if mechanism == b"CURVE" and credentials:
            mark, why = self.judge(asked, z85.encode(credentials[0]).decode())
        if why:
            self._refuse(asked, why, mark=mark, address=address.decode(errors="replace"))
            return [_VERSION, request_id, b"400", b"refused", b"", b""]
        return [_VERSION, request_id, b"200", b"OK", mark.encode(), b""]

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            self._allow.look()

    def _refuse(self, domain: str, why: str, *, mark: str, address: str) -> None:
        self.refused[why] += 1
        self._refusals.tell(domain, mark, why, known=why not in (_KEYLESS, _STRANGER, UNKNOWN), address=address)
