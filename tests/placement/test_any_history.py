"""What holds whatever happens: any order of samples, joins, deaths, late answers, overrides and restarts."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from posture_shared.placement import events
from posture_shared.placement.actions import Activate, Decide, DrainWorker, DropRoute, LaunchJob, SetRoute, StopJob
from posture_shared.placement.rules import POLICIES, Rules
from posture_shared.placement.state import State, decode, encode
from posture_shared.placement.step import step
from posture_shared.placement.would import would
from posture_shared.records import Override

NODES = ["orin", "agx", "nano"]
WORKERS = {"orin/local": "orin", "agx/0": "agx", "agx/1": "agx", "nano/job-1": "nano"}
CAMERAS = ["cam1", "cam2", "cam3"]
TARGETS = ["local", "node:agx", "node:nano", "node:gone", *(f"policy:{name}" for name in POLICIES)]
SITE = "00000000-0000-4000-8000-000000000000"

percent = st.floats(0, 100).map(lambda value: round(value, 1))
workers = st.sampled_from(sorted(WORKERS))
scopes = st.sampled_from([*CAMERAS, "all"])

happenings = st.one_of(
    st.builds(
        lambda loads, fps, kube: ("samples", loads, fps, kube),
        st.dictionaries(st.sampled_from(NODES), percent),
        st.dictionaries(st.sampled_from(CAMERAS), st.sampled_from([0.0, 2.0, 20.0])),
        st.booleans(),
    ),
    st.builds(lambda worker: ("joined", worker), workers),
    st.builds(lambda worker: ("left", worker), workers),
    st.builds(lambda worker, late: ("ready", worker, late), workers, st.booleans()),
    st.builds(lambda worker: ("starting", worker), workers),
    st.builds(lambda worker, late: ("drained", worker, late), workers, st.booleans()),
    st.builds(
        lambda scope, target, life: ("override", scope, target, life),
        scopes,
        st.sampled_from(TARGETS),
        st.sampled_from([None, 0.0, 5.0, 60.0]),
    ),
    st.builds(lambda scope: ("cleared", scope), scopes),
    st.builds(lambda node: ("job-failed", node), st.sampled_from(NODES)),
    st.just(("restart",)),
    st.just(("tick",)),
)
histories = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 1.0, 3.0, 20.0, 150.0]), happenings), max_size=60)
rule_sets = st.builds(
    Rules, policy=st.sampled_from(POLICIES), guard=st.booleans(), on_missing=st.sampled_from(["fallback", "hold"])
)


def started(at_s, rules):
    return events.Started(at_s=at_s, site=SITE, node="orin", cores=4, rules=rules)


def event_of(state, at_s, happening, rules):  # noqa: PLR0911 - one return for each kind of event
    """The event; READY and DRAINED answer the last order, or an older one when late."""
    match happening:
        case ("samples", loads, fps, kube):
            return events.Samples(
                at_s=at_s,
                nodes={node: events.NodeSample(cpu, 4) for node, cpu in loads.items()},
                cameras={name: events.CameraSample(rate) for name, rate in fps.items()},
                kube={"nano": events.KubeNode(4)} if kube else {},
            )
        case ("joined", worker):
            node = WORKERS[worker]
            return events.WorkerJoined(at_s=at_s, worker=worker, node=node, local=node == "orin", job="job" in worker)
        case ("left", worker):
            return events.WorkerLeft(at_s=at_s, worker=worker)
        case ("starting", worker):
            return events.WorkerStarting(at_s=at_s, worker=worker)
        case ("ready" | "drained" as kind, worker, late):
            known = state.workers.get(worker)
            generation = max(0, (known.generation if known else 1) - late)
            answer = events.WorkerReady if kind == "ready" else events.WorkerDrained
            return answer(at_s=at_s, worker=worker, generation=generation)
        case ("override", scope, target, life):
            now = datetime.fromtimestamp(at_s, UTC)
            until = None if life is None else datetime.fromtimestamp(at_s + life, UTC)
            said = Override(scope=scope, target=target, reason="", author="a", since=now, until=until)
            return events.OverrideSet(at_s=at_s, override=said)
        case ("cleared", scope):
            return events.OverrideCleared(at_s=at_s, scope=scope, author="b")
        case ("job-failed", node):
            return events.JobFailed(at_s=at_s, node=node, detail="")
        case ("restart",):
            return started(at_s, rules)
    return events.Tick(at_s=at_s)


def play(history, rules):
    """Every (state, event, actions) of a history."""
    at_s, state = 1000.0, State()
    state, actions = step(state, started(at_s, rules))
    yield state, started(at_s, rules), actions
    for gap_s, happening in history:
        at_s += gap_s
        event = event_of(state, at_s, happening, rules)
        state, actions = step(state, event)
        yield state, event, actions


@settings(max_examples=60, deadline=None)
@given(histories, rule_sets)
def test_every_camera_has_a_ready_worker_whenever_there_is_one(history, rules):
    for state, _, _ in play(history, rules):
        ready = {key for key, worker in state.workers.items() if worker.phase == "ready"}
        for camera in state.cameras:
            route = set(state.routes[camera].workers) if camera in state.routes else set()
            assert route <= ready
            assert route or not ready or rules.on_missing == "hold"


@settings(max_examples=60, deadline=None)
@given(histories, rule_sets)
def test_generations_rise_and_only_known_workers_are_told_anything(history, rules):
    decided, ordered = 0, {}
    for state, _, actions in play(history, rules):
        for action in actions:
            match action:
                case Decide(decision=decision) if decision.handover_ms is None and decision.generation > decided:
                    decided = decision.generation
                case Activate(worker=worker, generation=generation) | DrainWorker(worker=worker, generation=generation):
                    assert worker in state.workers
                    assert generation > ordered.get(worker, 0)
                    ordered[worker] = generation
                case SetRoute(workers=route):
                    assert set(route) <= set(state.workers)
                case DropRoute() | LaunchJob() | StopJob():
                    pass
        assert state.generation >= max([decided, *ordered.values()])


@settings(max_examples=40, deadline=None)
@given(histories, rule_sets)
def test_a_recording_played_again_gives_the_same_decisions(history, rules):
    first = list(play(history, rules))
    state = State()
    for _, event, actions in first:
        state, again = step(state, events.decode(events.encode(event)))
        assert again == actions


@settings(max_examples=40, deadline=None)
@given(histories, rule_sets)
def test_the_state_survives_json_and_is_never_changed_by_a_step(history, rules):
    before, kept = None, b""
    for state, _, _ in play(history, rules):
        assert before is None or encode(before) == kept
        before, kept = state, encode(state)
        assert decode(kept) == state
        assert encode(decode(kept)) == kept


@settings(max_examples=40, deadline=None)
@given(histories, rule_sets)
def test_every_decision_is_final_once_and_has_a_reason(history, rules):
    open_, ids = {}, set()
    for state, _, actions in play(history, rules):
        for action in actions:
            if isinstance(action, Decide):
                decision = action.decision
                assert decision.reason
                assert decision.decision_id in open_ or decision.decision_id not in ids
                ids.add(decision.decision_id)
                open_.pop(decision.decision_id, None)
                if not action.final:
                    open_[decision.decision_id] = decision
        assert open_.keys() == state.handovers.keys()


@settings(max_examples=40, deadline=None)
@given(histories, rule_sets)
def test_no_worker_is_drained_that_serves_a_camera(history, rules):
    for state, _, _ in play(history, rules):
        for name, camera in state.cameras.items():
            for node in camera.at:
                phases = {state.workers[key].phase for key in state.workers_on(node)}
                assert "draining" not in phases or node in state.shunned, (name, node)


@settings(max_examples=25, deadline=None)
@given(histories, rule_sets)
def test_what_is_left_alone_comes_to_rest(history, rules):
    *_, (state, _, _) = play(history, rules)
    at_s = state.at_s
    for _ in range(200):
        at_s += 1
        quiet = {node: events.NodeSample(20.0, 4) for node in NODES}
        cameras = {name: events.CameraSample(1.0) for name in CAMERAS}
        state, _ = step(state, events.Samples(at_s=at_s, nodes=quiet, cameras=cameras))
        for key, worker in list(state.workers.items()):
            if worker.phase == "starting":
                state, _ = step(state, events.WorkerReady(at_s=at_s, worker=key, generation=worker.generation))
            elif worker.phase == "draining":
                state, _ = step(state, events.WorkerDrained(at_s=at_s, worker=key, generation=worker.generation))
    assert not state.handovers or state.overrides
    state, actions = step(state, events.Tick(at_s=at_s + 0.1))
    assert [a for a in actions if not isinstance(a, SetRoute)] == []


@settings(max_examples=60, deadline=None)
@given(histories, rule_sets)
def test_what_the_policy_would_do_can_be_asked_at_any_time_and_changes_nothing(history, rules):
    for state, _, _ in play(history, rules):
        before = encode(state)
        assert would(state).startswith(rules.policy)
        assert encode(state) == before
