"""One connection to the MQTT broker, driven on the event loop through paho's hooks for external loops.

A connection is used once: packet ids, acknowledgements and outgoing messages belong to it and end with it. Reading can
be stopped while acknowledgements go on leaving. The link is kept alive by the session's own messages, not by paho's
pings: paho ends a link whose PINGRESP stands unread behind frames, which is just what a stopped reader causes.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Any, Final

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from posture_agent.broker.acks import Receipts
from posture_agent.broker.rival import client as new_client
from posture_agent.broker.settings import BrokerSettings

log = logging.getLogger(__name__)

TAKEN_OVER: Final = 0x8E
_FOR_GOOD: Final = frozenset({0x85, 0x86, 0x87, 0x8A, 0x8C})
"""MQTT 5, 3.2.2.2: client id, user or password, authorisation, banned, authentication method. Others may pass."""
_MAX_PACKET_BYTES: Final = 16 * 1024 * 1024
"""The broker drops what is larger, so that one message cannot take the memory; 8 MiB and more are counted rejects."""
_ANSWER_S: Final = 10.0
_DEAD_PEER_MS: Final = 30_000

OnMessage = Callable[["Connection", paho.MQTTMessage], None]


class ConnectError(Exception):
    """The broker cannot be reached or refuses us; the text says which, in words."""


class RefusedError(ConnectError):
    """It is there, and somebody has to act: login, certificate or rights are not as they must be."""


class Connection:
    """A connection that is made once and ends once.

    Args:
        settings: where the broker is and who we are there.
        farewell: topic and payload that the broker publishes (retained) when we vanish.
        on_message: called for each PUBLISH.
        on_published: called when the broker has acknowledged one of our messages.
        on_answer: called before that, with the topic and why the broker did not take the message, "" where it did.

    Raises:
        ConnectError: the broker's certificate authority cannot be read.
    """

    def __init__(
        self,
        settings: BrokerSettings,
        *,
        farewell: tuple[str, bytes],
        on_message: OnMessage,
        on_published: Callable[[], None],
        on_answer: Callable[[str, str], None] = lambda _topic, _refusal: None,
    ) -> None:
        self._settings, self._on_message, self._on_published = settings, on_message, on_published
        self._on_answer = on_answer
        self._loop = asyncio.get_running_loop()
        try:
            self._client = self._new_client(farewell)
        except OSError as error:
            raise RefusedError(f"broker.tls_ca: {settings.tls_ca} cannot be used: {error.strerror or error}") from None
        self._socket: socket.socket | None = None
        self._granted: asyncio.Future[None] = self._loop.create_future()
        self._paused = False
        self.closed: asyncio.Future[str] = self._loop.create_future()
        """Why the connection ended."""
        self.taken_over = False
        self.session_present = False
        self._unconfirmed: dict[int, str] = {}
        self.heard_at = self._loop.time()
        """When bytes last arrived."""
        self.receipts = Receipts(self._acknowledge)

    def _new_client(self, farewell: tuple[str, bytes]) -> paho.Client:
        client = new_client(self._settings, self._settings.client_id)
        client.will_set(*farewell, qos=1, retain=True)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        client.on_publish = self._published
        client.on_socket_close = self._socket_closing
        return client

    # opening

    async def open(self) -> None:
        """Connect, take up the session and subscribe.

        Raises:
            ConnectError: it did not come about.
        """
        where = f"{self._settings.host}:{self._settings.port}"
        try:
            await self._loop.run_in_executor(None, self._connect)
        except ssl.SSLCertVerificationError as error:
            raise RefusedError(f"the certificate of the broker {where} cannot be trusted: {error}") from None
        except (OSError, ValueError) as error:
            raise ConnectError(f"cannot reach the broker {where}: {error}") from None
        self._attach()
        try:
            async with asyncio.timeout(_ANSWER_S):
                waited: list[asyncio.Future[Any]] = [self._granted, self.closed]
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            self.abort("no answer")
            raise ConnectError(f"the broker {where} accepts connections but does not answer") from None
        if self._granted.done() and (refusal := self._granted.exception()) is not None:
            self.abort(str(refusal))
            raise refusal
        if self.closed.done():
            raise ConnectError(f"the broker {where} closed the connection: {self.closed.result()}")

    def _connect(self) -> None:
        """In a thread of the executor: name look-up and connecting may take seconds."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = self._settings.session_expiry_s
        properties.ReceiveMaximum = self._settings.receive_maximum
        properties.MaximumPacketSize = _MAX_PACKET_BYTES
        self._client.connect(
            self._settings.host,
            self._settings.port,
            keepalive=max(10, int(self._settings.heartbeat_s * 3)),
            clean_start=False,
            properties=properties,
        )

    def _attach(self) -> None:
        found = self._client.socket()
        if not isinstance(found, socket.socket):
            raise ConnectError("the connection ended while it was made")
        self._socket = found
        tcp_user_timeout = getattr(socket, "TCP_USER_TIMEOUT", None)
        if tcp_user_timeout is not None:
            found.setsockopt(socket.IPPROTO_TCP, tcp_user_timeout, _DEAD_PEER_MS)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._client.on_socket_register_write = self._want_write
        self._client.on_socket_unregister_write = self._wrote
        if self._client.want_write():
            self._loop.add_writer(found, self._client.loop_write)
        self.heard_at = self._loop.time()
        self._loop.add_reader(found, self._read)

    def _connected(self, _c: object, _u: object, flags: Any, reason: ReasonCode, _p: object) -> None:
        if reason.is_failure:
            if not self._granted.done():
                kind = RefusedError if reason.value in _FOR_GOOD else ConnectError
                self._granted.set_exception(kind(f"the broker refuses the master: {reason}"))
            return
        self.session_present = bool(flags.session_present)
        self._client.subscribe([("images/#", 1), ("status/+", 1)])
        if self.session_present and not self._granted.done():
            # The session holds our subscriptions, and frames it kept may come, and fill the budget, before the SUBACK.
            self._granted.set_result(None)

    def _subscribed(self, _c: object, _u: object, _mid: int, reasons: list[ReasonCode], _p: object) -> None:
        if any(reason.is_failure for reason in reasons):
            text = "the broker does not let the master subscribe to images/# and status/+: check its access list"
            if self._granted.done():
                self.abort(text)
            else:
                self._granted.set_exception(RefusedError(text))
        elif not self._granted.done():
            self._granted.set_result(None)

    # reading

    def _read(self) -> None:
        if self._paused or self._socket is None:
            return
        self.heard_at = self._loop.time()
        self._client.loop_read()
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            self._loop.call_soon(self._read)  # decrypted bytes wait in memory, the socket will not say so

    def pause(self) -> None:
        """Stop reading; acknowledgements and our own messages go on leaving."""
        if not self._paused:
            self._paused = True
            if self._socket is not None:
                self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            self.heard_at = self._loop.time()
            if self._socket is not None:
                self._loop.add_reader(self._socket, self._read)
                self._loop.call_soon(self._read)

    @property
    def paused(self) -> bool:
        """Whether reading is stopped."""
        return self._paused

    def _message(self, _c: object, _u: object, message: paho.MQTTMessage) -> None:
        try:
            self._on_message(self, message)
        except Exception:
            # What escaped would have paho hand over the same packet at each read, for ever.
            log.exception("event=message_failed")

    # writing

    def _want_write(self, _c: object, _u: object, sock: Any) -> None:
        self._loop.add_writer(sock, self._client.loop_write)

    def _wrote(self, _c: object, _u: object, sock: Any) -> None:
        self._loop.remove_writer(sock)

    def _acknowledge(self, packet: int) -> None:
        self._client.ack(packet, 1)

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = True) -> None:
        """Send a message; with QoS 1 it is `outstanding` until the broker has it."""
        info = self._client.publish(topic, payload, qos=qos, retain=retain)
        if qos and info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._unconfirmed[info.mid] = topic

    @property
    def outstanding(self) -> int:
        """Our messages of QoS 1 that the broker has not acknowledged yet."""
        return len(self._unconfirmed)

    def _published(self, _c: object, _u: object, mid: int, reason: ReasonCode, _p: object) -> None:
        topic = self._unconfirmed.pop(mid, None)
        if topic is None:
            return
        self._on_answer(topic, str(reason) if reason.is_failure else "")
        self._loop.call_soon(self._on_published)

    # ending

    async def close(self, farewell: tuple[str, bytes]) -> None:
        """Say goodbye and end in good order, within two seconds."""
        if self._socket is not None and not self.closed.done():
            self.publish(*farewell, qos=0)
            self._client.disconnect()
            await asyncio.wait([self.closed], timeout=2)
        self.abort("stopped")

    def abort(self, why: str) -> None:
        """End at once."""
        self._end(why)
        if self._socket is not None:
            sock, self._socket = self._socket, None
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            sock.close()

    def _socket_closing(self, _c: object, _u: object, sock: Any) -> None:
        if self._socket is not None:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)
            self._socket = None

    def _disconnected(self, _c: object, _u: object, flags: object, reason: ReasonCode, _p: object) -> None:
        self.taken_over = reason.value == TAKEN_OVER
        from_broker = getattr(flags, "is_disconnect_packet_from_server", False)
        self._end(f"the broker ended the connection: {reason}" if from_broker else "the connection was lost")

    def _end(self, why: str) -> None:
        self.receipts.close()
        if not self.closed.done():
            self.closed.set_result(why)
