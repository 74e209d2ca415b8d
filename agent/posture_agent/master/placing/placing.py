"""The live placement: telemetry in as events, through the pure `step`, its actions out to plane, store and Jobs.

Owns the placement's state and its clock. Relies on one asyncio loop; everything is called on it.
"""

import asyncio
import contextlib
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

import msgspec

from posture_agent.asking import CommandHandler
from posture_agent.master.leasing.routes import Route
from posture_agent.master.placing.alarm import KIND, PlacementAlarm
from posture_agent.master.placing.decisions import REMEMBERED, Decisions
from posture_agent.master.placing.observing import next_event, samples
from posture_agent.master.placing.override_commands import cleared, parse_clear, parse_set
from posture_agent.master.placing.routing import plane_routes
from posture_agent.master.placing.seams import Jobs, NoJobs, PlacementStore, Plane
from posture_agent.settings import PlacementSettings
from posture_shared.placement import events, explain, load
from posture_shared.placement import state as states
from posture_shared.placement.actions import AnyAction, Decide, DrainWorker, LaunchJob, OverrideEnded, SetRoute, StopJob
from posture_shared.placement.rules import Rules
from posture_shared.placement.state import ANY, State
from posture_shared.placement.step import step
from posture_shared.placement.turn import camera_state
from posture_shared.placement.turn import summary as site_summary
from posture_shared.placement.would import would
from posture_shared.records import Decision, NodeLoad, Override, PlacementState

log = logging.getLogger("posture.placement")

SAMPLE_S: Final = 1.0
_STOP_S: Final = 5.0
"""How long the end waits for a disk that cannot be written."""


def rules_of(settings: PlacementSettings) -> Rules:
    """The rules that the settings stand for."""
    given = settings.model_dump()
    return Rules(**{name: given[name] for name in Rules.__struct_fields__ if name in given})


class Placing:
    """Decides each second where each camera is analysed, and makes it so.

    Args:
        plane, store, jobs: what it acts on. settings: the rules.
        node: the master's name.
        rates: the frames/s of each known camera.
        own_load: the master's own load where no worker reports for its node.
        on_decision: told each decision, and again when its handover is over.
        on_moved: told the cameras whose placement may have changed.
        record: given each event before it is taken, for a recording.
        on_alarm: told what is to be said while cameras are not analysed where they should be.
    """

    def __init__(
        self,
        plane: Plane,
        store: PlacementStore,
        settings: PlacementSettings,
        *,
        node: str,
        rates: Callable[[], Mapping[str, float]],
        on_decision: Callable[[Decision], None],
        on_moved: Callable[[Sequence[str]], None] = lambda _cameras: None,
        own_load: Callable[[], NodeLoad | None] = lambda: None,
        jobs: Jobs | None = None,
        record: Callable[[events.AnyEvent], None] = lambda _event: None,
        on_alarm: Callable[[str, str, str | None], None] = lambda _kind, _subject, _text: None,
        wall_s: Callable[[], float] = time.time,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plane, self._store, self._rules, self._node = plane, store, rules_of(settings), node
        self._jobs: Jobs = jobs or NoJobs()
        self._rates, self._own_load = rates, own_load
        self._on_decision, self._on_moved, self._record = on_decision, on_moved, record
        # One clock that never jumps: wall time at the start, then the monotonic clock.
        self._clock_s, self._offset_s = clock_s, wall_s() - clock_s()
        self._state = State()
        self._routes = dict[str | None, Route]()
        self._decisions = Decisions()
        self._alarm, self._on_alarm = PlacementAlarm(), on_alarm
        self._shown: dict[str, tuple[PlacementState, str | None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._looking = False

    # Life.

    def start(self) -> None:
        """Go on where an earlier master left off; call it when the plane has started."""
        kept = self._store.load()
        if kept.state is not None:
            try:
                self._state = states.decode(kept.state)
            except msgspec.DecodeError as error:
                log.warning("event=placement_state_unreadable error=%r starting afresh", str(error))
        self._state.generation = max(self._state.generation, kept.generation)
        for decision in self._store.decisions(REMEMBERED):
            self._decisions.put(decision)
        started = events.Started(
            at_s=self.now_s(), site=str(uuid.uuid4()), node=self._node, cores=os.cpu_count() or 1, rules=self._rules
        )
        self._take(started)
        self.workers_changed()
        self._task = asyncio.get_running_loop().create_task(self._sample_each_second(), name="placement")

    async def stop(self) -> None:
        """Stop deciding; workers stay as they are. Waits until the state is durable."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.wrap_future(self._save(())), _STOP_S)

    def now_s(self) -> float:
        """Event time: seconds since 1970 on a clock that does not jump while this process runs."""
        return self._clock_s() + self._offset_s

    # What others tell.

    def workers_changed(self, _keys: object = None) -> None:
        """The state of some worker changed: look at once."""
        if self._looking or not self._state.node:
            return
        self._looking = True
        try:
            # Each event changes what is believed, so the comparison starts again; the bound is only a fuse.
            for _ in range(4 * len(self._plane.workers()) + len(self._state.workers) + 4):
                event = next_event(self._state, self._plane.workers(), self.now_s(), self._in_flight)
                if event is None:
                    return
                self._take(event)
        except Exception:  # supervisor: called from within the plane, which must not suffer
            log.exception("event=placement_failed")
        finally:
            self._looking = False

    def job_failed(self, node: str, detail: str) -> None:
        """No worker will come from the Job on `node`."""
        self._take(events.JobFailed(at_s=self.now_s(), node=node, detail=detail))

    # What others ask.

    def overrides(self) -> list[Override]:
        """The overrides in force."""
        return [self._state.overrides[scope] for scope in sorted(self._state.overrides)]

    def decisions(self, limit: int = 100) -> list[Decision]:
        """The newest decisions, oldest first; those of open handovers among them."""
        return self._decisions.newest(limit)

    def camera_state(self, pi_id: str) -> tuple[PlacementState, str | None]:
        """A camera's placement in a word, and the nodes that it is on or goes to."""
        name = pi_id if pi_id in self._state.cameras else ANY
        if name not in self._state.cameras:
            return "LOCAL", self._node
        camera = self._state.cameras[name]
        return camera_state(self._state, name), explain.side(camera.to or camera.at)

    def summary(self) -> PlacementState:
        """The site's placement in a word: what an operator must know of first."""
        return site_summary(self._state) if self._state.node else "LOCAL"

    def would(self) -> str:
        """What the policy would do if no override held, in a sentence."""
        return would(self._state)

    def desired_jobs(self) -> set[str]:
        """The nodes that should have a Job, for reconciliation against those that there are."""
        return set(self._state.jobs)

    def measured_cpu(self, node: str) -> float | None:
        """CPU of a node as its workers report it, per cent; None where they do not."""
        return load.mean(self._state, node)

    @property
    def state(self) -> State:
        """The whole state, e.g. for the beginning of a recording. Not to be changed."""
        return self._state

    def commands(self) -> dict[str, CommandHandler]:
        """What operators may say to placement."""
        return {"override_set": self.set_override, "override_clear": self.clear_override}

    async def set_override(self, args: dict[str, Any], author: str) -> Override:
        """Obey at once, in memory; the answer, the override as it stands, is for when it is durable.

        Raises:
            Stop: a sentence that says what is wrong with it.
        """
        now_s = self.now_s()
        override = parse_set(args, author=author, now_s=now_s)
        self._obey(events.OverrideSet(at_s=now_s, override=override))
        return override

    async def clear_override(self, args: dict[str, Any], author: str) -> Override:
        """Forget an override at once; the answer is the one that was cleared.

        Raises:
            Stop: a sentence that says what is wrong with it.
        """
        scope = parse_clear(args)
        answer = cleared(self._state.overrides, scope)
        self._obey(events.OverrideCleared(at_s=self.now_s(), scope=scope, author=author))
        return answer

    def _obey(self, event: events.OverrideSet | events.OverrideCleared) -> None:
        self._take(event)
        self._save(()).add_done_callback(_report)

    # Steps.

    def sample(self) -> None:
        """Look and measure now, and decide where it is time to."""
        self.workers_changed()
        self._take(self._measured())

    async def _sample_each_second(self) -> None:
        while True:
            await asyncio.sleep(SAMPLE_S)
            try:
                self.sample()
            except Exception:  # supervisor: one bad second must not end placement
                log.exception("event=placement_failed")

    def _measured(self) -> events.Samples:
        loads = {one.node: one for one in self._plane.nodes()}
        own = self._own_load()
        if own is not None and own.node not in loads:
            loads[own.node] = own
        return samples(
            self.now_s(),
            loads=list(loads.values()),
            workers=self._plane.workers(),
            rates=self._rates(),
            in_flight=self._in_flight(),
            kube=self._jobs.nodes(),
        )

    def _in_flight(self) -> dict[str, int]:
        return {name: self._plane.in_flight(name) for name in self._state.real_cameras()}

    def _take(self, event: events.AnyEvent) -> None:
        self._record(event)
        self._state, actions = step(self._state, event)
        self._route()
        for action in actions:
            self._carry_out(action)
        if any(not isinstance(action, SetRoute) for action in actions):
            final = [action.decision for action in actions if isinstance(action, Decide) and action.final]
            self._save(final).add_done_callback(_report)
        self._show()

    def _route(self) -> None:
        """Tell the plane the routes that changed."""
        wanted = plane_routes(self._state)
        changed: dict[str | None, Route | None] = {camera: None for camera in self._routes if camera not in wanted}
        changed |= {camera: route for camera, route in wanted.items() if self._routes.get(camera) != route}
        if changed:
            self._plane.set_routes(changed, generation=self._state.generation)
        self._routes = wanted

    def _carry_out(self, action: AnyAction) -> None:
        match action:
            case Decide(decision=decision):
                self._remember(decision)
            case DrainWorker(worker=worker, stop=True):
                self._plane.dismiss(worker)
            case LaunchJob(node=node, generation=generation):
                self._jobs.launch(node, generation)
            case StopJob(node=node):
                self._jobs.stop(node)
            case OverrideEnded(scope=scope):
                log.info("event=override_ended scope=%s", scope)

    def _remember(self, decision: Decision) -> None:
        if self._decisions.put(decision):
            log.info(
                "event=decision trigger=%s generation=%d reason=%r",
                decision.trigger,
                decision.generation,
                decision.reason,
            )
        self._on_decision(decision)

    def _save(self, decisions: Iterable[Decision]) -> Future[None]:
        generation = max(self._state.generation, self._plane.generation)
        return self._store.save(states.encode(self._state), generation, decisions)

    def _show(self) -> None:
        """Tell whose placement looks different now."""
        shown = {name: self.camera_state(name) for name in self._state.real_cameras()}
        moved = [name for name, now in shown.items() if self._shown.get(name) != now]
        self._shown = shown
        if moved:
            self._on_moved(moved)
        self._on_alarm(KIND, self._node, self._alarm.look(self._state))


def _report(saved: Future[None]) -> None:
    if not saved.cancelled() and (error := saved.exception()) is not None:
        log.error("event=placement_not_saved error=%r", str(error))
