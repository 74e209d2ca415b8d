"""The audit in `posture.db`: a line for each command, and no line is ever lost."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from posture_agent.master.consoles.audit import StoredAudit
from posture_agent.master.consoles.requests import Requests
from posture_agent.store import rows
from posture_shared.exits import Exit
from posture_shared.messages.console import Command, Reply
from support.opened_store import Store

COMMAND = Command(id="c1", verb="act", args={"x": 1})


class Desk:
    """Commands as consoles give them, over a real store."""

    def __init__(self, store: Store, reader: sqlite3.Connection) -> None:
        self.store, self.executed = store, 0
        audit = StoredAudit(store.committer, reader)
        self._requests = Requests(queries={}, commands={"act": self._act}, audit=audit)

    async def _act(self, args: dict[str, Any], author: str) -> object:
        self.executed += 1
        return object() if "strange" in args else {"by": author}

    async def give(self, command: Command, author: str = "alice") -> Reply:
        return (await self._requests.answer(command, role="operator", author=author))[0]

    def lines(self) -> list[tuple[str, str, int]]:
        """Id, author and success of each line, in order."""
        with closing(self.store.outbox.reader()) as reader:
            return reader.execute("SELECT command_id, author, ok FROM operator_audit ORDER BY id").fetchall()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    store = Store(tmp_path)
    with closing(store.outbox.reader()) as reader:
        yield Desk(store, reader)
    await store.close()


async def test_a_command_is_executed_once_and_its_repeat_gets_the_same_answer(desk: Desk) -> None:
    assert await desk.give(COMMAND) == await desk.give(COMMAND)
    assert (desk.executed, desk.lines()) == (1, [("c1", "alice", 1)])


async def test_an_id_that_another_gave_is_refused_and_both_have_their_line(desk: Desk) -> None:
    await desk.give(COMMAND)
    refused = await desk.give(COMMAND, "bob")
    assert (refused.id, refused.code, refused.body) == ("c1", Exit.REFUSED, None)
    assert "by alice" in refused.error
    first, second = desk.lines()
    assert (desk.executed, first, second[1:]) == (1, ("c1", "alice", 1), ("bob", 0))


async def test_an_id_that_comes_again_after_a_day_is_refused_and_the_old_line_stays(desk: Desk) -> None:
    await desk.give(COMMAND)
    long_ago = rows.text(datetime.now(UTC) - timedelta(hours=25))
    with closing(sqlite3.connect(desk.store.outbox.file)) as database, database:
        database.execute("UPDATE operator_audit SET at = ?", (long_ago,))
    refused = await desk.give(COMMAND)
    assert (refused.ok, refused.code) == (False, Exit.REFUSED)
    assert [line[1:] for line in desk.lines()] == [("alice", 1), ("alice", 0)]
    assert desk.executed == 1


@pytest.mark.parametrize("strange", [msgspec.msgpack.Ext(1, b"x"), {(1, 2): 3}, b"bytes", float("nan")])
async def test_arguments_that_are_no_json_have_their_line_too(desk: Desk, strange: object) -> None:
    assert (await desk.give(Command(id="c2", verb="act", args={"x": strange}))).ok
    assert desk.lines() == [("c2", "alice", 1)]


async def test_an_answer_that_cannot_be_written_is_a_failure_with_its_line(desk: Desk) -> None:
    strange = Command(id="c3", verb="act", args={"strange": True})
    for _ in range(2):
        reply = await desk.give(strange)
        assert (reply.ok, reply.body) == (False, None)
    assert (desk.executed, desk.lines()) == (1, [("c3", "alice", 0)])
