"""Read-only HTTP for machines: `/healthz` (alive), `/readyz` (can do its work), `/metrics` (OpenMetrics).

A thread of its own serves it, so that a probe gets its answer while the program is busy; what it reads are plain
values that the program leaves here. What `/metrics` says is made elsewhere: this module knows no metrics library.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from pydantic import Field

from posture_shared.exits import Exit, Stop

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger("posture.health")

PortOrOff = Annotated[int, Field(ge=0, le=65535)] | Literal["off"]
"""Setting of a program that need not be asked: a TCP port, 0 for any free one, or `off`."""
MOST_AT_ONCE: Final = 32
"""Connections that are served at once."""
_POLL_S: Final = 0.5
_TOO_LONG_S: Final = 5
"""A client that says nothing does not hold a thread for longer."""


class Readiness(NamedTuple):
    """Whether the program can do its work now, and for each condition whether it holds."""

    ready: bool
    conditions: dict[str, bool]


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection, for so many and no more: whoever comes beyond finds the door closed."""

    daemon_threads = True
    request_queue_size = MOST_AT_ONCE

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._free = threading.BoundedSemaphore(MOST_AT_ONCE)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class gives both
        """A client that goes away in the middle is no news."""
        log.debug("event=http_failed client=%s", client_address)


class _Quiet(WSGIRequestHandler):
    timeout = _TOO_LONG_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        log.debug("event=http %s", format % args)


class HealthServer:
    """Serves the three paths on `address`:`port` (0: any free one, then read `port`)."""

    def __init__(
        self,
        *,
        address: str,
        port: int,
        metrics: "WSGIApplication",
        alive: Callable[[], bool],
        ready: Callable[[], Readiness],
    ) -> None:
        self._metrics = metrics
        self._alive, self._ready = alive, ready
        try:
            self._server = make_server(address, port, self._serve, server_class=_Server, handler_class=_Quiet)
        except OSError as error:
            raise Stop(f"cannot listen for metrics on {address}:{port}: {error.strerror}", Exit.USAGE) from None
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), name="health", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)

    def _serve(self, environ: "WSGIEnvironment", respond: "StartResponse") -> Iterable[bytes]:
        match environ.get("PATH_INFO"):
            case "/healthz":
                return _say(respond, self._alive(), {"alive": self._alive()})
            case "/readyz":
                state = self._ready()
                return _say(respond, state.ready, {"ready": state.ready, **state.conditions})
            case "/metrics":
                answer: Iterable[bytes] = self._metrics(environ, respond)
                return answer
            case _:
                respond("404 Not Found", [("Content-Type", "text/plain")])
                return [b"/healthz /readyz /metrics\n"]


def _say(respond: "StartResponse", well: bool, body: dict[str, bool]) -> list[bytes]:  # noqa: FBT001 - a state, not a switch
    respond("200 OK" if well else "503 Service Unavailable", [("Content-Type", "application/json")])
    return [json.dumps(body).encode() + b"\n"]
