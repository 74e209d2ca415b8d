"""The link matrix: console to master, master to broker, database, Kubernetes: state, last message, rate, backoff."""

from datetime import datetime
from typing import Final, NamedTuple

from posture_console.core.connection import Phase
from posture_console.core.quantities import age, count, milliseconds, rate
from posture_console.core.reading import Reading
from posture_console.core.rows.conditions import links
from posture_console.core.sheet import Column, Moment, Sheet
from posture_console.core.spans import Cell, Span, Tone, dimmed, word
from posture_console.core.status import LINK, look
from posture_console.core.store import SiteStore
from posture_shared.records import Link

_STATES: Final = {Phase.LIVE: "up", Phase.SYNCING: "connecting", Phase.CONNECTING: "connecting"}


class LinkLine(NamedTuple):
    """One link.

    `per_s` is how much goes over it, of `unit`; `waiting` counts rows that wait for it. `retry_s`: seconds until the
    next try; `stale`: it is what was known before the master was lost.
    """

    name: str
    state: str
    since: datetime | None
    heard: datetime | None
    per_s: float | None
    unit: str
    retry_s: float | None
    detail: str
    stale: bool
    waiting: int = 0
    round_trip_ms: float | None = None

    @property
    def traffic(self) -> str:
        """How much goes over it, in words; empty where nothing is counted."""
        if self.waiting:
            return f"{count(self.waiting)} rows wait"
        return "" if self.per_s is None else f"{rate(self.per_s)} {self.unit}/s"


def link_lines(reading: Reading) -> list[LinkLine]:
    """The console's own link first, then what the master depends on."""
    return [_master(reading), *(_line(link, reading) for link in links(reading.store))]


def _master(reading: Reading) -> LinkLine:
    connection, pulse, store = reading.connection, reading.pulse, reading.store
    said = [connection.address]
    if connection.reason:
        said.append(connection.reason)
    if connection.attempt > 1:
        said.append(f"try {connection.attempt}")
    if connection.is_live and connection.round_trip_ms is not None:
        said.append(f"answers in {milliseconds(connection.round_trip_ms)}")
    if connection.is_live and connection.role is not None:
        said.append(f"as {connection.author or connection.role}")
    return LinkLine(
        name="master",
        state=_STATES.get(connection.phase, "down"),
        since=store.now(connection.since_s) if store.loaded else None,
        heard=None if pulse.heard_s is None else store.now(pulse.heard_s),
        per_s=pulse.events_per_s,
        unit="events",
        retry_s=None if pulse.retry_at_s is None else max(0.0, pulse.retry_at_s - reading.now_s),
        detail=", ".join(said),
        stale=False,
        round_trip_ms=connection.round_trip_ms if connection.is_live else None,
    )


def _line(link: Link, reading: Reading) -> LinkLine:
    store = reading.store
    detail = "" if link.detail == link.state else link.detail
    per_s, unit = _rate(link, store)
    return LinkLine(
        name=link.name,
        state=link.state,
        since=link.since,
        heard=_heard(link, store),
        per_s=per_s,
        unit=unit,
        retry_s=link.retry_s if link.state == "down" else None,
        detail=detail,
        stale=reading.is_stale,
        waiting=store.flow.outbox_rows if link.name == "database" and link.state != "unused" else 0,
    )


def _heard(link: Link, store: SiteStore) -> datetime | None:
    """The last message over it; over the broker that is the newest frame, where one came since it is up."""
    if link.name != "broker":
        return link.last_ok
    frames = (camera.last_received for camera in store.cameras.values())
    return max((at for at in (link.last_ok, *frames) if at is not None), default=None)


def _rate(link: Link, store: SiteStore) -> tuple[float | None, str]:
    """How much goes over a link in a second, and of what."""
    if link.state != "unused" and link.name == "broker":
        return store.flow.arriving_fps, "frames"
    if link.state != "unused" and link.name == "database":
        return store.flow.done_fps, "rows"
    return None, ""


def _cell(line: LinkLine, cell: Cell) -> Cell:
    return dimmed(cell) if line.stale else cell


def _retry(line: LinkLine) -> Cell:
    return (Span("in " + age(line.retry_s), Tone.WARN),) if line.retry_s is not None else ()


QUIET_S: Final = 60.0
"""A link that is up and over which nothing came for longer is dimmed."""

LINK_MATRIX: Final[Sheet[LinkLine]] = Sheet(
    name="links",
    key=lambda line: line.name,
    is_fault=lambda line: line.state in {"down", "connecting"},
    at=lambda line: line.heard if line.state == "up" else None,
    old_s=QUIET_S,
    empty="the master has named no link",
    columns=(
        Column(
            name="link",
            title="LINK",
            width=10,
            cell=lambda x, _m, _w: _cell(x, word(x.name, Tone.STRONG if x.state != "unused" else Tone.DIM)),
            value=lambda x: x.name,
        ),
        Column(
            name="state",
            title="STATE",
            width=12,
            cell=lambda x, _m, _w: _cell(x, look(LINK, x.state).cell()),
            value=lambda x: x.state,
        ),
        Column(
            name="since",
            title="FOR",
            width=4,
            right=True,
            rank=3,
            cell=lambda x, m, _w: (Span(age(m.age_s(x.since)), Tone.DIM),),
            value=lambda x: x.since,
        ),
        Column(
            name="heard",
            title="LAST",
            width=5,
            right=True,
            rank=1,
            cell=lambda x, m, _w: _cell(x, _last(x, m)),
            value=lambda x: x.heard,
        ),
        Column(
            name="rate",
            title="RATE",
            width=13,
            right=True,
            rank=4,
            cell=lambda x, _m, _w: _cell(x, word(x.traffic or None, Tone.TEXT)),
            value=lambda x: x.per_s,
            first_down=True,
        ),
        Column(
            name="retry",
            title="NEXT TRY",
            width=8,
            right=True,
            rank=5,
            cell=lambda x, _m, _w: _cell(x, _retry(x)),
            value=lambda x: x.retry_s,
        ),
        Column(
            name="detail",
            title="DETAIL",
            width=12,
            weight=1,
            rank=2,
            cell=lambda x, _m, _w: _cell(x, word(x.detail or None, Tone.DIM if x.state != "down" else Tone.TEXT)),
            value=lambda x: x.detail,
        ),
    ),
)


def _last(line: LinkLine, moment: Moment) -> Cell:
    return (Span(age(moment.age_s(line.heard)), Tone.DIM if line.heard is None else Tone.TEXT),)
