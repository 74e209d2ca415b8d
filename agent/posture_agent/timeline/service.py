"""Posture over time in a running master: episodes, baselines, history, alerts. Everything is on the event loop.

Is told of committed results and of alarms; keeps what must survive a restart; knows neither broker nor workers.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol

import msgspec

from posture_agent.asking import Answer, CommandHandler, QueryHandler
from posture_agent.store.timeline_log import MAX_READINGS, TimelineLog
from posture_agent.timeline.alert_rules import Kept
from posture_agent.timeline.alerts import Alerts, Publish
from posture_agent.timeline.baselines import Baselines
from posture_agent.timeline.calibration import Calibrations
from posture_agent.timeline.history import history, reading_of_row
from posture_agent.timeline.reading import reading_of
from posture_agent.timeline.settings import TimelineSettings
from posture_agent.timeline.tracks import Followed, Tracks
from posture_shared.exits import Exit, Stop
from posture_shared.frame import new_id, valid_pi_id
from posture_shared.messages.worker import Baseline
from posture_shared.records import Alarm, Result
from posture_shared.timeline import Episode, History, PostureBaseline

log = logging.getLogger("posture.timeline")

LIVE_S: Final = 10.0
"""Frames older than this enter rows and episodes but raise no alert."""
_TICK_S: Final = 1.0
_CATCH_UP_ROWS: Final = 2000
"""Far more than a camera has in the seconds between two times that the tracks are kept."""
_KEEP_S: Final = 5.0
_DRIFT_S: Final = 60.0
_DEFAULT_SPAN: Final = timedelta(days=1)
_CAMERAS: Final = 50
"""Cameras whose history is told at once."""
_PROFILE: Final = 40
_TRACKS: Final = "timeline"
_ALERTS: Final = "alerts"


class RaiseAlarm(Protocol):
    """Raises an alarm, or ends it with text None."""

    def __call__(self, kind: str, subject: str, text: str | None) -> None:
        """Kind, subject, and what is wrong in words."""


class _CalibrateArgs(msgspec.Struct, forbid_unknown_fields=True):
    camera: str
    profile: str = "default"


class _HistoryArgs(msgspec.Struct, forbid_unknown_fields=True):
    camera: str | None = None
    since: datetime | None = None


class _BaselinesArgs(msgspec.Struct, forbid_unknown_fields=True):
    camera: str | None = None


class Timeline:
    """Posture over time.

    Args:
        settings: thresholds, hold times, web addresses.
        kept: the timeline's part of the store.
        skew_ms: a camera's clock skew, None while unknown.
        judge_by: has a camera's pictures judged by a baseline.
        publish: sends an alert by MQTT (topic, payload).
        on_alarm: raises alarms (kinds `baseline`, `webhook`).
        on_episode: told of an episode that began or ended.
        on_baseline: told of a camera that has a new baseline.
    """

    def __init__(
        self,
        settings: TimelineSettings,
        kept: TimelineLog,
        *,
        skew_ms: Callable[[str], float | None],
        judge_by: Callable[[str, Baseline], None],
        publish: Publish,
        on_alarm: RaiseAlarm,
        on_episode: Callable[[Episode], None],
        on_baseline: Callable[[str], None],
    ) -> None:
        self._settings, self._kept, self._skew_ms = settings, kept, skew_ms
        self._on_alarm, self._on_episode, self._on_baseline = on_alarm, on_episode, on_baseline
        self._baselines = Baselines(settings.baseline, kept.newest_baselines(), judge_by)
        self._calibrations = Calibrations(settings.baseline)
        self._tracks = Tracks(settings.episodes, kept.load(_TRACKS, dict[str, Followed]))
        alerts = kept.load(_ALERTS, Kept) or Kept()
        self._alerts = Alerts(settings.alerts, kept=alerts, publish=publish, on_alarm=on_alarm)
        self._reading = asyncio.Lock()
        self._ticking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Catch up with the rows that an earlier master committed last, and begin; call on the event loop."""
        self._catch_up()
        self._alerts.resume(self._tracks.open(), datetime.now(UTC))
        self._alerts.start()
        self._ticking = asyncio.create_task(self._tick(), name="timeline")

    async def stop(self) -> None:
        """End; the episodes that go on are kept."""
        if self._ticking is not None:
            self._ticking.cancel()
            await asyncio.gather(self._ticking, return_exceptions=True)
        await self._alerts.stop()
        self._keep([])

    def result(self, result: Result) -> None:
        """A row was committed."""
        reading = reading_of(result, self._skew_ms(result.pi_id))
        if reading is None:
            self._calibrations.unjudged(result.pi_id, result.reason)
            return
        self._calibrations.judged(result.pi_id, reading)
        self._baselines.judged(result.pi_id, reading)
        changes = self._tracks.feed(result.pi_id, reading)
        if changes:
            self._changed(changes, live=time.time() - reading.at_s <= LIVE_S)

    def alarm(self, alarm: Alarm) -> None:
        """An alarm was raised, changed, or ended."""
        self._alerts.alarm(alarm)

    def open(self) -> list[Episode]:
        """The episodes that go on."""
        return self._tracks.open()

    def baseline(self, pi_id: str) -> PostureBaseline | None:
        """What the camera's pictures are judged by, None for the default."""
        return self._baselines.of(pi_id)

    def commands(self) -> Mapping[str, CommandHandler]:
        """`calibrate`, `snooze`."""
        return {"calibrate": self._calibrate, "snooze": self._snooze}

    def queries(self) -> Mapping[str, QueryHandler]:
        """`history`, `baselines`."""
        return {"history": self._history, "baselines": self._list_baselines}

    # What becomes of episodes.

    def _changed(self, changes: list[Episode], *, live: bool) -> None:
        for episode in changes:
            state = "began" if episode.ended is None else "ended"
            log.info("event=episode_%s camera=%s reason=%r", state, episode.pi_id, episode.reason)
            self._on_episode(episode)
            if live or episode.ended is not None:
                self._alerts.episode(episode)
        self._keep(changes)

    def _keep(self, changes: list[Episode]) -> None:
        self._tracks.changed = False
        self._kept.save(_TRACKS, self._tracks.keep(), [episode for episode in changes if episode.ended is not None])

    def _catch_up(self) -> None:
        """Follow what was committed after the tracks were last kept; at most the newest rows, for a quick start."""
        for pi_id, followed in self._tracks.keep().items():
            if followed.track.last_s is None:
                continue
            since = datetime.fromtimestamp(followed.track.last_s, UTC)
            for row in self._kept.seen(pi_id, since, limit=_CATCH_UP_ROWS):
                reading = reading_of_row(row)
                changes = [] if reading is None else self._tracks.feed(pi_id, reading)
                if changes:
                    self._changed(changes, live=False)

    async def _tick(self) -> None:
        next_keep_s = next_drift_s = float("-inf")  # by the clock that cannot be set
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                turn_s, wall_s = time.monotonic(), time.time()
                ended = self._tracks.idle(wall_s)
                if ended or (self._tracks.changed and turn_s >= next_keep_s):
                    next_keep_s = turn_s + _KEEP_S
                    self._changed(ended, live=False)
                if turn_s >= next_drift_s:
                    next_drift_s = turn_s + _DRIFT_S
                    for pi_id, text in self._baselines.drifts(wall_s).items():
                        self._on_alarm("baseline", pi_id, text)
                if self._alerts.tick(datetime.now(UTC)):
                    self._kept.save(_ALERTS, self._alerts.keep())
            except Exception:  # supervisor: one bad second must not end alerts for ever
                log.exception("event=timeline_failed")

    # Commands and queries.

    async def _calibrate(self, args: dict[str, Any], author: str) -> PostureBaseline:
        asked = msgspec.convert(args, _CalibrateArgs)
        _check_camera(asked.camera)
        profile = asked.profile.strip()
        if not profile or len(profile) > _PROFILE or not profile.isprintable():
            raise Stop(f"a profile's name has 1 to {_PROFILE} characters on one line", Exit.USAGE)
        upright = await self._calibrations.run(asked.camera, time.time())
        taken = PostureBaseline(
            baseline_id=new_id(),
            pi_id=asked.camera,
            profile=profile,
            version=self._baselines.next_version(asked.camera),
            neck=upright.neck_deg,
            body=upright.body_deg,
            at=datetime.now(UTC),
            author=author,
        )
        self._kept.add(taken)
        self._baselines.use(taken)
        self._on_baseline(asked.camera)
        self._on_alarm("baseline", asked.camera, None)
        return taken

    async def _snooze(self, args: dict[str, Any], _author: str) -> dict[str, Any]:
        until = self._alerts.snooze(args, datetime.now(UTC))
        self._kept.save(_ALERTS, self._alerts.keep())
        return {"camera": args["camera"], "until": until}

    async def _history(self, args: dict[str, Any]) -> Answer:
        asked = msgspec.convert(args, _HistoryArgs)
        if asked.camera is not None:
            _check_camera(asked.camera)
        until = datetime.now(UTC)
        since = asked.since or until - _DEFAULT_SPAN
        if since.tzinfo is None:
            raise Stop("the time since when needs a time zone", Exit.USAGE)
        async with self._reading:  # one after the other: each takes a second of a core
            return Answer(await asyncio.to_thread(self._told, asked.camera, since, until, self._tracks.open()))

    def _told(self, camera: str | None, since: datetime, until: datetime, going_on: list[Episode]) -> list[History]:
        cameras = self._kept.cameras(since)[:_CAMERAS] if camera is None else [camera]
        told = partial(
            history,
            self._kept,
            since=since,
            until=until,
            going_on=going_on,
            settings=self._settings,
            limit=MAX_READINGS // max(1, len(cameras)),
        )
        return [told(pi_id) for pi_id in cameras]

    async def _list_baselines(self, args: dict[str, Any]) -> Answer:
        wanted = msgspec.convert(args, _BaselinesArgs).camera
        found = await asyncio.to_thread(self._kept.baselines)
        return Answer([baseline for baseline in found if wanted in (None, baseline.pi_id)])


def _check_camera(name: str) -> None:
    if not valid_pi_id(name):
        raise Stop(f"'{name[:80]}' is not a camera's name", Exit.USAGE)
