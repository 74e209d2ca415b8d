"""An operator's override in every awkward moment: it wins, it ends, it never stops analysis."""

from datetime import UTC, datetime

import pytest

from posture_shared.placement import events
from posture_shared.placement.actions import OverrideEnded, SetRoute
from posture_shared.placement.rules import Rules
from posture_shared.placement.state import decode, encode
from posture_shared.placement.turn import camera_state, summary
from posture_shared.records import Override
from support.simulated_site import Machine, Site, constant


def running(orin=20.0, *, rules=None, seconds=10.0, **more):
    site = Site(
        node="orin",
        machines={
            "orin": Machine(background=orin if callable(orin) else constant(orin)),
            "agx": Machine(background=constant(10)),
            "nano": Machine(background=constant(30)),
            "xavier": Machine(background=constant(5)),
        },
        cameras={"cam1": 5.0, "cam2": 5.0},
        workers={"orin/local": "orin", "agx/0": "agx", "nano/0": "nano"},
        rules=rules or Rules(),
    )
    site.start()
    site.run(seconds)
    for name, value in more.items():  # from here on
        setattr(site, name, value)
    return site


def override(site, target, *, scope="all", seconds=None, reason="maintenance"):
    now = datetime.fromtimestamp(site.now_s, UTC)
    until = None if seconds is None else datetime.fromtimestamp(site.now_s + seconds, UTC)
    said = Override(scope=scope, target=target, reason=reason, author="alice", since=now, until=until)
    site.send(events.OverrideSet(at_s=site.now_s, override=said))


def clear(site, scope="all"):
    site.send(events.OverrideCleared(at_s=site.now_s, scope=scope, author="bob"))


def served_by(site, camera="cam1"):
    return site.state.routes[camera].workers


def state_of(site, camera="cam1"):
    return camera_state(site.state, camera)


def restart(site):
    site.state = decode(encode(site.state))
    site._warm.clear()
    site.start()


def pauses(site, camera="cam1"):
    """Routes without a worker, after the first one with some."""
    routes = [a.workers for _, a in site.actions if isinstance(a, SetRoute) and a.camera == camera]
    return [workers for workers in routes[1:] if not workers]


def test_an_override_moves_at_once_and_the_old_side_works_until_the_new_one_is_ready():
    site = running(ready_s=4.0)
    override(site, "node:agx")
    assert (state_of(site), served_by(site)) == ("STARTING", ("orin/local",))
    site.run(3)
    assert served_by(site) == ("orin/local",)
    site.run(2)
    assert (state_of(site), served_by(site)) == ("PINNED", ("agx/0",))


def test_a_camera_before_all_before_the_policy():
    site = running()
    override(site, "node:agx")
    override(site, "node:nano", scope="cam2")
    site.run(10)
    assert (served_by(site, "cam1"), served_by(site, "cam2")) == (("agx/0",), ("nano/0",))
    clear(site, "cam2")
    site.run(10)
    assert served_by(site, "cam2") == ("agx/0",)
    clear(site)
    site.run(30)
    assert served_by(site, "cam1") == served_by(site, "cam2") == ("orin/local",)


def test_pinned_cameras_stay_while_the_policy_moves_the_others():
    site = running(lambda at_s: 20.0 if at_s < 20 else 70.0)
    override(site, "local", scope="cam1")
    site.run(40)
    assert (served_by(site, "cam1"), served_by(site, "cam2")) == (("orin/local",), ("agx/0",))
    assert (state_of(site, "cam1"), state_of(site, "cam2")) == ("PINNED", "OFFLOADED")


def test_an_override_while_starting_turns_the_handover_round():
    site = running(70.0, ready_s=6.0, seconds=2)
    site.run(3)
    assert state_of(site) == "STARTING"
    override(site, "local")
    assert (state_of(site), served_by(site)) == ("PINNED", ("orin/local",))
    site.run(20)
    assert site.state.workers["agx/0"].phase == "standby"
    assert pauses(site) == []


def test_an_override_while_starting_to_another_node_starts_that_one():
    site = running(70.0, ready_s=6.0, seconds=2)
    site.run(3)
    override(site, "node:nano")
    site.run(20)
    assert (served_by(site), site.state.workers["agx/0"].phase) == (("nano/0",), "standby")


def test_an_override_during_drain_revokes_it_with_a_higher_generation():
    site = running(lambda at_s: 70.0 if at_s < 30 else 5.0, drain_s=8.0, seconds=30)
    assert served_by(site) == ("agx/0",)
    while site.state.workers["agx/0"].phase != "draining":
        site.run(1)
    drained_under = site.state.workers["agx/0"].generation
    assert state_of(site) == "RETURNING"
    override(site, "node:agx")
    assert site.state.workers["agx/0"].generation > drained_under
    site.run(20)
    assert (served_by(site), state_of(site)) == (("agx/0",), "PINNED")


def test_a_late_ready_or_drained_of_an_older_order_counts_for_nothing():
    site = running(ready_s=60.0)
    for target in ("node:agx", "local", "node:agx"):
        override(site, target)
    asked = site.state.workers["agx/0"].generation
    site.send(events.WorkerReady(at_s=site.now_s, worker="agx/0", generation=asked - 1))
    site.send(events.WorkerDrained(at_s=site.now_s, worker="agx/0", generation=asked - 1))
    assert (state_of(site), served_by(site)) == ("STARTING", ("orin/local",))
    site.send(events.WorkerReady(at_s=site.now_s, worker="agx/0", generation=asked))
    assert (state_of(site), served_by(site)) == ("PINNED", ("agx/0",))


def test_an_override_to_a_node_that_dies_leaves_analysis_where_it_works():
    site = running(ready_s=5.0)
    override(site, "node:agx")
    site.run(2)
    site.kill("agx/0")
    assert (state_of(site), served_by(site)) == ("DEGRADED", ("orin/local",))
    assert "agx has no worker" in site.decisions()[-1].reason
    site.run(60)
    assert served_by(site) == ("orin/local",)
    site.join("agx/0", "agx")
    site.run(10)
    assert (state_of(site), served_by(site)) == ("PINNED", ("agx/0",))
    assert site.decisions()[-1].trigger == "pin-found"
    assert pauses(site) == []


def test_a_pinned_node_that_dies_while_it_works_hands_over_to_what_is_left():
    site = running()
    override(site, "node:agx")
    site.run(10)
    site.kill("agx/0")
    site.run(5)
    assert (state_of(site), served_by(site)) == ("DEGRADED", ("orin/local",))


def test_an_override_to_an_absent_node_says_so_and_waits_for_it():
    site = running()
    override(site, "node:xavier")
    decision = site.decisions()[-1]
    assert (decision.state, decision.trigger) == ("DEGRADED", "override")
    assert "xavier has no worker; analysis stays where it works" in decision.reason
    assert served_by(site) == ("orin/local",)
    site.run(20)
    assert len(site.decisions()) == 1
    site.join("xavier/0", "xavier")
    site.run(5)
    assert (state_of(site), served_by(site)) == ("PINNED", ("xavier/0",))


def test_hold_lets_the_frames_of_an_absent_node_wait():
    site = running(rules=Rules(on_missing="hold"))
    override(site, "node:xavier", scope="cam1")
    assert (served_by(site, "cam1"), served_by(site, "cam2")) == ((), ("orin/local",))
    assert state_of(site) == "DEGRADED"
    clear(site, "cam1")
    site.run(1)
    assert served_by(site, "cam1") == ("orin/local",)


def test_an_override_to_a_launchable_node_starts_a_job():
    site = running(kube=("xavier",))
    site.run(1)
    override(site, "node:xavier")
    assert (state_of(site), served_by(site)) == ("STARTING", ("orin/local",))
    site.run(20)
    assert (state_of(site), served_by(site)) == ("PINNED", ("xavier/job",))


def test_a_job_that_joins_after_its_decision_was_reversed_is_drained_and_ended():
    site = running(kube=("xavier",), job_s=6.0)
    site.run(1)
    override(site, "node:xavier")
    site.run(2)
    override(site, "local")
    assert site.state.jobs == {}
    site.join("xavier/job", "xavier")
    assert site.state.workers["xavier/job"].phase == "draining"
    site.run(10)
    assert site.state.jobs == {}
    assert "xavier/job" not in site.state.workers


def test_an_override_that_expires_in_mid_handover_leaves_things_as_they_were():
    site = running(ready_s=30.0)
    override(site, "node:agx", seconds=5)
    site.run(4)
    assert state_of(site) == "STARTING"
    site.run(2)
    assert (state_of(site), served_by(site)) == ("LOCAL", ("orin/local",))
    assert any(isinstance(action, OverrideEnded) for _, action in site.actions)
    site.run(60)
    assert site.state.workers["agx/0"].phase == "standby"
    assert pauses(site) == []


def test_an_expired_override_gives_back_to_the_policy_where_the_cameras_are():
    site = running(50.0)  # with the cameras back 60 %: no reason to return
    override(site, "node:agx", seconds=20)
    site.run(60)
    assert (state_of(site), served_by(site)) == ("OFFLOADED", ("agx/0",))
    assert site.decisions()[-1].trigger == "override-expired"


def test_overrides_are_obeyed_after_a_restart_in_mid_handover():
    site = running(ready_s=5.0)
    override(site, "node:agx", seconds=600)
    site.run(2)
    generation = site.state.generation
    restart(site)
    site.run(12)
    assert (state_of(site), served_by(site)) == ("PINNED", ("agx/0",))
    assert site.state.generation > generation
    assert "alice" in {o.author for o in site.state.overrides.values()}


def test_an_override_that_ran_out_while_the_master_was_down_is_over():
    site = running()
    override(site, "node:agx", seconds=30)
    site.run(10)
    site.now_s += 60
    restart(site)
    assert site.state.overrides == {}
    site.run(30)
    assert state_of(site) == "LOCAL"


def test_after_a_restart_any_ready_worker_serves_until_the_chosen_one_is_back():
    site = running(70.0, seconds=20)
    assert served_by(site) == ("agx/0",)
    site.dead.add("agx/0")
    restart(site)
    site.run(4)
    assert served_by(site) == ("orin/local",)
    assert [d.trigger for d in site.decisions()] == ["high"]
    site.run(10)
    assert site.decisions()[-1].trigger == "lost"


def test_a_worker_that_dies_is_replaced_at_once_by_whoever_is_ready():
    site = running(70.0, seconds=20)
    override(site, "node:nano", scope="cam2")
    site.run(5)
    site.kill("agx/0")
    assert served_by(site) == ("nano/0",)
    assert pauses(site) == []


def test_without_a_local_worker_the_cameras_stay_where_one_is():
    site = running()
    site.kill("orin/local")
    site.run(60)
    assert served_by(site) == ("agx/0",)
    assert [d.trigger for d in site.decisions()] == ["lost"]
    site.join("orin/local", "orin")
    site.run(30)
    assert served_by(site) == ("orin/local",)


def test_a_side_that_never_becomes_ready_is_given_up_and_tried_again_later():
    site = running(70.0, ready_s=1000.0, seconds=2, rules=Rules(start_timeout_s=20, shun_s=30))
    site.run(5)
    assert site.decisions()[0].target == "agx"
    site.run(20)
    assert "agx" in site.state.shunned
    assert {c["node"]: c["why"] for c in site.decisions()[1].candidates}["agx"] == "did not become ready lately"
    assert (site.decisions()[1].target, served_by(site)) == ("nano", ("orin/local",))
    site.run(40)
    assert "agx" not in site.state.shunned


def test_a_failed_job_is_not_launched_again_at_once():
    site = running(kube=("xavier",))
    site.run(1)
    override(site, "node:xavier")
    site.send(events.JobFailed(at_s=site.now_s, node="xavier", detail="ErrImagePull"))
    assert (state_of(site), site.state.jobs) == ("DEGRADED", {})
    assert served_by(site) == ("orin/local",)


def test_a_policy_can_be_an_override():
    site = running()
    override(site, "policy:round-robin", scope="cam1")
    site.run(10)
    assert set(served_by(site, "cam1")) == {"orin/local", "agx/0", "nano/0"}
    assert served_by(site, "cam2") == ("orin/local",)


def test_a_new_camera_follows_the_others():
    site = running(70.0, seconds=20)
    site.cameras["cam3"] = 5.0
    site.run(1)
    assert served_by(site, "cam3") == ("agx/0",)
    assert served_by(site, "*") == ("agx/0",)


def test_every_override_is_a_decision_with_its_author_and_reason():
    site = running()
    override(site, "node:agx", scope="cam1", seconds=60, reason="fan is loud")
    decision = site.decisions()[-1]
    assert (decision.scope, decision.source, decision.target) == ("cam1", "orin", "agx")
    assert decision.reason == "alice: cam1 to agx until 1970-01-01 00:01:10 UTC: fan is loud"
    assert decision.inputs["override"]["author"] == "alice"
    clear(site, "cam1")
    assert site.decisions()[-1].reason == "bob cleared the override of cam1 to agx"


@pytest.mark.parametrize("target", ["", "node:", "policy:best", "agx"])
def test_a_target_that_makes_no_sense_is_refused_with_what_is_allowed(target):
    from posture_shared.placement.override import check_target  # noqa: PLC0415

    with pytest.raises(ValueError, match="local, node:NAME or policy:NAME"):
        check_target(target)


def test_the_site_shows_what_an_operator_must_know_of_first():
    site = running()
    assert summary(site.state) == "LOCAL"
    override(site, "node:agx", scope="cam1")
    assert summary(site.state) == "STARTING"
    override(site, "node:xavier", scope="cam2")
    assert summary(site.state) == "DEGRADED"
