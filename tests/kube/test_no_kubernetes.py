"""A master without Kubernetes has no Jobs, and says why to whoever wants something of one."""

import pytest

from posture_agent.kube.settings import KubeSettings
from posture_agent.kube.wiring import Kubernetes
from posture_shared.exits import Exit, Stop


@pytest.fixture
def kubernetes() -> Kubernetes:
    return Kubernetes(
        KubeSettings(), site="orin", keys_dir=None, workers=list, on_alarm=lambda _kind, _subject, _text: None
    )


@pytest.mark.parametrize("name", ["jobs", "job_nodes"])
async def test_there_are_no_jobs_and_no_nodes_for_them(kubernetes: Kubernetes, name: str):
    assert (await kubernetes.queries[name]({})).body == []
    assert kubernetes.links() == []


@pytest.mark.parametrize("name", ["job_log", "job_preview", "job_launch", "job_stop"])
async def test_what_is_wanted_of_a_job_is_refused_in_words(kubernetes: Kubernetes, name: str):
    handlers = {**kubernetes.queries, **kubernetes.commands}
    with pytest.raises(Stop) as refused:
        await handlers[name]({})
    assert refused.value.code == Exit.NOT_WELL
    assert "has no Kubernetes" in refused.value.sentence
