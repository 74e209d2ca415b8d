"""The verbs that tell what the screen shows beside its tables: where frames' time goes, bad posture, what was told."""

from datetime import datetime
from typing import Any

from posture_console.core.arrange import Order
from posture_console.core.latency import Group, Split, groups
from posture_console.core.notices import Notice, Notices
from posture_console.core.over_time import episode_words
from posture_console.core.quantities import milliseconds
from posture_console.core.rows.notices import NOTICES
from posture_console.headless.listing import moment_of, show
from posture_console.headless.output import say_facts, say_json
from posture_console.links.master_link import MasterLink
from posture_shared.exits import Exit
from posture_shared.timeline import Episode


async def show_latency(link: MasterLink, *, as_json: bool, camera: str | None) -> None:
    """Medians of capture, queue, analysis and row: of frames analysed on the master, and of those elsewhere."""
    found = groups(link.store, camera)
    if as_json:
        say_json([_as_json(group) for group in found])
    elif not found:
        say_facts([("latency", "no frame was analysed yet")])
    else:
        say_facts([(group.place, _words(group)) for group in found])


async def show_episodes(link: MasterLink, *, as_json: bool) -> Exit:
    """The stretches of bad posture that go on; `NOT_WELL` while there is one."""
    held = sorted((one for one in link.store.episodes.values() if one.ended is None), key=_started)
    if as_json:
        say_json(held)
    elif not held:
        say_facts([("episodes", "nobody sits badly for long now")])
    else:
        moment = moment_of(link.store)
        say_facts([(one.pi_id, episode_words(one, moment)) for one in held])
    return Exit.NOT_WELL if held else Exit.DONE


async def show_told(link: MasterLink, *, as_json: bool, order: Order) -> None:
    """When each alarm began and ended, newest first."""
    show(NOTICES, Notices().all(link.store), link.store, order, json_of=_notice, as_json=as_json)


def _notice(notice: Notice) -> dict[str, Any]:
    alarm = None if notice.record is None else notice.record.alarm_id
    return {"at": notice.at, "severity": notice.severity, "from": notice.origin, "text": notice.text, "alarm_id": alarm}


def _started(episode: Episode) -> datetime:
    return episode.started


def _words(group: Group) -> str:
    split = group.split
    parts = zip(("capture", "queue", "analysis", "row"), split, strict=True)
    told = ", ".join(f"{name} {milliseconds(value)}" for name, value in parts)
    return f"{milliseconds(split.total)}: {told} (median of {group.frames} frames by {', '.join(group.nodes)})"


def _as_json(group: Group) -> dict[str, Any]:
    return {
        "place": group.place,
        "nodes": group.nodes,
        "frames": group.frames,
        "median_ms": {name: None if ms is None else round(ms, 1) for name, ms in _parts(group.split).items()},
    }


def _parts(split: Split) -> dict[str, float | None]:
    return {**split._asdict(), "total": split.total}
