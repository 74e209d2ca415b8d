"""What the policy would do without an override: the sentence an operator reads before overruling it, or no longer."""

from datetime import UTC, datetime

import pytest

from posture_shared.placement import events
from posture_shared.placement.rules import Rules
from posture_shared.placement.state import State, encode
from posture_shared.placement.step import step
from posture_shared.placement.would import would
from posture_shared.records import Override
from support.simulated_site import Machine, Site, constant

CAMERAS = {"cam1": 10.0, "cam2": 10.0}  # 20 frames/s × 40 ms = 20 % of 4 cores


def running(background, *, agx=10.0, pin=None, scope="all", seconds=30, **rules):
    model = Site(
        node="orin",
        machines={"orin": Machine(background=constant(background)), "agx": Machine(background=constant(agx))},
        cameras=dict(CAMERAS),
        workers={"orin/local": "orin", "agx/0": "agx"},
        rules=Rules(**rules),
    )
    model.start()
    if pin:
        model.run(1)
        since = datetime.fromtimestamp(0, UTC)
        override = Override(scope=scope, target=pin, reason="r", author="ada", since=since, until=None)
        model.send(events.OverrideSet(at_s=model.now_s, override=override))
    model.run(seconds)
    return model


def cleared(model, scope="all"):
    model.send(events.OverrideCleared(at_s=model.now_s, scope=scope, author="ada"))
    model.run(4)
    return model.decisions()[-1]


def test_at_home_it_says_what_it_waits_for_and_where_to():
    assert would(running(20).state) == (
        "threshold would leave cam1, cam2 on orin; "
        "work leaves once orin, now at 40 %, reaches 60 %, to agx (projected 30 %)"
    )


def test_an_override_that_keeps_work_home_hides_what_the_policy_would_do_and_clearing_it_does_it():
    model = running(50, pin="local")
    said = would(model.state)
    assert said.startswith("threshold would act now: orin at 70 % ≥ 60 %: cam1, cam2 move to agx (projected 30 %)")
    assert cleared(model).reason == said.removeprefix("threshold would act now: ")


def test_an_override_away_says_what_would_come_home_and_how_loaded_that_makes_it():
    model = running(30, pin="node:agx")
    assert would(model.state).startswith("threshold would have cam1, cam2 on orin, projected 50 %")
    assert cleared(model).target == "orin"


def test_of_one_pinned_camera_it_tells_the_way_of_that_one():
    model = running(50, pin="local", scope="cam1", seconds=40)
    assert model.state.cameras["cam2"].at == ("agx",)
    assert would(model.state).startswith("threshold would have cam1 on agx, projected ")
    assert cleared(model, "cam1").target == "agx"


def test_away_it_names_the_guard_and_the_dwell():
    model = running(50)
    assert would(model.state) == (
        "threshold would leave cam1, cam2 on agx; work returns once orin, now at 50 %, is below 50 % "
        "and, with it back, projected 70 %, below 60 %"
    )
    assert ", in 1" in would(running(50, seconds=8).state)


def test_the_literal_rule_names_no_guard():
    assert would(running(55, guard=False).state).endswith("work returns once orin, now at 55 %, is below 50 %")


def test_where_no_node_has_room_it_says_so():
    said = would(running(50, agx=80.0).state)
    assert "no other node has room (agx would reach 100 %)" in said
    assert would(running(20, agx=90.0).state).endswith("reaches 60 %, where there is room: agx would reach 110 %")


@pytest.mark.parametrize("policy", ["least-loaded", "round-robin", "spread"])
def test_other_policies_say_where_frames_go(policy):
    said = would(running(20, pin="local", policy=policy).state)
    assert said.startswith(f"{policy} would ")
    assert "agx" in said


def test_before_the_first_camera_there_is_nothing_to_decide():
    started = events.Started(at_s=0.0, site="x", node="orin", cores=4, rules=Rules())
    assert would(State()) == ""
    assert would(step(State(), started)[0]) == "threshold would decide once a camera sends"


def test_asking_changes_nothing():
    model = running(50, pin="local")
    before = encode(model.state)
    would(model.state)
    assert encode(model.state) == before
