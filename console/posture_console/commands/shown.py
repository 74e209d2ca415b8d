"""The verbs `latency`, `episodes`, `links`, `told` and `contexts`, for the command line; `headless` does them."""

from typing import Any

import click

from posture_console.commands.listing_options import listed
from posture_console.commands.options import Chosen
from posture_console.commands.verb import verb, visited


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


@verb("links")
@listed("links")
@click.option("--seconds", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Listen for so long.")
def links(chosen: Chosen, **asked: Any) -> Any:
    """Every connection: state, last message, rate, next try; exit code 1 while one is down."""
    from posture_console.headless import link_matrix  # noqa: PLC0415 - see visited

    return visited(chosen, link_matrix.show_links, **asked)


@verb("told")
@listed("notices")
def told(chosen: Chosen, **asked: Any) -> None:
    """When each alarm began and ended, newest first."""
    from posture_console.headless import shown  # noqa: PLC0415 - see visited

    visited(chosen, shown.show_told, **asked)


@verb("contexts")
def contexts(chosen: Chosen) -> None:
    """The sites that are named in the configuration."""
    from posture_console.headless.contexts import show_contexts  # noqa: PLC0415 - see visited

    show_contexts(chosen.loaded().value, as_json=chosen.as_json)


SHOWN_VERBS = (latency, episodes, links, told, contexts)
