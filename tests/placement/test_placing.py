"""Live placement over the real worker protocol: cameras move, no frame is lost, operators are obeyed."""

from concurrent.futures import Future

import pytest

from posture_agent.master.placing.placing import rules_of
from posture_agent.settings import PlacementSettings
from posture_shared.exits import Stop
from posture_shared.placement.rules import Rules
from support.placing_world import PlacingSite


async def placed(*nodes, cameras=("pi1", "pi2"), fps=5.0, seconds=8, **more):
    site = PlacingSite(*nodes, cameras=dict.fromkeys(cameras, fps), **more)
    site.placing.start()
    site.run(seconds)
    return site


async def set_override(site, target, *, scope="all", author="alice", **more):
    args = {"scope": scope, "target": target, "reason": "maintenance", **more}
    answer = await site.placing.set_override(args, author)
    site.look()
    return answer


def nodes_of(site):
    return [done.node for done in site.world.completions]


def phase(site, node):
    return site.world.protocol.roster.named(f"{node}/main").phase


async def test_all_is_analysed_at_home_while_there_is_room():
    site = await placed("n2")
    assert set(nodes_of(site)) == {"n1"}
    assert phase(site, "n2") == "standby"
    assert site.placing.summary() == "LOCAL"
    assert site.placing.camera_state("pi1") == ("LOCAL", "n1")
    await site.placing.stop()


async def test_a_busy_master_offloads_and_takes_back_and_loses_no_frame():
    site = await placed("n2")
    site.background["n1"] = 70.0
    site.run(8)
    assert site.placing.camera_state("pi1") == ("OFFLOADED", "n2")
    assert (phase(site, "n1"), phase(site, "n2")) == ("standby", "ready")
    site.background["n1"] = 10.0
    site.run(25)
    assert site.placing.camera_state("pi1") == ("LOCAL", "n1")
    site.finish()
    assert set(nodes_of(site)) == {"n1", "n2"}
    moves = [d for d in site.placing.decisions() if d.source != d.target]
    assert [(d.target, d.state, d.in_flight is not None) for d in moves] == [
        ("n2", "OFFLOADED", True),
        ("n1", "LOCAL", True),
    ]
    await site.placing.stop()


async def test_each_decision_is_published_when_made_and_when_its_handover_is_over():
    site = await placed("n2")
    site.background["n1"] = 70.0
    site.run(8)
    first, last = site.decisions
    assert first.decision_id == last.decision_id
    assert (first.state, first.handover_ms) == ("STARTING", None)
    assert last.state == "OFFLOADED"
    assert last.handover_ms is not None
    assert site.store.log == [last]
    assert "pi1" in site.moved
    await site.placing.stop()


async def test_an_override_is_obeyed_at_once_and_named_in_the_decision():
    site = await placed("n2")
    answer = await set_override(site, "node:n2", scope="pi1")
    assert (answer.author, answer.scope) == ("alice", "pi1")
    site.run(3)
    assert site.placing.camera_state("pi1") == ("PINNED", "n2")
    assert site.placing.camera_state("pi2") == ("LOCAL", "n1")
    assert site.serving("pi1") == ["n2"]
    assert [o.target for o in site.placing.overrides()] == ["node:n2"]
    assert "alice: pi1 to n2" in site.placing.decisions()[-1].reason
    assert site.placing.would().startswith("threshold would have pi1 on n1, projected ")
    await site.placing.clear_override({"scope": "pi1"}, "bob")
    site.run(15)
    assert site.serving("pi1") == ["n1"]
    site.finish()
    await site.placing.stop()


async def test_a_killed_worker_costs_no_frame_and_the_pinned_camera_falls_back():
    site = await placed("n2", fps=5.0)
    await set_override(site, "node:n2")
    site.run(3)
    site.world.die(site.world.workers["n2"])
    site.run(6)
    assert site.placing.camera_state("pi1") == ("DEGRADED", "n1")
    site.world.start(site.world.workers["n2"])
    site.run(4)
    assert site.placing.camera_state("pi1") == ("PINNED", "n2")
    site.finish()
    await site.placing.stop()


async def test_frames_that_wait_for_an_absent_node_go_on_waiting_when_the_master_starts_again():
    site = await placed("n2", on_missing="hold", cameras=("pi1", "pi2"))
    await set_override(site, "node:n9", scope="pi1")
    site.run(3)
    assert site.placing.camera_state("pi1")[0] == "DEGRADED"
    await site.placing.stop()
    again = await placed("n2", on_missing="hold", cameras=("pi1", "pi2"), store=site.store, seconds=3)
    assert {done.frame.pi_id for done in again.world.completions} == {"pi2"}
    await again.placing.clear_override({"scope": "pi1"}, "alice")
    again.run(3)
    again.finish()
    await again.placing.stop()


async def test_a_degraded_placement_is_an_alarm_until_it_is_over():
    site = await placed("n2")
    await set_override(site, "node:n2", scope="pi1")
    site.run(8)
    assert not site.alarms["placement", "n1"]
    site.world.die(site.world.workers["n2"])
    site.run(12)
    assert site.alarms["placement", "n1"].startswith("pi1: ")
    assert "n2" in site.alarms["placement", "n1"]
    site.world.start(site.world.workers["n2"])
    site.run(6)
    assert site.alarms["placement", "n1"] is None
    site.finish()
    await site.placing.stop()


async def test_a_busy_site_without_room_elsewhere_is_an_alarm():
    site = await placed()
    site.background["n1"] = 90.0
    site.run(15)
    assert site.placing.summary() == "DEGRADED"
    assert site.alarms["placement", "n1"].startswith("pi1, pi2: ")
    site.background["n1"] = 10.0
    site.run(30)
    assert site.alarms["placement", "n1"] is None
    await site.placing.stop()


async def test_an_override_while_the_new_side_starts_goes_back_without_a_pause():
    site = await placed("n2")
    site.background["n1"] = 70.0
    frozen = site.world.workers["n2"]
    frozen.frozen = True  # its model never loads
    site.run(2.9)
    await set_override(site, "local")
    frozen.frozen = False
    site.run(5)
    assert site.placing.camera_state("pi1") == ("PINNED", "n1")
    assert phase(site, "n2") == "standby"
    site.finish()
    assert set(nodes_of(site)) == {"n1"}
    await site.placing.stop()


async def test_hold_keeps_the_frames_for_the_pinned_node():
    site = await placed("n2", on_missing="hold", cameras=("pi1",))
    await set_override(site, "node:n2")
    site.run(3)
    site.world.die(site.world.workers["n2"])
    site.run(6)
    before = len(site.world.completions)
    site.run(2)
    assert len(site.world.completions) == before
    site.world.start(site.world.workers["n2"])
    site.run(4)
    site.finish()
    await site.placing.stop()


async def test_a_restarted_master_obeys_the_overrides_and_goes_on_counting_generations():
    site = await placed("n2")
    await set_override(site, "node:n2", for_s=600)
    site.run(3)
    generation = site.store.generation
    await site.placing.stop()
    again = PlacingSite("n2", cameras={"pi1": 5.0}, store=site.store)
    again.world.now = site.world.now + 5
    again.placing.start()
    again.run(6)
    assert again.placing.camera_state("pi1") == ("PINNED", "n2")
    assert again.serving("pi1") == ["n2"]
    assert again.placing.overrides() == site.placing.overrides()
    assert again.world.protocol.generation > generation
    assert again.placing.decisions()[0].decision_id == site.placing.decisions()[0].decision_id
    again.finish()
    await again.placing.stop()


async def test_a_state_that_cannot_be_read_is_left_behind():
    site = PlacingSite("n2", cameras={"pi1": 5.0})
    site.store.state = '{"workers": 7}'
    site.placing.start()
    site.run(5)
    assert site.placing.camera_state("pi1") == ("LOCAL", "n1")
    await site.placing.stop()


async def test_ten_handovers_lose_no_frame():
    site = await placed("n2")
    for turn in range(10):
        await set_override(site, "node:n2" if turn % 2 == 0 else "local")
        site.run(1)
    site.finish()
    handovers = [d for d in site.placing.decisions() if d.trigger == "override"]
    assert len(handovers) == 10
    assert all(d.handover_ms is not None for d in handovers)
    await site.placing.stop()


async def test_a_worker_that_passes_from_one_camera_to_all_is_not_drained_on_the_way():
    site = await placed("n2", "n3")
    await set_override(site, "node:n2", scope="pi1")
    site.run(3)
    generation = site.world.protocol.roster.named("n2/main").generation
    await set_override(site, "node:n2")
    site.run(1)
    await site.placing.clear_override({"scope": "pi1"}, "alice")
    site.run(1)
    assert site.serving("pi1") == site.serving("pi2") == ["n2"]
    assert site.world.protocol.roster.named("n2/main").generation == generation
    await site.placing.stop()


async def test_an_override_that_cannot_be_stored_holds():
    site = await placed("n2")
    site.store.save = lambda *_: Future()  # the disk is full; whoever answers the operator says so
    await set_override(site, "node:n2")
    site.run(3)
    assert site.placing.camera_state("pi1") == ("PINNED", "n2")


async def test_a_failure_of_placement_does_not_reach_the_worker_plane(monkeypatch, caplog):
    site = await placed("n2")
    monkeypatch.setattr("posture_agent.master.placing.placing.next_event", lambda *_: 1 / 0)
    site.placing.workers_changed()
    assert "placement_failed" in caplog.text
    await site.placing.stop()


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"scope": "all", "target": "agx", "reason": "x"}, "local, node:NAME or policy:NAME"),
        ({"scope": "all", "target": "local", "reason": " "}, "needs a reason"),
        ({"scope": "a/b", "target": "local", "reason": "x"}, "neither 'all' nor a camera's name"),
        ({"scope": "all", "target": "local", "reason": "x", "for_s": -1}, "lasts more than 0 s"),
    ],
)
async def test_a_wrong_override_is_refused_with_a_sentence(args, says):
    site = await placed()
    with pytest.raises(Stop, match=says):
        await site.placing.set_override(args, "alice")
    assert site.placing.overrides() == []
    await site.placing.stop()


async def test_clearing_what_is_not_there_says_what_is():
    site = await placed()
    await set_override(site, "local", scope="pi2")
    with pytest.raises(Stop, match="no override of pi1; in force: pi2"):
        await site.placing.clear_override({"scope": "pi1"}, "bob")
    await site.placing.stop()


async def test_an_override_lasts_half_an_hour_unless_said_otherwise():
    site = await placed()
    answer = await set_override(site, "local")
    assert (answer.until - answer.since).total_seconds() == 1800
    assert (await set_override(site, "local", for_s=None)).until is None
    await site.placing.stop()


def test_the_settings_become_the_rules():
    assert rules_of(PlacementSettings()) == Rules()
    assert rules_of(PlacementSettings(high=70, low=20, guard=False)).high == 70


async def test_a_worker_that_is_ending_holds_up_no_camera_while_it_finishes():
    site = await placed("n2", cameras=("pi1",))
    await set_override(site, "node:n2")
    site.run(3)
    assert site.placing.camera_state("pi1") == ("PINNED", "n2")
    leaving = site.world.workers["n2"]
    site.world.add("pi1")
    site.world.deliver()
    site.world.child_takes(leaving)
    leaving.child = "slow"  # it finishes what a thread has taken, but not soon
    site.world.leave(leaving)
    site.run(2)
    assert phase(site, "n2") == "draining"
    done = len(site.world.completions)
    site.run(2)
    assert len(site.world.completions) - done == 10
    assert set(nodes_of(site)[done:]) == {"n1"}
    assert site.placing.camera_state("pi1") == ("DEGRADED", "n1")
    leaving.child = "ready"
    site.run(1)
    site.finish()
    await site.placing.stop()
