"""The verbs `latency` and `episodes`, for the command line: what they take; `headless.shown` does it."""

from typing import Any

import click

from posture_console.options import Chosen
from posture_console.verb import verb, visited


@verb("latency")
@click.option("--camera", metavar="ID", help="Of this camera's frames alone.")
def latency(chosen: Chosen, *, camera: str | None) -> None:
    """Where frames' time goes, capture to row: analysed on the master against elsewhere."""
    from posture_console.headless import shown  # noqa: PLC0415 - see visited

    visited(chosen, shown.show_latency, camera=camera)


@verb("episodes")
def episodes(chosen: Chosen) -> Any:
    """Stretches of bad posture that go on now; exit code 1 while there is one. `history` has those that ended."""
    from posture_console.headless import shown  # noqa: PLC0415 - see visited

    return visited(chosen, shown.show_episodes)


SHOWN_VERBS = (latency, episodes)
