"""The verbs that show the console in a browser: the server, and the console that it starts for each page."""

import dataclasses
import importlib.util
import shlex
import subprocess
import sys
from typing import Any, Final

import click

from posture_console.commands.options import Chosen
from posture_console.commands.verb import verb
from posture_shared.exits import Exit, Stop

_PASSED_ON: Final = {
    "connect": "--connect",
    "context": "--context",
    "key": "--key",
    "config": "--config",
    "timeout_s": "--timeout",
    "theme": "--theme",
}
_PROGRAM: Final = "from posture_console.cli import main; main()"


@verb("serve")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Listen on this address.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--theme", help="As for the console.")
@click.option("--allow-actions", is_flag=True, help="Overrides, Jobs and the rest too; without it one only looks.")
@click.option(
    "--anyone-may-look",
    is_flag=True,
    help="Listen beyond this machine: whoever reaches the port sees the site, without a password and unencrypted.",
)
def serve(
    chosen: Chosen, *, host: str, port: int, theme: str | None, allow_actions: bool, anyone_may_look: bool
) -> None:
    """The same console in a browser, on this machine alone and to look at unless asked for more."""
    if importlib.util.find_spec("textual_serve") is None:
        raise Stop("the console in a browser needs one package more: pip install 'posture-edge[serve]'")
    from posture_console.served import server  # noqa: PLC0415 - aiohttp only for this verb

    chosen.take({"theme": theme})
    chosen.target(chosen.loaded().value)  # a wrong setting is said here, not in each page
    if not server.is_local(host) and not anyone_may_look:
        raise Stop(
            f"{host} can be reached from other machines, and the page asks for no password: reach it by "
            f"'ssh -L {port}:127.0.0.1:{port}' instead, or say --anyone-may-look",
            Exit.USAGE,
        )
    if not server.is_local(host) and allow_actions:
        raise Stop("--allow-actions is for this machine alone: who acts must be known by a key", Exit.USAGE)
    words = [sys.executable, "-c", _PROGRAM, "served-page", *(["--allow-actions"] if allow_actions else [])]
    for name, option in _PASSED_ON.items():
        value = chosen.given.get(name)
        words += [] if value is None else [option, str(value)]
    command = subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
    server.serve(command, host=host, port=port, said="actions allowed" if allow_actions else "read-only")


@verb("served-page")
@click.option("--theme")
@click.option("--allow-actions", is_flag=True)
def served_page(chosen: Chosen, *, theme: str | None, allow_actions: bool) -> Any:
    """What `serve` starts for a page."""
    from posture_console.app import on_the_screen  # noqa: PLC0415 - Textual only for the screen
    from posture_console.served.app import ServedApp  # noqa: PLC0415 - likewise

    chosen.take({"theme": theme})
    settings = chosen.loaded().value
    target = chosen.target(settings)
    if not allow_actions:
        sites = {name: site.model_copy(update={"read_only": True}) for name, site in settings.contexts.items()}
        settings = settings.model_copy(update={"contexts": sites})
        target = dataclasses.replace(target, read_only=True)
    return on_the_screen(ServedApp(settings, target))


served_page.hidden = True
SERVE_VERBS: Final = (serve, served_page)
