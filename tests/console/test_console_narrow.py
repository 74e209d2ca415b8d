"""Nothing is out of reach on a small screen: what does not fit scrolls, and what matters most stays in sight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from posture_console.screens.camera import CameraView
from posture_console.screens.decision import DecisionView
from support.operator_hands import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.fake_master import FakeMaster

SMALL, USUAL = (80, 24), (140, 50)


def weighed(master: FakeMaster, many: int) -> None:
    """The newest decision weighed so many nodes."""
    nodes = [{"node": f"node-{n:02}", "cpu": 20.0 + n, "projected": 30.0 + n, "eligible": True} for n in range(many)]
    master.scene.decisions[-1] = msgspec.structs.replace(master.scene.decisions[-1], candidates=nodes)


async def decided(hands: Any) -> None:
    await hands.table("4")
    await hands.press("enter")
    await hands.until(lambda: isinstance(hands.app.screen, DecisionView) and hands.app.screen.has_widgets)
    await hands.told("the master's load, mean")


@pytest.mark.parametrize("size", [SMALL, USUAL])
@pytest.mark.parametrize("many", [2, 19])
async def test_every_node_that_was_weighed_can_be_read(
    operating: Callable[..., Any], master: FakeMaster, size: tuple[int, int], many: int
) -> None:
    weighed(master, many)
    async with operating(size) as hands:
        await decided(hands)
        await hands.press("tab")
        await hands.until(lambda: getattr(hands.app.focused, "id", None) == "numbers")
        seen: set[str] = set()
        for _ in range(20):
            seen |= {f"node-{n:02}" for n in range(many) if f"node-{n:02}" in text_of(hands.app)}
            await hands.press("pagedown")
        assert len(seen) == many
        await hands.told(f"with the work {29 + many} %: had room")


@pytest.mark.parametrize("size", [SMALL, USUAL])
async def test_both_limits_of_a_decision_are_in_sight(operating: Callable[..., Any], size: tuple[int, int]) -> None:
    async with operating(size) as hands:
        await decided(hands)
        await hands.told(" 60 │┄┄", " 50 │")


async def test_where_a_camera_is_analysed_and_how_nodes_are_loaded_is_seen_at_the_smallest_size(
    operating: Callable[..., Any],
) -> None:
    async with operating(SMALL) as hands:
        await hands.told("ANALYSED", "⌂ local", "LOAD", "┊│", "33%")


async def test_shares_trends_and_latency_of_a_camera_are_reached_at_the_smallest_size(
    operating: Callable[..., Any],
) -> None:
    async with operating(SMALL) as hands:
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, CameraView) and hands.app.screen.has_widgets)
        await hands.press("shift+tab")
        await hands.until(lambda: getattr(hands.app.focused, "id", None) == "facts")
        await hands.pilot.pause()
        wanted, seen = {"share", "neck °", "trunk °", "capture", "episodes"}, set()
        for _ in range(20):
            seen |= {word for word in wanted if word in text_of(hands.app)}
            await hands.press("pagedown")
        assert seen == wanted
