"""A real pgbouncer before a test's PostgreSQL, in transaction mode as at Supabase's port 6543."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2

from support.postgres import Postgres, unprivileged_user
from support.processes import Program, free_port, wait_for
from support.servers import find_program, lacking


@contextlib.contextmanager
def transaction_pooler(server: Postgres, *logins: str, connections: int) -> Iterator[int]:
    """The port of a pooler that shares `connections` connections of `server` between the clients of a login."""
    binary = find_program("pgbouncer")
    if binary is None:
        lacking("pgbouncer", "pgbouncer is not installed")
    port, user = free_port(), unprivileged_user()
    folder = Path(tempfile.mkdtemp(prefix="posture-pooler-"))
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        f"[databases]\n* = host={server.host} port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = trust\n"
        f"auth_file = {folder / 'logins'}\n"
        f"pool_mode = transaction\ndefault_pool_size = {connections}\nserver_reset_query =\n"
    )
    (folder / "logins").write_text("".join(f'"{name}" ""\n' for name in ("postgres", *logins)))
    if user:
        shutil.chown(folder, user)
    program = Program([binary, configuration], folder=folder, name="pgbouncer", cwd=folder, user=user)
    program.start()
    try:
        wait_for(lambda: _ready(server, port), 10, what="pgbouncer passes a login on")
        yield port
    finally:
        program.end()
        shutil.rmtree(folder, ignore_errors=True)


def _ready(server: Postgres, port: int) -> bool:
    try:
        psycopg2.connect(host="127.0.0.1", port=port, dbname="postgres", user="postgres", connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True
