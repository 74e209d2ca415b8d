"""Rows of a table as text for other programs: CSV for spreadsheets, JSON for scripts, one line for a message."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from posture_console.core.sanitise import one_line
from posture_console.core.sheet import Moment, Sheet
from posture_console.core.spans import plain

R = TypeVar("R")

_FORMULA: Final = ("=", "+", "-", "@")


def as_csv(sheet: Sheet[R], records: Iterable[R]) -> str:
    """A heading and a row for each record, with the values that sort and filter use; times are RFC 3339."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(column.name for column in sheet.columns)
    writer.writerows([_field(column.value(record)) for column in sheet.columns] for record in records)
    return out.getvalue()


def as_json(records: Sequence[Any]) -> str:
    """One array of the records themselves."""
    objects = [
        record._asdict() if isinstance(record, tuple) and hasattr(record, "_asdict") else record for record in records
    ]
    return msgspec.json.format(msgspec.json.encode(objects, enc_hook=str), indent=2).decode() + "\n"


def as_line(sheet: Sheet[R], record: R, moment: Moment) -> str:
    """What the row shows, every column, in one line."""
    shown = (plain(column.cell(record, moment, column.width)).strip() for column in sheet.columns)
    return "  ".join(text for text in shown if text)


def _field(value: object) -> object:
    """A value that no spreadsheet takes for a formula: names come from other machines."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    text = one_line(str(value))
    return f"'{text}" if text.startswith(_FORMULA) else text
