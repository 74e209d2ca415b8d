"""The verb `override`, for the command line: what it takes; `headless.overriding` does it."""

import math
from typing import Any, Final

import click

from posture_console.commands.options import Chosen
from posture_console.commands.verb import verb, visited
from posture_console.core.moments import parse_span

NEVER: Final = math.inf


class Lasting(click.ParamType[float]):
    """A span of time such as 30m, or never; the value is seconds."""

    name = "SPAN|never"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds in `value`."""
        if isinstance(value, float):
            return value
        try:
            return NEVER if value.strip().lower() == "never" else parse_span(value)
        except ValueError as error:
            self.fail(f"{error}, nor 'never'", param, ctx)


@click.group()
def override() -> None:
    """Say where frames are analysed, whatever the policy thinks."""


@verb("set")
@click.option("--all", "every", is_flag=True, help="Of all cameras.")
@click.option("--camera", metavar="ID", help="Of this camera; wins over --all.")
@click.option("--local", is_flag=True, help="On the master.")
@click.option("--node", metavar="NAME", help="On this node; while it is absent, where it works.")
@click.option("--policy", metavar="NAME", help="threshold, least-loaded, round-robin or spread decides.")
@click.option("--for", "for_s", type=Lasting(), default="30m", show_default=True, help="How long.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the audit and for the next operator; needed.")
@click.option("--dry-run", is_flag=True, help="Say what it would change and what the policy would do; send nothing.")
def set_(
    chosen: Chosen,
    *,
    every: bool,
    camera: str | None,
    local: bool,
    node: str | None,
    policy: str | None,
    for_s: float,
    reason: str,
    dry_run: bool,
) -> None:
    """Have frames analysed where you say, until the time is over or it is cleared."""
    from posture_console.core.overriding import Asked  # noqa: PLC0415 - see visited
    from posture_console.headless import overriding  # noqa: PLC0415 - see visited

    asked = Asked(
        scope=_scope(camera, every=every),
        target=_target(node, policy, local=local),
        reason=reason,
        for_s=None if for_s == NEVER else for_s,
    )
    if dry_run:
        visited(chosen, overriding.preview, asked=asked)
        return
    if not reason.strip():
        raise click.UsageError("give --reason TEXT: the next operator reads it")
    visited(chosen, overriding.set_override, with_timeout=True, asked=asked)


@verb("clear")
@click.option("--all", "every", is_flag=True, help="The override of all cameras.")
@click.option("--camera", metavar="ID", help="The override of this camera.")
def clear(chosen: Chosen, *, every: bool, camera: str | None) -> None:
    """End an override; what decides next is the one for all, then the policy."""
    from posture_console.headless import overriding  # noqa: PLC0415 - see visited

    visited(chosen, overriding.clear_override, with_timeout=True, scope=_scope(camera, every=every))


def _scope(camera: str | None, *, every: bool) -> str:
    if every == (camera is not None):
        raise click.UsageError("give either --all or --camera ID")
    return "all" if camera is None else camera


def _target(node: str | None, policy: str | None, *, local: bool) -> str:
    given = [
        *(["local"] if local else []),
        *([f"node:{node}"] if node is not None else []),
        *([f"policy:{policy}"] if policy is not None else []),
    ]
    if len(given) != 1:
        raise click.UsageError("give one of --local, --node NAME and --policy NAME")
    return given[0]


override.add_command(set_)
override.add_command(clear)
