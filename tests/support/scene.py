"""A site that lives: cameras whose people slouch and recover, nodes whose load swings, decisions that follow from it.

All of it invented, seeded and without a clock of its own, so that tests and pictures of the console come out alike.
"""

import io
import math
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

from posture_shared.messages.console import Event
from posture_shared.records import (
    Alarm,
    CameraState,
    Counters,
    Decision,
    Flow,
    FrameStory,
    Latency,
    Link,
    MasterState,
    NodeLoad,
    Override,
    Result,
    Site,
    StoryStep,
    WorkerState,
)

if TYPE_CHECKING:
    from posture_shared.timeline import Episode, Pause, PostureBaseline

REASONS = {
    "Good": "trunk and neck within limits",
    "Partial_Landmarks_Detected": "the hip cannot be seen (visibility 0.31 of 0.5)",
    "No_Landmarks_Detected": "nobody in the picture",
    "Not_Side_View": "shoulders 0.62 torso lengths apart: the camera must stand at the side",
}


def node_names(count: int) -> list[str]:
    known = ["orin-1", "agx-2", "nuc-3", "orin-4"]
    return [known[n] if n < len(known) else f"node-{n + 1}" for n in range(count)]


class Scene:
    """The invented site. `advance(seconds)` moves it on and returns what changed, without epoch and sequence."""

    def __init__(
        self, *, cameras: int = 4, nodes: int = 3, fps: float = 2.0, seed: int = 7, at: datetime | None = None
    ) -> None:
        self.chance = random.Random(seed)
        self.at = at or datetime.now(UTC).replace(microsecond=0)
        self.started = self.at - timedelta(hours=3, minutes=12)
        self.fps = fps
        self.seconds = 0.0
        self.camera_names = [f"pi{n + 1}" for n in range(cameras)]
        self.nodes = node_names(nodes)
        self.seqs = dict.fromkeys(self.camera_names, 4200)
        self.owed = {name: index / max(1, cameras) for index, name in enumerate(self.camera_names)}
        self.results: list[Result] = []
        self.decisions: list[Decision] = []
        self.overrides: list[Override] = []
        self.pauses: dict[str, Pause] = {}
        self.baselines: dict[str, PostureBaseline] = {}
        self.episodes: list[Episode] = []
        self.offloaded = False
        self.rows = 50_412
        self.by_status: dict[str, int] = {}
        self.alarms = [
            Alarm(
                alarm_id="a1",
                kind="clock_skew",
                subject=self.camera_names[-1],
                severity="warning",
                text=f"the clock of {self.camera_names[-1]} is 4.2 s behind; set its time by NTP",
                since=self.at - timedelta(minutes=7),
            )
        ]

    def warm(self, seconds: float = 90.0) -> None:
        """Live through some time, so that the first snapshot has a past."""
        for _ in range(int(seconds * 2)):
            self.advance(0.5)

    def advance(self, seconds: float) -> dict[str, Any]:
        self.seconds += seconds
        self.at += timedelta(seconds=seconds)
        fresh = [result for name in self.camera_names for result in self._frames_of(name, seconds)]
        self.results = (self.results + fresh)[-2000:]
        self.rows += len(fresh)
        decisions = self._decide()
        self.decisions += decisions
        changed = {result.pi_id for result in fresh}
        return {
            "results": fresh,
            "cameras": [self.camera(name) for name in self.camera_names if name in changed],
            "workers": self.workers(),
            "nodes": self.loads(),
            "decisions": decisions,
            "counters": self.counters(),
            "flow": self.flow(),
        }

    def site(self, epoch: str, seq: int, results: int = 500) -> Site:
        return Site(
            epoch=epoch,
            seq=seq,
            at=self.at,
            master=self.master(epoch),
            counters=self.counters(),
            flow=self.flow(),
            cameras=[self.camera(name) for name in self.camera_names],
            workers=self.workers(),
            nodes=self.loads(),
            links=self.links(),
            results=self.results[-results:],
            decisions=self.decisions[-100:],
            overrides=self.overrides,
            alarms=self.alarms,
            episodes=[episode for episode in self.episodes if episode.ended is None],
        )

    def master(self, epoch: str) -> MasterState:
        return MasterState(
            node=self.nodes[0],
            epoch=epoch,
            version="0.1.0",
            started=self.started,
            model="full",
            mode="image",
            rule="calibrated",
            policy="threshold",
            placement="OFFLOADED" if self.offloaded else "LOCAL",
            loop_lag_ms=1.2,
            rss_bytes=143_000_000,
            would=self.would(),
        )

    def would(self) -> str:
        here, there = self.nodes[0], self.nodes[-1]
        return (
            f"threshold would leave {', '.join(self.camera_names[:3])} on {here}; work leaves once {here}, now at "
            f"{self.load_of(here):.0f} %, reaches 60 %, to {there} (projected {self.load_of(there) + 9:.0f} %)"
        )

    def load_of(self, node: str) -> float:
        index = self.nodes.index(node)
        wave = math.sin(self.seconds / (19 + 5 * index) + index)
        noise = math.sin(self.seconds * 3.7 + index * 9) * 3
        base = (50.0, 24.0, 38.0)[index] if index < 3 else 30.0
        return round(max(1.0, min(99.0, base + 17 * wave + noise)), 1)

    def loads(self) -> list[NodeLoad]:
        return [
            NodeLoad(
                node=node,
                cpu=self.load_of(node),
                memory=41.0 + 7 * index,
                cores=(8, 12, 4)[index % 3],
                temperature_c=51.0 + index * 4,
                gpu=None if index == 2 else 8.0 + index,
            )
            for index, node in enumerate(self.nodes)
        ]

    def worker_of(self, camera: str) -> str:
        away = self.nodes[1] if len(self.nodes) > 1 else self.nodes[0]
        return away if self.offloaded and camera != self.camera_names[0] else self.nodes[0]

    def workers(self) -> list[WorkerState]:
        served = {node: sum(self.worker_of(name) == node for name in self.camera_names) for node in self.nodes}
        return [
            WorkerState(
                node=node,
                instance="local" if index == 0 else "w1",
                local=index == 0,
                state="ready" if served[node] else "standby",
                version="0.1.0",
                threads=2,
                model="full",
                mode="image",
                in_flight=min(2, served[node]),
                credit=4,
                fps=served[node] * self.fps,
                analyze_ms_p50=31.0 + index if served[node] else None,
                analyze_ms_p95=38.0 + index if served[node] else None,
                done=self.rows // (index + 1),
            )
            for index, node in enumerate(self.nodes)
        ]

    def camera(self, name: str) -> CameraState:
        newest = next((result for result in reversed(self.results) if result.pi_id == name), None)
        away = self.worker_of(name) != self.nodes[0]
        return CameraState(
            pi_id=name,
            online=True,
            placement="OFFLOADED" if away else "LOCAL",
            target=self.worker_of(name) if away else None,
            fps=self.fps,
            in_flight=1,
            received=self.seqs[name],
            rows=self.seqs[name],
            spooled=0,
            last_received=newest.received_time if newest else None,
            last_status=newest.posture_status if newest else None,
            last_frame_id=newest.frame_id if newest else None,
            skew_ms=3.0,
            source="picamera",
            version="0.1.0",
            capture="off" if name in self.pauses else "on",
            pause=self.pauses.get(name),
            baseline=self.baselines.get(name),
        )

    def links(self) -> list[Link]:
        return [
            Link(name="broker", state="up", detail="192.168.1.10:1883, MQTT 5", since=self.started),
            Link(name="database", state="up", detail="outbox drained", since=self.started),
            Link(name="kubernetes", state="unused", detail="no kubeconfig"),
        ]

    def counters(self) -> Counters:
        return Counters(received=self.rows + 2, rows=self.rows, in_flight=2, by_status=dict(self.by_status))

    def flow(self) -> Flow:
        arriving = self.fps * len(self.camera_names)
        return Flow(
            arriving_fps=round(arriving * (1 + 0.08 * math.sin(self.seconds / 4)), 2),
            done_fps=arriving,
            capacity_fps=58.0,
            backlog=2,
            backlog_age_s=0.08,
            held_bytes=184_000,
            budget_bytes=268_435_456,
            outbox_rows=3,
            outbox_age_s=0.4,
        )

    def story(self, frame_id: str) -> FrameStory:
        result = next((r for r in self.results if r.frame_id == frame_id), None)
        if result is None:
            return FrameStory(frame_id=frame_id, result=None, steps=[])
        at, node = result.received_time, result.processed_by or "?"
        names = (
            ("received", "82 kB from the broker"),
            ("leased", f"to {node}/w1, attempt 1"),
            ("started", ""),
            ("result", result.posture_status),
            ("committed", result.image_path or "no picture kept"),
            ("confirmed", f"{result.pi_id} up to {result.seq}"),
        )
        steps = [
            StoryStep(at=at + timedelta(milliseconds=9 * n), step=step, detail=detail)
            for n, (step, detail) in enumerate(names)
        ]
        return FrameStory(frame_id=frame_id, result=result, steps=steps)

    def picture(self, frame_id: str) -> bytes | None:
        result = next((r for r in self.results if r.frame_id == frame_id), None)
        return None if result is None or result.image_path is None else draw_figure(result)

    def _frames_of(self, name: str, seconds: float) -> list[Result]:
        self.owed[name] += seconds * self.fps
        frames = []
        while self.owed[name] >= 1:
            self.owed[name] -= 1
            frames.append(self._result(name))
        return frames

    def _result(self, name: str) -> Result:
        self.seqs[name] += 1
        index = self.camera_names.index(name)
        trunk = 9 + 14 * math.sin(self.seconds / 11 + index * 1.9) + self.chance.gauss(0, 0.8)
        neck = 22 + 13 * math.sin(self.seconds / 8 + index) + self.chance.gauss(0, 1.2)
        status: Any = "Bad" if trunk > 18 or neck > 33 else "Good"
        if self.chance.random() < 0.03:
            status = self.chance.choice(list(REASONS)[1:])
        judged = status in {"Good", "Bad"}
        reason = REASONS.get(status) or (
            f"leaning forward {trunk:.0f}° (limit 15°)" if trunk > 18 else f"head forward {neck:.0f}° (limit 33°)"
        )
        self.by_status[status] = self.by_status.get(status, 0) + 1
        received = self.at - timedelta(milliseconds=self.chance.randint(10, 400))
        queue, analyze = round(self.chance.uniform(1, 9), 1), round(self.chance.gauss(31, 2), 1)
        return Result(
            frame_id=str(uuid.UUID(int=self.chance.getrandbits(128), version=4)),
            pi_id=name,
            run="0190aaaa-0000-7000-8000-00000000000a",
            seq=self.seqs[name],
            filename=f"{name}_{self.seqs[name]}.jpg",
            captured_time=received - timedelta(milliseconds=38),
            received_time=received,
            analyzed_time=received + timedelta(milliseconds=44),
            neck_angle=round(neck, 1) if judged else None,
            body_angle=round(trunk, 1) if judged else None,
            side="right" if index % 2 else "left",
            posture_status=status,
            landmarks_detected=status != "No_Landmarks_Detected",
            confidence=0.93 if judged else 0.4,
            people=0 if status == "No_Landmarks_Detected" else 1,
            reason=reason,
            processed_by=self.worker_of(name),
            attempt=1,
            model="full",
            latency_ms=Latency(queue=queue, analyze=analyze, total=queue + analyze + 6),
            end_to_end_ms=queue + analyze + 44,
            image_path=f"analyzed_images/analyzed_images_from_{name}/{name}_{self.seqs[name]}.jpg",
        )

    def _decide(self) -> list[Decision]:
        load = self.load_of(self.nodes[0])
        if len(self.nodes) < 2 or (load < 60 if not self.offloaded else load >= 50):
            return []
        self.offloaded = not self.offloaded
        here, there = self.nodes[0], self.nodes[1]
        source, target = (here, there) if self.offloaded else (there, here)
        reason = (
            f"{here} at {load:.0f} % reached 60 %: all cameras to {there}, projected {self.load_of(there) + 9:.0f} %"
            if self.offloaded
            else f"{here} at {load:.0f} % fell below 50 % and would stand at 58 % with the work back"
        )
        return [
            Decision(
                decision_id=f"d{len(self.decisions) + 1}",
                generation=len(self.decisions) + 1,
                at=self.at,
                scope="all",
                state="OFFLOADED" if self.offloaded else "LOCAL",
                source=source,
                target=target,
                trigger="cpu_high" if self.offloaded else "cpu_low",
                inputs={"cpu": load, "samples": [load - 1, load, load + 1], "high": 60.0, "low": 50.0},
                candidates=[
                    {"node": node, "cpu": self.load_of(node), "projected": self.load_of(node) + 9}
                    for node in self.nodes[1:]
                ],
                reason=reason,
                handover_ms=180.0,
                in_flight=2,
            )
        ]


def draw_figure(result: Result, size: tuple[int, int] = (640, 480)) -> bytes:
    """A sitting person from the side with the angles of `result`, as a JPEG."""
    image = Image.new("RGB", size, (205, 208, 202))
    pen = ImageDraw.Draw(image)
    for y in range(size[1]):
        pen.line((0, y, size[0], y), fill=(214 - y // 12, 216 - y // 14, 209 - y // 11))
    hip = (280, 350)
    trunk, neck = math.radians(result.body_angle or 0), math.radians(result.neck_angle or 10)
    shoulder = (hip[0] + 170 * math.sin(trunk), hip[1] - 170 * math.cos(trunk))
    ear = (shoulder[0] + 85 * math.sin(neck), shoulder[1] - 85 * math.cos(neck))
    knee, foot = (410, 362), (405, 465)
    pen.rectangle((190, 375, 340, 392), fill=(96, 78, 66))
    pen.rectangle((186, 190, 204, 392), fill=(96, 78, 66))
    pen.line((hip, knee, foot), fill=(52, 63, 92), width=58, joint="curve")
    pen.line((hip, shoulder), fill=(74, 118, 146), width=86)
    pen.line((shoulder, ear), fill=(203, 160, 132), width=36)
    pen.ellipse((ear[0] - 44, ear[1] - 56, ear[0] + 50, ear[1] + 48), fill=(212, 170, 142))
    pen.pieslice((ear[0] - 52, ear[1] - 66, ear[0] + 44, ear[1] + 40), 150, 330, fill=(58, 42, 34))
    pen.line((shoulder, (shoulder[0] + 70, shoulder[1] + 95), (430, 300)), fill=(64, 104, 130), width=32, joint="curve")
    colour = (46, 190, 110) if result.posture_status == "Good" else (236, 82, 74)
    pen.line((hip, shoulder, ear), fill=colour, width=7, joint="curve")
    for x, y in (hip, shoulder, ear):
        pen.ellipse((x - 9, y - 9, x + 9, y + 9), fill=(255, 255, 255), outline=colour, width=4)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85)
    return out.getvalue()


def event(epoch: str, seq: int, **changes: Any) -> Event:
    return Event(epoch=epoch, seq=seq, **changes)
