"""The web server of `posture-console serve`: a page, and behind each page a console in a process of its own.

Whoever reaches the port sees the site, so it listens on this machine alone unless that is asked for, answers only pages
of its own (no other site that is open in the browser can connect), and loads nothing from elsewhere.
"""

import asyncio
import contextlib
import ipaddress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
from aiohttp import web
from aiohttp.typedefs import Handler
from textual_serve.server import Server

from posture_shared.exits import Stop

PAGES_MOST: Final = 8
"""Consoles at one time; each is a process of about 80 MB."""

_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PAGE: Final = Path(__file__).parent / "page"
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def is_local(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine alone."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False


class ConsoleServer(Server):
    """Serves the console that `command` starts."""

    def __init__(self, command: str, *, host: str, port: int, said: str) -> None:
        super().__init__(command, host=host, port=port, title="posture edge", templates_path=_PAGE)
        self._said = said
        self._pages = 0

    def initialize_logging(self) -> None:
        """Errors alone, by the standard library's last resort."""

    async def on_startup(self, app: web.Application) -> None:  # noqa: ARG002 - aiohttp's
        """Say where the page is."""
        click.echo(f"{self.public_url}  {self._said}; Ctrl-C ends it")

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self._guarded)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refusal = refused(request.host, request.headers.get("Origin"), local=is_local(self.host))
        if refusal:
            raise web.HTTPForbidden(text=refusal)
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_HEADERS)
        return response

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """One page's console, while there is room for it."""
        if self._pages >= PAGES_MOST:
            raise web.HTTPServiceUnavailable(text=f"{PAGES_MOST} pages are open already; close one")
        self._pages += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._pages -= 1

    async def _process_messages(self, websocket: web.WebSocketResponse, app_service: Any) -> None:
        """Ends with the page; what no page of ours would send ends it too."""
        with contextlib.suppress(ValueError, AssertionError, KeyError, IndexError, TypeError):
            await super()._process_messages(websocket, app_service)


def refused(host: str, origin: str | None, *, local: bool) -> str:
    """Why a request is not answered; empty where it is.

    Args:
        host: the name it was sent to, with the port.
        origin: the page it comes from, as the browser says; None where it says nothing.
        local: whether this server is for this machine alone.
    """
    if local and urlsplit(f"//{host}").hostname not in {name.strip("[]") for name in _LOCAL_NAMES}:
        return f"this console answers to localhost alone, not to {host}"
    if origin is not None and urlsplit(origin).netloc != host:
        return "a page of another site may not connect to this console"
    return ""


def serve(command: str, *, host: str, port: int, said: str) -> None:
    """Serve until Ctrl-C.

    Raises:
        Stop: the port cannot be listened on.
    """
    server = ConsoleServer(command, host=host, port=port, said=said)
    asyncio.set_event_loop(asyncio.new_event_loop())
    try:
        server.serve()
    except OSError as error:
        raise Stop(f"{host}:{port} cannot be listened on: {error.strerror or error}; name another --port") from None
