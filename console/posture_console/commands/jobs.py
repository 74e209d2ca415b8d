"""The verbs `jobs` and `job`, for the command line: what they take; `headless.jobs` does it."""

from typing import Any

import click

from posture_console.commands.listing_options import listed
from posture_console.commands.options import Chosen
from posture_console.commands.verb import verb, visited


@verb("jobs")
@listed("jobs")
def jobs(chosen: Chosen, **asked: Any) -> None:
    """Workers that Kubernetes runs for this site, and why some did not come."""
    from posture_console.headless import jobs as does  # noqa: PLC0415 - see visited

    visited(chosen, does.show_jobs, with_timeout=True, **asked)


@click.group()
def job() -> None:
    """Start, read and stop workers on Kubernetes nodes."""


def _on(node: str | None, *, auto: bool) -> str | None:
    if auto == (node is not None):
        raise click.UsageError("give either --node NAME or --auto")
    return node


@verb("launch")
@click.option("--node", metavar="NAME", help="On this node.")
@click.option("--auto", is_flag=True, help="On the least loaded node that can take one.")
@click.option("--dry-run", is_flag=True, help="Show the manifest and what the API server says to it; create nothing.")
def launch(chosen: Chosen, *, node: str | None, auto: bool, dry_run: bool) -> Any:
    """Start a worker; it stays until `job stop`."""
    from posture_console.headless import jobs as does  # noqa: PLC0415 - see visited

    return visited(chosen, does.preview if dry_run else does.launch, with_timeout=True, node=_on(node, auto=auto))


@verb("stop")
@click.argument("name")
def stop(chosen: Chosen, *, name: str) -> None:
    """Let a Job's worker finish what it began, and delete the Job."""
    from posture_console.headless import jobs as does  # noqa: PLC0415 - see visited

    visited(chosen, does.stop, with_timeout=True, name=name)


@verb("logs")
@click.argument("name")
@click.option("--lines", type=click.IntRange(1, 5000), default=200, show_default=True)
def logs(chosen: Chosen, *, name: str, lines: int) -> None:
    """What a Job's worker wrote last."""
    from posture_console.headless import jobs as does  # noqa: PLC0415 - see visited

    visited(chosen, does.logs, with_timeout=True, name=name, lines=lines)


@verb("nodes")
def nodes(chosen: Chosen) -> None:
    """Where a worker could be launched: load, where that figure is from, what stands against it."""
    from posture_console.headless import jobs as does  # noqa: PLC0415 - see visited

    visited(chosen, does.show_nodes, with_timeout=True)


for one in (launch, stop, logs, nodes):
    job.add_command(one)
