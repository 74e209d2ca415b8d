"""Acting on a camera from a view: have it pause or go on, take the person in front of it as upright."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Final

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
from posture_console.core.leads import camera_of
from posture_console.core.moments import parse_span
from posture_console.core.orders import Order
from posture_console.core.overriding import scopes_words
from posture_console.core.spans import Tone, word
from posture_console.screens.calibrating import CalibratingScreen
from posture_console.screens.commanding import CommandingScreen, Obeyed
from posture_console.screens.form import Complaint, Field, FormScreen, Values
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
        return camera_of(self.record())

    @work(exclusive=True, group="acting")
    async def action_pause_camera(self) -> None:
        """Pause the camera under the cursor, those that are marked, or one to be named; resume what is paused."""
        meant, marked, store = self.meant_camera(), self.marked_cameras(), self._commanding.reading().store
        if not store.cameras:
            self.tell("the master knows no camera yet", "warning")
            return
        wanted = marked or ([] if meant is None else [meant])
        if wanted and len(self._paused(wanted)) == len(wanted):
            await self._resume(wanted)
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
            _titled("Pause", cameras),
            "Pause",
            lambda: [*self._cameras_state(cameras), *facts],
            lambda: self._all_gone(cameras),
        ):
            return
        there = [camera for camera in cameras if self._camera_gone(camera) is None]
        said = {"reason": values["reason"], "for_s": for_s}
        orders = [Order(camera, "camera_pause", {"camera": camera, **said}) for camera in there]
        self.have_all_done(orders, self._paused_words)

    async def _resume(self, cameras: Sequence[str]) -> None:
        then: list[Fact] = [("then", word(f"{_it(cameras)} pictures again", Tone.STRONG))]
        if await self.confirmed(
            _titled("Resume", cameras),
            "Resume",
            lambda: [*self._cameras_state(cameras), *then],
            lambda: self._not_paused(cameras),
        ):
            said = {"reason": "resumed from the console"}
            paused = self._paused(cameras)
            orders = [Order(camera, "camera_resume", {"camera": camera, **said}) for camera in paused]
            self.have_all_done(orders, lambda obeyed: f"{scopes_words(_about(obeyed))}: {_it(obeyed)} pictures again")

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
            choice = (MARKED, scopes_words(marked))
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
        """Each camera and how it stands; of many their names and the first ones' state."""
        facts = [fact for camera in cameras[:_LISTED] for fact in self._camera_state(camera)]
        left_out = cameras[_LISTED:]
        return [*facts, ("and", word(scopes_words(left_out), Tone.STRONG))] if left_out else facts

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

    def _paused(self, cameras: Sequence[str]) -> list[str]:
        """Those that take no pictures by an operator's word."""
        known = self._commanding.reading().store.cameras
        return [name for name in cameras if name in known and known[name].pause is not None]

    def _not_paused(self, cameras: Sequence[str]) -> str | None:
        if self._paused(cameras):
            return None
        return self._all_gone(cameras) or f"{scopes_words(cameras)}: not paused any more"

    def _paused_words(self, obeyed: list[Obeyed]) -> str:
        pause = msgspec.convert(obeyed[0][1], Pause)
        names, known = _about(obeyed), self._commanding.reading().store.cameras
        away = [name for name in names if name not in known or not known[name].online]
        late = f"; not online now and will obey when back: {', '.join(away)}" if away else ""
        return f"{scopes_words(names)}: {pause_words(pause, pause.since)}{late}"


def _titled(act: str, cameras: Sequence[str]) -> str:
    return f"{act} the camera" if len(cameras) == 1 else f"{act} {len(cameras)} cameras"


def _it(cameras: Sequence[object]) -> str:
    return "it takes" if len(cameras) == 1 else "they take"


def _about(obeyed: Sequence[Obeyed]) -> list[str]:
    return [order.about for order, _ in obeyed]


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
