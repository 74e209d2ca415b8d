"""Cameras as rows: what each sees now, how fast, and where it is analysed."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from posture_console.core.bars import spark
from posture_console.core.quantities import age, count, percent, rate
from posture_console.core.rows.columns import age_column, angle_column
from posture_console.core.rows.conditions import troubled
from posture_console.core.sheet import Column, Moment, Sheet
from posture_console.core.spans import Cell, Span, Tone, joined, word
from posture_console.core.status import FAULTY, PLACEMENT, POSTURE, look
from posture_console.core.store import SiteStore
from posture_shared.records import CameraState, Override, Result
from posture_shared.timeline import Episode

_MOSTLY: Final = 0.5
"""More good than bad."""
QUIET_S: Final = 5.0
"""A camera without a frame for longer is dimmed."""


class CameraLine(NamedTuple):
    """A camera, its newest result, the override that holds for it, its trunk angles, and its posture over time.

    `good` is the share of judged frames that were good, `episode` the stretch of bad posture that goes on;
    `in_trouble`: an alarm is about it (it is silent, frozen, black …).
    """

    camera: CameraState
    result: Result | None
    override: Override | None
    trend: Sequence[float]
    good: float | None = None
    episode: Episode | None = None
    in_trouble: bool = False

    @property
    def is_fault(self) -> bool:
        """Whether somebody should look at it; one that was paused is not expected to send."""
        camera = self.camera
        if camera.online is False or camera.missing > 0 or camera.placement == "DEGRADED":
            return True
        if camera.pause is not None or camera.capture == "off":
            return False
        return self.in_trouble or self.episode is not None or camera.last_status in FAULTY


def cameras(store: SiteStore) -> list[CameraLine]:
    """All cameras, by name."""
    about = troubled(store)
    return [camera_line(store, store.cameras[pi_id], about) for pi_id in sorted(store.cameras)]


def camera_line(store: SiteStore, camera: CameraState, about: Collection[str] | None = None) -> CameraLine:
    """One camera with what belongs to it; `about` are those with an alarm, where they were looked up already."""
    override = next((o for o in store.overrides if o.scope == camera.pi_id), None) or next(
        (o for o in store.overrides if o.scope == "all"), None
    )
    name = camera.pi_id
    trend, good = store.trends.body.get(name), store.trends.good.mean(name)
    in_trouble = name in (troubled(store) if about is None else about)
    return CameraLine(camera, store.last_result.get(name), override, trend, good, store.episode_of(name), in_trouble)


def presence(line: CameraLine) -> tuple[str, Tone]:
    """Online, offline, paused or unknown in one word."""
    if line.camera.capture == "off":
        return "paused", Tone.WARN
    if line.camera.online is None:
        return "unknown", Tone.DIM
    return ("online", Tone.GOOD) if line.camera.online else ("offline", Tone.BAD)


def _name(line: CameraLine, _moment: Moment, _width: int) -> Cell:
    return word(line.camera.pi_id, Tone.DIM if line.camera.online is False else Tone.STRONG)


def _status(line: CameraLine, moment: Moment, _width: int) -> Cell:
    pause = line.camera.pause
    if pause is not None:
        return word(
            "‖ paused" if pause.until is None else f"‖ off {age(-(moment.age_s(pause.until) or 0.0))}", Tone.WARN
        )
    if line.camera.last_status is None:
        return word(None)
    cell = look(POSTURE, line.camera.last_status).cell()
    return cell if line.episode is None else joined(cell, word(f" {age(moment.age_s(line.episode.started))}", Tone.BAD))


def _good(line: CameraLine, _moment: Moment, _width: int) -> Cell:
    tone = Tone.FAINT if line.good is None else Tone.GOOD if line.good >= _MOSTLY else Tone.BAD
    return (Span(percent(None if line.good is None else 100 * line.good), tone),)


def _where(line: CameraLine, _moment: Moment, _width: int) -> Cell:
    placement = look(PLACEMENT, line.camera.placement)
    if line.camera.target is None:
        return placement.cell()
    return joined(placement.cell(glyph_only=True), word(f" {line.camera.target}", placement.tone))


def _pinned(line: CameraLine, moment: Moment, _width: int) -> Cell:
    if line.override is None:
        return ()
    left = "" if line.override.until is None else f" {age((line.override.until - moment.now).total_seconds())}"
    return word(f"{line.override.target}{left}", Tone.INFO)


CAMERAS: Final[Sheet[CameraLine]] = Sheet(
    name="cameras",
    key=lambda line: line.camera.pi_id,
    is_fault=lambda line: line.is_fault,
    empty="no camera has sent a frame yet: start one with posture-publisher run --pi-id NAME --broker HOST",
    at=lambda line: line.camera.last_received,
    old_s=QUIET_S,
    columns=(
        Column(name="camera", title="CAMERA", width=8, weight=2, cell=_name, value=lambda line: line.camera.pi_id),
        Column(
            name="status",
            title="POSTURE",
            width=10,
            cell=_status,
            value=lambda line: line.camera.last_status,
            flashes=True,
        ),
        angle_column("neck", "NECK", lambda line: line.result.neck_angle if line.result else None, rank=1),
        angle_column("body", "TRUNK", lambda line: line.result.body_angle if line.result else None, rank=1),
        Column(
            name="good",
            title="GOOD",
            width=5,
            right=True,
            rank=5,
            cell=_good,
            value=lambda line: line.good,
        ),
        Column(
            name="trend",
            title="TRUNK TREND",
            width=12,
            weight=1,
            rank=7,
            cell=lambda line, _m, w: spark([abs(value) for value in line.trend], w, top=45.0, tone=Tone.INFO),
            value=lambda line: abs(line.trend[-1]) if line.trend else None,
            first_down=True,
        ),
        Column(
            name="fps",
            title="FPS",
            width=5,
            right=True,
            cell=lambda line, _m, _w: (Span(rate(line.camera.fps)),),
            value=lambda line: line.camera.fps,
            first_down=True,
        ),
        Column(
            name="placement",
            title="ANALYSED",
            width=11,
            weight=2,
            rank=2,
            cell=_where,
            value=lambda line: f"{line.camera.placement} {line.camera.target or ''}",
            flashes=True,
        ),
        Column(
            name="override",
            title="OVERRIDE",
            width=12,
            weight=1,
            rank=8,
            cell=_pinned,
            value=lambda line: None if line.override is None else line.override.target,
            flashes=True,
        ),
        Column(
            name="state",
            title="STATE",
            width=7,
            rank=3,
            cell=lambda line, _m, _w: word(*presence(line)),
            value=lambda line: presence(line)[0],
            flashes=True,
        ),
        Column(
            name="rows",
            title="ROWS",
            width=9,
            right=True,
            rank=4,
            cell=lambda line, _m, _w: (Span(count(line.camera.rows), Tone.DIM),),
            value=lambda line: line.camera.rows,
            first_down=True,
        ),
        Column(
            name="spooled",
            title="SPOOL",
            width=6,
            right=True,
            rank=6,
            cell=lambda line, _m, _w: (
                Span(count(line.camera.spooled), Tone.WARN if line.camera.spooled else Tone.DIM),
            ),
            value=lambda line: line.camera.spooled,
            first_down=True,
        ),
        Column(
            name="missing",
            title="MISSING",
            width=7,
            right=True,
            rank=6,
            cell=lambda line, _m, _w: (
                Span(count(line.camera.missing), Tone.BAD if line.camera.missing else Tone.FAINT),
            ),
            value=lambda line: line.camera.missing,
            first_down=True,
        ),
        Column(
            name="upright",
            title="UPRIGHT",
            width=10,
            rank=8,
            cell=lambda line, _m, _w: word(line.camera.baseline.profile if line.camera.baseline else None, Tone.DIM),
            value=lambda line: line.camera.baseline.profile if line.camera.baseline else None,
        ),
        Column(
            name="source",
            title="SOURCE",
            width=12,
            weight=1,
            rank=9,
            cell=lambda line, _m, _w: word(line.camera.source, Tone.DIM),
            value=lambda line: line.camera.source,
        ),
        age_column(lambda line: line.camera.last_received, late_s=QUIET_S),
    ),
)
