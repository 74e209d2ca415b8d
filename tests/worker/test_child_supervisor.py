"""The supervisor of the analysis child: it ends a child whatever the child is doing, even while it is being started."""

import asyncio
import sys

from posture_agent.worker.pipe import Setup
from posture_agent.worker.supervisor import Supervisor

IDLE = (sys.executable, "-c", "import time; time.sleep(600)")


async def test_a_child_that_is_being_started_is_ended_too():
    ends: list[str] = []
    supervisor = Supervisor(
        on_message=lambda _message, _body: None, on_end=lambda end, _detail: ends.append(end), command=IDLE
    )
    supervisor.start(Setup("full", "image", 1, {}), 0.0)
    await asyncio.wait_for(supervisor.stop(), 10)
    assert ends == ["rest"]
    assert not supervisor.running
