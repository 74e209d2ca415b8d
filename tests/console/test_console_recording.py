"""`record` and `replay`: a recording from a master, read again, and tried with other rules."""

import json
from pathlib import Path
from typing import Any

import pytest

from posture_console.record.event_log import BLOCK, EventLog
from posture_console.record.file import read
from posture_console.record.what_if import tried
from posture_shared.exits import Exit, Stop
from posture_shared.placement import events
from posture_shared.placement import state as states
from posture_shared.placement.state import State
from support.console_process import Console
from support.fake_master import FakeMaster
from support.recorded import placement_lines, placement_log


@pytest.fixture(scope="module")
def log() -> list[events.AnyEvent]:
    return placement_log()


@pytest.fixture
def file(tmp_path: Path, log: list[events.AnyEvent]) -> Path:
    found = tmp_path / "site.rec"
    found.write_bytes(placement_lines(log))
    return found


@pytest.fixture
def console(master: FakeMaster, tmp_path: Path) -> Console:
    return Console(master.address, tmp_path)


def test_a_recording_reads_as_it_was_written(file: Path, log: list[events.AnyEvent]) -> None:
    (stretch,) = read(file)
    assert list(stretch.log) == log
    assert stretch.initial == State()


def test_the_last_line_may_be_cut_off(file: Path, log: list[events.AnyEvent]) -> None:
    file.write_bytes(file.read_bytes()[:-20])
    assert list(read(file)[0].log) == log[:-1]


def test_a_long_log_is_packed_and_read_alike(log: list[events.AnyEvent]) -> None:
    packed = EventLog()
    many = [*log, *log, *log, *log, *log, *log, *log]
    for event in many:
        packed.add(events.encode(event))
    assert len(packed) == len(many) > 2 * BLOCK
    assert list(packed) == many
    assert [packed[at] for at in (0, 999, 1000, -1)] == [many[at] for at in (0, 999, 1000, -1)]


@pytest.mark.parametrize("damage", [b"", b"hello\n", b'{"recording":99,"node":"x","epoch":"e","build":"0"}\n'])
def test_what_is_no_recording_is_said(tmp_path: Path, damage: bytes) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(damage)
    with pytest.raises(Stop) as refused:
        read(broken)
    assert refused.value.code is Exit.USAGE


def test_an_empty_file_is_called_empty(tmp_path: Path) -> None:
    file = tmp_path / "empty.rec"
    file.touch()
    with pytest.raises(Stop, match="is empty"):
        read(file)


def test_a_damaged_line_is_named(file: Path) -> None:
    whole = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*whole[:6], b'{"e":"samp\n', *whole[7:]]))
    with pytest.raises(Stop, match="line 7"):
        read(file)


def test_other_rules_change_decisions_and_the_same_ones_none(file: Path) -> None:
    same = tried(read(file), [])
    assert (same.gone, same.new) == ([], [])
    assert [d.target for d in same.recorded] == ["agx", "orin", "agx", "orin"]
    higher = tried(read(file), ["high=70"])
    assert higher.supposed == []
    assert [line.change for line in higher.lines()] == ["gone"] * 4
    assert "model" in higher.caveat


def test_stretches_are_tried_one_after_the_other(file: Path, log: list[events.AnyEvent]) -> None:
    file.write_bytes(placement_lines(log) + placement_lines(log))
    verdict = tried(read(file), ["high=70"])
    assert len(verdict.gone) == 8


@pytest.mark.parametrize(
    ("text", "said"),
    [("hihg=70", "no setting of placement"), ("high=much", "high=much"), ("high=40", "low < high"), ("low=60", "low")],
)
def test_rules_that_make_no_sense_are_refused_in_words(file: Path, text: str, said: str) -> None:
    with pytest.raises(Stop, match=said) as refused:
        tried(read(file), [text])
    assert refused.value.code is Exit.USAGE


async def test_replay_prints_what_changes_and_that_it_is_a_model(console: Console, file: Path) -> None:
    done = await console("replay", str(file), "--set", "high=70", connect=False)
    assert done.returncode == 0, done.stderr
    assert "4 fall away (−), 0 are new (+)" in done.stdout
    assert "A model, not a measurement" in done.stdout
    told = json.loads((await console("replay", str(file), "--set", "high=70", "--json", connect=False)).stdout)
    assert told["changes"] == {"high": 70.0}
    assert [decision["to"] for decision in told["gone"]] == ["agx", "orin", "agx", "orin"]
    assert told["caveat"]


def serve(master: FakeMaster, log: list[events.AnyEvent], piece: int = 100) -> list[dict[str, Any]]:
    """Have the master hold `log` and tell it in pieces; returns what it was asked."""
    asked: list[dict[str, Any]] = []
    found = master._found

    def answer(what: str, args: dict[str, Any]) -> tuple[Any, bytes | None, str]:
        if what != "recording":
            return found(what, args)
        asked.append(args)
        whole = args["epoch"] != master.epoch
        since = 0 if whole else args["since"]
        part = [events.encode(event).decode() for event in log[since : since + piece]]
        state = states.encode(State()).decode() if whole else None
        at = since + len(part)
        return (
            {"epoch": master.epoch, "first": since, "next": at, "more": at < len(log), "events": part, "state": state},
            None,
            "",
        )

    master._found = answer  # type: ignore[method-assign]
    return asked


async def test_record_writes_the_past_in_pieces(
    console: Console, master: FakeMaster, tmp_path: Path, log: list[events.AnyEvent]
) -> None:
    asked = serve(master, log)
    file = tmp_path / "new.rec"
    done = await console("record", str(file), "--seconds", "0", "--json")
    assert json.loads(done.stdout)["placement"] == len(log), done.stderr
    assert len(asked) >= 3
    (stretch,) = read(file)
    assert list(stretch.log) == log


async def test_record_overwrites_nothing(console: Console, file: Path) -> None:
    before = [list(stretch.log) for stretch in read(file)]
    done = await console("record", str(file), "--seconds", "0")
    assert done.returncode == 2
    assert "exists" in done.stderr
    assert [list(stretch.log) for stretch in read(file)] == before
