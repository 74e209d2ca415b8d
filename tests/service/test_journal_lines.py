"""Log lines as the journal wants them: a priority, no time of their own, and no flood."""

import io
import json
import logging
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from posture_shared import log as logs
from posture_shared.log import RateLimit

NAME = "posture.test-journal"


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def written(tmp_path: Path, *, journal: bool, **how: Any) -> list[str]:
    """What two log lines become."""
    with (tmp_path / "stderr").open("w+") as stream:
        file = os.fstat(stream.fileno())
        inode = file.st_ino if journal else file.st_ino + 1
        logs.setup(stream=stream, environment={"JOURNAL_STREAM": f"{file.st_dev}:{inode}"}, **how)
        log = logging.getLogger(NAME)
        log.info("event=started")
        log.warning("event=trouble camera=%s", "pi1\n<0>forged")
        stream.seek(0)
        return stream.read().splitlines()


def test_under_the_journal_a_line_has_a_priority_and_no_time(tmp_path: Path) -> None:
    first, second = written(tmp_path, journal=True)
    assert first == f"<6>{NAME} event=started"
    assert second == f"<4>{NAME} event=trouble camera=pi1 | <0>forged"


def test_json_under_the_journal_is_json_after_the_priority(tmp_path: Path) -> None:
    first, second = written(tmp_path, journal=True, style="json")
    assert first.startswith("<6>{")
    assert json.loads(second[3:]) == {
        "level": "warning",
        "logger": NAME,
        "event": "event=trouble camera=pi1\n<0>forged",
    }


def test_a_terminal_or_a_file_gets_time_and_level(tmp_path: Path) -> None:
    first, second = written(tmp_path, journal=False)
    assert first.endswith(f"info {NAME} event=started")
    assert first[:2] == "20"
    assert "warning" in second
    assert "at" in json.loads(written(tmp_path, journal=False, style="json")[0])


def test_a_stream_without_a_file_is_no_journal() -> None:
    assert not logs.is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:2"})


def test_a_flood_of_one_kind_is_cut_and_hides_no_other(tmp_path: Path) -> None:
    with (tmp_path / "stderr").open("w+") as stream:
        logs.setup(stream=stream, environment={})
        log = logging.getLogger(NAME)
        for number in range(1000):
            log.warning("event=stranger number=%d", number)
        log.warning("event=other")
        stream.seek(0)
        lines = stream.read().splitlines()
    assert len([line for line in lines if "event=stranger" in line]) == 50
    assert "event=other" in lines[-1]


def test_what_was_kept_back_is_counted() -> None:
    now = 0.0
    limit = logs.RateLimit(burst=2, period_s=10, clock=lambda: now)
    assert [limit.allow()[0] for _ in range(5)] == [True, True, False, False, False]
    now = 11.0
    assert limit.allow() == (True, 3)


def test_a_flood_that_is_over_is_told_with_the_next_line_of_any_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(logs, "RateLimit", partial(RateLimit, clock=lambda: now[0]))
    with (tmp_path / "stderr").open("w+") as stream:
        logs.setup(stream=stream, environment={})
        log = logging.getLogger(NAME)
        for number in range(1000):
            log.warning("event=stranger number=%d", number)
        now[0] = 5.0
        log.info("event=other")
        now[0] = 11.0
        log.info("event=another")
        log.info("event=another")
        stream.seek(0)
        lines = stream.read().splitlines()[50:]
    told = f"warning {NAME} event=kept_back count=950 of='event=stranger number=%d'"
    assert ["event=other" in lines[0], lines[1].endswith(told)] == [True, True], lines
    assert ["event=another" in line for line in lines[2:]] == [True, True]
