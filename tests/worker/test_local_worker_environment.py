"""The master's own worker: its environment without logins, and its start before the master's."""

import psutil
import pytest

from posture_agent.master.leasing.local_worker import environment, folder, socket_path, started_early
from posture_agent.settings import MasterSettings
from support.processes import eventually


def test_the_local_worker_is_given_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUPABASE_PASSWORD", "PGPASSWORD", "POSTURE_DATABASE__PASSWORD", "POSTURE_BROKER__PASSWORD"):
        monkeypatch.setenv(name, "opensesame")
    monkeypatch.setenv("POSTURE_MODEL_DIR", "models")
    given = environment({"POSTURE_CHILD_FAULT": "hang:pi9"})
    assert "opensesame" not in given.values()
    assert (given["POSTURE_MODEL_DIR"], given["POSTURE_CHILD_FAULT"]) == ("models", "hang:pi9")


def test_a_local_worker_is_not_started_early_where_there_is_to_be_none_or_its_socket_is_elsewhere(tmp_path):
    none = MasterSettings(data_dir=tmp_path / "data", local_threads=0)
    assert started_early(none) is None
    deep = MasterSettings(data_dir=tmp_path / ("deep" * 20) / ("deeper" * 20), local_threads=1)
    assert socket_path(folder(deep)) is None
    assert started_early(deep) is None


async def test_a_worker_that_was_started_early_knows_where_it_will_join(tmp_path):
    worker = started_early(MasterSettings(data_dir=tmp_path, node_name="orin", local_threads=1))
    await eventually(lambda: worker.pid is not None)
    words = psutil.Process(worker.pid).cmdline()
    await worker.stop(drain_s=0)
    assert f"ipc://{socket_path(tmp_path / 'run')}" in words
    assert words[words.index("--node-name") + 1] == "orin"
