"""The numbers behind a decision, drawn: thresholds, columns as high as the load, nodes and their room."""

from datetime import UTC, datetime
from typing import Any

import pytest

from posture_console.core.chart import Band, band_of, candidate_rows, load_chart, samples_of
from posture_console.core.spans import cell_width, plain
from posture_shared.records import Decision

BAND = Band(60.0, 50.0)


def decision(**changes: Any) -> Decision:
    said: dict[str, Any] = {
        "decision_id": "d", "generation": 1, "at": datetime.now(UTC), "scope": "all", "state": "OFFLOADED",
        "source": "orin", "target": "agx", "trigger": "high",
        "inputs": {"high": 60.0, "low": 50.0, "samples": [76.7, 77.3, 76.8]},
        "candidates": [
            {"node": "agx", "cpu": 12.0, "projected": 23.5, "job": False, "eligible": True, "why": ""},
            {"node": "nano", "cpu": 58.0, "projected": 71.0, "job": False, "eligible": False, "why": "no room"},
        ],
        "reason": "because",
    }  # fmt: skip
    return Decision(**(said | changes))


def test_columns_reach_as_high_as_the_load() -> None:
    lines = [plain(line) for line in load_chart([5.0, 55.0, 100.0], BAND, 60)]
    heights = [sum("█" in line[start : start + 8] for line in lines[:-1]) for start in (7, 17, 27)]
    assert heights == [0, 5, 10]
    assert "5%" in lines[-1]
    assert "100%" in lines[-1]


def test_thresholds_are_named_at_the_axis_in_their_rows() -> None:
    lines = [plain(line) for line in load_chart([10.0], BAND, 40)]
    assert [line.split()[0] for line in lines if "┄" in line] == ["60", "50"]
    assert lines[3].startswith("   60")
    assert lines[4].startswith("   50")


@pytest.mark.parametrize("cells", [1, 10, 39, 80])
@pytest.mark.parametrize("count", [1, 3, 60])
def test_chart_keeps_to_its_room(cells: int, count: int) -> None:
    widths = {cell_width(line) for line in load_chart([70.0] * count, BAND, cells)}
    assert max(widths) <= max(cells + 2, 7 + count * 3)


@pytest.mark.parametrize("source", ["telemetry", "metrics.k8s.io", "requests"])
def test_a_candidate_says_where_its_load_comes_from(source: str) -> None:
    known = decision(candidates=[{"node": "agx", "cpu": 12.0, "projected": 24.0, "source": source}])
    assert f"12 %, with the work 24 % by {source}: " in plain(candidate_rows(known, 60)[1])


def test_candidates_show_the_load_the_work_and_the_verdict() -> None:
    text = [plain(line) for line in candidate_rows(decision(), 60)]
    assert text[0].startswith("● agx")
    assert "╍" in text[0]
    assert "12 %, with the work 24 %: chosen" in text[1]
    assert text[2].startswith("○ nano")
    assert "58 %, with the work 71 %: no room" in text[3]


@pytest.mark.parametrize(
    "inputs", [{}, {"samples": "many"}, {"samples": [None, "x", float("nan")], "high": None, "low": True}]
)
def test_decisions_without_numbers_have_no_chart(inputs: dict[str, Any]) -> None:
    assert samples_of(decision(inputs=inputs)) == []
    assert band_of(decision(inputs=inputs)) is None


def test_candidates_of_another_version_do_no_harm() -> None:
    odd = decision(candidates=[{}, {"node": None, "cpu": "12"}, {"name": "x", "cpu": 1e9, "projected": -5}])
    assert len(candidate_rows(odd, 50)) == 6


@pytest.mark.parametrize(("rows", "named"), [(10, ["60", "50"]), (5, ["60", "50"]), (4, ["60/50"])])
def test_both_thresholds_are_named_however_few_rows_there_are(rows: int, named: list[str]) -> None:
    lines = [plain(line) for line in load_chart([10.0], BAND, 40, rows)]
    assert [line.split()[0] for line in lines if "┄" in line] == named


def test_a_long_name_of_both_thresholds_moves_the_axis_of_every_row() -> None:
    lines = [plain(line) for line in load_chart([10.0], Band(100.0, 95.0), 40, 4)]
    assert {line.index("│") for line in lines[:-1]} == {7}
    assert lines[0].startswith("100/95")
