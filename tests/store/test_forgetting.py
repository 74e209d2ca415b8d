"""What `posture-agent forget` removes, what it leaves, and that it may be done twice; with a real PostgreSQL."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
import pytest
from click.testing import CliRunner

from posture_agent.commands.forget import forget
from posture_agent.store import journal
from posture_agent.store.migrate import migrate
from posture_agent.store.waiting_frames import Waiting, WaitingFrames
from posture_shared.exits import Exit, Stop
from posture_shared.timeline import Episode, PostureBaseline
from support.database import OLDER_TABLES, ask
from support.opened_store import Store, outcome
from support.postgres import Postgres
from support.processes import free_port
from support.site_records import frame

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
FACE = b"\xff\xd8a face that nobody shall see again\xff\xd9"
SPAN = ("--since", "2026-03-29T12:00:00Z", "--until", "2026-03-29T12:01:00Z")


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTURE_BROKER__PORT", str(free_port()))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    one = Store(tmp_path)
    yield one
    await one.close()


def run(store: Store, *words: str, camera: str = "pi1") -> dict[str, Any]:
    flags = ["--camera", camera, *SPAN, "--data-dir", str(store.folder), "--json", *words]
    done = CliRunner().invoke(forget, flags, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def counts(**wanted: int) -> dict[str, int]:
    return {"frames": 0, "pictures": 0, "episodes": 0, "baselines": 0, **wanted}


def all_files(store: Store) -> bytes:
    return b"".join(one.read_bytes() for one in store.folder.rglob("*") if one.is_file())


async def fill(store: Store) -> None:
    """A minute before, the minute in question and a minute after, of two cameras, one frame each ten seconds."""
    for pi_id in ("pi1", "pi2"):
        times = [NOON + timedelta(seconds=10 * n) for n in range(-6, 12)]
        await store.commit(
            *(outcome(pi_id, picture=FACE, captured_time=at, received_time=at, seq=n) for n, at in enumerate(times, 1))
        )
        for minutes in (-10, 0, 10):
            at = NOON + timedelta(minutes=minutes, seconds=20)
            over = Episode(episode_id=f"{pi_id}{minutes}", pi_id=pi_id, started=at, ended=at + timedelta(seconds=15))
            await asyncio.wrap_future(store.committer.write(journal.episode(over)))
            taken = PostureBaseline(
                baseline_id=f"{pi_id}{minutes}",
                pi_id=pi_id,
                profile="anna",
                version=1,
                neck=1.0,
                body=1.0,
                at=at,
                author="me",
            )
            await asyncio.wrap_future(store.committer.write(journal.baseline(taken)))


async def test_a_span_of_one_camera_goes_and_everything_else_stays(store: Store):
    await fill(store)
    wanted = counts(frames=6, pictures=6, episodes=1, baselines=1)
    assert run(store, "--dry-run")["here"] == wanted
    assert run(store, "--dry-run")["here"] == wanted, "a dry run removed something"
    assert run(store)["here"] == wanted
    assert run(store)["here"] == counts()
    left = store.reads.results(camera="pi1", limit=100)
    assert len(left) == 12
    assert not any(NOON <= one.captured_time < NOON + timedelta(minutes=1) for one in left if one.captured_time)
    assert len(store.reads.results(camera="pi2", limit=100)) == 18
    assert len(list(store.folder.rglob("*.jpg"))) == 30
    assert all(store.reads.picture(one.frame_id) for one in left)


async def test_what_was_forgotten_stands_nowhere_in_the_file(store: Store):
    await store.commit(outcome(picture=None, captured_time=NOON, received_time=NOON, reason="UNIQUEWORD" * 20))
    assert b"UNIQUEWORD" in all_files(store)
    run(store)
    assert b"UNIQUEWORD" not in all_files(store)


async def test_a_line_of_the_audit_says_what_was_done_and_a_dry_run_leaves_none(store: Store):
    await fill(store)
    run(store, "--dry-run")
    run(store)
    with closing(sqlite3.connect(store.folder / "posture.db")) as database:
        [line] = database.execute("SELECT verb, author, args, ok, answer FROM operator_audit").fetchall()
    verb, author, args, ok, answer = line
    assert (verb, ok) == ("forget", 1)
    assert author.startswith("local:")
    assert json.loads(args)["camera"] == "pi1"
    assert json.loads(answer)["here"]["frames"] == 6


async def test_a_frame_that_was_forgotten_does_not_come_back_as_a_new_one(store: Store):
    one = outcome(captured_time=NOON, received_time=NOON)
    await store.commit(one)
    run(store)
    assert store.outbox.owner(one.result.frame_id) == "pi1"


async def test_what_was_under_way_leaves_neither_row_nor_picture(store: Store):
    """A worker's late result, a frame about to be parked, an episode that went on: the master has them in memory."""
    run(store)
    late, episode = NOON + timedelta(seconds=1), Episode(episode_id="e", pi_id="pi1", started=NOON, ended=NOON)
    told = await store.commit(
        outcome(picture=FACE, captured_time=late, received_time=late),
        outcome(picture=FACE, captured_time=None, received_time=late),
        outcome("pi2", captured_time=late, received_time=late),
        outcome(captured_time=NOON + timedelta(minutes=1)),
    )
    await asyncio.wrap_future(store.committer.write(journal.episode(episode)))
    parked = Waiting(replace(frame("pi1"), jpeg=FACE, captured=late), None)
    waiting = WaitingFrames(store.outbox, store.committer.write)
    await asyncio.wrap_future(waiting.keep([parked]))
    assert len(told) == 4, "each is acknowledged"
    assert store.outbox.owner(told[0].result.frame_id) == "pi1"
    assert {one.frame_id for one in store.reads.results()} == {one.result.frame_id for one in told[2:]}
    assert waiting.load() == []
    assert run(store, "--dry-run")["here"] == counts()
    assert FACE not in all_files(store)
    waiting.close()


async def test_what_is_yet_to_be_taken_is_not_forgotten(store: Store):
    later = ("--until", (datetime.now(UTC) + timedelta(days=1)).isoformat())
    run(store, *later)
    await store.commit(outcome(picture=FACE, captured_time=datetime.now(UTC) + timedelta(seconds=1)))
    assert len(store.reads.results()) == 1


async def test_a_running_store_goes_on_committing_meanwhile(store: Store):
    await fill(store)
    await store.commit(*(outcome(captured_time=NOON, received_time=NOON) for _ in range(2000)))
    done = asyncio.get_running_loop().run_in_executor(None, run, store)
    committed = 0
    while not done.done():
        await store.commit(outcome())
        committed += 1
    assert (await done)["here"]["frames"] == 2006
    assert committed >= 1
    assert not any(text for _, _, text in store.alarms)


async def test_an_interrupted_one_is_finished_by_the_next(store: Store, monkeypatch: pytest.MonkeyPatch):
    await fill(store)
    first = next(iter(sorted(store.folder.rglob("*pi1_20260329T1200*.jpg"))))
    first.unlink()  # as after a power cut between picture and row
    assert run(store)["here"] == counts(frames=6, pictures=5, episodes=1, baselines=1)


async def test_rows_in_postgresql_go_with_the_admins_login_and_old_rows_by_their_received_time(
    store: Store, postgres: Postgres
):
    migrate(postgres.url)
    with psycopg2.connect(postgres.url) as link, link.cursor() as cursor:
        cursor.execute(
            "INSERT INTO posture_log (pi_id, received_time, captured_time, frame_id) VALUES"
            " ('pi1', '2026-03-29 12:00:30', NULL, NULL),"
            " ('pi1', '2026-03-29 12:01:00', NULL, NULL),"
            " ('pi2', '2026-03-29 12:00:30', NULL, NULL),"
            " ('pi1', '2026-03-29 13:00:00', '2026-03-29T12:00:10Z', gen_random_uuid()),"
            " ('pi1', '2026-03-29 12:00:30', '2026-03-29T11:00:10Z', gen_random_uuid())"
        )
        cursor.execute(
            "INSERT INTO posture_episode (episode_id, pi_id, started, ended) VALUES"
            " ('a', 'pi1', '2026-03-29T11:59:00Z', '2026-03-29T12:00:01Z'),"
            " ('b', 'pi1', '2026-03-29T11:58:00Z', '2026-03-29T11:59:59Z')"
        )
    assert run(store, "--dry-run", "--admin-url", postgres.url)["database"] == counts(frames=2, episodes=1)
    assert run(store, "--admin-url", postgres.url)["database"] == counts(frames=2, episodes=1)
    assert run(store, "--admin-url", postgres.url)["database"] == counts()
    with psycopg2.connect(postgres.url) as link, link.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM posture_log")
        assert cursor.fetchone() == (3,)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
@pytest.mark.parametrize("table", OLDER_TABLES.values(), ids=OLDER_TABLES)
async def test_the_right_minute_goes_from_every_older_table_and_in_every_zone(
    table: str, zone: str, store: Store, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
):
    """Where the table says no zone, the wall clock of the configured one is meant, as it is written there."""
    ask(postgres.url, table)
    migrate(postgres.url)
    monkeypatch.setenv("POSTURE_DATABASE__TIME_ZONE", zone)
    has_zone = ask(postgres.url, "SELECT pg_typeof(received_time) = 'timestamptz'::regtype FROM posture_log LIMIT 1")
    for name, after_s in (("before", -1), ("first", 0), ("last", 59), ("after", 60)):
        at = NOON + timedelta(seconds=after_s)
        if has_zone != [(True,)]:
            at = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        ask(postgres.url, "INSERT INTO posture_log (filename, pi_id, received_time) VALUES (%s, 'pi1', %s)", (name, at))
    assert run(store, "--dry-run", "--admin-url", postgres.url)["database"] == counts(frames=2)
    assert run(store, "--admin-url", postgres.url)["database"] == counts(frames=2)
    left = ask(postgres.url, "SELECT filename FROM posture_log WHERE filename NOT LIKE 'img%' ORDER BY 1")
    assert left == [("after",), ("before",)]
    assert ask(postgres.url, "SELECT count(*) FROM posture_log") == [(10_002,)]


async def test_what_stays_behind_is_said(store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUPABASE_HOST", "db.example")
    notes = " | ".join(run(store)["notes"])
    assert "the camera could not be told" in notes
    assert "a master runs on this folder" in notes
    assert "rows in PostgreSQL stay" in notes


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--camera", "../etc"), "is not a camera's name"),
        (("--until", "2026-03-29T11:00:00Z"), "is not after --since"),
        (("--data-dir", "/nonexistent"), "name the master's folder"),
        (("--dry-run", "--data-dir", "/nonexistent"), "name the master's folder"),
    ],
)
def test_wrong_use_ends_with_a_sentence(words: tuple[str, ...], sentence: str):
    with pytest.raises(Stop, match=sentence) as refused:
        CliRunner().invoke(forget, ["--camera", "pi1", *SPAN, *words], catch_exceptions=False)
    assert refused.value.code == Exit.USAGE
