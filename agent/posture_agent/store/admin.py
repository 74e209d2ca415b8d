"""The login of the tables' owner in PostgreSQL, which the daemon never holds: only verbs that a person types use it."""

import contextlib
from collections.abc import Iterator

import psycopg2
import psycopg2.extensions

from posture_agent.store.database import connect
from posture_shared.exits import Exit, Stop
from posture_shared.text import one_line


@contextlib.contextmanager
def owner(url: str, *, verb: str, trouble: str) -> Iterator[psycopg2.extensions.connection]:
    """A connection to `url`.

    Args:
        url: the `--admin-url` of the command line.
        verb: which of our commands this is, for the server's list of connections.
        trouble: how the sentence begins when the database fails, e.g. "rows in PostgreSQL stay".

    Raises:
        Stop: the address makes no sense (exit 2), the database cannot be reached (exit 3), refuses (exit 4) or fails.
    """
    _check(url)
    try:
        link = connect(url, program=f"posture-agent {verb}")
    except psycopg2.Error as error:
        raise Stop(f"cannot reach the database: {_line(error)}", Exit.UNREACHABLE) from None
    try:
        yield link
    except psycopg2.errors.InsufficientPrivilege as error:
        raise Stop(f"the database refuses: {_line(error)}; use its owner's login", Exit.REFUSED) from None
    except (
        psycopg2.errors.UndefinedTable,
        psycopg2.errors.UndefinedFunction,
        psycopg2.errors.UndefinedColumn,
    ) as error:
        raise Stop(f"{trouble}: {_line(error)}; run 'posture-agent migrate --admin-url URL' first") from None
    except psycopg2.Error as error:
        raise Stop(f"{trouble}: {_line(error)}") from None
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
    return one_line(str(error).strip(), 400)
