"""Jobs as `/metrics` tell them: by state, zeros included, without those that are gone."""

from datetime import UTC, datetime
from types import SimpleNamespace

from posture_agent.kube.jobs import Found
from posture_agent.kube.settings import KubeSettings
from posture_agent.kube.wiring import Kubernetes
from posture_agent.metrics.site import JOB_STATES, SiteCollector
from support.scene import Scene


def job(state: str, *, gone: bool = False) -> Found:
    return Found("j", "agx", "placement", state, "", datetime.now(UTC), "job-1", (), gone)


def told(found: list[Found] | None) -> dict[str, float]:
    kubernetes = Kubernetes(
        KubeSettings(), site="orin", keys_dir=None, workers=list, on_alarm=lambda _kind, _subject, _text: None
    )
    if found is not None:
        kubernetes._launcher = SimpleNamespace(found=found)  # type: ignore[assignment]
    site = Scene(cameras=1, nodes=1).site("epoch", 1)
    collector = SiteCollector(lambda: site, jobs=kubernetes.jobs_by_state, free_bytes=lambda: None)
    family = next(family for family in collector.collect() if family.name == "posture_jobs")
    return {sample.labels["state"]: sample.value for sample in family.samples}


def test_each_state_has_its_count_and_what_is_gone_has_none() -> None:
    assert told([job("running"), job("running"), job("failed"), job("stopping", gone=True)]) == {
        **dict.fromkeys(JOB_STATES, 0),
        "running": 2,
        "failed": 1,
    }


def test_without_kubernetes_all_are_zero() -> None:
    assert told(None) == dict.fromkeys(JOB_STATES, 0)
