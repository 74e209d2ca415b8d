"""A console that looks for its master again and again holds no more open files than at the start."""

import asyncio
import os

import pytest
import zmq.asyncio

from posture_console.links.endpoint import Endpoint
from posture_console.links.session import LinkLostError, open_session
from support.processes import eventually, free_port


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names alone


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="the system does not list open files")  # noqa: PTH112 - as above
async def test_each_try_to_join_closes_all_that_it_opened() -> None:
    with zmq.asyncio.Context() as context:

        async def try_once() -> None:
            with pytest.raises(LinkLostError):
                await open_session(context, Endpoint("127.0.0.1", free_port()), pair=None, build="test", patience_s=0.1)

        await try_once()
        await asyncio.sleep(0.2)
        before = open_files()
        for _ in range(5):
            await try_once()
        await eventually(lambda: open_files() <= before, what=f"no more than {before} open files; {open_files()}")
