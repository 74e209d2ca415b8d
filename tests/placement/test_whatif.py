"""The what-if: recorded events under other rules, with the load as a closed loop."""

import pytest

from posture_shared.placement import events
from posture_shared.placement.state import decode, encode
from posture_shared.placement.whatif import CAVEAT, parse_changes, replay
from support.simulated_site import Machine, Site, constant, square_wave


def recording(background=None, seconds=300):
    site = Site(
        node="orin",
        machines={
            "orin": Machine(background=background or square_wave(20, 45, 60)),
            "agx": Machine(background=constant(10)),
        },
        cameras={"cam1": 10.0, "cam2": 10.0},
        workers={"orin/local": "orin", "agx/0": "agx"},
    )
    site.start()
    site.run(seconds)
    return site


def test_the_same_rules_change_nothing():
    site = recording()
    found = replay(site.log, {})
    assert found.recorded == site.decisions()
    assert [d.target for d in found.recorded] == ["agx", "orin", "agx", "orin"]
    assert (found.gone, found.new) == ([], [])
    assert found.over_high_s[1] == pytest.approx(found.over_high_s[0], abs=3)


def test_a_higher_threshold_would_not_have_offloaded():
    found = replay(recording().log, {"high": 70.0})
    assert found.supposed == []
    assert found.gone == found.recorded
    assert found.over_high_s[1] > found.over_high_s[0] + 60


def test_a_lower_threshold_would_have_offloaded_and_never_returned():
    found = replay(recording().log, {"high": 40.0, "low": 15.0})
    assert [d.target for d in found.supposed] == ["agx"]
    assert found.new[0].inputs["high"] == 40.0


def test_without_the_guard_the_model_swings_although_the_recording_did_not():
    site = recording(constant(45))
    assert len(site.decisions()) == 1
    assert len(replay(site.log, {"guard": False}).supposed) > 20


def test_a_recording_that_begins_in_the_middle_needs_its_state():
    site = recording(seconds=100)
    state, at = decode(encode(site.state)), len(site.log)
    site.run(100)
    with pytest.raises(ValueError, match="no state to begin with"):
        replay(site.log[at:], {})
    found = replay(site.log[at:], {}, initial=state)
    assert found.gone == found.new == []


def test_what_if_says_that_it_is_a_model():
    assert "model" in replay(recording(seconds=10).log, {}).caveat
    assert "not a measurement" in CAVEAT


def test_a_recording_is_lines_of_json():
    log = recording(seconds=60).log
    assert [events.decode(events.encode(event)) for event in log] == log


def test_changes_are_read_from_the_command_line():
    assert parse_changes(["high=70", "guard=false", "policy=spread"]) == {
        "high": 70.0,
        "guard": False,
        "policy": "spread",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [("hihg=70", "there are policy, high"), ("high=much", "high=much"), ("policy=best", "policy=best")],
)
def test_a_wrong_change_says_what_is_allowed(text, says):
    with pytest.raises(ValueError, match=says):
        parse_changes([text])
