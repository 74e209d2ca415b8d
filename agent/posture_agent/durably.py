"""Waiting for the disk, said once: a command answers when its change is durable, or says what that means."""

import asyncio
from concurrent.futures import Future
from typing import Final

from posture_shared.exits import Exit, Stop

DURABLE_S: Final = 5.0


async def durably(written: Future[None], *, otherwise: str) -> None:
    """Wait until `written` is durable.

    Raises:
        Stop: it is not after `DURABLE_S`; `otherwise` says what that means for the operator.
    """
    try:
        await asyncio.wait_for(asyncio.wrap_future(written), DURABLE_S)
    except TimeoutError:
        raise Stop(otherwise, Exit.NOT_WELL) from None
