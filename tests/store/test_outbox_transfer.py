"""Rows leave `posture.db` as JSON lines and come back as they were, once."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from posture_agent.cli import cli
from posture_agent.store import journal
from posture_agent.store.outbox import FILE, Outbox
from posture_agent.store.reads import Reads
from posture_shared.exits import Stop
from posture_shared.frame import new_id
from posture_shared.records import Decision
from posture_shared.timeline import PostureBaseline
from support.opened_store import NOW, Store, outcome


def outbox(*words: str | Path, data: bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["outbox", *map(str, words)], input=data)


def ask(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        return connection.execute(statement).fetchall()


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    folder = tmp_path / "old"

    async def fill() -> None:
        store = Store(folder)
        await store.commit(
            outcome(side="left", confidence=0.75, reason="„schief“ \u2028 ok"), outcome("pi2", run=None, seq=None)
        )
        decision = Decision(
            decision_id=new_id(),
            generation=1,
            at=NOW,
            scope="all",
            state="LOCAL",
            source=None,
            target="nano",
            trigger="start",
            inputs={"cpu": 1.5},
            candidates=[{"node": "nano"}],
            reason="first",
        )
        taken = PostureBaseline(
            baseline_id=new_id(), pi_id="pi1", profile="ann", version=1, neck=1, body=2, at=NOW, author="a"
        )
        await store.decide(decision)
        await asyncio.wrap_future(store.committer.write(journal.baseline(taken)))
        await store.audit("c1", scope="all")
        await store.close()

    asyncio.run(fill())
    return folder


def everything_read(folder: Path) -> tuple[Any, ...]:
    with closing(Reads(folder / FILE)) as reads:
        results = reads.results()
        stories = [reads.story(result.frame_id) for result in results]
        told = [[step for step in story.steps if step.step == "received"] for story in stories if story]
        return results, told, reads.decisions(), ask(folder, "SELECT command_id, args, answer FROM operator_audit")


def test_rows_come_back_as_they_were(filled: Path, tmp_path: Path) -> None:
    file, new = tmp_path / "rows.jsonl", tmp_path / "new"
    assert outbox("export", file, "--data-dir", filled).exit_code == 0
    done = outbox("import", file, "--data-dir", new)
    assert done.stderr == "5 rows imported, 0 were there already\n"
    assert everything_read(new) == everything_read(filled)
    assert ask(new, "SELECT profile, neck FROM posture_baseline") == [("ann", 1.0)]


def test_importing_again_changes_nothing(filled: Path, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    outbox("export", file, "--data-dir", filled)
    before = everything_read(filled)
    assert outbox("import", file, "--data-dir", filled).stderr == "0 rows imported, 5 were there already\n"
    assert everything_read(filled) == before


def test_imported_rows_are_looked_for_in_the_database_not_taken_for_unsent(filled: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    lines = outbox("export", "-", "--data-dir", filled).stdout_bytes
    outbox("import", "-", "--data-dir", new, data=lines)
    assert ask(new, "SELECT count(*) FROM posture_log WHERE sent_at IS NOT NULL AND drained_at IS NULL") == [(2,)]


def test_drained_rows_are_left_out_unless_all_are_asked_for(filled: Path, tmp_path: Path) -> None:
    ask(filled, "UPDATE posture_log SET drained_at = '2026-03-29T02:00:00.000000Z' WHERE pi_id = 'pi1'")
    rows = [json.loads(line) for line in outbox("export", "-", "--data-dir", filled).stdout.splitlines()]
    assert [row["pi_id"] for row in rows if row["table"] == "posture_log"] == ["pi2"]
    lines = outbox("export", "-", "--all", "--data-dir", filled).stdout_bytes
    outbox("import", "-", "--data-dir", tmp_path / "new", data=lines)
    found = ask(tmp_path / "new", "SELECT pi_id, sent_at, drained_at FROM posture_log WHERE drained_at IS NOT NULL")
    assert found == [("pi1", "2026-03-29T02:00:00.000000Z", "2026-03-29T02:00:00.000000Z")]


def test_an_imported_frame_that_comes_again_is_a_repeat(filled: Path, tmp_path: Path) -> None:
    lines = outbox("export", "-", "--data-dir", filled).stdout_bytes
    outbox("import", "-", "--data-dir", tmp_path / "new", data=lines)
    [(frame_id,)] = ask(filled, "SELECT frame_id FROM posture_log WHERE pi_id = 'pi1'")
    with closing(Outbox(tmp_path / "new")) as opened:
        assert opened.owner(frame_id) == "pi1"


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda _: b"{", "truncated"),
        (lambda _: b"[]", "object"),
        (lambda row: {**row, "table": "sqlite_master"}, "names no table"),
        (lambda row: {**row, "posture_status": "Fine"}, "Fine"),
        (lambda row: {**row, "frame_id": "x"}, "hexadecimal"),
        (lambda row: {**row, "pi_id": None}, "pi_id"),
        (lambda row: {**row, "pi_id": "../pi1"}, "no camera"),
        (lambda _: {"table": "posture_baseline", "x; DROP TABLE posture_log": 1}, "no column"),
        (lambda _: {"table": "posture_baseline", "baseline_id": "b"}, "NOT NULL"),
    ],
)
def test_a_line_that_is_no_row_is_named(filled: Path, tmp_path: Path, spoil: Callable[[Any], Any], why: str) -> None:
    first, second, *_ = outbox("export", "-", "--data-dir", filled).stdout_bytes.splitlines()
    spoilt = spoil(json.loads(second))
    bad = spoilt if isinstance(spoilt, bytes) else json.dumps(spoilt).encode()
    done = outbox("import", "-", "--data-dir", tmp_path / "new", data=first + b"\n\n" + bad + b"\n")
    assert isinstance(done.exception, Stop)
    assert "row 2 of the file" in done.exception.sentence
    assert why in done.exception.sentence
    assert ask(tmp_path / "new", "SELECT count(*) FROM posture_log") == [(1,)]


def test_many_rows_come_in_batches(tmp_path: Path) -> None:
    async def fill() -> None:
        store = Store(tmp_path / "old")
        await store.commit(*(outcome(picture=None, seq=n + 1) for n in range(1203)))
        await store.close()

    asyncio.run(fill())
    lines = outbox("export", "-", "--data-dir", tmp_path / "old").stdout_bytes
    done = outbox("import", "-", "--data-dir", tmp_path / "new", data=lines)
    assert done.stderr == "1203 rows imported, 0 were there already\n"


def test_while_a_master_holds_the_folder_nothing_is_imported(filled: Path) -> None:
    with closing(Outbox(filled)):
        assert isinstance(outbox("import", "-", "--data-dir", filled, data=b"").exception, Stop)
        assert outbox("export", "-", "--data-dir", filled).exit_code == 0


FIRST_RELEASE = Path(__file__).with_name("rows_of_first_release.jsonl")
"""What the first release exported, kept as it was: every later release takes it in."""


def test_rows_that_the_first_release_exported_are_taken_in(tmp_path: Path) -> None:
    done = outbox("import", FIRST_RELEASE, "--data-dir", tmp_path)
    assert done.stderr == "6 rows imported, 0 were there already\n"
    again = [json.loads(line) for line in outbox("export", "-", "--all", "--data-dir", tmp_path).stdout.splitlines()]
    for old, new in zip([json.loads(line) for line in FIRST_RELEASE.read_bytes().splitlines()], again, strict=True):
        assert {name: new[name] for name in old} == old


def test_a_result_with_fields_of_a_later_release_comes_in_without_them(tmp_path: Path) -> None:
    row = {**json.loads(FIRST_RELEASE.read_bytes().splitlines()[0]), "of_a_later_release": {"n": 1}}
    done = outbox("import", "-", "--data-dir", tmp_path, data=json.dumps(row).encode())
    assert done.stderr == "1 rows imported, 0 were there already\n"
