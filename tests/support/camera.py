"""Cameras for tests: pictures with identity, and a plain MQTT client that sends them as old and new publishers do."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

import cv2
import numpy as np
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from posture_shared.frame import FrameIdentity, embed, new_id


def picture(width: int = 64, height: int = 48, *, shade: int = 100) -> bytes:
    """A small grey JPEG."""
    return cv2.imencode(".jpg", np.full((height, width, 3), shade, np.uint8))[1].tobytes()


def heavy_picture(size: int) -> bytes:
    """A JPEG of about `size` bytes: the rest is a comment, which nobody decodes."""
    plain = picture()
    filler = b"".join(b"\xff\xfe\xff\xff" + bytes(65533) for _ in range(size // 65537))
    return plain[:2] + filler + plain[2:]


def identified(run: str, seq: int, jpeg: bytes | None = None, *, captured: datetime | None = None) -> bytes:
    """A picture with an identity of its own."""
    identity = FrameIdentity(new_id(), run, seq, captured or datetime.now(UTC))
    return embed(jpeg or picture(), identity)


def new_run() -> str:
    """A run's id."""
    return str(uuid.uuid4())


class Camera:
    """An MQTT client in a thread; `with` connects and disconnects it. Publishes with QoS 1."""

    def __init__(self, port: int, *, old: bool = False, listen: tuple[str, ...] = ()) -> None:
        version = MQTTProtocolVersion.MQTTv311 if old else MQTTProtocolVersion.MQTTv5
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self._client.max_inflight_messages_set(1000)
        self._port = port
        self._listen = listen
        self._up = threading.Event()
        self.heard: list[tuple[str, bytes]] = []
        self._client.on_connect = self._connected
        self._client.on_subscribe = lambda *_: self._up.set()
        self._client.on_message = lambda _c, _u, message: self.heard.append((message.topic, message.payload))

    def _connected(self, *_: object) -> None:
        if self._listen:
            self._client.subscribe([(topic, 1) for topic in self._listen])
        else:
            self._up.set()

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        assert self._up.wait(10), "the test's camera could not connect"
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes, *, wait: bool = True, **options: Any) -> None:
        """Send a message; with `wait`, return when the broker has acknowledged it."""
        info = self._client.publish(topic, payload, qos=1, **options)
        if wait:
            info.wait_for_publish(10)
            assert info.is_published()

    def send(self, payloads: list[bytes], pi_id: str = "pi1", *, each: Callable[[int], None] | None = None) -> None:
        """Send frames one after the other and wait for all acknowledgements."""
        infos = []
        for number, payload in enumerate(payloads):
            infos.append(self._client.publish(f"images/{pi_id}", payload, qos=1))
            if each is not None:
                each(number)
        for info in infos:
            info.wait_for_publish(20)
            assert info.is_published()
