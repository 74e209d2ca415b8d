"""Frames that are kept before they have a row: back after a restart, gone without a trace once they have one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.store.delivery import Delivery
from posture_agent.store.forgetting import Span, forget
from posture_agent.store.waiting_frames import Waiting, WaitingFrames
from posture_shared.frame import new_id
from support.opened_store import NOW, Store, outcome

FACE = b"\xff\xd8 a face, as it came " * 500


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path)
    yield opened
    await opened.close()


def frame(pi_id: str = "pi1", *, numbered: bool = True) -> AcceptedFrame:
    return AcceptedFrame(
        frame_id=new_id(),
        pi_id=pi_id,
        run=new_id() if numbered else None,
        seq=7 if numbered else None,
        captured=NOW if numbered else None,
        jpeg=FACE,
        received_at=NOW,
        received_s=0.0,
        width=640,
        height=480,
    )


async def kept(store: Store, *waiting: Waiting) -> WaitingFrames:
    frames = WaitingFrames(store.outbox, store.committer.write)
    await asyncio.wrap_future(frames.keep(waiting))
    return frames


async def test_kept_frames_come_back_with_their_pictures_apart(store: Store) -> None:
    first, second = frame(), frame("old", numbered=False)
    with closing(await kept(store, Waiting(first, None), Waiting(second, Delivery(5, b"s" * 32, "old")))) as frames:
        one, other = frames.load()
        assert (one.frame.frame_id, one.frame.run, one.frame.seq, one.frame.captured) == (
            *(first.frame_id, first.run, first.seq, NOW),
        )
        assert (one.frame.jpeg, one.delivery, other.delivery) == (b"", None, Delivery(5, b"s" * 32, "old"))
        assert frames.picture(first.frame_id) == FACE
        assert frames.bytes_kept() == 2 * len(FACE)


async def test_what_has_its_row_is_neither_loaded_nor_left_in_the_file(store: Store) -> None:
    one = frame()
    with closing(await kept(store, Waiting(one, None))) as frames:
        await store.commit(outcome(frame_id=one.frame_id, picture=None))
        assert frames.load() == []
        await asyncio.wrap_future(frames.drop([]))
        assert frames.bytes_kept() == 0
    connection = store.outbox.writer()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.close()
    assert b"a face, as it came" not in store.outbox.file.read_bytes()


async def test_forget_removes_what_waits(store: Store) -> None:
    with closing(await kept(store, Waiting(frame(), None), Waiting(frame("pi2"), None))) as frames:
        forget(store.outbox.file, Span("pi1", NOW - timedelta(hours=1), NOW + timedelta(hours=1)))
        assert [one.frame.pi_id for one in frames.load()] == ["pi2"]
