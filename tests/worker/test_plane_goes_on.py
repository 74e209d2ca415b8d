"""What fails once in the worker plane ends neither its clock nor what stands behind it."""

from pathlib import Path

from posture_agent.frames.completion import Completion
from posture_agent.master.leasing.leases import Send
from posture_agent.master.leasing.workers import WorkerPlane
from posture_shared.messages.worker import Analysis, Refused
from support.processes import eventually
from support.site_records import frame


async def test_a_listener_that_fails_does_not_stop_the_clock_of_leases(tmp_path: Path) -> None:
    told: list[set[str]] = []

    def fails(keys: set[str]) -> None:
        told.append(keys)
        raise RuntimeError("a defect of the listener")

    plane = WorkerPlane(
        node_name="m", epoch="e", folder=tmp_path, port=None, on_complete=lambda _: None, on_change=fails
    )
    await plane.start()
    try:
        for number in range(3):
            plane._protocol.changed.add(f"n{number}/main")
            await eventually(lambda number=number: told[-1:] == [{f"n{number}/main"}])
    finally:
        await plane.stop()


async def test_an_instruction_that_fails_takes_none_behind_it_along(tmp_path: Path) -> None:
    completions: list[Completion] = []
    plane = WorkerPlane(node_name="m", epoch="e", folder=tmp_path, port=None, on_complete=completions.append)
    await plane.start()
    try:
        cannot_be_encoded = Refused(reason="\ud800")
        done = Completion(frame=frame(1), analysis=Analysis(posture_status="Good", reason=""))
        plane._protocol.out += [Send(b"lx", cannot_be_encoded), done]
        await eventually(lambda: completions == [done])
    finally:
        await plane.stop()
