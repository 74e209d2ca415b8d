"""The broker as the master's login sees it: login, reading, writing, limits, other masters, the cameras' own words."""

import contextlib
import secrets
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec
from paho.mqtt import client as paho

from posture_agent import listening
from posture_agent.broker import camera_status, payload, rival
from posture_agent.broker.camera_status import CameraStatus
from posture_agent.broker.settings import BrokerSettings
from posture_shared import broker_check, machine_checks
from posture_shared.checks import Finding, failed, masked, ok, warning
from posture_shared.exits import Stop
from posture_shared.frame import extract

_PICTURE_S: Final = 5.0
"""How long to wait for a picture of a camera that says it sends some."""
_LATE_S: Final = 5.0
"""A picture may be so old when it comes, on a slow network, with clocks that are right."""
_LISTEN_S: Final = 2.5
"""How long to listen whose pictures come, said or not."""
_STATUS: Final = "status/"
_IMAGES: Final = "images/"
_WRITTEN: Final = {"confirm": "that their pictures are safe", "control": "when to pause"}
"""Tried for a camera named doctor, which is none; an empty message says nothing."""


def broker(settings: BrokerSettings) -> Iterator[Finding]:
    """All that can be known with two short connections. Pictures that arrive meanwhile are only counted."""
    where, topic = f"{settings.host}:{settings.port}", rival.STATUS_TOPIC
    secret = settings.password.get_secret_value() if settings.password else None
    try:
        client = _client(settings)
    except (OSError, ValueError) as error:
        text = f"the TLS settings cannot be used: {masked(str(error), secret)}"
        yield failed("broker", text, "check broker.tls_ca: a PEM file that this user may read")
        return
    seen = broker_check.look(client, settings.host, settings.port, topic, also=["status/+"])
    yield from broker_check.findings(seen, where=where, topic=topic, tls=settings.tls_ca is not None, secret=secret)
    if not seen.connected:
        return
    if settings.tls_ca is None and not _this_machine(settings.host):
        text = "passwords and pictures cross the network in the clear"
        yield warning("broker tls", text, "set broker.tls_ca, unless this network is yours alone")
    yield from _other_master(seen.retained.get(topic, b""), settings.heartbeat_s)
    cameras = _cameras(seen.retained)
    yield from _troubled(cameras)
    yield from _rights(settings, [name for name, said in cameras.items() if _sends(said)], said=seen.retained)


def _client(settings: BrokerSettings) -> paho.Client:
    return rival.client(settings, f"{settings.client_id}-doctor-{secrets.token_hex(4)}")


def _other_master(payload: bytes, heartbeat_s: float) -> Iterator[Finding]:
    status = rival.parse(payload)
    if status is None or status.state != "online":
        return
    age_s = (datetime.now(UTC) - status.at).total_seconds()
    if age_s > 4 * heartbeat_s:
        text = f"the broker says that a master is online and has not heard of it for {age_s:.0f} s"
        yield warning("other master", text, "it may hang, or this machine's clock is ahead")
    elif age_s < -machine_checks.CLOCK_S:
        text = f"the clock of the master that is online is {-age_s:.0f} s ahead of this machine's"
        yield warning("clock of the master", text, "timedatectl set-ntp true on both machines")


def _cameras(retained: dict[str, bytes]) -> dict[str, CameraStatus]:
    """What cameras say of themselves."""
    said = {topic.removeprefix(_STATUS): camera_status.parse(body) for topic, body in retained.items()}
    return {name: one for name, one in said.items() if name != "master" and one is not None}


def _sends(said: CameraStatus) -> bool:
    return said.state == "online" and said.capture == "on" and not said.trouble and (said.fps or 0) >= 1 / _PICTURE_S


def _troubled(cameras: dict[str, CameraStatus]) -> Iterator[Finding]:
    for name, said in cameras.items():
        if said.trouble:
            advice = f"see to the camera, or run `posture-publisher doctor --pi-id {name}` there"
            yield warning(f"camera {name}", f"gives no pictures: {said.trouble}", advice)
        if said.spool:
            text = f"keeps its pictures in memory: {said.spool}"
            yield warning(f"spool of {name}", text, "make room on that disk, or change the card: they wear out")


def _rights(settings: BrokerSettings, sending: list[str], *, said: Collection[str]) -> Iterator[Finding]:
    """Whether confirmations and orders may be written, and pictures read where some are sent."""
    for kind, what in _WRITTEN.items():
        refusal = broker_check.refusal(_client(settings), settings.host, settings.port, f"{kind}/doctor")
        if refusal:
            text = f"{kind}/# may not be written ({refusal}): cameras never hear {what}"
            advice = "let the master's login write to confirm/#, control/#, alerts/# and status/master"
            yield failed("broker rights", text, advice)
    granted, pictures = _pictures(settings, wait=bool(sending))
    if not granted:
        yield failed("broker pictures", "images/# may not be read", "let the master's login read images/# and status/+")
    elif sending and not pictures:
        text = f"nothing comes from images/# although {sending[0]} says that it sends pictures"
        yield failed("broker pictures", text, "let the master's login read images/# at the broker")
    elif pictures:
        yield ok("broker pictures", "pictures arrive")
    yield from _wordless(pictures, said)
    yield from _clocks(pictures, datetime.now(UTC))


def _clocks(pictures: Mapping[str, datetime | None], now: datetime) -> Iterator[Finding]:
    """What cameras' clocks say of ours: the master's own shows nothing where it runs on this machine.

    Pictures out of a spool are old by themselves, so the newest of each camera counts.
    """
    for name, captured in sorted(pictures.items()):
        if captured is None:
            continue
        found = machine_checks.clock_against(
            "clock and cameras", captured, now, whose=f"that of {name}", slack_s=_LATE_S
        )
        if found.state != "ok":
            spooled = ", unless they come from its spool" if captured < now else ""
            yield msgspec.structs.replace(found, text=f"by its newest pictures {found.text}{spooled}")


def _wordless(pictures: Mapping[str, datetime | None], said: Collection[str]) -> Iterator[Finding]:
    """Cameras whose numbered pictures arrive without a word of them: a publisher that numbers says how it is."""
    for name in sorted(name for name, captured in pictures.items() if captured and _STATUS + name not in said):
        text = f"pictures of {name} arrive and status/{name} does not come"
        advice = f"let the master's login read status/+ at the broker, and that of {name} write to status/{name}"
        yield failed("broker status", text, advice)


def _pictures(settings: BrokerSettings, *, wait: bool) -> tuple[bool, dict[str, datetime | None]]:
    """Whether images/# may be subscribed to, and whose pictures came; of numbered ones when the newest was captured."""
    client = _client(settings)
    granted: list[bool] = []
    came: dict[str, datetime | None] = {}

    def connected(*_: object) -> None:
        client.subscribe("images/#", 0)

    def heard(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        with contextlib.suppress(ValueError):
            name, found = message.topic.removeprefix(_IMAGES), extract(payload.picture(bytes(message.payload)))
            before = came.get(name)
            newest = found.captured if found is not None else None
            came[name] = max(newest, before) if newest and before else newest or before

    client.on_connect = connected
    client.on_subscribe = lambda _c, _u, _mid, reasons, _p: granted.append(not reasons[0].is_failure)
    client.on_message = heard
    began_s = time.monotonic()

    def done() -> bool:
        listened = time.monotonic() - began_s > _LISTEN_S
        return (listened and (bool(came) or not wait)) or (bool(granted) and not granted[0])

    broker_check.run(client, settings.host, settings.port, done)
    return bool(granted) and granted[0], came


def _this_machine(host: str) -> bool:
    try:
        return listening.is_loopback(host)
    except Stop:
        return False
