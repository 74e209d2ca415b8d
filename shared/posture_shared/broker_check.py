"""A look at the MQTT broker: connect, log in, subscribe, send oneself a message, on a client that is handed in."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from posture_shared.checks import Finding, failed, masked, ok, warning

_ANSWER_S: Final = 5.0
_LEAST_PACKET: Final = 12 * 1024 * 1024
"""A picture of 8 MiB as base64 with its topic."""


class Client(Protocol):
    """paho's client, as far as it is needed; not connected, callbacks of version 2."""

    on_connect: Any
    on_subscribe: Any
    on_publish: Any
    on_message: Any

    def connect(self, host: str, port: int, keepalive: int) -> Any: ...  # noqa: D102 - paho's
    def loop(self, timeout: float) -> Any: ...  # noqa: D102 - paho's
    def subscribe(self, topic: list[tuple[str, int]]) -> Any: ...  # noqa: D102 - paho's
    def publish(self, topic: str, payload: bytes, qos: int) -> Any: ...  # noqa: D102 - paho's
    def disconnect(self) -> Any: ...  # noqa: D102 - paho's


@dataclass(slots=True)
class Seen:
    """How far it went. `trouble`: why not further; `retained`: what the broker kept, by topic."""

    connected: bool = False
    refusal: str = ""
    subscribed: bool | None = None
    round_trip_ms: float | None = None
    largest_packet: int | None = None
    retained: dict[str, bytes] = field(default_factory=dict)
    trouble: str = ""


def look(client: Client, host: str, port: int, topic: str, *, also: Sequence[str] = ()) -> Seen:
    """Send an empty message to `topic`; read what is kept there and in `also`. Takes up to 5 s.

    Whoever else listens to `topic` must take an empty message for nothing.
    """
    seen = Seen()
    sent_s = 0.0

    def connected(_c: object, _u: object, _f: object, reason: Any, properties: Any) -> None:
        seen.connected = not reason.is_failure
        seen.refusal = str(reason) if reason.is_failure else ""
        seen.largest_packet = getattr(properties, "MaximumPacketSize", None)
        if seen.connected:
            client.subscribe([(name, 1) for name in (topic, *also)])

    def subscribed(_c: object, _u: object, _mid: object, reasons: list[Any], _p: object) -> None:
        nonlocal sent_s
        seen.subscribed = not reasons[0].is_failure
        sent_s = time.monotonic()
        client.publish(topic, b"", 1)

    def heard(_c: object, _u: object, message: Any) -> None:
        if message.retain:
            seen.retained[message.topic] = bytes(message.payload)
        elif message.topic == topic and not message.payload:
            seen.round_trip_ms = (time.monotonic() - sent_s) * 1000

    client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, heard
    seen.trouble = run(client, host, port, lambda: bool(seen.refusal) or seen.round_trip_ms is not None)
    return seen


def refusal(client: Client, host: str, port: int, topic: str) -> str | None:
    """Send an empty message to `topic`: why the broker does not take it, "" where it does, None: it did not say.

    Takes up to 5 s. Whoever listens to `topic` must take an empty message for nothing. Needs MQTT 5.
    """
    said: list[str] = []

    def connected(*_: object) -> None:
        client.publish(topic, b"", 1)

    def published(_c: object, _u: object, _mid: object, reason: Any, _p: object) -> None:
        said.append(str(reason) if reason.is_failure else "")

    client.on_connect, client.on_publish = connected, published
    run(client, host, port, lambda: bool(said))
    return said[0] if said else None


def run(client: Client, host: str, port: int, done: Callable[[], bool]) -> str:
    """Drive the client until `done`, for 5 s at most; why that was not possible, "" where it was."""
    deadline = time.monotonic() + _ANSWER_S
    try:
        client.connect(host, port, 10)
        while time.monotonic() < deadline and not done():
            if client.loop(0.1) != 0:
                break
        client.disconnect()
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def findings(seen: Seen, *, where: str, topic: str, tls: bool, secret: str | None) -> list[Finding]:
    """What `look` saw, in words."""
    if seen.refusal:
        return [failed("broker login", f"{where} refuses: {seen.refusal}", "check the broker's user and password")]
    if not seen.connected:
        why = masked(seen.trouble or "it accepts connections but does not answer as an MQTT broker", secret)
        return [failed("broker", f"{where} cannot be used: {why}", _advice(why))]
    found = [ok("broker", f"{where} answers{' over TLS' if tls else ''}")]
    if seen.subscribed is False:
        found.append(failed("broker topics", f"{topic} may not be read", "allow it in the broker's access list"))
    elif seen.round_trip_ms is None:
        found.append(failed("broker topics", f"nothing comes back from {topic}", "allow reading and writing it"))
    else:
        found.append(ok("broker topics", f"a message came back in {seen.round_trip_ms:.0f} ms"))
    if seen.largest_packet is not None and seen.largest_packet < _LEAST_PACKET:
        text = f"takes packets up to {seen.largest_packet} bytes; a picture may have {_LEAST_PACKET}"
        found.append(warning("broker limits", text, "set max_packet_size 16777216 in mosquitto.conf"))
    return found


def _advice(why: str) -> str:
    low = why.lower()
    if "certificate" in low or "ssl" in low or "tls" in low:
        return "compare the broker's certificate, its name and its dates with the authority that is set"
    if "refused" in low:
        return "start the broker, or name another with --broker"
    if "name" in low and ("known" in low or "resolution" in low or "not known" in low):
        return "check the broker's name, or use its address"
    return "see whether the broker runs, and whether a firewall is in between"
