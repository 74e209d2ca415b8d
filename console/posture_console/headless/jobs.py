"""The verbs about Jobs: workers that the master starts on Kubernetes nodes."""

from collections.abc import Mapping
from typing import Any, Final

import click
import msgspec

from posture_console.core.arrange import Order
from posture_console.core.jobs import KUBERNETES, NOT_IN_USE, NodeVerdict, manifest_lines, verdict_words
from posture_console.core.quantities import moment
from posture_console.core.rows.jobs import JOBS
from posture_console.core.sanitise import one_line
from posture_console.headless.listing import show
from posture_console.headless.output import say_facts, say_json
from posture_console.headless.posture import commanded
from posture_console.headless.visit import answered
from posture_console.links.master_link import MasterLink
from posture_shared.exits import Exit
from posture_shared.frame import new_id
from posture_shared.messages.jobs import Job

_LAUNCH_S: Final = 15.0
"""A Job is created while the operator waits; the API server may be slow."""


async def show_jobs(link: MasterLink, *, as_json: bool, timeout_s: float, order: Order) -> None:
    """Every Job, and those that lately brought no worker."""
    found: list[dict[str, Any]] = await answered(link, "jobs", timeout_s)
    if not found and not as_json:
        why = "no worker of this site was started by Kubernetes" if _in_use(link) else NOT_IN_USE
        click.echo(f"no Jobs: {why}")
        return
    told = {job["name"]: job for job in found}  # as the master said it, with what a newer one adds
    jobs = msgspec.convert(found, list[Job])
    show(JOBS, jobs, link.store, order, json_of=lambda job: told[job.name], as_json=as_json)


async def show_nodes(link: MasterLink, *, as_json: bool, timeout_s: float) -> None:
    """Every node that could run a worker's Job, and why some cannot."""
    found: list[dict[str, Any]] = await answered(link, "job_nodes", timeout_s)
    if as_json:
        say_json(found)
    elif not found:
        click.echo("Kubernetes names no node for workers" if _in_use(link) else f"no nodes: {NOT_IN_USE}")
    else:
        verdicts = msgspec.convert(found, list[NodeVerdict])
        say_facts([(one.node, verdict_words(one).removeprefix(f"{one.node}, ")) for one in verdicts])


async def launch(link: MasterLink, *, as_json: bool, timeout_s: float, node: str | None) -> None:
    """Start a worker on `node`, or on the least loaded one."""
    asked = {"node": node, "id": new_id()}
    job = await commanded(link, "job_launch", asked, timeout_s=max(timeout_s, _LAUNCH_S))
    _say_job(job, as_json=as_json)


async def stop(link: MasterLink, *, as_json: bool, timeout_s: float, name: str) -> None:
    """Let a Job's worker finish what it began, and end it."""
    job = await commanded(link, "job_stop", {"name": name}, timeout_s=max(timeout_s, _LAUNCH_S))
    _say_job({**job, "state": "stopping"}, as_json=as_json)


async def logs(link: MasterLink, *, as_json: bool, timeout_s: float, name: str, lines: int) -> None:
    """What a Job's worker wrote last."""
    body = await answered(link, "job_log", max(timeout_s, _LAUNCH_S), name=name, lines=lines)
    if as_json:
        say_json(body)
        return
    for line in str(body["log"]).splitlines():
        click.echo(one_line(line))


async def preview(link: MasterLink, *, as_json: bool, timeout_s: float, node: str | None) -> Exit:
    """The manifest that would be sent, and what the API server says to it; nothing is created."""
    body = await answered(link, "job_preview", max(timeout_s, _LAUNCH_S), node=node)
    if as_json:
        say_json(body)
    else:
        click.echo("\n".join(manifest_lines(body["manifest"])))
        verdict = body["node"]
        say_facts(
            [
                ("node", f"{verdict['node']}, {verdict['cpu']:g} % by {verdict['source']}"),
                ("in its way", verdict["why"] or "nothing"),
                ("server-side dry run", body["said"]),
            ]
        )
    return Exit.DONE if body["accepted"] and not body["node"]["why"] else Exit.NOT_WELL


def _in_use(link: MasterLink) -> bool:
    return KUBERNETES in link.store.links


def _say_job(job: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        say_json(job)
    else:
        say_facts([(job["name"], _words(job))])


def _words(job: Mapping[str, Any]) -> str:
    who = f", by {job['by']}" if job["by"] else ""
    joined = ", its worker has joined" if job["joined"] else ""
    detail = f": {job['detail']}" if job["detail"] else ""
    return f"on {job['node']}, {job['state']}{joined}{who}, since {moment(_time(job['created']))}{detail}"


def _time(created: Any) -> Any:
    from datetime import datetime  # noqa: PLC0415 - only where it came as text

    return datetime.fromisoformat(created) if isinstance(created, str) else created
