"""What placement keeps in a real `posture.db`."""

import sqlite3
from datetime import UTC, datetime

import pytest

from posture_agent.store.committer import Committer
from posture_agent.store.outbox import Outbox
from posture_agent.store.pictures import Pictures
from posture_agent.store.placement_log import PlacementLog
from posture_shared.records import Decision
from support.placing_world import PlacingSite


def decision(number, **fields):
    given = {
        "decision_id": f"00000000-0000-4000-8000-{number:012}",
        "generation": number,
        "at": datetime(2026, 1, 1, 12, 0, number, tzinfo=UTC),
        "scope": "all",
        "state": "OFFLOADED",
        "source": "orin",
        "target": "agx",
        "trigger": "high",
        "inputs": {"cpu": 72.0, "samples": [71.0, 72.0, 73.0]},
        "candidates": [{"node": "agx", "projected": 31.0}],
        "reason": "orin at 72 % ≥ 60 %: cam1 moves to agx (projected 31 %)",
        "handover_ms": 812.5,
        "in_flight": 3,
    }
    return Decision(**{**given, **fields})


@pytest.fixture
async def kept(tmp_path):
    outbox = Outbox(tmp_path)
    committer = Committer(
        outbox=outbox, pictures=Pictures(tmp_path), on_committed=lambda _: None, on_alarm=lambda *_: None
    )
    committer.start()
    yield PlacementLog(outbox, committer)
    await committer.stop()
    outbox.close()


async def test_nothing_is_kept_at_first(kept):
    assert kept.load() == (None, 0)
    assert kept.decisions(10) == []


async def test_the_state_and_its_decisions_are_durable_together(kept):
    kept.save(b'{"generation":7}', 7, [decision(1), decision(2)]).result(5)
    assert kept.load() == ('{"generation":7}', 7)
    assert kept.decisions(10) == [decision(1), decision(2)]
    assert kept.decisions(1) == [decision(2)]


async def test_the_newest_state_wins_and_a_decision_is_written_once(kept):
    kept.save(b"{}", 1, [decision(1)]).result(5)
    kept.save(b'{"a":1}', 2, [decision(1)]).result(5)
    assert kept.load() == ('{"a":1}', 2)
    assert kept.decisions(10) == [decision(1)]


async def test_the_columns_are_those_that_others_read(kept, tmp_path):
    kept.save(b"{}", 1, [decision(1)]).result(5)
    with sqlite3.connect(tmp_path / "posture.db") as database:
        found = database.execute("SELECT scope, source, target, reason, in_flight FROM placement_log").fetchone()
    assert found[:3] == ("all", "orin", "agx")
    assert found[3].startswith("orin at 72 %")


async def test_live_placement_goes_on_from_the_real_file(kept):
    site = PlacingSite("n2", cameras={"pi1": 5.0}, store=kept)
    site.placing.start()
    site.run(5)
    args = {"scope": "all", "target": "node:n2", "reason": "fan", "for_s": None}
    await site.placing.set_override(args, "alice")
    site.look()
    site.run(3)
    await site.placing.stop()
    again = PlacingSite("n2", cameras={"pi1": 5.0}, store=kept)
    again.placing.start()
    again.run(6)
    assert again.placing.camera_state("pi1") == ("PINNED", "n2")
    assert again.placing.decisions()[0].reason.startswith("alice: all cameras to n2 for good: fan")
    await again.placing.stop()
