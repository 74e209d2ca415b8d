"""The verb `alarms`, for the command line: what it takes; `headless.verbs` and `headless.silencing` do it."""

from typing import Any

import click

from posture_console.commands.listing_options import listed
from posture_console.commands.options import Chosen, everywhere, taken
from posture_console.commands.posture import Span
from posture_console.commands.verb import verb, visited


@click.group(invoke_without_command=True)
@everywhere
@click.option("--all", "every", is_flag=True, help="Those that ended too.")
@listed("alarms")
@click.pass_context
def alarms(context: click.Context, /, every: bool, order: Any, **options: Any) -> Any:  # noqa: FBT001 - click passes it by name
    """What needs a person; exit code 1 while there is something that nobody silenced."""
    from posture_console.headless import verbs  # noqa: PLC0415 - see visited

    chosen = taken(context, options)
    return None if context.invoked_subcommand else visited(chosen, verbs.show_alarms, every=every, order=order)


@verb("silence")
@click.argument("alarm_id", metavar="ID")
@click.option("--for", "for_s", type=Span(), default="1h", show_default=True, help="E.g. 30m, 1d; 0s ends a silence.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the audit; needed unless a silence is ended.")
def silence(chosen: Chosen, *, alarm_id: str, for_s: float, reason: str) -> None:
    """Keep an alarm quiet for a while: nobody is told, no verdict is bad for it; it stays listed."""
    from posture_console.headless import silencing  # noqa: PLC0415 - see visited

    if for_s and not reason.strip():
        raise click.UsageError("give --reason TEXT: the next operator reads it")
    visited(chosen, silencing.silence, with_timeout=True, alarm_id=alarm_id, for_s=for_s, reason=reason)


alarms.add_command(silence)
