"""Brings a PostgreSQL database to the tables that are written to. Uses a credential that the daemon never holds.

The numbered files in `migrations/` are applied in order, all in one transaction under a lock, each once.
"""

import contextlib
from collections.abc import Iterator
from importlib import resources
from typing import Final

import psycopg2
import psycopg2.extensions
from psycopg2 import sql

from posture_agent.store.database import connect
from posture_agent.store.streams import STREAMS
from posture_shared.exits import Exit, Stop

_LOCK: Final = 0x706F73747572  # "postur": any number that nobody else locks
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
  version text PRIMARY KEY, applied_at timestamp with time zone NOT NULL DEFAULT now()
)
"""
_GRANT: Final = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
GRANT INSERT ON {table} TO {writer};
DROP POLICY IF EXISTS posture_insert ON {table};
CREATE POLICY posture_insert ON {table} FOR INSERT TO {writer} WITH CHECK (true)
"""
_READ: Final = """
GRANT SELECT ON {table} TO {reader};
DROP POLICY IF EXISTS {policy} ON {table};
CREATE POLICY {policy} ON {table} FOR SELECT TO {reader} USING (true)
"""
_SEQUENCE: Final = """
SELECT pg_get_serial_sequence(%s, attname) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""


def migrate(admin_url: str) -> list[str]:
    """Apply what is not applied yet; returns the names of what was.

    Raises:
        Stop: the address makes no sense (exit 2), the database cannot be reached (exit 3) or refuses (exit 4).
    """
    with _admin(admin_url) as link, link, link.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        cursor.execute(_TABLE)
        cursor.execute("SELECT version FROM schema_migrations")
        applied = {version for (version,) in cursor.fetchall()}
        fresh = [(name, text) for name, text in migrations() if name not in applied]
        for name, text in fresh:
            cursor.execute(text)
            cursor.execute("INSERT INTO schema_migrations (version) VALUES (%s)", (name,))
    return [name for name, _ in fresh]


def grant(admin_url: str, *, writer: str, readers: tuple[str, ...] = ()) -> None:
    """Let the role `writer` insert and nothing else, `readers` read and nothing else, under row level security.

    Everyone else but the tables' owner then sees no row. The roles must exist.

    Raises:
        Stop: as for `migrate`.
    """
    with _admin(admin_url) as link, link, link.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        for table in (stream.table for stream in STREAMS):
            named = sql.Identifier(table)
            cursor.execute(sql.SQL(_GRANT).format(table=named, writer=sql.Identifier(writer)))
            cursor.execute(_SEQUENCE, (table, table))
            for (sequence,) in [row for row in cursor.fetchall() if row[0]]:
                # Tables of older installations number their rows by a sequence that needs a right of its own.
                schema, _, name = sequence.partition(".")
                target = sql.Identifier(schema.strip('"'), name.strip('"'))
                cursor.execute(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(target, sql.Identifier(writer)))
            for reader in readers:
                policy = sql.Identifier(f"posture_read_{reader}")
                cursor.execute(sql.SQL(_READ).format(table=named, reader=sql.Identifier(reader), policy=policy))


def migrations() -> list[tuple[str, str]]:
    """The names and texts of all migrations, in order."""
    folder = resources.files("posture_agent.store") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files]


@contextlib.contextmanager
def _admin(url: str) -> Iterator[psycopg2.extensions.connection]:
    _check(url)
    try:
        link = connect(url, program="posture-agent migrate")
    except psycopg2.Error as error:
        raise Stop(f"cannot reach the database: {_line(error)}", Exit.UNREACHABLE) from None
    try:
        yield link
    except psycopg2.errors.InsufficientPrivilege as error:
        raise Stop(
            f"the database refuses: {' '.join(str(error).split())}; use its owner's login", Exit.REFUSED
        ) from None
    except psycopg2.Error as error:
        raise Stop(f"the database could not be brought up to date: {_line(error)}") from None
    finally:
        link.close()


def _check(url: str) -> None:
    """Refuse what libpq would misread, for its complaint quotes the password. Raises Stop."""
    try:
        parts = psycopg2.extensions.parse_dsn(url)
    except psycopg2.ProgrammingError:
        parts = {"host": "@"}
    if "@" in str(parts.get("host", "")) or not str(parts.get("port", "0")).replace(",", "").isdecimal():
        raise Stop(
            "--admin-url is no address of a database: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, other signs "
            "than letters and digits in the password as %XX, or leave it to PGPASSWORD",
            Exit.USAGE,
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
