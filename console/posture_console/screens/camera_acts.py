"""Acting on a camera from a view: have it pause or go on, take the person in front of it as upright."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Final

import msgspec
from textual import work
from textual.binding import Binding, BindingType

from posture_console.core.camera_acts import (
    PROFILE,
    baseline_words,
    calibrate_effect,
    camera_state,
    gone,
    pause_effect,
    pause_words,
)
from posture_console.core.facts import Fact
from posture_console.core.moments import parse_span
from posture_console.core.rows.cameras import CameraLine
from posture_console.core.spans import Tone, word
from posture_console.screens.calibrating import CalibratingScreen
from posture_console.screens.commanding import CommandingScreen
from posture_console.screens.form import Complaint, Field, FormScreen, Values
from posture_shared.records import Result
from posture_shared.timeline import Pause

NEVER: Final = "never"
MARKED: Final = "*"
"""The choice of the cameras that are marked; no camera has this name."""
_LISTED: Final = 4


class CameraActs(CommandingScreen):
    """The keys that act on a camera."""

    ACTS = frozenset({"pause_camera", "calibrate"})
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "x", "pause_camera", "Pause camera", id="camera-pause", show=False, tooltip="Pause a camera, or resume it"
        ),
        Binding(
            "b",
            "calibrate",
            "Calibrate",
            id="calibrate",
            show=False,
            tooltip="Take the person now as upright: a baseline",
        ),
    ]

    def meant_camera(self) -> str | None:
        """The camera that the cursor stands on, None where it stands on none."""
        return _camera_of(self.record())

    def marked_cameras(self) -> list[str]:
        """The cameras that are marked, each once."""
        return list(dict.fromkeys(name for record in self.marked() if (name := _camera_of(record)) is not None))

    @work(exclusive=True, group="acting")
    async def action_pause_camera(self) -> None:
        """Pause the camera under the cursor, those that are marked, or one to be named; resume a paused one."""
        meant, marked, store = self.meant_camera(), self.marked_cameras(), self._commanding.reading().store
        if not store.cameras:
            self.tell("the master knows no camera yet", "warning")
            return
        known = None if meant is None else store.cameras.get(meant)
        if known is not None and known.pause is not None and not marked:
            await self._resume(known.pi_id)
            return
        values = await self.asked(
            FormScreen(
                "Pause a camera",
                self._pause_fields(meant, marked),
                facts=lambda chosen: self._named_state(_named(chosen, marked)),
                check=_check_pause,
            )
        )
        if values is None:
            return
        cameras, for_s = _named(values, marked), _span(values["lasting"])
        facts: list[Fact] = [("then", word(pause_effect(for_s), Tone.STRONG)), ("reason", word(values["reason"]))]
        if not await self.confirmed(
            "Pause the camera" if len(cameras) == 1 else f"Pause {len(cameras)} cameras",
            "Pause",
            lambda: [*self._cameras_state(cameras), *facts],
            lambda: self._all_gone(cameras),
        ):
            return
        for camera in cameras:
            if (why := self._camera_gone(camera)) is not None:
                self.tell(f"not done: {why}", "warning")
                continue
            args = {"camera": camera, "reason": values["reason"], "for_s": for_s}
            self.have_done("camera_pause", args, partial(self._paused_words, camera))

    async def _resume(self, camera: str) -> None:
        then: list[Fact] = [("then", word("it takes pictures again", Tone.STRONG))]
        if await self.confirmed(
            "Resume the camera",
            "Resume",
            lambda: [*self._camera_state(camera), *then],
            lambda: self._not_paused(camera),
        ):
            args = {"camera": camera, "reason": "resumed from the console"}
            self.have_done("camera_resume", args, lambda _body: f"{camera} takes pictures again")

    @work(exclusive=True, group="acting")
    async def action_calibrate(self) -> None:
        """Have the person in front of a camera taken as upright, and watch it happen."""
        if not self._commanding.reading().store.cameras:
            self.tell("the master knows no camera yet", "warning")
            return
        profile = Field(name="profile", label="profile", value=PROFILE, hint="the person or seat", most=64)
        fields = [self._camera_field(self.meant_camera()), profile]
        values = await self.asked(FormScreen("Calibrate", fields, facts=self._baseline_of_field, check=_check_profile))
        if values is None:
            return
        camera, then = values["camera"], word(calibrate_effect(values["profile"]), Tone.STRONG)
        if await self.confirmed(
            "Calibrate",
            "Calibrate",
            lambda: [*self._baseline_now(values), ("then", then)],
            lambda: self._camera_gone(camera),
        ):
            await self.app.push_screen_wait(CalibratingScreen(camera, values["profile"], self._commanding))

    def _pause_fields(self, meant: str | None, marked: list[str]) -> list[Field]:
        field = self._camera_field(meant)
        if marked:
            choice = (MARKED, f"{len(marked)} marked: {', '.join(marked)}")
            field = replace(field, value=MARKED, choices=[choice, *field.choices])
        return [
            field,
            Field(name="lasting", label="for", value="30m", hint="30m, 2h, 1d or never"),
            Field(name="reason", label="reason", hint="why: the next operator reads this"),
        ]

    def _camera_field(self, meant: str | None) -> Field:
        names = sorted(self._commanding.reading().store.cameras)
        return Field(name="camera", label="camera", value=meant or names[0], choices=[(name, name) for name in names])

    def _camera_state(self, camera: str) -> list[Fact]:
        reading = self._commanding.reading()
        facts, known = camera_state(camera, reading), reading.store.cameras.get(camera)
        if known is not None and known.pause is not None:
            facts.append(("pause", word(pause_words(known.pause, reading.moment.now))))
        return facts

    def _named_state(self, cameras: Sequence[str]) -> list[Fact]:
        """As below; a single one is named by the field above."""
        return self._cameras_state(cameras)[1 if len(cameras) == 1 else 0 :]

    def _cameras_state(self, cameras: Sequence[str]) -> list[Fact]:
        """Each camera and how it stands; of many the first."""
        facts = [fact for camera in cameras[:_LISTED] for fact in self._camera_state(camera)]
        left_out = len(cameras) - _LISTED
        return [*facts, ("and", word(f"{left_out} more"))] if left_out > 0 else facts

    def _all_gone(self, cameras: Sequence[str]) -> str | None:
        gone = [self._camera_gone(camera) for camera in cameras]
        return gone[0] if all(gone) else None

    def _baseline_now(self, values: Values) -> list[Fact]:
        known = self._commanding.reading().store.cameras.get(values["camera"])
        judged = baseline_words(None if known is None else known.baseline)
        return [*self._camera_state(values["camera"]), ("upright", word(judged))]

    def _baseline_of_field(self, values: Values) -> list[Fact]:
        return self._baseline_now(values)[1:]

    def _camera_gone(self, camera: str) -> str | None:
        return gone(camera, self._commanding.reading().store)

    def _not_paused(self, camera: str) -> str | None:
        known = self._commanding.reading().store.cameras.get(camera)
        return self._camera_gone(camera) or (
            None if known is not None and known.pause is not None else f"{camera} is not paused any more"
        )

    def _paused_words(self, camera: str, body: Any) -> str:
        pause = msgspec.convert(body, Pause)
        known = self._commanding.reading().store.cameras.get(camera)
        away = "" if known is not None and known.online else "; it is not online now and will obey when it is back"
        return f"{camera}: {pause_words(pause, pause.since)}{away}"


def _camera_of(record: Any) -> str | None:
    match record:
        case CameraLine(camera=camera):
            return camera.pi_id
        case Result(pi_id=pi_id):
            return pi_id
        case _:
            return None


def _named(values: Values, marked: list[str]) -> list[str]:
    return marked if values["camera"] == MARKED and marked else [values["camera"]]


def _span(text: str) -> float | None:
    """Seconds; None is for ever. Raises ValueError."""
    return None if text.lower() == NEVER else parse_span(text)


def _check_pause(values: Values) -> Complaint | None:
    try:
        _span(values["lasting"])
    except ValueError as error:
        return "lasting", f"{error}, nor 'never'"
    return None if values["reason"] else ("reason", "a reason is needed: the audit and the next operator read it")


def _check_profile(values: Values) -> Complaint | None:
    return None if values["profile"] else ("profile", "a profile needs a name: the person or the seat")
