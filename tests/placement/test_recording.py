"""The master's ring of placement events: what is told can be replayed, whatever has left at its old end."""

import msgspec
import pytest

from posture_agent.master.placing.recording import ANSWER_BYTES, Recording
from posture_shared.placement import events
from posture_shared.placement import state as states
from posture_shared.placement.state import State
from posture_shared.placement.step import step
from posture_shared.placement.whatif import replay
from support.simulated_site import Machine, Site, constant, square_wave


@pytest.fixture(scope="module")
def log():
    site = Site(
        node="orin",
        machines={"orin": Machine(background=square_wave(20, 45, 60)), "agx": Machine(background=constant(10))},
        cameras={"cam1": 10.0, "cam2": 10.0},
        workers={"orin/local": "orin", "agx/0": "agx"},
    )
    site.start()
    site.run(300)
    return site.log


def recorded(log, **bounds):
    """A ring that was told `log`, with the states as a master has them."""
    ring, state = Recording("epoch", **bounds), State()
    for event in log:
        ring.add(event, state)
        state, _ = step(state, event)
    return ring, state


async def ask(ring, **args):
    return (await ring.queries()["recording"](args)).body


async def test_all_that_was_told_comes_back_with_the_state_before_it(log):
    ring, _ = recorded(log)
    body = await ask(ring)
    assert [events.decode(line) for line in body["events"]] == list(log)
    assert (body["first"], body["next"], body["more"]) == (0, len(log), False)
    assert states.decode(body["state"]) == State()


async def test_what_left_the_ring_is_in_the_state(log):
    ring, live = recorded(log, kept_s=60.0)
    body = await ask(ring)
    assert 0 < len(body["events"]) < len(log) / 3
    state = states.decode(body["state"])
    for line in body["events"]:
        state, _ = step(state, events.decode(line))
    assert state == live
    told = [events.decode(line) for line in body["events"]]
    found = replay(told, {}, initial=states.decode(body["state"]))
    assert (found.gone, found.new) == ([], [])


async def test_the_ring_is_bounded_in_bytes(log):
    ring, _ = recorded(log, kept_bytes=10_000)
    body = await ask(ring)
    assert sum(map(len, body["events"])) <= 10_000
    assert body["first"] == len(log) - len(body["events"])


async def test_a_follower_gets_only_what_is_new(log):
    ring, state = recorded(log)
    body = await ask(ring, since=len(log), epoch="epoch")
    assert (body["events"], body["state"]) == ([], None)
    tick = events.Tick(at_s=log[-1].at_s + 1)
    ring.add(tick, state)
    body = await ask(ring, since=len(log), epoch="epoch")
    assert [events.decode(line) for line in body["events"]] == [tick]


@pytest.mark.parametrize("args", [{"since": 5, "epoch": "another"}, {"since": 10**9, "epoch": "epoch"}, {"since": 1}])
async def test_a_follower_that_lost_the_thread_gets_a_state_to_begin_with(log, args):
    ring, _ = recorded(log)
    body = await ask(ring, **args)
    assert body["first"] == 0
    assert body["state"] is not None


async def test_a_long_past_comes_in_pieces():
    ring = Recording("epoch")
    wide = {f"camera-{n}": events.CameraSample(2.0) for n in range(500)}
    for second in range(200):
        ring.add(events.Samples(at_s=float(second), nodes={}, cameras=wide), State())
    numbers, since, more = [], 0, True
    while more:
        body = await ask(ring, since=since, epoch="epoch" if since else "")
        assert sum(map(len, body["events"])) <= ANSWER_BYTES
        numbers += [events.decode(line).at_s for line in body["events"]]
        since, more = body["next"], body["more"]
    assert numbers == [float(second) for second in range(200)]


async def test_nonsense_is_refused_in_words(log):
    ring, _ = recorded(log)
    with pytest.raises(msgspec.ValidationError):
        await ask(ring, since="yesterday")
