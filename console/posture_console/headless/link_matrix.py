"""The verb `links`: every connection between here and the rows, and what `status` says of them."""

import asyncio
import time
from typing import Any

from posture_console.core.arrange import Order
from posture_console.core.quantities import age
from posture_console.core.reading import Reading
from posture_console.core.rows.links import LINK_MATRIX, LinkLine, link_lines
from posture_console.headless.listing import show
from posture_console.links.master_link import MasterLink
from posture_shared.exits import Exit


async def show_links(link: MasterLink, *, as_json: bool, order: Order, seconds: float) -> Exit:
    """Console to master, then what the master depends on, after `seconds` of listening; `NOT_WELL` while one is down.

    The rate of events and the way there and back are measured here, which takes that long.
    """
    await asyncio.sleep(seconds)
    found = lines(link)
    show(LINK_MATRIX, found, link.store, order, json_of=_as_json, as_json=as_json)
    return Exit.NOT_WELL if any(map(LINK_MATRIX.is_fault, found)) else Exit.DONE


def link_facts(link: MasterLink) -> list[tuple[str, str]]:
    """What the master depends on, a line each: state, last message, how much goes over it, next try."""
    now = link.store.now(time.monotonic())
    told = []
    for line in lines(link)[1:]:
        parts = [line.state]
        if line.heard is not None:
            parts.append(f"last message {age((now - line.heard).total_seconds())} ago")
        parts += [line.traffic] if line.traffic else []
        parts += [f"next try in {age(line.retry_s)}"] if line.retry_s is not None else []
        told.append((f"link {line.name}", ", ".join(parts) + (f"  {line.detail}" if line.detail else "")))
    return told


def lines(link: MasterLink) -> list[LinkLine]:
    """The link matrix as it stands now."""
    return link_lines(Reading(link.store, link.connection, time.monotonic(), pulse=link.pulse))


def _as_json(line: LinkLine) -> dict[str, Any]:
    return {
        "link": line.name,
        "state": line.state,
        "since": line.since,
        "last": line.heard,
        "per_s": None if line.per_s is None else round(line.per_s, 2),
        "unit": line.unit or None,
        "waiting": line.waiting,
        "retry_s": line.retry_s,
        "round_trip_ms": None if line.round_trip_ms is None else round(line.round_trip_ms, 2),
        "detail": line.detail,
    }
