"""A master's way in and store without workers: every frame is judged Good after a moment. Run as a process.

    python consumer.py BROKER_PORT DATA_DIR [--delay S] [--budget BYTES] [--hold-file FILE] [--database JSON]

While FILE exists, frames are kept and judged when it is gone. Writes its counters as JSON lines to stdout.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import msgspec

from posture_agent.broker.settings import BrokerSettings, IntakeSettings
from posture_agent.frames.accepted import AcceptedFrame
from posture_agent.frames.outcome import Outcome
from posture_agent.master.ingest.ingest import Ingest
from posture_agent.store import kept_runs
from posture_agent.store.committer import Committer
from posture_agent.store.database import DatabaseSettings
from posture_agent.store.drainer import Drainer
from posture_agent.store.outbox import Outbox
from posture_agent.store.pictures import Pictures
from posture_shared.exits import Stop
from posture_shared.frame import new_id
from posture_shared.records import Result, StoryStep


def judged(frame: AcceptedFrame) -> Outcome:
    """A Good outcome whose picture is the frame's own."""
    result = Result(
        frame_id=frame.frame_id,
        pi_id=frame.pi_id,
        run=frame.run,
        seq=frame.seq,
        filename=None,
        captured_time=frame.captured,
        received_time=frame.received_at,
        analyzed_time=datetime.now(UTC),
        neck_angle=12.0,
        body_angle=3.0,
        posture_status="Good",
        landmarks_detected=True,
        reason="within limits",
        processed_by="test",
        attempt=1,
        model="none",
    )
    steps = [StoryStep(at=frame.received_at, step="received")]
    return Outcome(result=result, received_s=frame.received_s, picture=frame.jpeg, steps=steps)


class Consumer:
    """Ingest and store, connected as the master connects them."""

    def __init__(
        self,
        port: int,
        data_dir: Path,
        *,
        delay_s: float = 0.0,
        intake: IntakeSettings | None = None,
        broker: BrokerSettings | None = None,
        hold_file: Path | None = None,
        database: DatabaseSettings | None = None,
    ) -> None:
        self._delay_s, self._hold_file = delay_s, hold_file
        self.outbox = Outbox(data_dir)
        reader = self.outbox.reader()
        self.alarms: list[tuple[str, str, str | None]] = []
        self.taken_over = asyncio.Event()
        self.frames: list[AcceptedFrame] = []
        self.statuses: dict[str, object] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._pictures = Pictures(data_dir)
        self.ingest = Ingest(
            broker=broker or BrokerSettings(port=port, heartbeat_s=1),
            intake=intake or IntakeSettings(),
            node="test",
            epoch=new_id(),
            known=self.outbox,
            kept=kept_runs.load(reader),
            on_frame=self._accepted,
            on_outcome=self._to_store,
            on_camera_status=self.statuses.__setitem__,
            on_taken_over=self.taken_over.set,
            on_runs=lambda states: self.committer.write(kept_runs.keep(states, self.committer.told_id)),
        )
        reader.close()
        self.committer = Committer(
            outbox=self.outbox,
            pictures=self._pictures,
            on_committed=self._committed,
            on_alarm=lambda *alarm: self.alarms.append(alarm),
            delivery_of=self.ingest.delivery_of,
            skew_ms=self.ingest.skew_ms,
        )
        self.drainer = Drainer(
            outbox=self.outbox,
            database=database or DatabaseSettings(),
            writer=self.committer,
            on_alarm=lambda *alarm: self.alarms.append(alarm),
        )

    async def __aenter__(self) -> Self:
        self.committer.start()
        self.drainer.start()
        self.ingest.start()
        await self.ingest.tried()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.ingest.hold()
        for task in self._tasks:
            task.cancel()
        await self.drainer.stop()
        await self.committer.stop()
        await asyncio.sleep(0)
        await self.ingest.stop()
        self._pictures.close()
        self.outbox.close()

    def _accepted(self, frame: AcceptedFrame) -> None:
        self.frames.append(frame)
        task = asyncio.get_running_loop().create_task(self._judge(frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _judge(self, frame: AcceptedFrame) -> None:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        while self._hold_file is not None and self._hold_file.exists():  # noqa: ASYNC110 - a test's switch
            await asyncio.sleep(0.02)
        self._to_store(judged(frame))

    def _to_store(self, outcome: Outcome) -> None:
        self.committer.submit(outcome)

    def _committed(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            self.ingest.settle(outcome.result.frame_id)


async def _main(arguments: argparse.Namespace) -> int:
    consumer = Consumer(
        arguments.port,
        arguments.data_dir,
        delay_s=arguments.delay,
        intake=IntakeSettings(budget_bytes=arguments.budget),
        hold_file=arguments.hold_file,
        database=DatabaseSettings.model_validate_json(arguments.database) if arguments.database else None,
    )
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    async with consumer:
        while not ending.is_set() and not consumer.taken_over.is_set():
            sys.stdout.write(msgspec.json.encode(consumer.ingest.counters()).decode() + "\n")
            sys.stdout.flush()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), 0.05)
    sys.stdout.write(json.dumps({"end": "taken over" if consumer.taken_over.is_set() else "asked"}) + "\n")
    return 3 if consumer.taken_over.is_set() else 0


def main() -> None:
    """Run as a process of its own."""
    logging.basicConfig(level="INFO", stream=sys.stderr)
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--budget", type=int, default=256 * 1024 * 1024)
    parser.add_argument("--hold-file", type=Path)
    parser.add_argument("--database")
    try:
        sys.exit(asyncio.run(_main(parser.parse_args())))
    except Stop as stop:
        sys.stderr.write(f"{stop.sentence}\n")
        sys.exit(stop.code)


if __name__ == "__main__":
    main()
