"""What the master is asked for again and again: slow answers are shown, missing ones leave what was known."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from posture_console.core.connection import Phase
from posture_console.links.session import failed
from posture_console.screens.job import JobView
from posture_console.screens.jobs import JobsView
from support.operator_hands import text_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from support.fake_master import FakeMaster
    from support.operator_hands import Operator

JOB = "posture-worker-agx-2-1"


def launched(master: FakeMaster) -> None:
    master.acts.obey("job_launch", {"node": "agx-2", "id": "1"})


def answering_late(hands: Operator, late_s: dict[str, float]) -> list[str]:
    """Questions take this long from now on; returns those that were put."""
    asked: list[str] = []
    ask = hands.app.link.query

    async def slow(what: str, **args: Any) -> Any:
        asked.append(what)
        await asyncio.sleep(late_s.get(what, 0.0))
        return await ask(what, **args)

    hands.app.link.query = slow  # type: ignore[method-assign]
    return asked


async def test_jobs_stay_while_the_link_is_lost(operating: Callable[..., Any], master: FakeMaster) -> None:
    launched(master)
    async with operating((80, 24)) as hands:
        await hands.press("5")
        await hands.told(JOB[:16])
        master.stall()
        await hands.until(lambda: hands.app.link.connection.phase is Phase.LOST)
        await hands.press("1", "5")
        await hands.told("there is no link to the master now", "what stands below is")
        assert JOB[:16] in text_of(hands.app)
        assert "no Job:" not in text_of(hands.app)
        assert hands.app.screen.query_one("#table").has_class("-old")
        master.resume()
        await hands.until(lambda: not hands.app.screen.query_one("#table").has_class("-old"))


async def test_no_job_is_said_only_once_the_master_has_answered(
    operating: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operating() as hands:
        answered = asyncio.Event()
        ask = hands.app.link.query

        async def held(what: str, **args: Any) -> Any:
            await answered.wait()
            return await ask(what, **args)

        monkeypatch.setattr(hands.app.link, "query", held)
        await hands.press("5")
        await hands.told("asking the master for its Jobs")
        assert "no Job:" not in text_of(hands.app)
        answered.set()
        await hands.told("no Job: no worker")


async def test_a_master_that_never_told_of_jobs_is_not_taken_for_one_without(
    operating: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with operating() as hands:

        async def refused(_what: str, **_args: Any) -> Any:
            return failed("1", "the API server does not answer")

        monkeypatch.setattr(hands.app.link, "query", refused)
        await hands.press("5")
        await hands.told("not known: the master has told of no Job yet", "the API server does not answer")
        assert "no Job:" not in text_of(hands.app)


async def test_answers_slower_than_the_pause_between_questions_are_shown(
    operating: Callable[..., Any], master: FakeMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobView, "EVERY_S", 0.05)
    monkeypatch.setattr(JobsView, "EVERY_S", 0.05)
    launched(master)
    async with operating() as hands:
        answering_late(hands, {"jobs": 0.2, "job_log": 0.4})
        await hands.press("5")
        await hands.told(JOB)
        await hands.press("enter")
        await hands.told("event=ready model=full")


async def test_nothing_is_asked_while_nobody_looks_and_at_once_when_somebody_does(
    operating: Callable[..., Any], master: FakeMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobsView, "EVERY_S", 0.05)
    async with operating() as hands:
        asked = answering_late(hands, {})
        await hands.press("5")
        await hands.until(lambda: asked.count("jobs") > 2)
        await hands.press("1")
        await hands.pilot.pause(0.2)
        before = asked.count("jobs")
        await hands.pilot.pause(0.3)
        assert asked.count("jobs") == before
        monkeypatch.setattr(JobsView, "EVERY_S", 60.0)
        await hands.press("5")
        await hands.until(lambda: asked.count("jobs") > before)


async def test_the_question_before_a_job_is_stopped_says_how_it_stands_now(
    operating: Callable[..., Any], master: FakeMaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobsView, "EVERY_S", 0.05)
    master.acts.phases = []
    launched(master)
    async with operating() as hands:
        await hands.press("5")
        await hands.told(JOB)
        await hands.press("d")
        await hands.confirm()
        assert "its pod are deleted" in text_of(hands.app)
        master.acts.jobs[0].update(state="running", joined=True)
        await hands.told("its worker finishes the frames it holds")
        master.acts.jobs.clear()
        await hands.told(f"{JOB} is gone")


async def test_a_job_is_stopped_from_its_own_view(operating: Callable[..., Any], master: FakeMaster) -> None:
    launched(master)
    async with operating() as hands:
        await hands.press("5")
        await hands.told(JOB)
        await hands.press("enter")
        await hands.until(lambda: isinstance(hands.app.screen, JobView))
        await hands.told("event=ready model=full")
        await hands.press("d")
        await hands.confirm()
        await hands.press("y")
        await hands.told(f"{JOB} is stopping", "it is gone")
        assert [command.args for command in master.commands] == [{"name": JOB}]
