"""The demo's MQTT broker on a free port of this machine: mosquitto where it is installed, else one from PyPI."""

import getpass
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Final, NamedTuple

from posture_shared.exits import Stop

# As root it would turn into another user, and a process that does so no longer hears of its parent's death.
_MOSQUITTO: Final = """\
user {user}
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
max_packet_size 16777216
persistence false
log_type error
log_type warning
"""

# rumqttd inside iotcore: MQTT 5 only where a listener says so, and pictures are larger than its default payload.
_IOTCORE: Final = """\
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 67108864
max_segment_count = 4
[v5.1]
name = "demo"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = 16777216
max_inflight_count = 1000
dynamic_filters = true
"""


class Broker(NamedTuple):
    """How to start it, and what it is."""

    name: str
    command: list[str]


def broker_command(folder: Path, port: int, *, search_path: str | None = None) -> Broker:
    """The broker that this machine has, configured for `port`.

    Args:
        folder: where its configuration is written.
        port: TCP port on 127.0.0.1.
        search_path: where to look for mosquitto; default PATH and where Debian puts it.

    Raises:
        Stop: there is none.
    """
    looked = search_path if search_path is not None else os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"
    mosquitto = shutil.which("mosquitto", path=looked)
    if mosquitto is not None:
        configuration = folder / "mosquitto.conf"
        configuration.write_text(_MOSQUITTO.format(port=port, user=getpass.getuser()), encoding="utf-8")
        return Broker("mosquitto", [mosquitto, "-c", str(configuration)])
    if importlib.util.find_spec("iotcore") is not None:
        configuration = folder / "iotcore.toml"
        configuration.write_text(_IOTCORE.format(port=port), encoding="utf-8")
        return Broker("iotcore", [sys.executable, "-m", "iotcore", "--config", str(configuration)])
    raise Stop("the demo needs an MQTT broker: install mosquitto, or 'pip install iotcore'")
