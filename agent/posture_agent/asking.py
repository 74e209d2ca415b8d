"""The seam between what consoles ask and whoever answers: a handler for each verb."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What a handler found: a body that msgspec can encode and, for pictures, bytes beside it."""

    body: Any
    attachment: bytes | None = None


QueryHandler = Callable[[dict[str, Any]], Awaitable[Answer]]
"""Arguments of a query → its answer. Raises Stop with a sentence where it cannot be answered."""
CommandHandler = Callable[[dict[str, Any], str], Awaitable[Any]]
"""Arguments of a command and its author → what it made. Raises Stop where it cannot be done."""
