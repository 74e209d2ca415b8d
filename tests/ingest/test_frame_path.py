"""A committed group: all of it is acknowledged, whatever becomes of the telling."""

from typing import Any

import pytest

from posture_agent.frames.outcome import Outcome
from posture_agent.master.frame_path import FramePath
from posture_shared.records import Result
from support.site_records import result


class Seen:
    """Everyone that the path tells; `broken` names the frame at which settling or telling fails."""

    def __init__(self, broken: str = "") -> None:
        self.settled: list[str] = []
        self.told: list[str] = []
        self.counted: list[str] = []
        self.broken = broken

    def settle(self, frame_id: str) -> None:
        if self.broken == f"settle {frame_id}":
            raise RuntimeError("a defect")
        self.settled.append(frame_id)

    def tell(self, told: Result) -> None:
        if self.broken == f"tell {told.frame_id}":
            raise RuntimeError("a defect")
        assert len(self.settled) >= 2, "who is told must not hold an acknowledgement up"
        self.told.append(told.frame_id)


def path_of(seen: Seen) -> FramePath:
    cameras: Any = type("Cameras", (), {"settled": lambda _self, _result, was_leased: None})()
    figures: Any = type("Figures", (), {"done": lambda _self, result: seen.counted.append(result.frame_id)})()
    return FramePath(
        lease=lambda _frame: None,
        store=lambda _outcome: None,
        settle=seen.settle,
        cameras=cameras,
        figures=figures,
        told=[seen.tell],
        keep_pictures="annotated",
    )


@pytest.mark.parametrize(
    ("broken", "settled", "told"),
    [("", "abc", "abc"), ("settle a", "bc", "abc"), ("tell b", "abc", "ac")],
)
def test_a_defect_at_one_frame_costs_the_others_nothing(broken: str, settled: str, told: str) -> None:
    seen = Seen(broken)
    outcomes = [Outcome(result=result(frame_id=name), received_s=0.0) for name in "abc"]
    path_of(seen).committed(outcomes)
    assert ("".join(seen.settled), "".join(seen.told)) == (settled, told)
    assert "".join(seen.counted) == "abc"
