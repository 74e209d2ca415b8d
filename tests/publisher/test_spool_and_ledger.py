"""The spool keeps what is unconfirmed within its bounds and over a restart; the ledger knows what was published."""

import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posture_publisher import shelf as shelf_module
from posture_publisher.ledger import Ledger, entries, published_before
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


def test_a_full_spool_gives_up_its_oldest_frame():
    spool = Spool(MemoryShelf(), max_bytes=300)
    assert spool.put(key(1), bytes(100)) == []
    assert spool.put(key(2), bytes(100)) == []
    assert spool.put(key(3), bytes(150)) == [key(1)]
    assert spool.get(key(1)) is None
    assert spool.held_bytes == 250


def test_a_frame_larger_than_the_spool_is_given_up_itself():
    spool = Spool(MemoryShelf(), max_bytes=300)
    spool.put(key(1), bytes(100))
    assert spool.put(key(2), bytes(301)) == [key(2)]
    assert key(1) in spool


def test_freed_frames_make_room():
    spool = Spool(MemoryShelf(), max_bytes=300)
    spool.put(key(1), bytes(200))
    assert not spool.fits(200)
    spool.free([key(1), key(7)])
    assert spool.fits(300)
    assert len(spool) == 0


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


class FullDisk(MemoryShelf):
    """Takes two frames."""

    def put(self, key: FrameKey, jpeg: bytes) -> None:
        if len(self._jpegs) >= 2:
            raise OSError(28, os.strerror(28))
        super().put(key, jpeg)


def test_on_a_full_disk_the_oldest_goes_as_in_a_full_spool():
    spool = Spool(FullDisk(), max_bytes=10_000)
    for seq in (1, 2):
        assert spool.put(key(seq), bytes(10)) == []
    assert spool.put(key(3), bytes(10)) == [key(1)]
    assert len(spool) == 2


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
