"""A real PostgreSQL for tests: a free port, a data folder of its own, a new empty database whenever one is asked for.

It runs as the user `postgres` (or `nobody`) where the tests run as root, which PostgreSQL refuses to do. fsync is off:
a kill of the server loses nothing that way, only a power cut would.
"""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg2

from support.processes import Program, free_port, primary_group, wait_for
from support.servers import find_program, missing

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "60",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "timezone": "UTC",
}


class Postgres:
    """A server on 127.0.0.1 with the superuser `postgres`, who needs no password there.

    `.url` is an empty database; `.database()` makes a further one. Roles belong to the whole server: give those that a
    test creates a name of their own. `more` are further settings; `.keep` puts files that they name into `.folder`.
    """

    host = "127.0.0.1"

    def __init__(self, **more: str) -> None:
        binaries = _binaries()
        if binaries is None:
            missing("PostgreSQL", "Debian: apt-get install postgresql")
        self._binaries = binaries
        self.port = free_port()
        self._user = unprivileged_user()
        # Not pytest's folder: that is closed to other users, and the server is one.
        self.folder = Path(tempfile.mkdtemp(prefix="posture-postgres-"))
        self._data = self.folder / "data"
        self._numbers = itertools.count(1)
        if self._user:
            shutil.chown(self.folder, self._user)
        self._initialise(binaries / "initdb")
        options = [part for key, value in {**SETTINGS, **more}.items() for part in ("-c", f"{key}={value}")]
        self.program = Program(
            [binaries / "postgres", "-D", self._data, "-p", str(self.port), *options],
            folder=self.folder,
            name="postgres",
            cwd=self.folder,
            user=self._user,
        )
        self.url = self.url_of("postgres")

    def url_of(self, database: str, *, user: str = "postgres", password: str = "") -> str:
        """The address of `database` for `user`."""
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@{self.host}:{self.port}/{database}"

    def keep(self, file: Path, name: str) -> Path:
        """A copy of `file` that the server alone may read."""
        kept = self.folder / name
        shutil.copyfile(file, kept)
        kept.chmod(0o600)
        if self._user:
            shutil.chown(kept, self._user)
        return kept

    def start(self) -> None:
        """Start it, on the same port and with its data."""
        self.program.start()
        wait_for(self._ready, 30, what="PostgreSQL accepts logins")

    def stop(self) -> None:
        """Stop it in good order; clients are cut off."""
        self.program.signal(signal.SIGINT)
        self.program.wait(30)

    def kill(self) -> None:
        """Stop it hard, without a checkpoint: it recovers from its log at the next start."""
        # SIGQUIT is PostgreSQL's own "immediate". SIGKILL of the parent alone would leave its children with the port.
        self.program.signal(signal.SIGQUIT)
        self.program.wait(30)

    def dump(self, url: str, table: str) -> str:
        """What pg_dump writes of `table`, as statements without psql's own."""
        command = [self._binaries / "pg_dump", "--inserts", "--rows-per-insert=500", "--table", table, url]
        text = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
        return "\n".join(line for line in text.splitlines() if not line.startswith("\\")) + "\nRESET search_path;"

    def database(self) -> str:
        """The superuser's address of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        connection = psycopg2.connect(self.url_of("postgres"), connect_timeout=10)
        try:
            connection.autocommit = True  # CREATE DATABASE runs in no transaction
            with connection.cursor() as cursor:
                cursor.execute(f"CREATE DATABASE {name}")
        finally:
            connection.close()
        return self.url_of(name)

    def renew(self) -> None:
        """Ready for another test: running, and `.url` an empty database."""
        if not self.program.alive:
            self.start()
        self.url = self.database()

    def end(self) -> None:
        if self.program.alive:
            with contextlib.suppress(AssertionError):
                self.kill()
        self.program.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ready(self) -> bool:
        assert self.program.alive, f"PostgreSQL ended\n{self.program.tail()}"
        try:
            psycopg2.connect(self.url_of("postgres"), connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _initialise(self, initdb: Path) -> None:
        subprocess.run(
            [initdb, "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=self.folder,
            timeout=120,
            user=self._user,
            group=primary_group(self._user),
            extra_groups=[] if self._user else None,
        )


def _binaries() -> Path | None:
    """The folder of the newest server's programs: Debian keeps them off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: _version(folder.parent.name))
    found = find_program("initdb", [*reversed(versions), Path("/opt/homebrew/bin"), Path("/usr/local/bin")])
    return found.resolve().parent if found else None


def _version(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return 0.0


def unprivileged_user() -> str | None:
    """Whom servers run as that refuse to run as root; None where the tests do not run as root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise AssertionError("this server does not run as root, and there is no user postgres or nobody")
