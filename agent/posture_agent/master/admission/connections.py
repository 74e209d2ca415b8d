"""Connections to the master's sockets that ended: by the other side, by the network, or by ZeroMQ itself.

A message beyond a socket's limit never reaches us: ZeroMQ ends its connection, and gives no reason that would tell it
from a console that was closed. So every end is counted, and none is called hostile. Owns the one monitor that ZeroMQ
allows a socket; whoever keeps its keys is told there of peers that could not even be asked for one.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from posture_agent.loop_socket import LoopSocket

OnStranger = Callable[[], None]
"""Told of a connection whose handshake failed: it spoke in plain, or for another master."""

_STRANGERS: Final = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
_NUMBERS: Final = itertools.count()


class Connections:
    """Watches sockets, each from before it is bound until it is closed, on the running loop."""

    def __init__(self) -> None:
        self._watched: dict[int, tuple[zmq.Socket[Any], LoopSocket]] = {}
        self.ended: Counter[str] = Counter()
        """Connections that ended since the start, by the name of the socket. Those that we close do not count."""

    def watch(self, socket: "zmq.Socket[Any]", name: str, *, on_stranger: OnStranger | None = None) -> None:
        """Count the ends of connections to `socket` under `name`."""
        self.ended[name] += 0  # a count that begins at 1 has no first increase
        number = next(_NUMBERS)
        endpoint = f"inproc://connections-{number}"
        socket.monitor(endpoint, zmq.EVENT_DISCONNECTED | zmq.EVENT_MONITOR_STOPPED | _STRANGERS)
        pair = socket.context.socket(zmq.PAIR, socket_class=zmq.Socket)
        pair.setsockopt(zmq.RCVHWM, 0)  # a full one would stop the thread that serves all connections
        pair.connect(endpoint)
        told = partial(self._told, number, name, on_stranger)
        monitor = LoopSocket(pair, on_parts=told, on_batch=lambda: None)
        self._watched[number] = (socket, monitor)
        monitor.start()

    def close(self) -> None:
        """Watch no longer; before the sockets are closed, for nobody would read what ZeroMQ has to say of them."""
        for socket, monitor in self._watched.values():
            if not socket.closed:
                socket.disable_monitor()
            monitor.close()
        self._watched.clear()

    def _told(self, number: int, name: str, on_stranger: OnStranger | None, parts: list[bytes], _: str | None) -> None:
        event = parse_monitor_message(parts)["event"]
        if event == zmq.EVENT_DISCONNECTED:
            self.ended[name] += 1
        elif event == zmq.EVENT_MONITOR_STOPPED:
            self._watched.pop(number)[1].close()
        elif on_stranger is not None:
            on_stranger()
