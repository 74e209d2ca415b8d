"""Removes old rows from PostgreSQL, with its owner's login: a person or a timer runs it, never the daemon.

The rule is the database's own function `posture_remove_old` (migration 0005), so that pg_cron there and this verb here
do the same.
"""

from collections import Counter
from typing import Final

import psycopg2.extensions

from posture_agent.store.retention import Removed

BATCH: Final = 10_000
"""Rows of a table in one transaction."""
_LIMIT: Final = "SET LOCAL statement_timeout = '120s'"
_CALL: Final = "SELECT table_name, removed FROM posture_remove_old(%s, %s, %s, %s, %s)"


def remove_old(
    link: psycopg2.extensions.connection, *, days: float, bad_days: float, zone: str, dry_run: bool = False
) -> Removed:
    """Rows removed by table, or with `dry_run` the rows that are due.

    Args:
        link: a connection of the tables' owner.
        days: what is older goes.
        bad_days: what is older of bad posture, episodes, decisions and commands goes; at least `days`.
        zone: what `received_time` means where the table has it without a zone.
        dry_run: only count.

    Raises:
        psycopg2.Error: the database fails; what was removed before stays so.
    """
    removed: Removed = Counter()
    while True:
        with link, link.cursor() as cursor:
            cursor.execute(_LIMIT)
            cursor.execute(_CALL, (days, bad_days, BATCH, dry_run, zone))
            now: Removed = Counter({name: int(count) for name, count in cursor.fetchall()})
        removed += now
        if dry_run or max(now.values(), default=0) < BATCH:
            return +removed
