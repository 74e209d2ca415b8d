"""Stability: the load is a closed loop, because offloading is itself what lowers the master's load."""

from datetime import UTC, datetime

import pytest

from posture_shared.placement import events
from posture_shared.placement.actions import DrainWorker, StopJob
from posture_shared.placement.rules import POLICIES, Rules
from posture_shared.placement.state import decode, encode
from posture_shared.placement.turn import camera_state
from posture_shared.records import Override
from support.simulated_site import Machine, Site, constant, square_wave

OWN_WORK = {"cam1": 10.0, "cam2": 10.0}  # 20 frames/s × 40 ms = 20 % of 4 cores


def site(background, *, rules=None, cameras=None, agx=10.0, **more):
    return Site(
        node="orin",
        machines={"orin": Machine(background=background), "agx": Machine(background=constant(agx))},
        cameras=dict(cameras or OWN_WORK),
        workers={"orin/local": "orin", "agx/0": "agx"},
        rules=rules or Rules(),
        **more,
    )


def running(background, **more):
    model = site(background, **more)
    model.start()
    return model


def changes(model):
    return [(d.at.timestamp(), d.target) for d in model.decisions() if d.source != d.target]


@pytest.mark.parametrize("half_period_s", [7, 10, 15, 20, 30, 45, 60])
def test_the_literal_rule_swings_and_the_guarded_one_changes_at_most_once_per_dwell(half_period_s):
    wave = square_wave(35, 45, half_period_s)
    literal, guarded = running(wave, rules=Rules(guard=False)), running(wave)
    literal.run(600)
    guarded.run(600)
    gaps = [b - a for (a, _), (b, _) in zip(changes(guarded), changes(guarded)[1:], strict=False)]
    assert all(gap >= 15 for gap in gaps)
    assert 1 <= len(changes(guarded)) <= 600 / 15
    assert len(changes(literal)) >= 2 * len(changes(guarded)) or half_period_s >= 45
    shortest = min(b - a for (a, _), (b, _) in zip(changes(literal), changes(literal)[1:], strict=False))
    assert shortest < 15


def test_the_literal_rule_swings_every_few_seconds_where_the_guarded_one_stays():
    literal, guarded = running(constant(45), rules=Rules(guard=False)), running(constant(45))
    literal.run(600)
    guarded.run(600)
    assert len(changes(literal)) > 60
    assert [target for _, target in changes(guarded)] == ["agx"]


def test_at_60_it_offloads():
    model = running(constant(40.0))
    model.run(20)
    assert [target for _, target in changes(model)] == ["agx"]


def test_a_master_that_begins_again_with_its_clock_set_back_goes_on_deciding():
    model = site(lambda at_s: 70.0 if at_s > 50_000 else 5.0)
    model.now_s = 100_000.0
    model.start()
    model.run(30)
    assert [target for _, target in changes(model)] == ["agx"]
    model.now_s = 1000.0
    model.start()
    model.run(60)
    assert [target for _, target in changes(model)] == ["agx", "orin"]
    assert model.state.at_s == model.now_s


def test_at_59_9_it_does_not_offload():
    model = running(constant(39.9))
    model.run(600)
    assert changes(model) == []


@pytest.mark.parametrize(("after", "returns"), [(49.9, True), (50.0, False)])
def test_at_49_9_it_returns_and_at_50_it_does_not(after, returns):
    work = {"cam1": 9.0}  # 9 %: the projection allows either
    model = running(lambda at_s: 55.0 if at_s < 30 else after, cameras=work)
    model.run(120)
    assert [target for _, target in changes(model)] == ["agx", "orin"][: 1 + returns]


@pytest.mark.parametrize(("own_fps", "returns"), [(20.0, False), (10.0, True)])
def test_it_returns_only_when_the_projection_is_below_high(own_fps, returns):
    model = running(lambda at_s: 60.0 if at_s < 30 else 40.0, cameras={"cam1": own_fps})  # 40 + 20 = 60: not below
    model.run(120)
    assert [target for _, target in changes(model)] == ["agx", "orin"][: 1 + returns]


def test_it_does_not_return_before_the_dwell_is_over():
    model = running(lambda at_s: 65.0 if at_s < 10 else 5.0)
    model.run(120)
    (left, _), (back, _) = changes(model)
    assert 15 <= back - left < 19


def test_one_busy_second_does_not_offload():
    model = running(lambda at_s: 95.0 if at_s % 30 == 7 else 10.0)
    model.run(300)
    assert changes(model) == []


def test_a_decision_waits_for_three_samples():
    model = running(constant(90))
    model.run(2)
    assert changes(model) == []
    model.run(3)
    assert len(changes(model)) == 1


def test_the_target_is_the_node_with_the_lowest_projected_load():
    model = site(constant(70))
    model.machines = {
        **model.machines,
        "agx": Machine(background=constant(20), cores=1),  # 20 + 80: full
        "nano": Machine(background=constant(30), cores=8),  # 30 + 10
        "nuc": Machine(background=constant(25), cores=4),  # 25 + 20
    }
    model.workers |= {"nano/0": "nano", "nuc/0": "nuc"}
    model.start()
    model.run(20)
    (decision,) = model.decisions()
    assert decision.target == "nano"
    assert [c["node"] for c in decision.candidates] == ["nano", "nuc", "agx"]
    assert [c["eligible"] for c in decision.candidates] == [True, True, False]


def test_a_connected_worker_comes_before_a_node_that_needs_a_job():
    model = site(constant(70), agx=35, kube=("nano",))
    model.machines = {**model.machines, "nano": Machine(background=constant(0))}
    model.start()
    model.run(20)
    assert model.decisions()[0].target == "agx"


def test_where_no_single_node_has_room_the_cameras_are_spread():
    model = site(constant(60), agx=45, cameras={"cam1": 10.0, "cam2": 10.0})
    model.machines = {**model.machines, "nano": Machine(background=constant(45))}
    model.workers |= {"nano/0": "nano"}
    model.start()
    model.run(30)
    decision = model.decisions()[-1]
    assert decision.target == "agx+nano"
    assert "no single node has room" in decision.reason
    assert {model.cpu(node) for node in ("agx", "nano")} == {55.0}


def test_without_any_room_it_stays_says_so_once_and_keeps_looking():
    model = running(constant(70), agx=55)
    model.run(120)
    (decision,) = model.decisions()
    assert (decision.state, decision.source, decision.target) == ("DEGRADED", "orin", "orin")
    assert "agx would reach 75 %" in decision.reason
    model.machines = {**model.machines, "agx": Machine(background=constant(10))}
    model.run(10)
    assert changes(model)[-1][1] == "agx"


def test_an_overload_that_passes_is_said_to_be_over():
    model = running(lambda at_s: 70.0 if at_s < 60 else 20.0, agx=55)
    model.run(120)
    assert [d.trigger for d in model.decisions()] == ["overload", "recovered"]
    assert model.decisions()[-1].state == "LOCAL"


def test_an_overload_is_over_half_way_down_only():
    model = running(lambda at_s: 50.0 if at_s < 60 else 37.0 if at_s < 300 else 34.0, agx=55)  # and 20 of its own
    model.run(290)
    assert [d.trigger for d in model.decisions()] == ["overload"]
    model.run(60)
    assert [d.trigger for d in model.decisions()] == ["overload", "recovered"]


@pytest.mark.parametrize(("guard", "targets"), [(True, ["agx", "nano"]), (False, ["agx"])])
def test_a_target_that_becomes_too_busy_hands_its_cameras_on_but_by_the_literal_rule(guard, targets):
    model = site(constant(70), rules=Rules(guard=guard))
    model.machines = {
        **model.machines,
        "agx": Machine(background=lambda at_s: 10.0 if at_s < 40 else 80.0),
        "nano": Machine(background=constant(20)),
    }
    model.workers |= {"nano/0": "nano"}
    model.start()
    model.run(200)
    assert [target for _, target in changes(model)] == targets


def test_a_decision_explains_itself():
    model = running(constant(52))
    model.run(20)
    decision = model.decisions(completed=True)[0]
    assert decision.reason == "orin at 72 % ≥ 60 %: cam1, cam2 move to agx (projected 30 %)"
    assert decision.inputs["samples"] == [72.0, 72.0, 72.0]
    assert decision.inputs["work"] == 20.0
    assert decision.handover_ms == pytest.approx(2000, abs=1000)
    assert decision.state == "OFFLOADED"


def test_the_return_explains_its_projection():
    model = running(lambda at_s: 52.0 if at_s < 30 else 25.0)
    model.run(80)
    reason = model.decisions()[-1].reason
    assert reason == "orin at 25 % < 50 %, projected 45 % < 60 %: cam1, cam2 return to orin"


def test_a_cold_job_brings_a_worker_while_the_old_side_works_on():
    model = Site(
        node="orin",
        machines={"orin": Machine(background=constant(70)), "agx": Machine(background=constant(5))},
        cameras=dict(OWN_WORK),
        workers={"orin/local": "orin"},
        kube=("agx",),
    )
    model.start()
    model.run(8)
    assert model.state.jobs.keys() == {"agx"}
    assert model.state.routes["cam1"].workers == ("orin/local",)
    model.run(20)
    assert model.state.routes["cam1"].workers == ("agx/job",)


def working_by_job(*, seconds, **more):
    """Busy at home: a Job's worker on `agx` has had the cameras for a while."""
    model = Site(
        node="orin",
        machines={"orin": Machine(background=constant(50)), "agx": Machine(background=constant(5))},
        cameras=dict(OWN_WORK),
        workers={"orin/local": "orin"},
        kube=("agx",),
        **more,
    )
    model.start()
    model.run(seconds)
    return model


def blip(model):
    """The Job's worker was silent for a moment, and joins again."""
    model.send(events.WorkerLeft(at_s=model.now_s, worker="agx/job", detail="silent for 3.5 s"))
    model.join("agx/job", "agx")


def begin_again(model):
    """The master begins again; the Job's worker has gone on."""
    model.state = decode(encode(model.state))
    model.workers["agx/job"] = "agx"
    model.start()


@pytest.mark.parametrize("trouble", [blip, begin_again])
@pytest.mark.parametrize("pinned", [False, True])
@pytest.mark.parametrize("seconds", [60, 200])
def test_a_job_of_any_age_survives_a_moment_without_its_worker(trouble, pinned, seconds):
    model = working_by_job(seconds=seconds)
    if pinned:
        now = datetime.fromtimestamp(model.now_s, UTC)
        said = Override(scope="all", target="node:agx", reason="", author="alice", since=now, until=None)
        model.send(events.OverrideSet(at_s=model.now_s, override=said))
    before = len(model.decisions())
    trouble(model)
    model.run(60)
    assert not [action for _, action in model.actions if isinstance(action, StopJob)]
    assert not [action for _, action in model.actions if isinstance(action, DrainWorker) and action.stop]
    assert len(model.decisions()) == before
    assert model.state.routes["cam1"].workers == ("agx/job",)
    assert camera_state(model.state, "cam1") == ("PINNED" if pinned else "OFFLOADED")


@pytest.mark.parametrize("restarted", [False, True])
def test_a_job_whose_worker_stays_away_is_given_up_in_the_end(restarted):
    model = working_by_job(seconds=200)
    if restarted:
        model.start()
    else:
        model.send(events.WorkerLeft(at_s=model.now_s, worker="agx/job"))
    model.run(115)
    assert "agx" not in model.state.shunned
    model.run(10)
    assert "agx" in model.state.shunned
    assert [action for _, action in model.actions if isinstance(action, StopJob)] == [StopJob(node="agx")]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("local", [False, True])
def test_without_any_worker_it_is_said_once_whatever_the_load_does(policy, local):
    model = Site(
        node="orin",
        machines={"orin": Machine(background=lambda at_s: 20 + (at_s * 7.3) % 60)},
        cameras={"cam1": 3.0},
        workers={"orin/local": "orin"} if local else {},
        rules=Rules(policy=policy),
    )
    model.start()
    model.run(1)
    if local:
        model.kill("orin/local")
    model.run(30)
    said = [decision.reason for decision in model.decisions()]
    assert len(said) == 1 or policy != "threshold"
    model.run(270)
    assert [decision.reason for decision in model.decisions()] == said
    assert camera_state(model.state, "cam1") == "DEGRADED"


def test_a_worker_after_none_is_said_at_any_load():
    model = running(constant(70), agx=70.0)
    model.kill("agx/0")
    model.kill("orin/local")
    model.run(30)
    nobody = "neither orin nor any other node has a working worker: frames wait for one"
    assert model.decisions()[-1].reason == nobody
    model.join("orin/local", "orin")
    model.run(30)
    told = [decision.reason for decision in model.decisions()]
    assert told.index("orin has a worker again: frames go on there") == told.index(nobody) + 1
    assert told[-1].startswith("orin at 90 % ≥ 60 % and no other node has room")


def test_a_job_does_not_outlive_its_reason():
    model = Site(
        node="orin",
        machines={
            "orin": Machine(background=lambda at_s: 70.0 if at_s < 40 else 5.0),
            "agx": Machine(background=constant(5)),
        },
        cameras=dict(OWN_WORK),
        workers={"orin/local": "orin"},
        kube=("agx",),
    )
    model.start()
    model.run(30)
    assert "agx" in model.state.jobs
    model.run(60)
    assert model.state.jobs == {}
    assert "agx/job" not in model.state.workers
    assert model.state.routes["cam1"].workers == ("orin/local",)


def test_least_loaded_uses_every_node_with_room_the_emptiest_first():
    model = running(constant(30), rules=Rules(policy="least-loaded"))
    model.run(30)
    assert set(model.state.routes["cam1"].workers) == {"agx/0", "orin/local"}
    assert model.state.routes["cam1"].workers[0] == "agx/0"
    assert model.state.routes["cam1"].pick == "cheapest"


def test_least_loaded_leaves_a_node_that_is_full():
    model = running(lambda at_s: 30.0 if at_s < 40 else 80.0, rules=Rules(policy="least-loaded"))
    model.run(60)
    assert model.state.routes["cam1"].workers == ("agx/0",)


def test_round_robin_uses_every_node_in_turn():
    model = running(constant(90), rules=Rules(policy="round-robin"))
    model.run(30)
    assert set(model.state.routes["cam1"].workers) == {"agx/0", "orin/local"}
    assert model.state.routes["cam1"].pick == "turns"


def test_spread_gives_each_camera_a_node_and_keeps_it():
    model = running(constant(10), rules=Rules(policy="spread"))
    model.run(30)
    routes = {name: model.state.routes[name].workers for name in OWN_WORK}
    assert sorted(routes.values()) == [("agx/0",), ("orin/local",)]
    model.run(120)
    assert {name: model.state.routes[name].workers for name in OWN_WORK} == routes
    assert len(model.decisions()) == 1
