"""A real mosquitto for one test: a free port, a disk of its own, killed and started again at will.

It keeps everything: no limit drops a message silently, and the store is saved after every change, so that what it
acknowledged is there again after SIGKILL, but for the last few: mosquitto acknowledges a moment before it saves.
"""

import signal
from pathlib import Path

from support.processes import Program, free_port, listens, wait_for
from support.servers import find_program, missing

CONFIGURATION = """\
listener {port} 127.0.0.1
allow_anonymous true
user {user}
persistence true
persistence_location {folder}/
autosave_on_changes {durable}
autosave_interval {interval}
max_inflight_messages 0
max_queued_messages 0
max_queued_bytes 0
connection_messages true
log_dest stderr
log_type error
log_type warning
log_type notice
{extra}
"""


class Mosquitto:
    """A broker on 127.0.0.1.

    Args:
        folder: where its configuration, store and log are; kept between `stop` or `kill` and `start`.
        durable: save the whole store after every change; each save costs time in proportion to the backlog, so a
            test of speed says False and gets a save each half hour.
        extra: further lines of configuration.
        configuration: a whole configuration instead; its `{port}`, `{folder}` are filled in.
    """

    host = "127.0.0.1"

    def __init__(
        self, folder: Path, *, durable: bool = True, extra: str = "", configuration: str | None = None
    ) -> None:
        binary = find_program("mosquitto")
        if binary is None:
            missing("mosquitto", "Debian: apt-get install mosquitto")
        self.port = free_port()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / "mosquitto.conf"
        # As root it would turn into the user mosquitto, who cannot write to a test's folder.
        written.write_text(
            (configuration or CONFIGURATION).format(
                port=self.port,
                user="root",
                folder=folder,
                durable=str(durable).lower(),
                interval=1 if durable else 1800,
                extra=extra,
            )
        )
        self.program = Program([str(binary), "-c", written], folder=folder, name="mosquitto")

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"{self.host}:{self.port}"

    @property
    def log(self) -> str:
        return self.program.stderr

    def start(self) -> None:
        """Start it, on the same port and with the store that it left."""
        self.program.start()
        wait_for(self._ready, 10, what="mosquitto accepts connections")

    def _ready(self) -> bool:
        assert self.program.alive, f"mosquitto ended\n{self.program.tail()}"
        return listens(self.port)

    def stop(self) -> None:
        """Stop it in good order: it saves its store."""
        self.program.terminate(10)

    def kill(self) -> None:
        """SIGKILL: what was not saved is lost."""
        self.program.kill()

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing moves, until `resume`."""
        self.program.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.program.signal(signal.SIGCONT)

    def end(self) -> None:
        self.program.end()
