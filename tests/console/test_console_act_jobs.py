"""Jobs from the screen, key by key: launched after a dry run, watched, stopped."""

import json
from typing import Any

from textual.widgets import Select

from posture_console.core.jobs import manifest_lines
from posture_console.screens.confirm import ConfirmScreen
from posture_console.screens.form import FormScreen
from posture_console.screens.job import JobView
from support.fake_master import FakeMaster
from support.operator_hands import Operator, sent, text_of


async def to_manifest(hands: Operator) -> None:
    await hands.press("5")
    await hands.told("no Job")
    await hands.form("l")
    await hands.press("enter", "down", "enter")
    assert hands.app.screen.query_one("#node", Select).value == "agx-2"
    await hands.pilot.pause(0.2)
    await hands.press("enter")
    await hands.confirm()


async def test_a_job_is_launched_after_manifest_and_dry_run_and_its_phases_and_log_are_shown(
    operating: Any, master: FakeMaster
) -> None:
    async with operating() as hands:
        await to_manifest(hands)
        for words in ("agx-2, 24% by agent", "accepted", '"kind": "Job"'):
            assert words in text_of(hands.app), words
        await hands.press("y")
        await hands.until(lambda: isinstance(hands.app.screen, JobView))
        await hands.told("event=ready model=full")
        await hands.told("joined")
        assert sent(master) == ["job_nodes", "job_preview", "job_launch"]
        assert master.commands[0].args["node"] == "agx-2"


async def test_what_the_api_server_refuses_is_said_before_anything_is_launched(
    operating: Any, master: FakeMaster
) -> None:
    master.acts.dry_run = "forbidden: exceeded quota"
    async with operating() as hands:
        await to_manifest(hands)
        assert "exceeded quota" in text_of(hands.app)
        await hands.press("enter")
        await hands.until(lambda: not isinstance(hands.app.screen, ConfirmScreen))
        assert master.commands == []


async def test_a_long_manifest_scrolls_and_its_buttons_stay(operating: Any, master: FakeMaster) -> None:
    master.acts.manifest = {f"field{n}": {"value": n} for n in range(80)}
    async with operating((80, 24)) as hands:
        await to_manifest(hands)
        assert "Cancel" in text_of(hands.app)
        assert "field0" in text_of(hands.app)
        await hands.press(*["pagedown"] * 60)
        await hands.told("field79")
        assert "Cancel" in text_of(hands.app)


async def test_a_job_is_stopped_by_its_name(operating: Any, master: FakeMaster) -> None:
    master.acts.obey("job_launch", {"node": "agx-2", "id": "1"})
    async with operating() as hands:
        await hands.press("5")
        await hands.told("posture-worker-agx-2-1")
        await hands.press("d")
        await hands.confirm()
        master.acts.jobs.insert(0, {**master.acts.jobs[0], "name": "another"})
        await hands.press("y")
        await hands.told("posture-worker-agx-2-1 is stopping")
        assert [command.args for command in master.commands] == [{"name": "posture-worker-agx-2-1"}]
        assert [job["name"] for job in master.acts.jobs] == ["another"]


async def test_a_job_that_is_gone_meanwhile_is_not_stopped(operating: Any, master: FakeMaster) -> None:
    master.acts.obey("job_launch", {"node": "agx-2", "id": "1"})
    async with operating() as hands:
        await hands.press("5")
        await hands.told("posture-worker-agx-2-1")
        await hands.press("d")
        await hands.confirm()
        master.acts.jobs.clear()
        await hands.press("y")
        await hands.told("not done: posture-worker-agx-2-1 is gone")
        assert master.commands == []


async def test_without_kubernetes_the_screen_says_what_to_set(operating: Any, master: FakeMaster) -> None:
    master.acts.verdicts = []
    master.scene.links = list  # type: ignore[method-assign]
    async with operating() as hands:
        await hands.press("5")
        await hands.told("this master uses no Kubernetes: set kube.enabled")
        await hands.press("l")
        await hands.until(lambda: any("uses no Kubernetes" in one.message for one in hands.app._notifications))


async def test_a_viewer_launches_and_stops_nothing(operating: Any, master: FakeMaster) -> None:
    master.role = "viewer"
    master.acts.obey("job_launch", {"node": "agx-2", "id": "1"})
    async with operating() as hands:
        await hands.press("5")
        await hands.told("posture-worker-agx-2-1")
        await hands.until(lambda: hands.app.screen.active_bindings["l"].enabled is False)
        await hands.press("l", "d")
        await hands.pilot.pause(0.2)
        assert not isinstance(hands.app.screen, FormScreen | ConfirmScreen)
        assert sent(master) == []


def test_the_manifest_shown_is_the_one_that_is_json(master: FakeMaster) -> None:
    assert json.loads("\n".join(manifest_lines(master.acts.manifest))) == master.acts.manifest
