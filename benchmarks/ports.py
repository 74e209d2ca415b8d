"""Free TCP ports for the programs that a benchmark starts."""

import contextlib
import random
import socket

_PORTS = range(20_000, 32_000)
"""Below those that Linux gives to connections: nobody is given one before our program listens."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    for port in random.sample(_PORTS, len(_PORTS)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port from {_PORTS[0]} to {_PORTS[-1]} is free")
