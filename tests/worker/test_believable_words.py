"""What a worker may say: of its own node, in sane numbers, in texts that fit."""

import msgspec
import pytest

from posture_agent.master.leasing.believable import acceptable, believable
from posture_agent.master.leasing.roster import wrong_hello
from posture_shared.messages.worker import Analysis, Telemetry
from posture_shared.records import NodeLoad
from support.worker_world import GOOD, World, hello

TOLD = Telemetry(
    load=NodeLoad(node="n1", cpu=20.0, memory=30.0, cores=4),
    in_flight=0,
    fps=2.0,
    analyze_ms_p50=None,
    analyze_ms_p95=None,
    cpu_ms_per_frame=None,
    child="none",
    child_restarts=0,
    rss_bytes=1,
)


def test_a_worker_speaks_for_its_own_node_alone():
    assert believable(TOLD, "n1")
    assert not believable(TOLD, "n2")


@pytest.mark.parametrize("cpu", [float("nan"), float("inf"), -1.0])
def test_a_load_that_is_no_number_is_not_believed(cpu: float):
    assert not believable(msgspec.structs.replace(TOLD, load=msgspec.structs.replace(TOLD.load, cpu=cpu)), "n1")


def test_the_load_of_another_node_is_counted_and_changes_nothing():
    world = World("n1")
    world.ready("n1")
    [seat] = world.protocol.roster
    before = seat.telemetry
    stolen = msgspec.structs.replace(TOLD, load=msgspec.structs.replace(TOLD.load, node="master"))
    world.protocol.message(seat.peer, stolen, b"", world.now)
    assert seat.telemetry is before
    assert world.protocol.hostile["wrong load"] == 1


@pytest.mark.parametrize(
    "analysis",
    [
        Analysis(posture_status="Failed", reason=""),
        Analysis(posture_status="Good", reason="x" * 3000),
        Analysis(posture_status="Good", reason="", confidence=float("nan")),
        Analysis(posture_status="Good", reason="", model="x" * 3000),
    ],
)
def test_an_outcome_that_fits_no_row_is_not_accepted(analysis: Analysis):
    assert acceptable(GOOD)
    assert not acceptable(analysis)


def test_a_name_of_a_megabyte_is_refused():
    assert "100 characters" in str(wrong_hello(msgspec.structs.replace(hello("n1"), build="x" * 1_000_000)))
