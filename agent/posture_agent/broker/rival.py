"""Whether another master took the session: looked up at the broker before connecting again.

MQTT 5 has a reason code for it (0x8E), but mosquitto 2.0 closes the connection without sending it; connecting again at
once would take the session back, and two masters would fight for ever. So after a connection is lost, the retained
`status/master` is read under another name first.
"""

import time
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from posture_agent.broker.settings import BrokerSettings
from posture_shared.nonsense import NONSENSE

STATUS_TOPIC: Final = "status/master"
_PATIENCE_S: Final = 3.0


class MasterStatus(msgspec.Struct, frozen=True):
    """Payload of `status/master`: `epoch` names one start of a master, `at` is when it last said so."""

    state: Literal["online", "offline"]
    epoch: str
    at: datetime


def client(settings: BrokerSettings, client_id: str) -> paho.Client:
    """A client of this broker under a name, with its login and TLS, not connected.

    Raises:
        OSError: the authority's file cannot be read, or is none (also ssl.SSLError).
    """
    made = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
        manual_ack=True,
    )
    if settings.username is not None:
        made.username_pw_set(settings.username, settings.password.get_secret_value() if settings.password else None)
    if settings.tls_ca is not None:
        made.tls_set(ca_certs=str(settings.tls_ca))
    return made


def rules(status: MasterStatus | None, *, epoch: str, since: datetime) -> bool:
    """Whether `status` is that of another master that came after `since`, when this one (`epoch`) came up.

    A status from before that is what a broker that crashed remembers.
    """
    return status is not None and status.state == "online" and status.epoch != epoch and status.at > since


def retained_status(settings: BrokerSettings) -> MasterStatus | None:
    """The retained `status/master`, or None where there is none or the broker cannot be asked. Takes up to 3 s."""
    found: list[bytes] = []

    def up(asker: paho.Client, *_: Any) -> None:
        asker.subscribe(STATUS_TOPIC)

    def heard(_client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        found.append(bytes(message.payload))

    deadline = time.monotonic() + _PATIENCE_S
    try:
        asker = client(settings, f"{settings.client_id}-look")
        asker.on_connect, asker.on_message = up, heard
        asker.connect(settings.host, settings.port, keepalive=10)
        while not found and time.monotonic() < deadline:
            if asker.loop(0.1) != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return None
        asker.disconnect()
    except (OSError, ValueError):
        return None
    return parse(found[0]) if found else None


def parse(payload: bytes) -> MasterStatus | None:
    """The status in `payload`, or None where it makes no sense."""
    try:
        status = msgspec.json.decode(payload, type=MasterStatus)
    except NONSENSE:
        return None
    return status if status.at.tzinfo is not None else None
