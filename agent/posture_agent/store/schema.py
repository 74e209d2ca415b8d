"""The tables of `posture.db`, and how an older file is brought up to date.

The names and columns that others rely on (`posture_log`, `placement_log`, `operator_audit`, `posture_baseline`,
`posture_episode`) are those of PostgreSQL too; times are RFC 3339 text in UTC, JSON is text. What is ours alone:
`sent_at`, `drained_at`, `refused_at` (the drainer's marks), `seen`, `deliveries`, `runs`, `outbox_refused`,
`waiting_frames`, `state`, `meta`.
"""

import sqlite3
from typing import Final

VERSION: Final = 1
"""Version of the tables below, kept in SQLite's `user_version`."""

_DRAINED: Final = "stored_at TEXT NOT NULL, sent_at TEXT, drained_at TEXT, refused_at TEXT"

TABLES: Final = f"""
CREATE TABLE posture_log (
  id INTEGER PRIMARY KEY,
  filename TEXT, pi_id TEXT NOT NULL, received_time TEXT NOT NULL, analyzed_time TEXT,
  neck_angle REAL, body_angle REAL, posture_status TEXT NOT NULL, landmarks_detected INTEGER NOT NULL,
  processed_by TEXT,
  frame_id TEXT NOT NULL UNIQUE, run TEXT, seq INTEGER, captured_time TEXT, side TEXT, confidence REAL,
  people INTEGER, reason TEXT, attempt INTEGER, model TEXT, latency_ms TEXT, image_path TEXT,
  end_to_end_ms REAL, story TEXT NOT NULL, {_DRAINED}
);
CREATE INDEX posture_log_camera ON posture_log (pi_id, received_time);
CREATE INDEX posture_log_received ON posture_log (received_time);
CREATE INDEX posture_log_undrained ON posture_log (id) WHERE drained_at IS NULL AND refused_at IS NULL;

CREATE TABLE placement_log (
  id INTEGER PRIMARY KEY,
  decision_id TEXT NOT NULL UNIQUE, generation INTEGER NOT NULL, at TEXT NOT NULL, scope TEXT NOT NULL,
  state TEXT NOT NULL, source TEXT, target TEXT, trigger TEXT NOT NULL, inputs TEXT NOT NULL,
  candidates TEXT NOT NULL, reason TEXT NOT NULL, handover_ms REAL, in_flight INTEGER, {_DRAINED}
);
CREATE INDEX placement_log_undrained ON placement_log (id) WHERE drained_at IS NULL AND refused_at IS NULL;

CREATE TABLE operator_audit (
  id INTEGER PRIMARY KEY,
  command_id TEXT NOT NULL UNIQUE, at TEXT NOT NULL, author TEXT NOT NULL, verb TEXT NOT NULL, args TEXT NOT NULL,
  ok INTEGER, answer TEXT, {_DRAINED}
);
CREATE INDEX operator_audit_undrained ON operator_audit (id) WHERE drained_at IS NULL AND refused_at IS NULL;

CREATE TABLE posture_baseline (
  id INTEGER PRIMARY KEY,
  baseline_id TEXT NOT NULL UNIQUE, pi_id TEXT NOT NULL, profile TEXT NOT NULL, version INTEGER NOT NULL,
  neck REAL NOT NULL, body REAL NOT NULL, at TEXT NOT NULL, author TEXT NOT NULL, {_DRAINED}
);
CREATE INDEX posture_baseline_undrained ON posture_baseline (id) WHERE drained_at IS NULL AND refused_at IS NULL;

CREATE TABLE posture_episode (
  id INTEGER PRIMARY KEY,
  episode_id TEXT NOT NULL UNIQUE, pi_id TEXT NOT NULL, started TEXT NOT NULL, ended TEXT,
  duration_s REAL, worst_status TEXT, reason TEXT, {_DRAINED}
);
CREATE INDEX posture_episode_undrained ON posture_episode (id) WHERE drained_at IS NULL AND refused_at IS NULL;

CREATE TABLE seen (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, pi_id TEXT NOT NULL, at INTEGER NOT NULL);
CREATE TABLE deliveries (
  n INTEGER PRIMARY KEY, packet INTEGER NOT NULL, sha256 BLOB NOT NULL, pi_id TEXT NOT NULL,
  frame_id TEXT NOT NULL, UNIQUE (sha256, packet, pi_id)
);
CREATE TABLE runs (
  pi_id TEXT NOT NULL, run TEXT NOT NULL, top INTEGER NOT NULL, gaps TEXT NOT NULL, lost INTEGER NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (pi_id, run)
) WITHOUT ROWID;
CREATE TABLE outbox_refused (
  id INTEGER PRIMARY KEY, source TEXT NOT NULL, row_id INTEGER NOT NULL, key TEXT NOT NULL, sqlstate TEXT NOT NULL,
  reason TEXT NOT NULL, at TEXT NOT NULL, UNIQUE (source, row_id)
);
CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


_FORGOTTEN: Final = (
    "CREATE TRIGGER IF NOT EXISTS {table}_forgotten BEFORE INSERT ON {table}"
    " WHEN EXISTS (SELECT 1 FROM forgotten AS span WHERE span.pi_id = NEW.pi_id AND {within})"
    " BEGIN SELECT RAISE(IGNORE); END;"
)
"""What was forgotten is not written again, whoever writes: a frame that a worker had then, an episode that went on."""
_TAKEN: Final = "coalesce(NEW.{}, NEW.{}) >= span.since AND coalesce(NEW.{}, NEW.{}) < span.until"
_WITHIN: Final = {
    "posture_log": _TAKEN.format(*("captured_time", "received_time") * 2),
    "waiting_frames": _TAKEN.format(*("captured", "received_at") * 2),
    "posture_episode": "NEW.started < span.until AND coalesce(NEW.ended, NEW.started) >= span.since",
    "posture_baseline": "NEW.at >= span.since AND NEW.at < span.until",
}

LATER: Final = """
CREATE TABLE IF NOT EXISTS forgotten (
  pi_id TEXT NOT NULL, since TEXT NOT NULL, until TEXT NOT NULL, PRIMARY KEY (pi_id, since, until)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS waiting_frames (
  frame_id TEXT NOT NULL UNIQUE, pi_id TEXT NOT NULL, run TEXT, seq INTEGER, captured TEXT, received_at TEXT NOT NULL,
  width INTEGER NOT NULL, height INTEGER NOT NULL, packet INTEGER, sha256 BLOB, jpeg BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS posture_log_pictured ON posture_log ((posture_status = 'Bad'), received_time)
  WHERE image_path IS NOT NULL;
CREATE INDEX IF NOT EXISTS posture_log_pictureless ON posture_log ((posture_status = 'Bad'), received_time)
  WHERE image_path IS NULL;
CREATE INDEX IF NOT EXISTS posture_episode_camera ON posture_episode (pi_id, ended);
CREATE INDEX IF NOT EXISTS posture_episode_ended ON posture_episode (ended);
""" + "\n".join(_FORGOTTEN.format(table=table, within=within) for table, within in _WITHIN.items())
"""Made where they are missing. They are no part of the version: a program that does not know them works with them."""


class TooNewError(Exception):
    """The file was written by a newer version of this program."""


def upgrade(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older file up to date, in one transaction.

    Raises:
        TooNew: the file's version is above ours.
    """
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise TooNewError(f"version {found}, this program knows {VERSION}")
    if found < VERSION:
        connection.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    connection.executescript(LATER)
