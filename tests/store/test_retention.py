"""What is old or too much goes, a row and its picture together, and what still matters stays."""

import asyncio
import errno
import json
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from posture_agent.cli import cli
from posture_agent.store import ages, due, journal, retention, rows, schema
from posture_agent.store.pictures import FOLDER
from posture_agent.store.retention import Retention, would_go
from posture_agent.store.settings import Keeping, StoreSettings
from posture_shared.frame import new_id
from posture_shared.timeline import Episode, PostureBaseline
from support.opened_store import Store, outcome
from support.processes import eventually

NOW = datetime.now(UTC)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def frame(days: float, status: str = "Good", **more: Any) -> Any:
    return outcome(received_time=ago(days), captured_time=ago(days), posture_status=status, **more)


async def write(store: Store, statement: str, *values: Any) -> None:
    def job(connection: sqlite3.Connection) -> None:
        connection.execute(statement, values)

    await asyncio.wrap_future(store.committer.write(job))


async def drained(store: Store, days: float) -> None:
    await write(store, "UPDATE posture_log SET drained_at = ?", rows.text(ago(days)))


def retention_of(store: Store, *, drains: bool = False, **settings: Any) -> Retention:
    return Retention(
        Keeping(StoreSettings(**settings), 30, drains),
        outbox=store.outbox,
        pictures=store.pictures,
        writer=store.committer,
        on_alarm=lambda *alarm: store.alarms.append(alarm),
    )


async def remove(store: Store, *, drains: bool = False, **settings: Any) -> dict[str, int]:
    return dict(await asyncio.to_thread(retention_of(store, drains=drains, **settings).once))


def days_left(store: Store) -> list[int]:
    return [round((NOW - result.received_time) / timedelta(days=1)) for result in store.reads.results()]


def pictured(store: Store) -> list[int]:
    """Ages in days of the rows that have a picture; each is there, and no other file is."""
    found = [result for result in store.reads.results() if result.image_path]
    files = {str(file.relative_to(store.folder)) for file in (store.folder / FOLDER).rglob("*.jpg")}
    assert files == {result.image_path for result in found}
    return [round((NOW - result.received_time) / timedelta(days=1)) for result in found]


async def test_drained_rows_go_after_their_days_and_others_stay(store: Store) -> None:
    await store.commit(*(frame(days, picture=None, run=None) for days in (20, 10, 6)))
    await drained(store, 8)
    await store.commit(*(frame(days, picture=None, run=None) for days in (15, 0)))
    assert await remove(store, drains=True) == {"posture_log": 2}
    assert sorted(days_left(store)) == [0, 6, 15]


async def test_a_row_drained_only_now_stays_its_days_however_old(store: Store) -> None:
    await store.commit(frame(20, picture=None, run=None), frame(0, run=None))
    await drained(store, 1)
    assert await remove(store, drains=True) == {}


async def test_without_a_database_rows_stay_longer_whatever_their_marks(store: Store) -> None:
    await store.commit(*(frame(days, picture=None, run=None) for days in (40, 20, 0)))
    assert await remove(store, keep_days=30) == {"posture_log": 1}
    assert days_left(store) == [20, 0]


async def test_without_a_database_rows_of_bad_posture_and_of_episodes_stay_longest(store: Store) -> None:
    over = Episode(episode_id=new_id(), pi_id="pi1", started=ago(60.1), ended=ago(59.9), duration_s=17280)
    await asyncio.wrap_future(store.committer.write(journal.episode(over)))
    aged = ((100, "Bad"), (61, "Good"), (60, "Good"), (59, "Too_Far"), (50, "Bad"), (20, "Good"))
    await store.commit(*(frame(days, status, picture=None, run=None) for days, status in aged))
    await store.commit(frame(60, pi_id="pi2", picture=None, run=None), frame(0))
    kept = {"keep_days": 30, "bad_keep_days": 90}
    reader = store.outbox.reader()
    looked = would_go(Keeping(StoreSettings(**kept), 30, drains=False), store.folder, reader, NOW)
    reader.close()
    assert dict(looked) == await remove(store, **kept) == {"posture_log": 4}
    assert sorted(days_left(store)) == [0, 20, 50, 60]
    assert await remove(store, keep_days=30, bad_keep_days=30) == {"posture_log": 2}


async def test_without_a_database_episodes_stay_as_long_as_their_rows(store: Store) -> None:
    for days in (800, 500, 0):
        over = Episode(episode_id=new_id(), pi_id="pi1", started=ago(days + 0.1), ended=ago(days), duration_s=1)
        await asyncio.wrap_future(store.committer.write(journal.episode(over)))
    await write(store, "UPDATE posture_episode SET stored_at = ended, drained_at = ended")
    assert await remove(store) == {"posture_episode": 1}
    assert await remove(store, drains=True) == {"posture_episode": 1}


async def test_a_row_stays_as_long_as_its_picture(store: Store) -> None:
    await store.commit(frame(20, run=None), frame(0, run=None))
    await drained(store, 19)
    assert await remove(store, drains=True, pictures_days=25) == {}
    assert await remove(store, drains=True, pictures_days=15) == {"posture_log": 1, "pictures": 1, "picture_bytes": 4}


async def test_numbered_rows_stay_until_their_run_is_kept(store: Store) -> None:
    await store.commit(frame(40, picture=None), frame(0))
    assert await remove(store, keep_days=30) == {}
    await write(store, "INSERT INTO meta (name, value) VALUES ('runs_as_of', '1')")
    assert await remove(store, keep_days=30) == {"posture_log": 1}


async def test_old_pictures_go_and_their_rows_say_so(store: Store) -> None:
    await store.commit(*(frame(days) for days in (40, 31, 29, 0)))
    assert await remove(store) == {"pictures": 2, "picture_bytes": 8}
    assert pictured(store) == [29, 0]
    assert len(days_left(store)) == 4


async def test_pictures_of_bad_posture_and_of_episodes_live_longest(store: Store) -> None:
    over = Episode(episode_id=new_id(), pi_id="pi1", started=ago(60.1), ended=ago(59.9), duration_s=17280)
    await asyncio.wrap_future(store.committer.write(journal.episode(over)))
    await store.commit(frame(100, "Bad"), frame(61), frame(60), frame(60, pi_id="pi2"), frame(59), frame(50, "Bad"))
    await remove(store)
    assert pictured(store) == [60, 50]


async def test_beyond_the_bound_those_go_first_whose_time_is_nearest_to_its_end(store: Store) -> None:
    await store.commit(*(frame(days, picture=bytes(400_000)) for days in (20, 10, 1)))
    await store.commit(*(frame(days, "Bad", picture=bytes(400_000)) for days in (50, 29, 2)))
    await remove(store, pictures_bytes=2**20)
    assert sorted(pictured(store)) == [1, 2]  # 20/30 and 50/90 of their time, then 10/30 and 29/90 are spent


async def test_what_is_written_later_counts_towards_the_bound(store: Store) -> None:
    kept = retention_of(store, pictures_bytes=2**20)
    await store.commit(frame(2, picture=bytes(900_000)))
    assert not await asyncio.to_thread(kept.once)
    await store.commit(frame(1, picture=bytes(900_000)))
    assert (await asyncio.to_thread(kept.once))["pictures"] == 1
    assert pictured(store) == [1]


async def test_a_file_without_a_row_goes_in_the_end_and_foreign_files_never(store: Store) -> None:
    await store.commit(frame(0))
    folder = store.folder / FOLDER / "analyzed_images_from_pi1" / "2020-01-01"
    folder.mkdir()
    lost, foreign, half = (
        folder / name for name in (f"pi1_20200101T000000000_{new_id()}.jpg", "notes.jpg", f".pi1_2_{new_id()}.jpg.tmp")
    )
    for file in (lost, foreign, half):
        file.write_bytes(b"x")
        os.utime(file, (ago(100).timestamp(),) * 2)
    assert await remove(store) == {"pictures": 1, "picture_bytes": 1}
    assert [file.name for file in folder.iterdir()] == ["notes.jpg"]


async def test_a_file_that_waits_for_its_row_stays_however_little_room_there_is(store: Store) -> None:
    await store.commit(frame(1, picture=bytes(100)))
    folder = store.folder / FOLDER / "analyzed_images_from_pi1" / f"{NOW:%Y-%m-%d}"
    folder.mkdir(exist_ok=True)
    young = folder / f"pi1_{NOW:%Y%m%dT%H%M%S}000_{new_id()}.jpg"
    young.write_bytes(bytes(2 << 20))
    assert (await remove(store, pictures_bytes=1 << 20))["pictures"] == 1
    assert young.exists()


async def test_a_picture_whose_file_is_gone_already_costs_nothing(store: Store) -> None:
    [done] = await store.commit(frame(40))
    (store.folder / str(done.result.image_path)).unlink()
    assert await remove(store) == {"pictures": 1}
    assert pictured(store) == []


async def test_ids_of_frames_are_remembered_as_long_as_they_may_come_again(store: Store) -> None:
    await store.commit(*(frame(0) for _ in range(5)))
    for n, days in enumerate((32, -3000, 32, 30.5), start=1):  # the second: the clock was wrong
        await write(store, "UPDATE seen SET at = ? WHERE n = ?", int(ago(days).timestamp()), n)
    assert await remove(store) == {"seen": 2}
    reader = store.outbox.reader()
    assert [n for (n,) in reader.execute("SELECT n FROM seen")] == [2, 4, 5]
    reader.close()


async def test_ids_are_gone_over_in_windows(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "_WINDOW", 2)
    await store.commit(*(frame(0) for _ in range(6)))
    await write(store, "UPDATE seen SET at = 0 WHERE n IN (3, 5)")
    kept = retention_of(store)
    looks = [(await asyncio.to_thread(kept.once))["seen"] for _ in range(4)]
    assert sum(looks) == 2
    assert looks[0] == 0


async def test_decisions_and_commands_go_after_a_year_once_they_are_drained(store: Store) -> None:
    for n in range(3):
        await store.audit(f"c{n}")
    await write(store, "UPDATE operator_audit SET stored_at = ?", rows.text(ago(400)))
    await write(store, "UPDATE operator_audit SET drained_at = ? WHERE id = 1", rows.text(ago(399)))
    assert await remove(store, drains=True) == {"operator_audit": 1}
    assert await remove(store) == {"operator_audit": 1}, "without a database nothing is drained; the newest stays"


async def test_the_newest_baseline_of_a_person_stays_for_ever(store: Store) -> None:
    for version, profile in ((1, "ann"), (2, "ann"), (1, "ben"), (3, "ann")):
        taken = PostureBaseline(
            baseline_id=new_id(), pi_id="pi1", profile=profile, version=version, neck=1, body=2, at=NOW, author="a"
        )
        await asyncio.wrap_future(store.committer.write(journal.baseline(taken)))
    await write(store, "UPDATE posture_baseline SET stored_at = ?", rows.text(ago(4000)))
    assert await remove(store) == {"posture_baseline": 2}
    reader = store.outbox.reader()
    assert reader.execute("SELECT profile, version FROM posture_baseline").fetchall() == [("ben", 1), ("ann", 3)]
    reader.close()


def bounded(store: Store, *, share: float, drains: bool = False) -> Retention:
    """Retention with a bound of that share of what rows take now."""
    reader = store.outbox.reader()
    bound = int(due.used_bytes(reader) * share)
    reader.close()
    settings = StoreSettings().model_copy(update={"keep_bytes": bound})
    return Retention(Keeping(settings, 30, drains), outbox=store.outbox, writer=store.committer)


async def test_without_a_database_the_oldest_rows_go_beyond_the_bound(store: Store) -> None:
    await store.commit(*(frame(5 - n / 100, reason="x" * 4000) for n in range(300)))
    removed = await asyncio.to_thread(bounded(store, share=0.5).once)
    assert removed["posture_log"] == removed["pictures"] == 200
    assert len(pictured(store)) == 100
    assert max(days_left(store)) == 3


async def test_beyond_the_bound_rows_of_bad_posture_go_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    bad = [frame(300 + n / 100, "Bad", picture=None, reason="x" * 4000) for n in range(50)]
    good = [frame(200 + n / 100, picture=None, reason="x" * 4000) for n in range(50)]
    await store.commit(*bad, *good, frame(0))
    await asyncio.to_thread(bounded(store, share=0.75).once)
    left = [result.posture_status for result in store.reads.results(limit=1000)]
    assert left.count("Bad") == 50
    assert 10 <= left.count("Good") <= 30


async def test_with_a_database_only_rows_that_were_drained_a_week_ago_make_room(store: Store) -> None:
    await store.commit(*(frame(20, reason="x" * 4000) for _ in range(60)), frame(0))
    for upto, days in ((40, 6), (20, 8)):
        await write(store, "UPDATE posture_log SET drained_at = ? WHERE id <= ?", rows.text(ago(days)), upto)
    kept = bounded(store, share=0.1, drains=True)
    reader = store.outbox.reader()
    going = would_go(kept._keeping, store.folder, reader, NOW)["posture_log_bytes"]
    assert 60_000 < going < 200_000, "a third of the rows may go, whatever the bound is"
    assert (await asyncio.to_thread(kept.once))["posture_log"] == 20
    assert len(store.reads.results()) == 41
    assert would_go(kept._keeping, store.folder, reader, NOW)["posture_log_bytes"] == 0
    reader.close()


async def test_frames_that_wait_for_analysis_push_no_rows_out(store: Store) -> None:
    await store.commit(*(frame(5, picture=None) for _ in range(20)))
    reader = store.outbox.reader()
    bound = due.used_bytes(reader) + 100_000
    await write(
        store,
        "INSERT INTO waiting_frames (frame_id, pi_id, received_at, width, height, jpeg)"
        " VALUES ('f', 'pi1', ?, 1, 1, ?)",
        rows.text(NOW),
        bytes(1_000_000),
    )
    assert due.used_bytes(reader) < bound
    reader.close()
    settings = StoreSettings().model_copy(update={"keep_bytes": bound})
    kept = Retention(Keeping(settings, 30, drains=False), outbox=store.outbox, writer=store.committer)
    assert await asyncio.to_thread(kept.once) == {}
    assert len(store.reads.results()) == 20


async def test_the_newest_row_stays_so_that_numbers_rise(store: Store) -> None:
    await store.commit(frame(4000, picture=None, run=None))
    assert await remove(store) == {}


async def test_a_dry_run_says_what_would_go_and_removes_nothing(store: Store) -> None:
    await store.commit(frame(400, picture=None, run=None), frame(40), frame(100, "Bad"), frame(0))
    reader = store.outbox.reader()
    looked = would_go(Keeping(StoreSettings(), 30, drains=False), store.folder, reader, NOW)
    reader.close()
    assert len(pictured(store)) == 3
    assert dict(looked) == await remove(store) == {"posture_log": 1, "pictures": 2, "picture_bytes": 8}


async def test_the_running_thread_removes_and_alarms_and_recovers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.commit(frame(40), frame(0))
    unlink, refusing = Path.unlink, [True]

    def refuse(file: Path, **options: Any) -> None:
        if refusing[0]:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        unlink(file, **options)

    monkeypatch.setattr(Path, "unlink", refuse)
    kept = retention_of(store, every_minutes=0.01)
    kept.start()
    await eventually(lambda: store.alarms)
    assert "Read-only" in str(store.alarms[0][2])
    assert len(pictured(store)) == 2
    refusing[0] = False
    await eventually(lambda: store.alarms[-1][2] is None)
    assert pictured(store) == [0]
    await kept.stop()


async def test_a_defect_is_an_alarm_and_the_next_turn_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await store.commit(frame(40), frame(0))
    turns = []

    def fail_once(*_: Any) -> list[Any]:
        turns.append(1)
        if len(turns) == 1:
            raise KeyError("a defect of ours")
        return rules(*_)

    rules = due.rules
    monkeypatch.setattr(due, "rules", fail_once)
    kept = retention_of(store, every_minutes=0.01)
    kept.start()
    await eventually(lambda: len(store.alarms) == 2)
    assert [(kind, "a defect of ours" in str(text)) for kind, _, text in store.alarms] == [
        ("retention", True),
        ("retention", False),
    ]
    assert "event=retention_failed" in caplog.text
    await kept.stop()


async def test_below_the_free_space_rows_go_on_without_pictures_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [2000]

    class Disk:
        f_frsize = 1

        @property
        def f_bavail(self) -> int:
            return free[0]

    monkeypatch.setattr(os, "statvfs", lambda _: Disk())
    store = Store(tmp_path, free_bytes=1000)
    try:
        assert (await store.commit(frame(0)))[0].result.image_path
        free[0] = 999
        assert (await store.commit(frame(0)))[0].result.image_path is None
        await eventually(lambda: store.alarms)
        assert store.alarms[-1][0] == "pictures"
        assert "free" in str(store.alarms[-1][2])
        free[0] = 1100
        assert (await store.commit(frame(0)))[0].result.image_path is None, "a little more room is wanted"
        free[0] = 1125
        assert (await store.commit(frame(0)))[0].result.image_path
        await eventually(lambda: store.alarms[-1][2] is None)
        assert len(store.reads.results()) == 4
    finally:
        await store.close()


async def test_a_picture_is_written_though_its_empty_folder_was_taken_away(store: Store) -> None:
    [first] = await store.commit(frame(0))
    file = store.folder / str(first.result.image_path)
    file.unlink()
    file.parent.rmdir()
    assert (await store.commit(frame(0)))[0].result.image_path


def test_the_command_removes_or_says_what_would_go(tmp_path: Path) -> None:
    async def fill() -> None:
        store = Store(tmp_path)
        await store.commit(frame(40), frame(0))
        await store.close()

    asyncio.run(fill())
    dry = CliRunner().invoke(cli, ["retention", "--dry-run", "--json", "--data-dir", str(tmp_path)])
    assert json.loads(dry.stdout) == {"pictures": 1, "picture_bytes": 4}
    done = CliRunner().invoke(cli, ["retention", "--data-dir", str(tmp_path)])
    assert done.stdout.split() == ["picture_bytes", "4", "pictures", "1"]
    again = CliRunner().invoke(cli, ["retention", "--data-dir", str(tmp_path)])
    assert again.stdout == "nothing is due\n"


async def test_the_command_leaves_it_to_a_running_master(store: Store) -> None:
    await store.commit(frame(40), frame(0))
    refused = await asyncio.to_thread(CliRunner().invoke, cli, ["retention", "--data-dir", str(store.folder)])
    assert "does this itself every 5 minutes" in str(refused.exception)
    dry = await asyncio.to_thread(CliRunner().invoke, cli, ["retention", "--dry-run", "--data-dir", str(store.folder)])
    assert "pictures" in dry.stdout


async def test_choosing_pictures_or_rows_reads_no_more_rows_than_it_needs(store: Store) -> None:
    reader = store.outbox.reader()
    for condition, index in ((ages.PICTURED, "posture_log_pictured"), (ages.PICTURELESS, "posture_log_pictureless")):
        for statement, wanted in zip(ages.statements(condition), (index, index, "posture_log_camera"), strict=True):
            plan = " ".join(line[3] for line in reader.execute(f"EXPLAIN QUERY PLAN {statement}"))
            assert wanted in plan
            assert "TEMP B-TREE" not in plan
    for rule in due.rules(Keeping(StoreSettings(), 30, drains=False), NOW)[:2]:
        asked = f"EXPLAIN QUERY PLAN SELECT id FROM {rule._where} ORDER BY {rule.order} LIMIT 1"  # noqa: S608 - as is
        plan = " ".join(line[3] for line in reader.execute(asked, rule.values))
        assert "TEMP B-TREE" not in plan
        assert "SCAN posture_log" not in plan
    reader.close()


def test_rows_of_bad_posture_must_live_at_least_as_long() -> None:
    assert StoreSettings(keep_days=1000).bad_rows_days == 2000
    with pytest.raises(ValueError, match="bad_keep_days"):
        StoreSettings(keep_days=30, bad_keep_days=20)


def test_pictures_of_bad_posture_must_live_at_least_as_long() -> None:
    with pytest.raises(ValueError, match="bad_pictures_days"):
        StoreSettings(pictures_days=30, bad_pictures_days=10)


def test_an_older_file_gets_the_indexes(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "posture.db", isolation_level=None)
    connection.executescript(f"{schema.TABLES} PRAGMA user_version = 1;")
    schema.upgrade(connection)
    assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'posture_log_pictured'").fetchone() == (
        1,
    )
    connection.close()
