"""One message by MQTT from a command that is not the master."""

import time
from typing import Final

from paho.mqtt.enums import MQTTErrorCode

from posture_agent.broker.rival import client
from posture_agent.broker.settings import BrokerSettings

_PATIENCE_S: Final = 5.0


def publish_once(settings: BrokerSettings, topic: str, payload: bytes) -> str | None:
    """Publish with QoS 1, not retained; None once the broker has it, else why not, in words. Takes up to 5 s."""
    deadline = time.monotonic() + _PATIENCE_S
    try:
        speaker = client(settings, "")
        speaker.connect(settings.host, settings.port, keepalive=10)
        while not speaker.is_connected():
            if speaker.loop(0.1) != MQTTErrorCode.MQTT_ERR_SUCCESS or time.monotonic() > deadline:
                return f"the broker {settings.host}:{settings.port} does not take us"
        said = speaker.publish(topic, payload, qos=1)
        while not said.is_published():
            if speaker.loop(0.1) != MQTTErrorCode.MQTT_ERR_SUCCESS or time.monotonic() > deadline:
                return f"the broker {settings.host}:{settings.port} does not answer"
        speaker.disconnect()
    except (OSError, ValueError) as error:
        return f"the broker {settings.host}:{settings.port} is not reached: {error}"
    return None
