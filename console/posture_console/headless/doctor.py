"""The checks of `posture-console doctor`: the way to the master, the key, the clock, the terminal."""

import locale
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from posture_console.headless.visit import visit
from posture_console.links.master_link import MasterLink
from posture_console.settings import ConsoleSettings, Target
from posture_shared import __version__, machine_checks
from posture_shared.checks import Check, Finding, examine, failed, ok, report, skipped, warning
from posture_shared.exits import Exit, Stop

_WIDTH, _HEIGHT = 80, 24


def examined(settings: ConsoleSettings, target: Target, *, as_json: bool) -> Exit:
    """Look at everything and print it."""
    checks = [
        Check("master", partial(_master, settings, target)),
        Check("library textual", partial(machine_checks.library, "textual")),
        Check("terminal", partial(terminal, os.environ, sys.stdout.isatty(), locale.getpreferredencoding())),
    ]
    return report(examine(checks), as_json=as_json)


def _master(settings: ConsoleSettings, target: Target) -> Iterator[Finding]:
    key = machine_checks.key("key", target.key)
    yield key
    if key.state == "failed":
        yield skipped("master", "not asked, for the key cannot be used")
        return
    try:
        yield from visit(target, _look, timeout_s=settings.timeout_s, results=10)
    except Stop as stop:
        yield failed("master", stop.sentence, _advice(stop.code, key=target.key is not None))


async def _look(link: MasterLink) -> list[Finding]:
    connection = link.connection
    found = [ok("master", f"{connection.node} at {connection.address} answers; role {connection.role}")]
    build = connection.build
    if build == __version__:
        found.append(ok("version", f"{build} here and there"))
    else:
        text = f"{__version__} here, {build} at the master"
        found.append(warning("version", text, "one version apart works; install the same on both"))
    theirs = link.store.now(time.monotonic())
    found.append(machine_checks.clock_against("clock", theirs, datetime.now(UTC), whose="the master's"))
    return found


def terminal(environment: Mapping[str, str], is_terminal: bool, encoding: str) -> Finding:  # noqa: FBT001 - a fact
    """Whether the screen can show the console as it is meant."""
    check = "terminal"
    if not is_terminal:
        return skipped(check, "stdout is no terminal: verbs work, the screen does not")
    size = shutil.get_terminal_size()
    if encoding.lower().replace("-", "") != "utf8":
        return warning(check, f"the encoding is {encoding}", "set LANG to a UTF-8 locale, e.g. C.UTF-8")
    if size.columns < _WIDTH or size.lines < _HEIGHT:
        text = f"{size.columns}×{size.lines} characters"
        return warning(check, text, f"make it at least {_WIDTH}×{_HEIGHT}")
    if environment.get("COLORTERM") not in ("truecolor", "24bit"):
        text = f"{environment.get('TERM', 'unknown')} does not say that it shows all colours"
        return warning(check, text, "set COLORTERM=truecolor if it does, else --theme posture-mono")
    return ok(check, f"{environment.get('TERM', 'unknown')}, {size.columns}×{size.lines}, all colours")


def _advice(code: Any, *, key: bool) -> str:
    if code != Exit.REFUSED:
        return "start the master, name it with --connect, and see that ports 5571 and 5572 are open"
    if key:
        return "see `posture-agent keys list` on the master: the key may be revoked, or another master's"
    return "import a key: `posture-console keys import FILE`, then --key NAME"
