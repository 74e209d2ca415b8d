"""The spool keeps what is unconfirmed within its bounds and over a restart; the ledger knows what was published."""

import errno
import json
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from posture_publisher import shelf as shelf_module
from posture_publisher.ledger import Ledger, entries, published_before
from posture_publisher.place import Place
from posture_publisher.shelf import DiskShelf, MemoryShelf
from posture_publisher.spool import Spool
from posture_publisher.wire import FrameKey
from posture_shared.exits import Stop
from posture_shared.frame import FrameIdentity, embed, new_id

RUN = new_id()


def jpeg(seq: int, run: str = RUN, padding: int = 100) -> bytes:
    identity = FrameIdentity(id=new_id(), run=run, seq=seq, captured=datetime.now(UTC))
    return embed(b"\xff\xd8" + b"\xff\xfe\x00\x04ab" + bytes(padding) + b"\xff\xd9", identity)


def key(seq: int, run: str = RUN) -> FrameKey:
    return FrameKey(run, seq)


def test_a_full_place_gives_up_its_oldest_frame():
    place = Place(MemoryShelf(), max_bytes=300)
    assert place.put(key(1), bytes(100)) == []
    assert place.put(key(2), bytes(100)) == []
    assert place.put(key(3), bytes(150)) == [key(1)]
    assert place.get(key(1)) is None
    assert place.held_bytes == 250


def test_a_frame_larger_than_the_place_is_given_up_itself():
    place = Place(MemoryShelf(), max_bytes=300)
    place.put(key(1), bytes(100))
    assert place.put(key(2), bytes(301)) == [key(2)]
    assert key(1) in place


def test_removed_frames_make_room():
    place = Place(MemoryShelf(), max_bytes=300)
    place.put(key(1), bytes(200))
    assert not place.fits(200)
    place.remove(key(1))
    place.remove(key(7))
    assert place.fits(300)
    assert len(place) == 0


def test_a_restart_finds_what_was_on_disk_oldest_run_first_with_its_run_ids(tmp_path: Path):
    other = new_id()
    first = DiskShelf(tmp_path, sync_s=5)
    for run, seq in ((RUN, 2), (RUN, 10), (other, 1), (other, 2)):
        first.put(key(seq, run), jpeg(seq, run))
    first.remove(key(2))
    first.close()
    second = DiskShelf(tmp_path, sync_s=5)
    found = second.recover()
    assert [frame for frame, _ in found] == [key(10), key(1, other), key(2, other)]
    assert second.get(key(1, other)) is not None


def test_a_frame_cut_short_by_a_power_failure_is_removed(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    first = DiskShelf(tmp_path, sync_s=5)
    first.put(key(1), jpeg(1))
    first.put(key(2), jpeg(2)[:-20])
    first.close()
    (tmp_path / RUN / "000000000003.part").write_bytes(b"half")
    with caplog.at_level(logging.WARNING):
        found = DiskShelf(tmp_path, sync_s=5).recover()
    assert [frame for frame, _ in found] == [key(1)]
    assert [file.name for file in (tmp_path / RUN).iterdir()] == ["000000000001.jpg"]
    assert "not a whole frame" in caplog.text


def test_two_publishers_cannot_share_a_spool(tmp_path: Path):
    one = DiskShelf(tmp_path, sync_s=5)
    with pytest.raises(Stop, match="in use by another publisher"):
        DiskShelf(tmp_path, sync_s=5)
    one.close()
    DiskShelf(tmp_path, sync_s=5).close()


def test_only_frames_that_stay_are_forced_to_the_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    forced: list[str] = []
    monkeypatch.setattr(shelf_module, "_fsync", lambda path: forced.append(path.name))
    shelf = DiskShelf(tmp_path, sync_s=5)
    shelf.put(key(1), jpeg(1))
    shelf.put(key(2), jpeg(2))
    shelf.sync(10.0)
    shelf.remove(key(1))
    shelf.sync(14.9)
    assert forced == []
    shelf.sync(15.0)
    assert forced == ["000000000002.jpg", RUN]
    shelf.sync(60.0)
    assert len(forced) == 2


class Card(DiskShelf):
    """A card that takes so many frames more, and lets none go while it is read-only."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, sync_s=5)
        self.room, self.error = 1000, errno.ENOSPC

    def put(self, key: FrameKey, jpeg: bytes) -> None:
        self._take()
        super().put(key, jpeg)

    def try_out(self, size: int) -> None:
        self._take()
        self.room += 1
        super().try_out(size)

    def remove(self, key: FrameKey) -> None:
        if self.error == errno.EROFS:
            raise OSError(self.error, os.strerror(self.error))
        super().remove(key)
        self.room += 1

    def _take(self) -> None:
        if not self.room or self.error == errno.EROFS:
            raise OSError(self.error, os.strerror(self.error))
        self.room -= 1


def spool_on(card: Callable[[], DiskShelf], *, memory_bytes: int = 10_000) -> Spool:
    spool = Spool(memory_bytes=memory_bytes, open_disk=card, disk_bytes=100_000)
    spool.take_up()
    return spool


def synced(spool: Spool, seconds: int = 10, since_s: int = 0) -> None:
    for second in range(seconds):
        spool.sync(float(since_s + second))


def test_what_a_full_card_does_not_take_is_kept_in_memory_and_brought_there_later(tmp_path: Path):
    card = Card(tmp_path)
    spool, card.room = spool_on(lambda: card), 2
    frames = {key(seq): jpeg(seq) for seq in range(1, 5)}
    assert [spool.put(*frame) for frame in frames.items()] == [[]] * 4
    assert (spool.in_memory, spool.trouble) == (2, "No space left on device")
    synced(spool)
    assert spool.trouble, "it is over when the card takes frames, not before"
    assert {one: spool.get(one) for one in spool} == frames
    card.room = 100
    synced(spool, since_s=20)
    assert (spool.in_memory, spool.trouble) == (0, "")
    assert len(list(tmp_path.rglob("*.jpg"))) == 4


def test_a_card_is_tried_though_no_frame_waits_for_it(tmp_path: Path):
    card = Card(tmp_path)
    spool, card.room = spool_on(lambda: card), 0
    spool.put(key(1), jpeg(1))
    spool.free([key(1)])
    synced(spool)
    assert spool.trouble
    card.room = 1
    synced(spool, since_s=20)
    assert not spool.trouble
    assert [file.name for file in tmp_path.iterdir()] == [".lock"]


def test_with_card_and_memory_full_the_oldest_goes(tmp_path: Path):
    card = Card(tmp_path)
    size = len(jpeg(1))
    spool, card.room = spool_on(lambda: card, memory_bytes=2 * size), 2
    given_up = [spool.put(key(seq), jpeg(seq)) for seq in range(1, 7)]
    assert given_up == [[], [], [], [], [key(1)], [key(2)]]
    assert set(spool) == {key(3), key(4), key(5), key(6)}


def test_a_card_that_turned_read_only_ends_nothing_and_lets_go_later(tmp_path: Path):
    card = Card(tmp_path)
    size = len(jpeg(1))
    spool = spool_on(lambda: card, memory_bytes=2 * size)
    spool.put(key(1), jpeg(1))
    spool.put(key(2), jpeg(2))
    card.error = errno.EROFS
    spool.free([key(1)])
    assert spool.trouble == "Read-only file system"
    assert set(spool) == {key(2)}
    assert [spool.put(key(seq), jpeg(seq)) for seq in (3, 4, 5)] == [[], [], [key(3)]]
    assert spool.get(key(2)) is not None, "what lies on the card can be read"
    card.error = errno.ENOSPC
    synced(spool)
    assert sorted(file.stem[-1] for file in tmp_path.rglob("*.jpg")) == ["2", "4", "5"]
    assert not spool.trouble


def test_a_folder_that_cannot_be_made_is_tried_again_and_what_lies_there_is_found(tmp_path: Path):
    earlier = DiskShelf(tmp_path / "card" / "spool", sync_s=5)
    earlier.put(key(1), jpeg(1))
    earlier.close()
    (tmp_path / "card").rename(tmp_path / "elsewhere")
    (tmp_path / "card").touch()
    spool = spool_on(partial(DiskShelf, tmp_path / "card" / "spool", sync_s=5))
    assert spool.trouble == "Not a directory"
    assert spool.put(key(2), jpeg(2)) == []
    assert spool.take_up() == []
    (tmp_path / "card").unlink()
    (tmp_path / "elsewhere").rename(tmp_path / "card")
    assert spool.take_up() == [key(1)]
    synced(spool)
    assert not spool.trouble
    assert len(list(tmp_path.rglob("*.jpg"))) == 2


def test_what_waits_in_memory_goes_to_the_disk_at_the_end_if_it_can(tmp_path: Path):
    card = Card(tmp_path)
    spool, card.room = spool_on(lambda: card), 0
    spool.put(key(1), jpeg(1))
    card.room = 1
    spool.close()
    assert len(list(tmp_path.rglob("*.jpg"))) == 1


def test_the_last_run_with_no_frame_left_leaves_no_folder(tmp_path: Path):
    shelf = DiskShelf(tmp_path, sync_s=5)
    shelf.put(key(1), jpeg(1))
    shelf.remove(key(1))
    assert [entry.name for entry in tmp_path.iterdir()] == [".lock"]


def test_the_ledger_has_one_line_for_each_published_frame(tmp_path: Path):
    file = tmp_path / "deep" / "ledger.jsonl"
    captured = datetime(2026, 3, 1, 12, tzinfo=UTC)
    ledger = Ledger(file, pi_id="pi1")
    ledger.append(key(1), frame_id="a", captured=captured)
    assert entries(file) == [
        {"pi_id": "pi1", "run": RUN, "seq": 1, "frame_id": "a", "captured": "2026-03-01T12:00:00+00:00"}
    ]
    ledger.close()
    again = Ledger(file, pi_id="pi1")
    again.append(key(2), frame_id="b", captured=captured)
    again.close()
    assert [entry["seq"] for entry in entries(file)] == [1, 2]


def test_a_line_cut_by_a_crash_is_left_out(tmp_path: Path):
    file = tmp_path / "ledger.jsonl"
    file.write_text(json.dumps({"run": RUN, "seq": 1}) + "\n" + '{"run": "x')
    assert published_before(file, {RUN}) == {key(1)}


def test_a_rotated_ledger_still_knows_what_was_published(tmp_path: Path):
    file = tmp_path / "ledger.jsonl"
    ledger = Ledger(file, pi_id="pi1", rotate_bytes=300)
    for seq in range(1, 5):
        ledger.append(key(seq), frame_id=f"{seq}", captured=datetime.now(UTC))
    ledger.close()
    assert file.with_name("ledger.jsonl.1").exists()
    assert published_before(file, {RUN}) == {key(seq) for seq in range(1, 5)}
    assert published_before(file, {"another"}) == set()


def test_lines_that_a_full_card_does_not_take_are_written_later(tmp_path: Path):
    file, elsewhere = tmp_path / "card" / "ledger.jsonl", tmp_path / "elsewhere"
    (tmp_path / "card").touch()
    ledger = Ledger(file, pi_id="pi1", rotate_bytes=300)
    for seq in range(1, 4):
        ledger.append(key(seq), frame_id=f"{seq}", captured=datetime.now(UTC))
    (tmp_path / "card").rename(elsewhere)
    ledger.flush()
    assert published_before(file, {RUN}) == {key(1), key(2), key(3)}
    ledger.close()


def test_a_ledger_of_ones_own_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(Stop, match="cannot be written"):
        Ledger(tmp_path / "file" / "ledger", pi_id="pi1")
    full = Ledger(Path("/dev/full"), pi_id="pi1")
    full.append(key(1), frame_id="1", captured=datetime.now(UTC))
    full.close()
