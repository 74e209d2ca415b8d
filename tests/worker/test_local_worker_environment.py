"""The master's own worker gets the master's environment, but none of its logins."""

import pytest

from posture_agent.master.local_worker import environment


def test_the_local_worker_is_given_no_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUPABASE_PASSWORD", "PGPASSWORD", "POSTURE_DATABASE__PASSWORD", "POSTURE_BROKER__PASSWORD"):
        monkeypatch.setenv(name, "opensesame")
    monkeypatch.setenv("POSTURE_MODEL_DIR", "models")
    given = environment({"POSTURE_CHILD_FAULT": "hang:pi9"})
    assert "opensesame" not in given.values()
    assert (given["POSTURE_MODEL_DIR"], given["POSTURE_CHILD_FAULT"]) == ("models", "hang:pi9")
