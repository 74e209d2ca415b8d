"""The verbs `record` and `replay`, for the command line: what they take; `headless.recording` and the screen do it."""

import sys
from pathlib import Path

import click

from posture_console.commands.options import Chosen
from posture_console.commands.verb import verb


@verb("record")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--seconds", type=click.FloatRange(min=0), help="End after so many; 0: only what is known now. Else Ctrl-C."
)
@click.option("--pictures", "with_pictures", is_flag=True, help="The annotated pictures too; else numbers alone.")
def record(chosen: Chosen, *, file: Path, seconds: float | None, with_pictures: bool) -> None:
    """Write all that the console sees into FILE: the site as it is now, then what comes. Numbers, no pictures."""
    from posture_console.headless import recording  # noqa: PLC0415 - see visited
    from posture_console.headless.visit import visit  # noqa: PLC0415 - see visited
    from posture_console.record.recorder import TapedStore  # noqa: PLC0415 - see visited

    settings = chosen.loaded().value
    visit(
        chosen.target(settings),
        lambda link: recording.record(
            link,
            as_json=chosen.as_json,
            timeout_s=settings.timeout_s,
            file=file,
            seconds=seconds,
            pictures=with_pictures,
        ),
        timeout_s=settings.timeout_s,
        results=settings.results_kept,
        store=TapedStore(),
    )


@verb("replay")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--set", "changes", metavar="RULE=VALUE", multiple=True, help="What if, e.g. high=70; may be repeated.")
@click.option("--what-if", "what_if", is_flag=True, help="The decisions in words, as with --set, as they were.")
@click.option("--at", metavar="TIME", help="The site at 14:05, 50% or +10m of the recording, in words or --json.")
def replay(chosen: Chosen, *, file: Path, changes: tuple[str, ...], what_if: bool, at: str | None) -> int:
    """Watch a recording in the console's views; with --set, which decisions other rules would have taken."""
    from posture_console.headless import recording  # noqa: PLC0415 - see visited
    from posture_console.record.recording import is_tape  # noqa: PLC0415 - see visited

    if at is not None:
        if changes or what_if:
            raise click.UsageError("give either --at or --set and --what-if")
        recording.show_at(file, at, as_json=chosen.as_json)
        return 0
    if changes or what_if or chosen.as_json or not is_tape(file):
        recording.replay(file, changes, as_json=chosen.as_json)
        return 0
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        recording.show_about(file)
        return 0
    from posture_console.replaying import run_replay  # noqa: PLC0415 - Textual only for the screen

    return run_replay(chosen.loaded().value, file)


RECORD_VERBS = (record, replay)
