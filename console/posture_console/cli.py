"""The command line of `posture-console`: without a verb the screen, else one verb. Heavy imports wait for their use."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from posture_console.commands import verb as verbs_of
from posture_console.commands.alarms import alarms
from posture_console.commands.jobs import job, jobs
from posture_console.commands.keys import keys
from posture_console.commands.listing_options import listed
from posture_console.commands.options import Chosen, everywhere, taken
from posture_console.commands.override import override
from posture_console.commands.posture import POSTURE_VERBS
from posture_console.commands.record import RECORD_VERBS
from posture_console.commands.serve import SERVE_VERBS
from posture_console.commands.shown import SHOWN_VERBS
from posture_console.commands.verb import visited
from posture_shared import __version__
from posture_shared.exits import Exit, run


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@everywhere
@click.option("--theme", help="posture-dark, -light, -safe, -contrast or -mono.")
@click.option("--pictures", help="auto, blocks, kitty, sixel or figure.")
@click.version_option(__version__, prog_name="posture-console")
@click.pass_context
def cli(context: click.Context, /, theme: str | None, pictures: str | None, **options: Any) -> int:
    """Watch and steer a posture site. Without a verb: the console on the screen."""
    chosen = taken(context, options)
    chosen.take({"theme": theme, "pictures": pictures})
    if context.invoked_subcommand is not None:
        return Exit.DONE
    from posture_console.app import run_console  # noqa: PLC0415 - Textual only for the screen

    settings = chosen.loaded().value
    return run_console(settings, chosen.target(settings))


def verb(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """A verb of this program."""

    def made(function: Callable[..., Any]) -> click.Command:
        command = verbs_of.verb(name)(function)
        cli.add_command(command)
        return command

    return made


@verb("status")
def status(chosen: Chosen) -> Any:
    """The site in short; exit code 1 while an alarm holds or a link is down."""
    from posture_console.headless import verbs  # noqa: PLC0415 - see visited

    return visited(chosen, verbs.status)


@verb("nodes")
@listed("nodes")
@click.option("--seconds", type=click.FloatRange(min=0), default=0, help="Look on for so long first, for the trend.")
def nodes(chosen: Chosen, **asked: Any) -> None:
    """Nodes: their load and their workers."""
    from posture_console.headless import verbs  # noqa: PLC0415 - see visited

    visited(chosen, verbs.show_nodes, **asked)


@verb("cameras")
@listed("cameras")
def cameras(chosen: Chosen, **asked: Any) -> None:
    """Cameras: what each sees now, how fast, where it is analysed."""
    from posture_console.headless import verbs  # noqa: PLC0415 - see visited

    visited(chosen, verbs.show_cameras, **asked)


@verb("results")
@click.option("--camera", metavar="ID", help="Of this camera alone.")
@click.option("--status", "status_", metavar="STATUS", help="With this posture_status alone.")
@click.option("--since", type=click.DateTime(), help="Received since, local time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@listed("results")
def results(chosen: Chosen, *, status_: str | None, since: datetime | None, **asked: Any) -> None:
    """Results, newest first; --filter and --faults look at those that --limit lets through."""
    from posture_console.headless import verbs  # noqa: PLC0415 - see visited

    since = since.astimezone() if since else None
    visited(chosen, verbs.show_results, with_timeout=True, status=status_, since=since, **asked)


@verb("decisions")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The newest so many.")
@listed("decisions")
def decisions(chosen: Chosen, **asked: Any) -> None:
    """Decisions of placement and why, newest first."""
    from posture_console.headless import verbs  # noqa: PLC0415 - see visited

    visited(chosen, verbs.show_decisions, with_timeout=True, **asked)


@verb("overrides")
@listed("overrides")
def overrides(chosen: Chosen, **asked: Any) -> None:
    """The operators' words on placement that hold now, and what the policy would do without them."""
    from posture_console.headless import verbs  # noqa: PLC0415 - see visited

    visited(chosen, verbs.show_overrides, **asked)


@verb("frame")
@click.argument("frame_id", metavar="ID")
@click.option("--picture", metavar="FILE", type=click.Path(path_type=Path), help="Write its picture to this new file.")
def frame(chosen: Chosen, *, frame_id: str, picture: Path | None) -> None:
    """One frame's life: received, analysed, committed."""
    from posture_console.headless import verbs  # noqa: PLC0415 - see visited

    visited(chosen, verbs.show_frame, with_timeout=True, frame_id=frame_id, picture=picture)


@verb("watch")
@click.option("--seconds", type=float, help="End after so many seconds; else by Ctrl-C.")
def watch(chosen: Chosen, *, seconds: float | None) -> None:
    """Results as they come, one a line."""
    from posture_console.headless import verbs  # noqa: PLC0415 - see visited

    visited(chosen, verbs.watch, seconds=seconds)


@verb("demo")
@click.option("--headless", is_flag=True, help="No screen; print a summary at the end.")
@click.option(
    "--seconds",
    type=click.IntRange(min=30),
    help="End so long after the first row [60]; on the screen: one cycle of load.",
)
@click.option("--theme", help="As for the console.")
@click.option("--pictures", help="As for the console.")
@click.option("--screenshots", metavar="DIR", type=click.Path(path_type=Path), help="Pictures of the console as SVG.")
def demo(chosen: Chosen, *, headless: bool, seconds: int | None, screenshots: Path | None, **look: str | None) -> int:
    """Everything on this machine: broker, master, workers, three cameras, and this console."""
    from posture_console.demo import run_demo  # noqa: PLC0415 - the demo alone needs it

    chosen.take(look)
    if not headless:
        chosen.loaded()  # a wrong theme, or a missing terminal, is said before anything starts
    if not headless and screenshots is None:
        from posture_console.app import require_terminal  # noqa: PLC0415 - Textual only for the screen

        require_terminal()
    shown = {name: chosen.given.get(name) for name in look}
    code: int = run_demo(headless=headless, seconds=seconds, json=chosen.as_json, look=shown, screenshots=screenshots)
    return code


@verb("doctor")
def doctor(chosen: Chosen) -> int:
    """Look at everything that the console needs; one line each with what to do. Exit 1 when something is not well."""
    from posture_console.headless.doctor import examined  # noqa: PLC0415 - see visited

    settings = chosen.loaded().value
    return examined(settings, chosen.target(settings), as_json=chosen.as_json)


@cli.group()
def config() -> None:
    """The console's settings."""


@config.command("show")
@everywhere
@click.pass_context
def config_show(context: click.Context, /, **options: Any) -> None:
    """Every setting, its value and where it came from."""
    from posture_console.headless.output import say_facts, say_json  # noqa: PLC0415 - see visited

    chosen = taken(context, options)
    shown = list(chosen.loaded().shown())
    if chosen.as_json:
        say_json([{"name": one.name, "value": _plain(one.value), "source": one.source} for one in shown])
        return
    say_facts([(one.name, f"{_toml(one.value)}  ({one.source})") for one in shown])


def _toml(value: Any) -> str:
    """As `posture-agent config show` prints it."""
    return "-" if value is None else json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value if isinstance(value, bool | int | float | str | None) else str(value)


for command in (*POSTURE_VERBS, alarms, keys, override, jobs, job, *RECORD_VERBS, *SERVE_VERBS, *SHOWN_VERBS):
    cli.add_command(command)


def main() -> None:
    """Run the program."""
    run(cli)
