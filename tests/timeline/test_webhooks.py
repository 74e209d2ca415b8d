"""Alerts reach web addresses: a real HTTP server, slow, failing or gone."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posture_agent.posting import QUEUE
from posture_agent.settings import MasterSettings
from posture_agent.timeline.alert_settings import AlertSettings
from posture_agent.timeline.notice import Notice, of_alarm, of_episode
from posture_agent.timeline.webhooks import Webhooks, post_of
from posture_shared import settings as sources
from posture_shared.exits import Stop
from posture_shared.records import Alarm
from posture_shared.timeline import Episode
from support.processes import eventually, free_port
from support.web_address import WebAddress

SECRET = "T0PSECRET"
NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[WebAddress]:
    one = WebAddress(f"/hook/{SECRET}")
    yield one
    one.close()


def slump(number: int = 1) -> Notice:
    return of_episode(Episode(episode_id=f"e{number}", pi_id="pi1", started=NOON, reason="head forward"))


def settings(*urls: str, form: str = "json", tries: int = 4) -> AlertSettings:
    hooks = [{"url": url, "format": form, "name": f"hook {n}"} for n, url in enumerate(urls)]
    return AlertSettings.model_validate({"webhooks": hooks, "tries": tries, "timeout_s": 2})


Alarms = list[tuple[str, str, str | None]]


@asynccontextmanager
async def running(told: AlertSettings, alarms: Alarms | None = None) -> AsyncIterator[Webhooks]:
    heard: Callable[..., None] = lambda *alarm: (alarms if alarms is not None else []).append(alarm)  # noqa: E731
    hooks = Webhooks(told, heard, pause_s=(0.02, 0.1))
    hooks.start()
    try:
        yield hooks
    finally:
        await hooks.stop()


async def test_an_alert_is_posted_as_json(server: WebAddress):
    async with running(settings(server.url)) as hooks:
        hooks.tell(slump())
        await eventually(lambda: server.posts)
    path, headers, body = server.posts[0]
    assert path.endswith(SECRET)
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert (told["kind"], told["state"], told["pi_id"], told["episode_id"]) == ("posture", "begin", "pi1", "e1")
    assert "bad posture since 12:00:00" in told["text"]


def test_ntfy_and_slack_have_their_own_forms():
    about = Alarm(alarm_id="a", kind="store", subject="Größe\n", severity="critical", text="<!here> & full", since=NOON)
    content, headers = post_of(of_alarm(about), "ntfy")
    assert content.decode() == "<!here> & full"
    assert headers["Priority"] == "5"
    assert headers["Title"].isascii()
    assert headers["Title"].isprintable()
    assert json.loads(post_of(of_alarm(about), "slack").content) == {"text": "&lt;!here&gt; &amp; full"}


async def test_a_failing_address_is_tried_again_and_then_well(server: WebAddress):
    alarms: Alarms = []
    server.answers = [500, 429, 503, 204]
    async with running(settings(server.url), alarms) as hooks:
        hooks.tell(slump())
        await eventually(lambda: len(server.posts) == 4)
        await eventually(lambda: alarms)
    assert alarms == [("webhook", "hook 0", None)]


async def test_tries_are_bounded_and_the_failure_is_an_alarm(server: WebAddress):
    alarms: Alarms = []
    server.answers = [500]
    async with running(settings(server.url), alarms) as hooks:
        hooks.tell(slump())
        await eventually(lambda: alarms)
        assert len(server.posts) == 4
        assert alarms == [("webhook", "hook 0", "alerts do not reach the webhook 'hook 0': it answered 500")]
        server.answers = [200]
        hooks.tell(slump(2))
        await eventually(lambda: alarms[-1][2] is None)


async def test_what_an_address_refuses_is_not_tried_again(server: WebAddress):
    alarms: Alarms = []
    server.answers = [403]
    async with running(settings(server.url), alarms) as hooks:
        hooks.tell(slump())
        await eventually(lambda: alarms)
    assert len(server.posts) == 1


async def test_a_dead_address_holds_up_neither_the_others_nor_the_memory(server: WebAddress):
    dead = f"http://127.0.0.1:{free_port()}/{SECRET}"
    async with running(settings(dead, server.url, tries=20)) as hooks:
        for number in range(3 * QUEUE):
            hooks.tell(slump(number))
            if number % 50 == 49:
                await eventually(lambda number=number: len(server.posts) > number)
        assert len(server.posts) == 3 * QUEUE
        assert hooks._targets[0][1].waiting <= QUEUE
        assert hooks.given_up >= QUEUE


async def test_the_failure_of_a_webhook_is_not_told_by_webhook(server: WebAddress):
    about = Alarm(alarm_id="a", kind="webhook", subject="hook 0", severity="warning", text="gone", since=NOON)
    async with running(settings(server.url)) as hooks:
        hooks.tell(of_alarm(about))
        hooks.tell(slump())
        await eventually(lambda: server.posts)
        await asyncio.sleep(0.1)
    assert len(server.posts) == 1


async def test_no_log_line_and_no_alarm_names_the_address(server: WebAddress, caplog: pytest.LogCaptureFixture):
    alarms: Alarms = []
    dead = f"http://127.0.0.1:{free_port()}/{SECRET}"
    server.answers = [500, 200]
    with caplog.at_level(logging.DEBUG, logger="posture"), caplog.at_level(logging.INFO):
        async with running(settings(server.url, dead, f"http://[{SECRET}/"), alarms) as hooks:
            hooks.tell(slump())
            await eventually(lambda: len(alarms) == 3)
    assert "post_failed" in caplog.text
    assert SECRET not in caplog.text + str(alarms)


def test_neither_config_show_nor_an_error_shows_the_address(tmp_path: Path):
    file = tmp_path / "posture.toml"
    head = "[[master.timeline.alerts.webhooks]]\n"
    file.write_text(f'{head}url = "https://hooks.example/{SECRET}"\nformat = "slack"\n')
    shown = list(sources.load(MasterSettings, "master", config=file, folders=[]).shown())
    assert any(one.name == "timeline.alerts.webhooks" and "slack" in str(one.value) for one in shown)
    assert SECRET not in str(shown)
    wrong: list[Any] = [
        f'{head}url = "ftp://{SECRET}"\n',
        f'{head}url = "https://{SECRET}"\nformat = "fax"\n',
        f'{head}url = "https://{SECRET}"\ncolour = "red"\n',
        f'[master.timeline.alerts]\nwebhooks = "https://{SECRET}"\n',
        f'[master.timeline.alerts]\nwebhooks = ["https://{SECRET}"]\n',
    ]
    for text in wrong:
        file.write_text(text)
        with pytest.raises(Stop) as refused:
            sources.load(MasterSettings, "master", config=file, folders=[])
        assert SECRET not in refused.value.sentence
        assert "timeline.alerts.webhooks" in refused.value.sentence
