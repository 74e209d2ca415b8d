"""The options of verbs that list: what is shown and in which order, by the rules of the screen's tables."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

Verb = Callable[..., Any]

_OPTIONS: Final = (
    click.option("--filter", "line", metavar="TEXT", default="", help="As on the screen: text, !text, field:value …"),
    click.option("--faults", is_flag=True, help="Only what is not well."),
    click.option("--sort", metavar="COLUMN[-]", default="", help="By this column; with - the largest first."),
)


def listed(sheet: str) -> Callable[[Verb], Verb]:
    """Give a verb that lists the records of that sheet the options; it gets an `order`."""

    def made(function: Verb) -> Verb:
        @wraps(function)
        def called(*given: Any, line: str, faults: bool, sort: str, **options: Any) -> Any:
            from posture_console.core.arrange import asked_order  # noqa: PLC0415 - tables only where a verb needs them
            from posture_console.core.rows.sheets import SHEETS  # noqa: PLC0415 - likewise

            try:
                order = asked_order(SHEETS[sheet], line=line, faults_only=faults, sort=sort)
            except ValueError as error:
                raise click.UsageError(str(error)) from None
            return function(*given, order=order, **options)

        with_options: Verb = called
        for option in reversed(_OPTIONS):
            with_options = option(with_options)
        return with_options

    return made
