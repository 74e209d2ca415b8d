"""`posture-agent stop-jobs`: clears the cluster of workers' Jobs, with or without a running master."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from posture_agent.kube.settings import KubeSettings

WAIT_S = 60.0


@click.command("stop-jobs")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file with a [master] table.")
@click.option("--all", "every", is_flag=True, help="Those of other masters in the namespace too.")
@click.option("--wait/--no-wait", default=True, help="Wait until their pods are gone.")
def stop_jobs(config: Path | None, every: bool, wait: bool) -> None:  # noqa: FBT001 - click's way
    """Delete the Jobs that this master started, and its workers' pods; prints their names.

    A running master whose placement still wants a worker starts another one: stop it first, or set an override.
    """
    from posture_agent.settings import MasterSettings  # noqa: PLC0415 - settings load slowly
    from posture_shared import settings  # noqa: PLC0415

    loaded = settings.load(MasterSettings, "master", config=config).value
    for name in asyncio.run(_stop(loaded.kube, None if every else loaded.node_name, wait=wait)):
        click.echo(name)


async def _stop(given: "KubeSettings", site: str | None, *, wait: bool) -> list[str]:
    from posture_agent.kube import jobs  # noqa: PLC0415 - only where it is used
    from posture_agent.kube.cluster import Cluster  # noqa: PLC0415
    from posture_agent.kube.faults import KubeError  # noqa: PLC0415
    from posture_agent.kube.nodes import name_of  # noqa: PLC0415
    from posture_shared.exits import Exit, Stop  # noqa: PLC0415

    cluster = Cluster(given)
    chosen = f"{jobs.MANAGED}={jobs.MANAGER}" if site is None else jobs.selector(site)
    try:
        names = [name_of(job) for job in await cluster.jobs(chosen)]
        for name in names:
            await cluster.delete_job(name)
        async with asyncio.timeout(WAIT_S):
            while wait and (await cluster.jobs(chosen) or await cluster.pods(chosen)):  # noqa: ASYNC110 - asks a server
                await asyncio.sleep(0.5)
    except KubeError as error:
        raise Stop(error.sentence, Exit.REFUSED if error.kind == "denied" else Exit.UNREACHABLE) from None
    except TimeoutError:
        raise Stop(f"pods of {', '.join(names)} are still there after {WAIT_S:g} s: is their node alive?") from None
    finally:
        cluster.close()
    return names
