"""Brings a PostgreSQL database to the tables that are written to. Uses a credential that the daemon never holds.

The numbered files in `migrations/` are applied in order, all in one transaction under a lock, each once.
"""

from importlib import resources
from itertools import product
from typing import Final

from psycopg2 import sql

from posture_agent.store.admin import owner
from posture_agent.store.streams import STREAMS

_LOCK: Final = 0x706F73747572  # "postur": any number that nobody else locks
_TROUBLE: Final = "the database could not be brought up to date"
VIEWS: Final = ("posture_now", "posture_by_day", "posture_episodes_by_day")
"""What dashboards read besides the tables."""
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
    with owner(admin_url, verb="migrate", trouble=_TROUBLE) as link, link, link.cursor() as cursor:
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

    For logins that are to have these rights by their own name; members of posture_writer and posture_reader (migration
    0003) have them already. The roles must exist.

    Raises:
        Stop: as for `migrate`.
    """
    with owner(admin_url, verb="migrate", trouble=_TROUBLE) as link, link, link.cursor() as cursor:
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
        for view, reader in product(VIEWS, readers):
            named = sql.Identifier(view)
            cursor.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(named, sql.Identifier(reader)))


def migrations() -> list[tuple[str, str]]:
    """The names and texts of all migrations, in order."""
    folder = resources.files("posture_agent.store") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return [(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files]
