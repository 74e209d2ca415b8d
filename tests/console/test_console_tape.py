"""Recordings as files: what goes in comes out, at any moment; long ones are sought quickly; broken ones say so."""

import sqlite3
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from posture_console.core.whole import site_of
from posture_console.record.file import read
from posture_console.record.recorder import Recorder
from posture_console.record.recording import Recording
from posture_console.record.reel import Reel
from posture_shared.exits import Exit, Stop
from posture_shared.records import Alarm, Link, Override
from support.recorded import Past
from support.scene import Scene


async def test_any_moment_reads_as_it_was(tmp_path: Path) -> None:
    past = Past(tmp_path / "a.rec")
    await past.live(600, keep_every=37)
    await past.recorder.close()
    with Recording(past.recorder.file) as recording:
        assert len(past.kept) > 30
        for at_ms, then in past.kept.items():
            assert site_of(Reel(recording, at_ms).store, then.at, results=100) == then


async def test_playing_on_passes_the_same_states(tmp_path: Path) -> None:
    past = Past(tmp_path / "a.rec")
    await past.live(300, keep_every=100)
    await past.recorder.close()
    with Recording(past.recorder.file) as recording:
        reel = Reel(recording, recording.since_ms)
        for at_ms, then in past.kept.items():
            reel.forward(at_ms)
            assert site_of(reel.store, then.at, results=100) == then


async def test_everything_that_is_not_a_result_is_recorded_too(tmp_path: Path) -> None:
    past = Past(tmp_path / "a.rec")
    await past.live(5)
    at = past.at
    alarm = Alarm(alarm_id="x", kind="k", subject="s", severity="critical", text="[/foo] on fire", since=at)
    override = Override(scope="all", target="local", reason="r", author="a", since=at, until=None)
    broker = Link(name="broker", state="down", detail="refused", retry_s=3.0)
    past.say(alarms=[alarm], overrides=[override], links=[broker])
    past.recorder.answered("jobs", [{"name": "job-1", "state": "running"}])
    past.recorder.pictured("f1", b"jpeg")
    await past.live(2)
    past.recorder.lost("it is silent", past.at)
    await past.recorder.close()
    with Recording(past.recorder.file) as recording:
        reel = Reel(recording, recording.until_ms)
        assert reel.lost == "it is silent"
        assert reel.store.alarms["x"] == alarm
        assert reel.store.overrides == [override]
        assert reel.store.links["broker"] == broker
        assert recording.answer("jobs", recording.until_ms) == [{"name": "job-1", "state": "running"}]
        assert recording.answer("jobs", recording.since_ms) is None
        assert recording.picture("f1") == b"jpeg"


async def test_a_master_that_starts_again_with_its_clock_set_back_keeps_the_order(tmp_path: Path) -> None:
    past = Past(tmp_path / "a.rec")
    await past.live(20)
    end_ms = int(past.at.timestamp() * 1000)
    again = Scene(cameras=2)
    past.store.load(again.site("second", 7), past.now_s)
    await past.recorder.close()
    with Recording(past.recorder.file) as recording:
        assert recording.until_ms >= end_ms
        store = Reel(recording, recording.until_ms).store
        assert (store.epoch, sorted(store.cameras)) == ("second", ["pi1", "pi2"])


def test_what_was_flushed_outlives_a_kill(tmp_path: Path) -> None:
    code = f"""
import asyncio, os, signal
from pathlib import Path
from support.recorded import Past
async def main():
    past = Past(Path({str(tmp_path / "a.rec")!r}))
    await past.live(30)
    await past.recorder.flush()
    await past.live(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    tests = Path(__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(tests)}, timeout=60, check=False)
    assert done.returncode == -9
    with Recording(tmp_path / "a.rec") as recording:
        assert recording.until_ms - recording.since_ms >= 29_000


async def test_a_day_is_sought_quickly_in_bounded_memory(tmp_path: Path) -> None:
    past = Past(tmp_path / "day.rec", cameras=6, fps=0.2)
    await past.live(24 * 3600, step_s=20)
    await past.recorder.close()
    tracemalloc.start()
    with Recording(past.recorder.file) as recording:
        assert recording.until_ms - recording.since_ms > 23.9 * 3600 * 1000
        taken_s = []
        for share in (0.99, 0.5, 0.01, 0.75, 0.25):
            began_s = time.perf_counter()
            Reel(recording, recording.since_ms + share * (recording.until_ms - recording.since_ms))
            taken_s.append(time.perf_counter() - began_s)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25_000_000
    assert sorted(taken_s)[2] < 1.0, taken_s


def cut(file: Path, share: float) -> None:
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])


async def test_a_cut_off_or_foreign_file_is_said_in_words(tmp_path: Path) -> None:
    past = Past(tmp_path / "a.rec")
    await past.live(120)
    await past.recorder.close()
    cut(past.recorder.file, 0.6)
    with pytest.raises(Stop, match="damaged or was cut off") as refused:
        Recording(past.recorder.file)
    assert refused.value.code is Exit.USAGE
    (tmp_path / "empty.rec").write_bytes(b"")
    with pytest.raises(Stop, match="is empty: nothing was recorded into it"):
        read(tmp_path / "empty.rec")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(Stop, match="no recording of this console"):
        Recording(tmp_path / "other.db")
    with pytest.raises(Stop, match="cannot be read"):
        read(tmp_path / "none.rec")


async def test_a_piece_with_a_flipped_bit_is_said_in_words(tmp_path: Path) -> None:
    past = Past(tmp_path / "a.rec")
    await past.live(60)
    await past.recorder.close()
    tape = sqlite3.connect(past.recorder.file)
    tape.execute("UPDATE piece SET entries = x'00ff' WHERE number = 2")
    tape.commit()
    tape.close()
    with Recording(past.recorder.file) as recording, pytest.raises(Stop, match="damaged"):
        Reel(recording, recording.until_ms)


async def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "a.rec").write_text("mine")
    with pytest.raises(Stop, match="exists"):
        Recorder(tmp_path / "a.rec")
    assert (tmp_path / "a.rec").read_text() == "mine"
