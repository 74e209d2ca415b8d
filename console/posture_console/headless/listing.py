"""How a verb lists: the records that are asked for, in the order that is asked for, as a table or as one array."""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from posture_console.core.arrange import Order, arrange
from posture_console.core.sheet import Moment, Sheet
from posture_console.core.store import SiteStore
from posture_console.headless.output import say_json, say_table

R = TypeVar("R")


def moment_of(store: SiteStore) -> Moment:
    """The master's time and the site's placement band."""
    now = store.now(time.monotonic())
    return Moment(now) if store.master is None else Moment(now, store.master.high, store.master.low)


def show(
    sheet: Sheet[R], records: Sequence[R], store: SiteStore, order: Order, *, json_of: Callable[[R], Any], as_json: bool
) -> None:
    """Print what `order` keeps of the records; `json_of` is a record as `--json` has it."""
    shown = arrange(records, sheet, order)
    if as_json:
        say_json([json_of(record) for record in shown])
    elif records and not shown:
        click.echo(f"none of {len(records)} {sheet.name}")
    else:
        say_table(sheet, shown, moment_of(store))
