"""What the fake master does when it is told to: cameras paused, baselines taken, alarms silenced, Jobs launched."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from posture_shared.records import Silence
from posture_shared.timeline import History, Pause, PostureBaseline, Summary

if TYPE_CHECKING:
    from posture_shared.messages.console import Command
    from support.scene import Scene

Found = tuple[Any, str]
"""A body, and why there is none."""


class FakeActs:
    """The handlers beside placement; `phases` is what a launched Job goes through, one a question."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.jobs: list[dict[str, Any]] = []
        self.phases = ["pending", "pulling", "running"]
        self.verdicts = [
            {"node": "agx-2", "cpu": 24.0, "source": "agent", "why": ""},
            {"node": "nuc-3", "cpu": 38.0, "source": "metrics", "why": "it has no room: memory 300 of 900 MiB"},
        ]
        self.dry_run = "accepted"
        self.manifest: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "w"}}
        self.log = "event=started worker=agx-2/hand-1\nevent=ready model=full\n"
        self.refuse_calibration = ""

    def obey(self, verb: str, args: dict[str, Any]) -> Found:  # noqa: PLR0911 - one return a verb
        scene = self.scene
        match verb:
            case "camera_pause":
                until = None if args["for_s"] is None else scene.at + timedelta(seconds=args["for_s"])
                pause = Pause(since=scene.at, until=until, reason=args["reason"], author="local:ada")
                scene.pauses[args["camera"]] = pause
                return pause, ""
            case "camera_resume":
                scene.pauses.pop(args["camera"], None)
                return {"camera": args["camera"], "capture": "on"}, ""
            case "calibrate":
                return self._calibrated(args)
            case "alarm_silence":
                return self._silenced(args)
            case "job_launch":
                return self._launched(args)
            case "job_stop":
                found = next((job for job in self.jobs if job["name"] == args["name"]), None)
                self.jobs = [job for job in self.jobs if job is not found]
                return found, "" if found else f"there is no Job '{args['name']}'; there are: none"
        return {"done": verb}, ""

    def changed(self, command: Command) -> dict[str, Any]:
        """What consoles hear after a command."""
        if command.verb in {"camera_pause", "camera_resume", "calibrate"}:
            return {"cameras": [self.scene.camera(command.args["camera"])]}
        if command.verb == "alarm_silence":
            return {"alarms": self.scene.alarms}
        return {}

    def found(self, what: str, args: dict[str, Any]) -> Found:  # noqa: PLR0911 - one return a question
        match what:
            case "jobs":
                return [self._aged(job) for job in self.jobs], ""
            case "job_nodes":
                return self.verdicts, ""
            case "job_log":
                return {"name": args["name"], "pod": f"{args['name']}-abcde", "log": self.log}, ""
            case "job_preview":
                verdict = next((one for one in self.verdicts if args.get("node") in (None, one["node"])), None)
                said, manifest = self.dry_run, self.manifest
                body = {"node": verdict, "accepted": said == "accepted", "said": said, "manifest": manifest}
                return (body, "") if verdict else (None, f"there is no node '{args.get('node')}' for workers")
            case "history":
                return [self._history(args["camera"])], ""
            case "baselines":
                return list(self.scene.baselines.values()), ""
        return None, f"unknown query {what}"

    def _calibrated(self, args: dict[str, Any]) -> Found:
        if self.refuse_calibration:
            return None, self.refuse_calibration
        camera = args["camera"]
        version = self.scene.baselines[camera].version + 1 if camera in self.scene.baselines else 1
        given = {"pi_id": camera, "profile": args["profile"], "version": version, "author": "local:ada"}
        taken = PostureBaseline(baseline_id=f"b{version}", neck=11.5, body=-3.0, at=self.scene.at, **given)
        self.scene.baselines[camera] = taken
        return taken, ""

    def _silenced(self, args: dict[str, Any]) -> Found:
        at = next((n for n, alarm in enumerate(self.scene.alarms) if alarm.alarm_id == args["id"]), None)
        if at is None:
            return None, f"no alarm '{args['id']}' holds now; see `posture-console alarms`"
        now, until = self.scene.at, self.scene.at + timedelta(seconds=args["for_s"])
        quiet = Silence(since=now, until=until, reason=args["reason"], author="local:ada") if args["for_s"] else None
        self.scene.alarms[at] = msgspec.structs.replace(self.scene.alarms[at], silence=quiet)
        return self.scene.alarms[at], ""

    def _launched(self, args: dict[str, Any]) -> Found:
        node = args["node"] or self.verdicts[0]["node"]
        job = {
            "name": f"posture-worker-{node}-{len(self.jobs) + 1}",
            "node": node,
            "by": "operator",
            "state": "pending",
            "detail": "no pod yet",
            "created": self.scene.at,
            "worker": f"{node}/hand-1",
            "joined": False,
        }
        self.jobs.append(job)
        return job, ""

    def _aged(self, job: dict[str, Any]) -> dict[str, Any]:
        if job["state"] in self.phases:
            at = min(self.phases.index(job["state"]) + 1, len(self.phases) - 1)
            job.update(state=self.phases[at], joined=at == len(self.phases) - 1, detail="")
        return job

    def _history(self, camera: str) -> History:
        own = [result for result in self.scene.results if result.pi_id == camera]
        bad = sum(result.posture_status == "Bad" for result in own) / max(1, len(own))
        summary = Summary(
            readings=len(own),
            watched_s=3000.0,
            good_s=3000 * (1 - bad),
            bad_s=3000 * bad,
            good_share=1 - bad,
            bad_share=bad,
            longest_bad_s=240.0,
            longest_hold_s=611.0,
            static=True,
            neck_deg=21.0,
            body_deg=9.0,
        )
        return History(
            pi_id=camera,
            since=self.scene.at - timedelta(hours=1),
            until=self.scene.at,
            frames=len(own),
            by_status={"Good": 1 - bad, "Bad": bad},
            summary=summary,
            episodes=[episode for episode in self.scene.episodes if episode.pi_id == camera],
        )
