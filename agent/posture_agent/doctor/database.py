"""The database as the daemon's role sees it: login, TLS, pooler, tables, rights, clock. Changes nothing."""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import psycopg2
import psycopg2.extensions

from posture_agent.store import sender, streams
from posture_agent.store.certificate import explained
from posture_agent.store.database import DatabaseSettings, connect
from posture_agent.store.streams import STREAMS
from posture_shared import machine_checks
from posture_shared.checks import Finding, failed, masked, ok, skipped, warning

_RIGHTS: Final = """
SELECT has_table_privilege(to_regclass(%(table)s), 'INSERT'),
       NOT row_security_active(to_regclass(%(table)s)) OR EXISTS (
         SELECT 1 FROM pg_policy p WHERE p.polrelid = to_regclass(%(table)s) AND p.polcmd IN ('a', '*')
           AND (p.polroles = '{0}' OR EXISTS (
             SELECT 1 FROM unnest(p.polroles) AS role WHERE pg_has_role(current_user, role, 'MEMBER')))
       ),
       has_table_privilege(to_regclass(%(table)s), 'DELETE')
"""
_UNPROTECTED: Final = """
SELECT relname FROM unnest(%s) AS wanted JOIN pg_class ON oid = to_regclass(wanted) WHERE NOT relrowsecurity
"""
_VIEWS: Final = ("posture_now", "posture_by_day", "posture_episodes_by_day")
_REMOVES_OLD: Final = "posture_remove_old"
_ABSENT: Final = """
SELECT wanted FROM unnest(%s) AS wanted WHERE to_regclass(wanted) IS NULL
UNION ALL SELECT wanted FROM unnest(%s) AS wanted WHERE to_regproc(wanted) IS NULL
"""
_MIGRATE: Final = "run 'posture-agent migrate --admin-url URL' with this release"
_TRANSACTION_PORT: Final = 6543
"""Where Supabase's pooler hands out connections by transaction."""
_ADVICE: Final = (
    ("root certificate file", "name the authority's file in database.ssl_ca (Supabase: in the project's settings)"),
    ("password authentication", "check database.user and database.password (SUPABASE_USER, SUPABASE_PASSWORD)"),
    ("no password supplied", "set database.password (SUPABASE_PASSWORD)"),
    ("does not exist", "check database.name and database.user"),
    ("does not match host name", "write the name that the server's certificate is for into database.host"),
    (
        "certificate has expired",
        "the server's certificate has expired, or this clock is wrong: see to the one that is at fault",
    ),
    ("certificate", "name the authority that signed the server's certificate in database.ssl_ca"),
    ("does not support ssl", "set database.ssl to prefer, or switch TLS on at the server"),
    ("no pg_hba.conf entry", "let the server admit this host, or set database.ssl to require"),
    ("refused", "start the server, or check database.host and database.port"),
    ("translate host name", "check database.host"),
    ("timeout", "see whether a firewall is in between; database.host and database.port"),
)


def database(settings: DatabaseSettings) -> Iterator[Finding]:
    """All that can be known without writing."""
    if not settings.configured:
        yield skipped("database", "none is set: posture.db is the store")
        return
    secret = settings.password.get_secret_value() if settings.password else None
    where = f"{settings.host}:{settings.port}/{settings.name}"
    try:
        with contextlib.closing(connect(settings.dsn(), program="posture-agent doctor")) as link:
            link.set_session(readonly=True)
            yield ok("database", f"{where} answers, login as {settings.user}")
            yield _tls(link, settings)
            yield _clock(link)
            yield _pooler(link, settings)
            yield from _tables(link)
            yield from _migrations(link)
    except psycopg2.Error as error:
        said = masked(explained(str(error), settings), secret)
        yield failed("database", f"{where}: {said}", _advice(said))


def _tls(link: psycopg2.extensions.connection, settings: DatabaseSettings) -> Finding:
    if link.info.ssl_in_use:
        version = link.info.ssl_attribute("protocol")
        if settings.ssl.startswith("verify"):
            return ok("database tls", f"{version}, the server's certificate is verified")
        return warning("database tls", f"{version}, whoever the server is", "set database.ssl to verify-full")
    if settings.host is not None and settings.host.startswith(("/", "127.", "localhost", "::1")):
        return ok("database tls", "none, and the server is this machine")
    return warning("database tls", "none: rows and login cross the network in the clear", "set database.ssl to require")


def _clock(link: psycopg2.extensions.connection) -> Finding:
    with link, link.cursor() as cursor:
        before = datetime.now(UTC)
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
        after = datetime.now(UTC)
    theirs = row[0] if row else before
    return machine_checks.clock_against("database clock", theirs, before + (after - before) / 2, whose="the database's")


def _tables(link: psycopg2.extensions.connection) -> Iterator[Finding]:
    may_delete = False
    for stream in STREAMS:
        types, unique = sender.types(link, stream)
        try:
            streams.check(stream, types, unique)
        except streams.Unmatched as unmatched:
            what, _, advice = str(unmatched).rpartition(": ")
            yield failed("database tables", what, advice)
            continue
        with link, link.cursor() as cursor:
            cursor.execute(_RIGHTS, {"table": stream.table})
            insert, policy, delete = cursor.fetchone() or (False, False, False)
        may_delete = may_delete or delete
        grant = "'posture-agent migrate --admin-url URL --writer ROLE' gives it"
        if not insert:
            yield failed("database rights", f"may not insert into {stream.table}", grant)
        elif not policy:
            yield failed("database rights", f"row level security lets nothing into {stream.table}", grant)
        else:
            yield ok("database tables", f"{stream.table} takes rows")
    if may_delete:
        text = "this role may also delete rows; a role that may only insert is enough"
        yield warning("database rights", text, "'posture-agent migrate --admin-url URL --writer ROLE' makes one fit")


def _pooler(link: psycopg2.extensions.connection, settings: DatabaseSettings) -> Finding:
    """Whether a pooler stands between, and whether it hands each transaction to another connection.

    A server tells each client its process at login; a pooler tells a number of its own. In transaction mode a
    connection that one client has just left is given to the next, though the first is still logged in.
    """
    check = "database pooler"
    first = _process(link)
    with contextlib.closing(connect(settings.dsn(), program="posture-agent doctor")) as neighbour:
        shared = _process(neighbour) == first or _process(link) != first
    if shared or (settings.port == _TRANSACTION_PORT and link.info.backend_pid != first):
        text = "a pooler hands each transaction to another connection: rows get through so"
        return warning(check, text, "give `migrate` and `retention` the direct host or the session pooler")
    if link.info.backend_pid != first:
        return ok(check, "a pooler that keeps a connection for each session")
    return ok(check, "none: the server itself answers")


def _process(link: psycopg2.extensions.connection) -> int:
    """Which process of the server this transaction runs in."""
    with link, link.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _migrations(link: psycopg2.extensions.connection) -> Iterator[Finding]:
    """What migrations after the first ones bring, and nobody misses when rows are written."""
    with link, link.cursor() as cursor:
        cursor.execute(_UNPROTECTED, ([stream.table for stream in STREAMS],))
        unprotected = [row[0] for row in cursor.fetchall()]
        cursor.execute(_ABSENT, (list(_VIEWS), [_REMOVES_OLD]))
        absent = [row[0] for row in cursor.fetchall()]
    if unprotected:
        text = (
            f"row level security is off for {', '.join(unprotected)}: whoever has rights to the schema reads and writes"
        )
        yield warning("database migrations", text, _MIGRATE)
    if absent:
        text = f"{', '.join(absent)} not there: dashboards or retention do not work"
        yield warning("database migrations", text, _MIGRATE)


def _advice(said: str) -> str:
    low = said.lower()
    return next((advice for words, advice in _ADVICE if words in low), "check the settings database.*")
