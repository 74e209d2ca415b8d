"""`posture-agent` whose main thread turns in a dead loop from SIGUSR1 on, while its sockets' threads live on."""

import signal
from types import FrameType

from posture_agent.cli import main


def _turn(_number: int, _frame: FrameType | None) -> None:
    while True:
        pass


signal.signal(signal.SIGUSR1, _turn)
main()
