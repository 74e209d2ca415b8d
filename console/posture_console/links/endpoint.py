"""Where a master is: the address of its control socket."""

import re
from dataclasses import dataclass
from typing import Final

from posture_shared.exits import Exit, Stop

DEFAULT_ADDRESS: Final = "tcp://127.0.0.1:5571"
_ADDRESS: Final = re.compile(r"(?:tcp://)?(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\s:/\[\]]+)(?::(?P<port>\d{1,5}))?")
_CONTROL_PORT: Final = 5571


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A master's control socket. The port of its events comes with its welcome."""

    host: str
    port: int = _CONTROL_PORT

    @property
    def control(self) -> str:
        """The address to connect to."""
        return f"tcp://{self.host}:{self.port}"

    def events(self, port: int) -> str:
        """The address of the events socket on the same host."""
        return f"tcp://{self.host}:{port}"


def parse_endpoint(text: str) -> Endpoint:
    """`tcp://HOST:PORT`, `HOST:PORT` or `HOST`.

    Raises:
        Stop: the text is none of these.
    """
    found = _ADDRESS.fullmatch(text.strip())
    port = int(found["port"]) if found and found["port"] else _CONTROL_PORT
    if found is None or not 0 < port < 65536:
        raise Stop(f"'{text}' is not a master's address; write it as tcp://HOST:5571", Exit.USAGE)
    return Endpoint(found["host"], port)
