"""One visit to the master for a verb: connect within the timeout, read or ask, leave."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from posture_console.core.store import SiteStore
from posture_console.links.handshake import console_pair
from posture_console.links.loop import new_loop
from posture_console.links.master_link import MasterLink
from posture_console.links.session import RefusedError
from posture_console.settings import Target
from posture_shared.exits import Exit, Stop

T = TypeVar("T")
Work = Callable[[MasterLink], Awaitable[T]]


def visit(target: Target, work: Work[T], *, timeout_s: float, results: int = 500, store: SiteStore | None = None) -> T:
    """Run `work` with a live link, whose state goes into `store` where one is given.

    Raises:
        Stop: exit code 3 when the master does not answer within `timeout_s`, 4 when it refuses.
    """
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(_visit(target, work, timeout_s, results, store or SiteStore()))


async def answered(link: MasterLink, what: str, timeout_s: float, **args: Any) -> Any:
    """The body of the master's reply to a query.

    Raises:
        Stop: with the master's sentence and exit code where it has none.
    """
    answer = await link.query(what, timeout_s=timeout_s, **args)
    if not answer.reply.ok:
        raise Stop(answer.reply.error, Exit(answer.reply.code) if answer.reply.code in set(Exit) else Exit.NOT_WELL)
    return answer.reply.body


async def _visit(target: Target, work: Work[T], timeout_s: float, results: int, store: SiteStore) -> T:
    pair = console_pair(target.key)
    link = MasterLink(target.endpoint, store, pair=pair, results=results, read_only=target.refusal)
    following = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(timeout_s) as limit:
            await link.wait_live()
            limit.reschedule(None)
            return await work(link)
    except TimeoutError:
        if not limit.expired():
            raise
        raise Stop(_unreachable(link, timeout_s), Exit.UNREACHABLE) from None
    except RefusedError as refusal:
        raise Stop(f"{target.endpoint.control} refuses this console: {refusal}", Exit.REFUSED) from None
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _unreachable(link: MasterLink, timeout_s: float) -> str:
    connection = link.connection
    why = f" ({connection.reason})" if connection.reason and connection.reason != "no answer" else ""
    return (
        f"no master answers at {connection.address} within {timeout_s:g} s{why}; is it running, and is --connect right?"
    )
