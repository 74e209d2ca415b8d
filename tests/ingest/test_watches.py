"""The master's looks at itself: each alone, so that one that fails does not blind the others."""

import pytest

from support.watched import NODE, Watched


def test_frames_that_wait_for_an_unreadable_store_are_an_alarm(watched: Watched) -> None:
    watched.unread = 3
    watched.look()
    assert watched.alarms() == {("store_read", NODE)}
    watched.unread = 0
    watched.look()
    assert not watched.alarms()


def test_a_look_that_fails_is_logged_and_the_others_see_what_there_is(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.unread = RuntimeError("no such table")
    watched.link_state = "down"
    watched.names.append("pi1")
    watched.skews["pi1"] = 3_600_000.0
    watched.look()
    assert {kind for kind, _ in watched.alarms()} == {"broker", "clock"}
    assert "event=watch_failed watch=store" in caplog.text


def test_a_camera_that_is_named_like_the_node_has_a_clock_of_its_own(watched: Watched) -> None:
    watched.look()
    watched.names.append(NODE)
    watched.skews[NODE] = 3_600_000.0
    watched.wall_s += 3600
    watched.look()
    assert watched.alarms() == {("clock", NODE), ("clock_jump", NODE)}
