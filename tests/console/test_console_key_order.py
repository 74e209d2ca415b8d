"""Keys that come at one stroke do what they would do one after the other."""

from collections.abc import Callable

import pytest
from textual.events import Key
from textual.screen import Screen

from support.operator_hands import Operating

NAMES = {"?": "question_mark", "/": "slash", "⏎": "enter", "⎋": "escape"}


def key(character: str) -> Key:
    return Key(NAMES.get(character, character), None if character in "⏎⎋" else character)


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ("6⏎", "LogView ResultView"),
        ("3⏎", "NodesView NodeView"),
        ("2⏎o", "CamerasView CameraView OverrideScreen"),
        ("2o⎋3", "NodesView"),
        ("2x⎋3", "NodesView"),
        ("?⎋4⏎", "DecisionsView DecisionView"),
        ("6⏎⎋4", "DecisionsView"),
        ("6/pi2⏎⏎", "LogView ResultView"),
        ("612345⎋6⏎", "LogView ResultView"),
    ],
)
async def test_a_key_acts_on_what_the_one_before_it_opened(
    keys: str, shown: str, operating: Callable[..., Operating], until: Callable[..., object]
) -> None:
    async with operating() as hands:
        app = hands.app
        for one in keys:
            app.post_message(key(one))
        await until(lambda: " ".join(type(screen).__name__ for screen in app.screen_stack) == shown)
        await hands.pilot.pause()


async def test_leaving_in_the_middle_of_a_change_of_view_is_no_fault(operating: Callable[..., Operating]) -> None:
    async with operating() as hands:
        for one in "2q6":
            hands.app.post_message(key(one))


async def test_a_key_waits_a_moment_only(
    operating: Callable[..., Operating], until: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operating() as hands:
        monkeypatch.setattr(Screen, "is_mounted", False)  # no view is ever there
        for view in "323":
            hands.app.post_message(key(view))
        await until(lambda: not hands.app._ahead and hands.app.current_mode == "nodes")
