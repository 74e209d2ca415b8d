"""The MQTT side: one client in paho's own thread. What happens there reaches the daemon as frozen events.

It reconnects for ever, the session and the client id staying the same, so that the broker still knows us.
"""

import logging
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from posture_publisher.encode import iso
from posture_publisher.settings import BrokerSettings
from posture_publisher.wire import (
    MASTER_STATUS_TOPIC,
    CameraStatus,
    Confirmation,
    Order,
    confirm_topic,
    control_topic,
    images_topic,
    parse_confirmation,
    parse_master_status,
    parse_order,
    parse_run,
    status_topic,
)
from posture_shared.exits import Exit, Stop
from posture_shared.frame import FrameIdentity
from posture_shared.log import RateLimit
from posture_shared.text import one_line

log = logging.getLogger(__name__)

_NO_SUBSCRIBER: Final = 0x10
_FAILURE: Final = 0x80
_GOODBYE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted us. Limits are None where it names none."""

    session_present: bool
    receive_maximum: int | None = None
    largest_packet_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone; paho tries again by itself."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker has our subscriptions: what it retains for us comes next."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """PUBACK for message `mid`. `refusal` is the broker's reason where it did not take it."""

    mid: int
    taken: bool
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class MasterSaid:
    """The master came online or went offline."""

    online: bool


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A publisher of our name, perhaps we, wrote this run into `status/<pi_id>`."""

    run: str


LinkEvent = Connected | RunSeen | Disconnected | Subscribed | Acknowledged | MasterSaid | Order | Confirmation


def new_client(settings: BrokerSettings, client_id: str, *, clean: bool = False) -> mqtt.Client:
    """A client with login and TLS, not connected; `clean`: one that leaves nothing at the broker.

    Raises:
        Stop: the file of the authority cannot be used.
    """
    five = settings.protocol == "5"
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if five else clean,
        protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
    )
    if settings.user is not None:
        password = settings.password.get_secret_value() if settings.password is not None else None
        client.username_pw_set(settings.user, password)
    if settings.tls or settings.tls_ca is not None:
        try:
            client.tls_set(ca_certs=str(settings.tls_ca) if settings.tls_ca is not None else None)
        except OSError as error:
            why = error.strerror or str(error)
            raise Stop(f"setting 'broker.tls_ca': {settings.tls_ca} cannot be used: {why}", Exit.USAGE) from None
    return client


class Link:
    """One camera's connection to the broker."""

    def __init__(
        self, settings: BrokerSettings, *, pi_id: str, farewell: CameraStatus, emit: Callable[[LinkEvent], None]
    ) -> None:
        """Prepare the client; `farewell` is the will, said by the broker when we vanish."""
        self._settings, self._pi_id, self._emit = settings, pi_id, emit
        self._five = settings.protocol == "5"
        self._failing = RateLimit(burst=1, period_s=60.0)
        self._up = self._closing = False
        self._client = new_client(settings, f"posture-publisher-{pi_id}")
        self.leave_will(farewell)
        self._client.max_inflight_messages_set(65535)  # the daemon bounds what is in flight
        # A fleet that lost its broker must not come back in step.
        self._client.reconnect_delay_set(min_delay=1, max_delay=random.randint(4, 8))  # noqa: S311 - no secret
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_publish = self._on_publish
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Connect in the background, for as long as it takes."""
        properties = None
        if self._five:
            properties = _properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = self._settings.session_expiry_s
        self._client.connect_async(
            self._settings.host,
            self._settings.port,
            keepalive=self._settings.keepalive_s,
            clean_start=False if self._five else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        self._client.loop_start()

    def publish(self, payload: bytes, identity: FrameIdentity | None) -> int:
        """Hand a frame to the client; returns its message id, which `Acknowledged` names."""
        properties = None
        if self._five and identity is not None:
            properties = _properties(PacketTypes.PUBLISH)
            properties.UserProperty = [
                ("id", identity.id),
                ("run", identity.run),
                ("seq", str(identity.seq)),
                ("captured", iso(identity.captured)),
            ]
        return self._client.publish(images_topic(self._pi_id), payload, qos=1, properties=properties).mid

    def leave_will(self, farewell: CameraStatus) -> None:
        """What the broker is to say when we vanish; holds from the next connection on."""
        self._client.will_set(status_topic(self._pi_id), msgspec.json.encode(farewell), qos=1, retain=True)

    def say(self, status: CameraStatus) -> None:
        """Publish the camera's retained status."""
        self._client.publish(status_topic(self._pi_id), msgspec.json.encode(status), qos=1, retain=True)

    def close(self, farewell: CameraStatus, *, keep_session: bool) -> None:
        """Say goodbye, briefly wait until the broker heard it, disconnect."""
        if self._up:
            heard = self._client.publish(status_topic(self._pi_id), msgspec.json.encode(farewell), qos=1, retain=True)
            deadline = time.monotonic() + _GOODBYE_S
            while not heard.is_published() and self._up and time.monotonic() < deadline:
                time.sleep(0.01)
        properties = None
        if self._five and not keep_session:
            properties = _properties(PacketTypes.DISCONNECT)
            properties.SessionExpiryInterval = 0
        self._closing = True
        self._client.disconnect(properties=properties)
        self._client.loop_stop()

    # in paho's thread

    def _on_connect(
        self,
        client: mqtt.Client,
        _: object,
        flags: mqtt.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._complain(f"the broker refused us: {reason}")
            return
        self._up = True
        log.info(
            "broker connected host=%s port=%d session_present=%s",
            self._settings.host,
            self._settings.port,
            flags.session_present,
        )
        self._emit(
            Connected(
                session_present=flags.session_present,
                receive_maximum=_number(properties, "ReceiveMaximum"),
                largest_packet_bytes=_number(properties, "MaximumPacketSize"),
            )
        )
        topics = (
            control_topic(self._pi_id),
            confirm_topic(self._pi_id),
            MASTER_STATUS_TOPIC,
            status_topic(self._pi_id),
        )
        client.subscribe([(topic, 1) for topic in topics])

    def _on_connect_fail(self, *_: object) -> None:
        # paho calls this while it handles the error and does not hand it over.
        self._complain(one_line(str(sys.exception() or "no connection"), 200))

    def _on_disconnect(
        self, _client: mqtt.Client, _: object, _flags: object, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if self._up and not self._closing:
            log.warning("broker disconnected reason=%s; trying on", reason)
        self._up = False
        self._emit(Disconnected())

    def _on_subscribe(
        self, _client: mqtt.Client, _: object, _mid: int, reasons: list[ReasonCode], *_rest: object
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            name = self._pi_id
            log.warning("broker refuses a subscription: confirm/%s, control/%s, status/%s, status/master", *(name,) * 3)
        self._emit(Subscribed())

    def _on_publish(
        self, _client: mqtt.Client, _: object, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        refusal = str(reason) if reason.value >= _FAILURE else ""
        self._emit(Acknowledged(mid=mid, taken=reason.value != _NO_SUBSCRIBER, refusal=refusal))

    def _on_message(self, _client: mqtt.Client, _: object, message: mqtt.MQTTMessage) -> None:
        if message.topic == MASTER_STATUS_TOPIC:
            status = parse_master_status(bytes(message.payload))
            if status is not None:
                self._emit(MasterSaid(online=status.state == "online"))
            return
        if message.topic == status_topic(self._pi_id):
            run = parse_run(bytes(message.payload))
            if run is not None:
                self._emit(RunSeen(run))
            return
        if message.topic == control_topic(self._pi_id):
            order = parse_order(bytes(message.payload))
            if order is not None:
                self._emit(order)
            else:
                log.warning("order makes no sense bytes=%d", len(message.payload))
            return
        confirmation = parse_confirmation(bytes(message.payload))
        if confirmation is not None:
            self._emit(confirmation)
        elif message.payload:
            log.warning("confirmation makes no sense bytes=%d", len(message.payload))

    def _complain(self, why: str) -> None:
        allowed, _ = self._failing.allow()
        if allowed:
            log.warning(
                "broker not reached host=%s port=%d why=%s; trying on",
                self._settings.host,
                self._settings.port,
                why,
            )


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]


def _number(properties: Properties | None, name: str) -> int | None:
    value: Any = getattr(properties, name, None)
    return value if isinstance(value, int) else None
