"""Whether the broker keeps what a master that is away has to get, found out by going away and coming back.

Many brokers keep a thousand messages for a session (mosquitto's `max_queued_messages`) and drop the next, although its
sender was told that all is well. No setting can be asked for over MQTT; so a session of our own sleeps while more than
that are sent to a topic that is nobody's, and counts them when it wakes.
"""

import secrets
import time
from collections.abc import Callable
from typing import Any, Final

from paho.mqtt import client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from posture_agent.broker import rival
from posture_agent.broker.settings import BrokerSettings
from posture_shared.checks import Finding, failed, ok, skipped, warning

TOPIC: Final = "status/master/queue"
"""Below the master's own topic, where its login may write; nobody subscribes to it."""
COUNT: Final = 1100
_CHECK: Final = "broker queue"
_EXPIRY_S: Final = 120
"""Should this program end in between, the broker forgets the session by itself."""
_STEP_S: Final = 20.0
_QUIET_S: Final = 2.0
_TO_DO: Final = "set max_queued_messages 0 and max_queued_bytes in mosquitto.conf, as manifests/mosquitto has them"


def queue(settings: BrokerSettings) -> Finding:
    """Send more than a thousand empty messages to a session that sleeps; takes some seconds, leaves nothing."""
    name = f"{settings.client_id}-queue-{secrets.token_hex(4)}"
    try:
        if not _falls_asleep(settings, name):
            return skipped(_CHECK, "not tried: the broker does not let this login in, or subscribe")
        try:
            sent = _send(settings)
        finally:
            came = _wakes(settings, name)
    except (OSError, ValueError):
        return skipped(_CHECK, "not tried: the broker cannot be reached")
    if 0 < sent < COUNT:
        return skipped(_CHECK, f"not tried: the broker took only {sent} messages in {_STEP_S:.0f} s")
    if not sent:
        text = f"not tried: the broker takes nothing at {TOPIC}"
        return warning(
            _CHECK, text, "let the master's login read and write status/master/#, as manifests/mosquitto/acl"
        )
    if came < sent:
        text = f"kept {came} of {sent} messages for a session that was away: pictures are dropped while the master is"
        return failed(_CHECK, text, _TO_DO)
    return ok(_CHECK, f"kept {sent} messages for a session that was away")


def _falls_asleep(settings: BrokerSettings, name: str) -> bool:
    client, granted = rival.client(settings, name), list[bool]()

    def connected(_c: object, _u: object, _f: object, reason: Any, _p: object) -> None:
        if reason.is_failure:
            granted.append(False)
        else:
            client.subscribe(TOPIC, 1)

    client.on_connect = connected
    client.on_subscribe = lambda _c, _u, _mid, reasons, _p: granted.append(not reasons[0].is_failure)
    _visit(client, settings, lambda: bool(granted), expiry_s=_EXPIRY_S)
    return bool(granted) and granted[0]


def _send(settings: BrokerSettings) -> int:
    """How many the broker took."""
    client, answers = rival.client(settings, f"{settings.client_id}-queue-{secrets.token_hex(4)}"), list[bool]()

    def connected(_c: object, _u: object, _f: object, reason: Any, _p: object) -> None:
        if not reason.is_failure:
            for _ in range(COUNT):
                client.publish(TOPIC, b"", 1)

    client.on_connect = connected
    client.on_publish = lambda _c, _u, _mid, reason, _p: answers.append(not reason.is_failure)
    _visit(client, settings, lambda: len(answers) >= COUNT or not all(answers[-1:]))
    return sum(answers)


def _wakes(settings: BrokerSettings, name: str) -> int:
    """How many were kept. The session ends with this."""
    client, heard_s = rival.client(settings, name), [time.monotonic()]

    def heard(_c: object, _u: object, message: paho.MQTTMessage) -> None:
        heard_s.append(time.monotonic())
        client.ack(message.mid, message.qos)

    client.on_message = heard
    _visit(client, settings, lambda: len(heard_s) > COUNT or time.monotonic() - heard_s[-1] > _QUIET_S, clean=False)
    return len(heard_s) - 1


def _visit(
    client: paho.Client, settings: BrokerSettings, done: Callable[[], bool], *, expiry_s: int = 0, clean: bool = True
) -> None:
    """Connect, drive the client until `done`, leave; the session stays for `expiry_s` afterwards."""
    deadline_s = time.monotonic() + _STEP_S
    client.connect(settings.host, settings.port, 30, clean_start=clean, properties=_lasting(_EXPIRY_S))
    while time.monotonic() < deadline_s and not done():
        if client.loop(0.1) != 0:
            break
    client.disconnect(properties=_lasting(expiry_s, PacketTypes.DISCONNECT))


def _lasting(seconds: int, packet: int = PacketTypes.CONNECT) -> Properties:
    properties = Properties(packet)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = seconds
    return properties
