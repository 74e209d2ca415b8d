"""A master without Kubernetes says so to whoever asks about Jobs."""

import pytest

from posture_agent.kube.settings import KubeSettings
from posture_agent.kube.wiring import Kubernetes
from posture_shared.exits import Exit, Stop


@pytest.mark.parametrize("name", ["jobs", "job_nodes", "job_log", "job_preview", "job_launch", "job_stop"])
async def test_every_question_and_command_about_jobs_is_answered_in_words(name: str):
    kubernetes = Kubernetes(
        KubeSettings(), site="orin", keys_dir=None, workers=list, on_alarm=lambda _kind, _subject, _text: None
    )
    handlers = {**kubernetes.queries, **kubernetes.commands}
    with pytest.raises(Stop) as refused:
        await handlers[name]({})
    assert refused.value.code == Exit.NOT_WELL
    assert "has no Kubernetes" in refused.value.sentence
