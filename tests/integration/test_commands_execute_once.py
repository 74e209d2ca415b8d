"""kill -9 of a real master around the commit of an operator's command: sent again, it has been carried out once."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from posture_agent.faults import VARIABLE
from posture_shared.frame import new_id
from posture_shared.messages import console as wire
from support.operator_link import Operator
from support.processes import wait_for
from support.site import Master

pytestmark = pytest.mark.integration


def done(folder: Path, reason: str) -> tuple[int, int]:
    """Decisions and audit lines that name `reason`."""
    with closing(sqlite3.connect(f"file:{folder / 'posture.db'}?mode=ro", uri=True)) as database:
        [[decisions]] = database.execute("SELECT count(*) FROM placement_log WHERE reason LIKE ?", (f"%{reason}%",))
        [[lines]] = database.execute("SELECT count(*) FROM operator_audit WHERE args LIKE ?", (f"%{reason}%",))
    return decisions, lines


def give(operator: Operator, command: wire.Command) -> bool:
    """Whether the master answered."""
    try:
        return operator.ask(command, wire.Reply, wait_s=2).ok
    except AssertionError:
        return False


@pytest.mark.parametrize("nth_commit", [3, 4, 5])
def test_a_command_sent_again_after_a_death_is_carried_out_once(programs, broker, tmp_path, nth_commit: int) -> None:
    master = Master(programs, broker, tmp_path / "data", "--local-threads", "0")
    operator = Operator(master.control_port)
    commands = []
    master.start(wait=False, env={VARIABLE: f"after_commit_before_ack:{nth_commit}"})
    while master.program.alive:
        name = f"reason-{len(commands)}"
        args = {"scope": "all", "target": "local", "reason": name, "for_s": None}
        commands.append(wire.Command(id=new_id(), verb="override_set", args=args))
        while master.program.alive and not give(operator, commands[-1]):
            pass
    halves = [done(master.folder, command.args["reason"]) for command in commands]
    assert set(halves) <= {(1, 1), (0, 0)}, "a change and its audit line are durable together"
    master.start(wait=False)
    for command in commands:
        wait_for(lambda command=command: give(operator, command), 30, what="the command is answered")
    assert [done(master.folder, command.args["reason"]) for command in commands] == [(1, 1)] * len(commands)
    operator.close()
