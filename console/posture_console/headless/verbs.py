"""The reading verbs: each takes a live link's store, or asks, and prints."""

import asyncio
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from posture_console.core.arrange import Order
from posture_console.core.connection import describe
from posture_console.core.explain import capacity_sentence, flow_verdict, latency_sentence, result_sentence
from posture_console.core.overriding import policy_words
from posture_console.core.quantities import age, count, milliseconds, moment, rate, size
from posture_console.core.rows.cameras import CAMERAS, cameras
from posture_console.core.rows.conditions import ALARMS, OVERRIDES, alarms, overrides
from posture_console.core.rows.decisions import DECISIONS
from posture_console.core.rows.nodes import NODES, NodeLine, nodes
from posture_console.core.rows.results import RESULTS
from posture_console.core.silencing import loud
from posture_console.headless.link_matrix import link_facts
from posture_console.headless.link_word import LinkWord
from posture_console.headless.listing import show
from posture_console.headless.output import say_facts, say_json
from posture_console.headless.visit import answered
from posture_console.links.master_link import MasterLink
from posture_shared.exits import Exit, Stop
from posture_shared.records import Decision, FrameStory, Result


async def status(link: MasterLink, *, as_json: bool) -> Exit:
    """The site in one object; `NOT_WELL` while an alarm that nobody silenced holds, or a link is down."""
    store = link.store
    standing = [alarm for alarm in store.alarms.values() if alarm.ended is None]
    heard = loud(store)
    down = [found for found in store.links.values() if found.state == "down"]
    if as_json:
        say_json(
            {
                "master": store.master,
                "epoch": store.epoch,
                "at": store.now(time.monotonic()),
                "flow": store.flow,
                "counters": store.counters,
                "links": list(store.links.values()),
                "alarms": standing,
                "cameras": len(store.cameras),
                "nodes": len(nodes(store)),
                "role": link.connection.role,
            }
        )
    else:
        say_facts(_status_facts(link, len(heard), len(standing) - len(heard)))
    return Exit.NOT_WELL if heard or down else Exit.DONE


def _status_facts(link: MasterLink, standing: int, quiet: int) -> list[tuple[str, str]]:
    store = link.store
    flow, counters, master = store.flow, store.counters, store.master
    facts = [("link", f"{describe(link.connection, time.monotonic())} as {link.connection.role}")]
    if master is not None:
        facts.append(("master", f"{master.node}, version {master.version}, up since {moment(master.started)}"))
        facts.append(("analysis", f"model {master.model}, mode {master.mode}, rule {master.rule}"))
        facts.append(("placement", f"{master.placement}, policy {master.policy}, {master.low:g}–{master.high:g} %"))
    facts.append(("flow", f"{rate(flow.arriving_fps)}/s arriving, {flow_verdict(flow)[0]}"))
    facts.append(("capacity", capacity_sentence(flow)))
    facts.append(("backlog", f"{flow.backlog} frames, oldest {age(flow.backlog_age_s)}, {size(flow.held_bytes)} held"))
    facts.append(("outbox", f"{flow.outbox_rows} rows, oldest {age(flow.outbox_age_s)}"))
    balance = (
        f"{count(counters.received)} received = {count(counters.rows)} rows + {count(counters.repeats)} repeats"
        f" + {count(counters.in_flight)} in flight + {count(counters.rejected)} rejected"
    )
    facts.append(("frames", balance))
    facts += link_facts(link)
    silenced = f", {quiet} kept quiet" if quiet else ""
    facts.append(("alarms", f"{standing or 'none'}{silenced}"))
    return facts


async def show_cameras(link: MasterLink, *, as_json: bool, order: Order) -> None:
    """All cameras."""
    show(CAMERAS, cameras(link.store), link.store, order, json_of=lambda line: line.camera, as_json=as_json)


async def show_nodes(link: MasterLink, *, as_json: bool, order: Order, seconds: float) -> None:
    """All nodes: load, workers, and the load over `seconds` of looking on."""
    await asyncio.sleep(seconds)
    show(NODES, nodes(link.store), link.store, order, json_of=_node, as_json=as_json)


def _node(line: NodeLine) -> dict[str, Any]:
    trend = [round(cpu, 1) for cpu in line.trend]
    return {"node": line.node, "load": line.load, "workers": list(line.workers), "trend": trend}


async def show_overrides(link: MasterLink, *, as_json: bool, order: Order) -> None:
    """The overrides that hold, and what the policy would do without them."""
    show(OVERRIDES, overrides(link.store), link.store, order, json_of=lambda override: override, as_json=as_json)
    if not as_json:
        say_facts([("without", policy_words(link.store))])


async def show_alarms(link: MasterLink, *, as_json: bool, order: Order, every: bool) -> Exit:
    """The alarms that hold (`every`: those that ended too); `NOT_WELL` while one holds that nobody silenced."""
    found = [alarm for alarm in alarms(link.store) if every or alarm.ended is None]
    show(ALARMS, found, link.store, order, json_of=lambda alarm: alarm, as_json=as_json)
    return Exit.NOT_WELL if loud(link.store) else Exit.DONE


async def show_results(
    link: MasterLink,
    *,
    as_json: bool,
    timeout_s: float,
    order: Order,
    camera: str | None,
    status: str | None,
    since: datetime | None,
    limit: int,
) -> None:
    """Results from the master's store, newest first."""
    asked = {"camera": camera, "status": status, "since": since, "limit": limit}
    body = await answered(link, "results", timeout_s, **{name: value for name, value in asked.items() if value})
    newest_first = sorted(msgspec.convert(body, list[Result]), key=lambda found: found.received_time, reverse=True)
    show(RESULTS, newest_first, link.store, order, json_of=lambda found: found, as_json=as_json)


async def show_decisions(link: MasterLink, *, as_json: bool, timeout_s: float, order: Order, limit: int) -> None:
    """Decisions of placement, newest first."""
    body = await answered(link, "decisions", timeout_s, limit=limit)
    newest_first = sorted(msgspec.convert(body, list[Decision]), key=lambda one: one.generation, reverse=True)
    show(DECISIONS, newest_first, link.store, order, json_of=lambda decision: decision, as_json=as_json)


async def show_frame(
    link: MasterLink, *, as_json: bool, timeout_s: float, frame_id: str, picture: Path | None = None
) -> None:
    """One frame's life; with `picture` its picture goes into that new file first."""
    if picture is not None:
        await _save_picture(link, frame_id, picture, timeout_s)
    story = msgspec.convert(await answered(link, "frame", timeout_s, id=frame_id), FrameStory)
    if as_json:
        say_json(story)
        return
    facts: list[tuple[str, Any]] = [("frame", story.frame_id)]
    if story.result is not None:
        result = story.result
        facts += [
            ("camera", result.pi_id),
            ("result", result_sentence(result)),
            ("latency", latency_sentence(result)),
            ("node", f"{result.processed_by or '–'}, attempt {result.attempt}, model {result.model or '–'}"),
            ("picture", result.image_path or "none is kept"),
        ]
    before = None
    for step in story.steps:
        gap = "" if before is None else f"+{milliseconds((step.at - before).total_seconds() * 1000)}  "
        facts.append((step.step, f"{moment(step.at)}  {gap}{step.detail}"))
        before = step.at
    say_facts(facts)


async def _save_picture(link: MasterLink, frame_id: str, file: Path, timeout_s: float) -> None:
    answer = await link.query("picture", timeout_s=timeout_s, frame_id=frame_id)
    if answer.picture is None:
        code = answer.reply.code
        raise Stop(answer.reply.error or "no picture is kept of this frame", Exit(code) if code else Exit.NOT_WELL)
    try:
        with file.open("xb") as out:
            out.write(answer.picture)
    except OSError as error:
        raise Stop(f"{file} cannot be written: {error.strerror}", Exit.USAGE) from None


async def watch(link: MasterLink, *, as_json: bool, seconds: float | None) -> None:
    """Results as they come, one a line, until interrupted or `seconds` are over. A lost link is said on stderr.

    Raises:
        Stop: exit code 4 when the master refuses this console from now on.
    """
    seen = set(link.store.results)
    word = LinkWord(link)
    changed = asyncio.Event()
    link.on_change = changed.set
    ends_s = None if seconds is None else time.monotonic() + seconds
    while ends_s is None or time.monotonic() < ends_s:
        try:
            async with asyncio.timeout(None if ends_s is None else max(0.01, ends_s - time.monotonic())):
                await changed.wait()
        except TimeoutError:
            return
        changed.clear()
        word.look()
        word.end_if_refused()
        fresh = [result for frame_id, result in link.store.results.items() if frame_id not in seen]
        seen = set(link.store.results)
        for result in fresh:
            _say_result(result, as_json=as_json)


def _say_result(result: Result, *, as_json: bool) -> None:
    if as_json:
        say_json(result)
        return
    say_facts([(f"{moment(result.received_time)}  {result.pi_id}", result_sentence(result))])
