"""The verbs `record` and `replay`, for the command line: what they take; `headless.recording` does it."""

from pathlib import Path

import click

from posture_console.options import Chosen
from posture_console.verb import verb, visited


@verb("record")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--seconds", type=click.FloatRange(min=0), help="End after so many; 0: only the past. Else by Ctrl-C.")
def record(chosen: Chosen, *, file: Path, seconds: float | None) -> None:
    """Write what placement is told into FILE: the last two hours, then what comes. Numbers, no pictures."""
    from posture_console.headless import recording  # noqa: PLC0415 - see visited

    visited(chosen, recording.record, with_timeout=True, file=file, seconds=seconds)


@verb("replay")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--set", "changes", metavar="RULE=VALUE", multiple=True, help="What if, e.g. high=70; may be repeated.")
def replay(chosen: Chosen, *, file: Path, changes: tuple[str, ...]) -> None:
    """The decisions in a recording and, with --set, which of them would have been others."""
    from posture_console.headless import recording  # noqa: PLC0415 - see visited

    recording.replay(file, changes, as_json=chosen.as_json)


RECORD_VERBS = (record, replay)
