"""What the verbs print: JSON as others rely on it, or plain tables from the same sheets as the screen's."""

import shutil
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import click
import msgspec

from posture_console.core.sanitise import one_line, width
from posture_console.core.sheet import Moment, Sheet, widths
from posture_console.core.spans import Cell, fit_cell, plain
from posture_shared.text import harmless_json

R = TypeVar("R")

PIPE_WIDTH: Final = 160
"""Width of a table that goes into a file or pipe."""

_ROOMY: Final = 40


def json_line(value: Any) -> str:
    """`value` on one line; times are RFC 3339 in UTC. Its texts stay what they are, and move no terminal's cursor."""
    return harmless_json(msgspec.json.encode(value).decode())


def say_json(value: Any) -> None:
    """Print `value` as one line of JSON, at once."""
    click.echo(json_line(value))


def say_table(sheet: Sheet[R], records: Sequence[R], moment: Moment) -> None:
    """Print records as a table as wide as the terminal."""
    for line in table(sheet, records, moment, table_width()):
        click.echo(line)


def table_width() -> int:
    """Cells to use: the terminal's, or `PIPE_WIDTH` where there is none."""
    return shutil.get_terminal_size((PIPE_WIDTH, 24)).columns


def table(sheet: Sheet[R], records: Sequence[R], moment: Moment, width: int) -> Iterable[str]:
    """The lines of a table: headings, then one line a record; the last column is not padded."""
    if not records:
        yield sheet.empty
        return
    columns = [(column, max(size, _natural(column.title))) for column, size in widths(sheet.columns, width)]
    yield "  ".join(
        column.title.rjust(size) if column.right else column.title.ljust(size) for column, size in columns
    ).rstrip()
    for record in records:
        cells = (fit_cell(column.cell(record, moment, size), size, right=column.right) for column, size in columns)
        yield "  ".join(plain(cell) for cell in cells).rstrip()


def _natural(title: str) -> int:
    return len(title)


def say_facts(facts: Iterable[tuple[str, Cell | str]]) -> None:
    """Print label and value, a pair a line. Labels are names from other machines as often as values are."""
    pairs = [(one_line(label), one_line(value) if isinstance(value, str) else plain(value)) for label, value in facts]
    size = min(_ROOMY, max((width(label) for label, _ in pairs), default=0))
    for label, text in pairs:
        click.echo(f"{label}{' ' * (size - width(label))}  {text}".rstrip())
