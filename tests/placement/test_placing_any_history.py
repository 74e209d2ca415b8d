"""Live placement over the real protocol under any mix of deaths, freezes, loads and overrides: it ends well."""

from hypothesis import given, settings
from hypothesis import strategies as st

from posture_agent.master.leasing.overload import KEEP_ALL, Overload
from support.placing_world import PlacingSite

NODES = ["n1", "n2", "n3"]
TARGETS = ["local", "node:n2", "node:n3", "node:gone", "policy:least-loaded", "policy:round-robin", "policy:spread"]
nodes = st.sampled_from(NODES)
scopes = st.sampled_from(["pi1", "all"])
overloads = st.sampled_from([KEEP_ALL, Overload("latest-only"), Overload("max-age", 5.0)])

happenings = st.one_of(
    st.builds(lambda node: ("kill", node), nodes),
    st.builds(lambda node: ("start", node), nodes),
    st.builds(lambda node: ("end", node), nodes),
    st.builds(lambda node: ("crash", node), nodes),
    st.builds(lambda node: ("freeze", node), nodes),
    st.builds(lambda node: ("thaw", node), nodes),
    st.builds(lambda node, cpu: ("load", node, cpu), nodes, st.sampled_from([5.0, 45.0, 58.0, 80.0])),
    st.builds(lambda scope, target: ("override", scope, target), scopes, st.sampled_from(TARGETS)),
    st.builds(lambda scope: ("clear", scope), scopes),
)
histories = st.lists(st.tuples(st.sampled_from([0.1, 0.5, 2.0]), happenings), max_size=15)


async def happen(site, happening):
    world = site.world
    match happening:
        case ("kill", node) if world.workers[node].alive:
            world.die(world.workers[node])
        case ("start", node) if not world.workers[node].alive:
            world.start(world.workers[node])
        case ("end", node) if world.workers[node].alive:
            world.leave(world.workers[node])
        case ("crash", node):
            world.end_child(world.workers[node])
        case ("freeze", node):
            world.workers[node].frozen = True
        case ("thaw", node):
            world.workers[node].frozen = False
        case ("load", node, cpu):
            site.background[node] = cpu
        case ("override", scope, target):
            args = {"scope": scope, "target": target, "reason": "test", "for_s": 20}
            await site.placing.set_override(args, "alice")
        case ("clear", scope) if scope in {o.scope for o in site.placing.overrides()}:
            await site.placing.clear_override({"scope": scope}, "alice")


@settings(max_examples=40, deadline=None)
@given(histories, st.sampled_from(["fallback", "hold"]), overloads)
async def test_no_frame_is_lost_and_all_come_home_when_it_is_over(history, on_missing, overload):
    site = PlacingSite("n2", "n3", cameras={"pi1": 5.0, "pi2": 5.0}, on_missing=on_missing, overload=overload)
    site.placing.start()
    site.run(3)
    for gap_s, happening in history:
        await happen(site, happening)
        site.run(gap_s)
        site.world.check()
    for worker in site.world.workers.values():
        worker.frozen = False
        if not worker.alive or worker.desk.leaving:
            site.world.start(worker)
    site.background = dict.fromkeys(NODES, 5.0)
    site.run(60)
    site.finish()
    assert site.placing.overrides() == []
    assert [site.placing.camera_state(name) for name in site.cameras] == [("LOCAL", "n1")] * 2
    assert [site.serving(name) for name in site.cameras] == [["n1"]] * 2
    believed = {key: worker.phase for key, worker in site.placing.state.workers.items()}
    assert believed == {seat.key: seat.phase for seat in site.world.protocol.roster}
    await site.placing.stop()
