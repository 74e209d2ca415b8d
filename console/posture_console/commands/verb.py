"""What a verb of the command line is: a command with the options that every verb takes, and a visit to the master."""

from collections.abc import Awaitable, Callable
from typing import Any

import click

from posture_console.commands.options import Chosen, everywhere, taken

Work = Callable[..., Awaitable[Any]]


def verb(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """A command of that name with the options that every verb takes; the function gets `Chosen` first."""

    def made(function: Callable[..., Any]) -> click.Command:
        def called(**options: Any) -> Any:
            return function(taken(click.get_current_context(), options), **options)

        called.__doc__ = function.__doc__
        called.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        return click.command(name)(everywhere(called))

    return made


def visited(chosen: Chosen, work: Work, *, with_timeout: bool = False, **arguments: Any) -> Any:
    """Run `work(link, as_json=…, …)` against the chosen master."""
    from posture_console.headless.visit import visit  # noqa: PLC0415 - ZeroMQ only where a verb needs it

    settings = chosen.loaded().value
    if with_timeout:
        arguments["timeout_s"] = settings.timeout_s
    return visit(
        chosen.target(settings),
        lambda link: work(link, as_json=chosen.as_json, **arguments),
        timeout_s=settings.timeout_s,
        results=settings.results_kept,
    )
