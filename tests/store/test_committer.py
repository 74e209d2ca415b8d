"""Rows and pictures become durable, or nothing is told."""

import asyncio
import contextlib
import os
import pwd
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posture_agent.frames.runs import RunState
from posture_agent.store import committer as committer_module
from posture_agent.store import journal, kept_runs
from posture_agent.store.delivery import Delivery
from posture_agent.store.outbox import Outbox
from posture_agent.store.pictures import Picture, Pictures, find
from posture_shared.exits import Stop
from posture_shared.frame import new_id
from posture_shared.records import Decision
from support.opened_store import NOW, Store, outcome
from support.postgres import unprivileged_user
from support.processes import eventually


async def test_a_committed_result_reads_back_as_it_was(store: Store) -> None:
    [done] = await store.commit(outcome())
    [read] = store.reads.results()
    assert read == done.result
    assert read.latency_ms.total is not None
    assert read.end_to_end_ms is not None
    assert store.reads.picture(read.frame_id) == store.folder / str(read.image_path)
    assert (store.folder / str(read.image_path)).read_bytes() == b"jpeg"


async def test_no_outcome_without_a_picture_names_one(store: Store) -> None:
    [done] = await store.commit(outcome(picture=None))
    assert done.result.image_path is None
    assert done.result.filename is not None
    assert store.reads.picture(done.result.frame_id) is None


async def test_a_frame_gets_one_row_ever(store: Store) -> None:
    first = outcome()
    await store.commit(first, first)
    await store.commit(first)
    assert len(store.reads.results()) == 1


async def test_a_committed_frame_is_known_and_others_are_not(store: Store) -> None:
    [done] = await store.commit(outcome("pi7"))
    assert store.outbox.owner(done.result.frame_id) == "pi7"
    assert store.outbox.owner(new_id()) is None


async def test_a_delivery_without_identity_is_remembered_with_its_row(store: Store) -> None:
    frame = outcome(run=None, seq=None)
    store.deliveries[frame.result.frame_id] = Delivery(17, b"x" * 32, "pi1")
    await store.commit(frame)
    assert store.outbox.delivered(17, b"x" * 32, "pi1") == frame.result.frame_id
    assert store.outbox.delivered(18, b"x" * 32, "pi1") is None
    assert store.outbox.delivered(17, b"x" * 32, "pi2") is None


async def test_the_same_frame_has_the_same_picture_name_when_it_comes_again(store: Store) -> None:
    again = outcome()
    [first] = await store.commit(again)
    later = outcome(frame_id=again.result.frame_id, received_time=datetime.now(UTC))
    [second] = await store.commit(later)
    assert first.result.image_path == second.result.image_path


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "analyzed_images/../secret", "posture.db", "", "no/such"])
def test_a_picture_path_cannot_leave_the_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / "analyzed_images").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "posture.db").write_text("x")
    assert find(tmp_path, path) is None


async def test_a_failing_picture_folder_leaves_the_row_without_a_picture_and_alarms(store: Store) -> None:
    (store.folder / "analyzed_images").write_text("a file where the folder should be")
    [done] = await store.commit(outcome())
    assert done.result.image_path is None
    assert [kind for kind, _, text in store.alarms if text] == ["pictures"]
    (store.folder / "analyzed_images").unlink()
    [done] = await store.commit(outcome())
    assert done.result.image_path is not None
    assert store.alarms[-1][2] is None


def test_a_data_folder_that_is_gone_fails_the_pictures_alone(tmp_path: Path) -> None:
    pictures = Pictures(tmp_path / "gone", free_bytes=1)
    [error] = pictures.write([Picture("analyzed_images/x.jpg", b"jpeg")])
    pictures.close()
    assert isinstance(error, FileNotFoundError)


async def test_nothing_is_told_while_the_database_cannot_be_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = committer_module._transact
    failing = True

    def transact(*arguments: Any) -> dict[int, Exception]:
        if failing:
            raise sqlite3.OperationalError("database or disk is full")
        return real(*arguments)

    monkeypatch.setattr(committer_module, "_transact", transact)
    store.committer.submit(outcome())
    await eventually(lambda: any(text for _, _, text in store.alarms))
    assert not store.committer.ready
    assert store.committed == []
    assert "disk is full" in str(store.alarms[0][2])
    assert store.severities == {"store": "critical"}, "quiet hours would keep it quiet"
    failing = False
    await eventually(lambda: len(store.committed) == 1)
    assert store.committer.ready
    assert store.alarms[-1] == ("store", str(store.outbox.file), None)


async def test_an_outcome_that_cannot_be_stored_is_a_failed_row_with_the_reason(store: Store) -> None:
    await store.commit(outcome(), outcome(reason="broken \ud800 text"), outcome(people=2**80), outcome())
    results = store.reads.results()
    assert [r.posture_status for r in results].count("Failed") == 2
    assert sum("could not be stored" in r.reason for r in results) == 2


async def test_a_defect_with_one_outcome_costs_no_other_its_row_and_nobody_their_answer(store: Store) -> None:
    prepare = store.committer._group.prepare

    def fails(outcomes: Any, *more: Any) -> Any:
        if any(one.result.pi_id == "odd" for one, _ in outcomes):
            raise RuntimeError("a defect of ours")
        return prepare(outcomes, *more)

    store.committer._group.prepare = fails  # type: ignore[method-assign]
    for one in (outcome("pi1"), outcome("odd"), outcome("pi2")):
        store.committer.submit(one)
    await asyncio.wait_for(asyncio.wrap_future(store.committer.write(lambda _connection: None)), 5)
    await eventually(lambda: len(store.reads.results()) == 2 and store.alarms)
    assert {result.pi_id for result in store.reads.results()} == {"pi1", "pi2"}
    assert store.alarms == [
        ("store", "outcomes", "1 outcome(s) could not be stored: a defect of ours; restart the master")
    ]
    assert store.severities == {"store": "critical"}
    assert store.committer.backlog == 1


async def test_a_job_that_fails_tells_its_asker_and_spoils_nothing(store: Store) -> None:
    def bad(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO state (name, value, at) VALUES ('half', '1', '')")
        connection.execute("INSERT INTO no_such_table VALUES (1)")

    refused = store.committer.write(bad)
    kept = store.committer.write(journal.state("placement", {"a": [1]}))
    store.committer.submit(outcome())
    with pytest.raises(sqlite3.OperationalError):
        await asyncio.wrap_future(refused)
    await asyncio.wrap_future(kept)
    assert store.state("placement") == {"a": [1]}
    assert store.state("half") is None
    await eventually(lambda: len(store.committed) == 1)


async def test_what_is_written_together_is_durable_together_or_not_at_all(store: Store) -> None:
    def bad(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO nowhere VALUES (1)")

    with store.committer.together():
        parts = [store.committer.write(journal.state("placement", 1)), store.committer.write(bad)]
        parts.append(store.committer.write(journal.state("pauses", 2)))
    after = store.committer.write(journal.state("pauses", 3))
    await asyncio.wrap_future(after)
    assert all(isinstance(part.exception(), sqlite3.OperationalError) for part in parts)
    assert (store.state("placement"), store.state("pauses")) == (None, 3)
    with store.committer.together():
        store.committer.write(journal.state("placement", 4))
        last = store.committer.write(journal.state("pauses", 5))
        await asyncio.sleep(0.2)
        assert store.state("pauses") == 3
    await asyncio.wrap_future(last)
    assert (store.state("placement"), store.state("pauses")) == (4, 5)


async def test_a_task_that_outlives_what_began_it_writes_on_its_own(store: Store) -> None:
    written = asyncio.Event()

    async def later() -> None:
        await written.wait()
        await asyncio.wrap_future(store.committer.write(journal.state("pauses", 1)))

    with store.committer.together():
        outliving = asyncio.create_task(later())
    written.set()
    await asyncio.wait_for(outliving, 5)
    assert store.state("pauses") == 1


async def test_an_asker_that_waits_no_longer_costs_no_frame_its_acknowledgement(store: Store) -> None:
    ask = store.committer.write(journal.state("placement", 1))
    assert ask.cancel()
    await store.commit(outcome())
    assert store.alarms == []
    assert store.state("placement") == 1


async def test_decisions_read_back(store: Store) -> None:
    decision = Decision(
        decision_id="d1",
        generation=3,
        at=NOW,
        scope="all",
        state="STARTING",
        source="local",
        target="node:agx",
        trigger="cpu",
        inputs={"cpu": [61.0, 62.0]},
        candidates=[{"node": "agx", "load": 10.0}],
        reason="CPU 62 ≥ 60",
    )
    await store.decide(decision)
    assert store.reads.decisions() == [decision]


async def test_results_are_filtered_and_bounded(store: Store) -> None:
    early = datetime(2026, 1, 1, tzinfo=UTC)
    await store.commit(
        outcome("pi1", received_time=early), outcome("pi2"), outcome("pi2", posture_status="Bad"), outcome("pi1")
    )
    assert len(store.reads.results(camera="pi2")) == 2
    assert [r.posture_status for r in store.reads.results(camera="pi2", status="Bad")] == ["Bad"]
    assert len(store.reads.results(since=NOW)) == 3
    assert next(r.received_time for r in store.reads.results(limit=4)) == early
    assert {pi_id: r.pi_id for pi_id, r in store.reads.newest_per_camera().items()} == {"pi1": "pi1", "pi2": "pi2"}


async def test_a_frames_story_says_when_it_was_committed(store: Store) -> None:
    [done] = await store.commit(outcome())
    story = store.reads.story(done.result.frame_id)
    assert story is not None
    assert [step.step for step in story.steps] == ["received", "committed"]
    assert store.reads.story(new_id()) is None


async def test_runs_are_taken_up_with_what_was_committed_since_they_were_kept(store: Store) -> None:
    run = str(uuid.uuid4())
    await store.commit(outcome(run=run, seq=1))
    state = RunState(pi_id="pi1", run=run, top=1, gaps=[])
    await asyncio.wrap_future(store.committer.write(kept_runs.keep([state], store.committer.told_id)))
    await store.commit(outcome(run=run, seq=2))
    reader = store.outbox.reader()
    kept = kept_runs.load(reader)
    reader.close()
    assert kept.states == [state]
    assert kept.since == [("pi1", run, 2)]


async def test_what_was_submitted_is_committed_before_the_end(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for _ in range(300):
        store.committer.submit(outcome(picture=None))
    await store.close()
    await asyncio.sleep(0)
    assert len(store.committed) == 300


def test_a_file_of_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    Outbox(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "posture.db")
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(Stop, match="newer posture-agent"):
        Outbox(tmp_path)


def test_a_file_that_is_no_database_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "posture.db").write_bytes(b"this is not SQLite" * 100)
    with pytest.raises(Stop, match=r"posture\.db cannot be opened"):
        Outbox(tmp_path)


@contextlib.contextmanager
def somebody_who_may_not_write_everywhere() -> Iterator[None]:
    user = unprivileged_user()
    if user:
        os.seteuid(pwd.getpwnam(user).pw_uid)
    try:
        yield
    finally:
        if user:
            os.seteuid(0)


def test_a_folder_that_may_not_be_written_is_refused_in_words() -> None:
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to other users
        Path(folder).chmod(0o555)
        with somebody_who_may_not_write_everywhere(), pytest.raises(Stop, match="cannot be used"):
            Outbox(Path(folder) / "data")


async def test_many_small_groups_and_one_large_are_all_told(store: Store) -> None:
    for _ in range(5):
        await store.commit(*(outcome(f"pi{n}") for n in range(60)))
    assert len(store.reads.results(limit=1000)) == 300
    assert len({o.result.image_path for o in store.committed}) == 300


async def test_who_waits_for_a_decision_to_be_durable_is_not_kept_by_a_fast_stream(tmp_path: Path) -> None:
    opened = Store(tmp_path, linger_s=30.0)
    opened.committer.submit(outcome())
    await asyncio.wait_for(asyncio.wrap_future(opened.committer.write(lambda _connection: None)), 5)
    assert len(opened.reads.results()) == 1
    await opened.close()
