import shutil
from pathlib import Path

import pytest

from posture_shared import keys
from support import cluster as support
from support.cluster import Cluster, run
from support.mosquitto import Mosquitto
from support.site import Master


@pytest.fixture(scope="session")
def whole_cluster():
    """The cluster with our image, built as a user builds it."""
    support.needed()
    build = ["buildah", "bud", "--isolation", "chroot", "--pull-never", "--layers"]
    made = Cluster()
    try:
        run(support.SCRIPTS / "up", timeout=900)
        run(support.SCRIPTS / "base-image", timeout=300)
        run(*build, "-t", support.IMAGE, ".", timeout=600)
        run(*build, "-t", support.BROKER_IMAGE, "-f", Path(__file__).with_name("mosquitto.Dockerfile"), timeout=300)
        made.start()
        yield made
    finally:
        run(support.SCRIPTS / "down", timeout=120)


@pytest.fixture
def cluster(whole_cluster):
    """The cluster without any Job or pod of ours."""
    if whole_cluster.broken:
        whole_cluster.restart()
    whole_cluster.clear()
    yield whole_cluster
    if not whole_cluster.broken:
        whole_cluster.clear()


@pytest.fixture
def outside(cluster, programs, tmp_path):
    """Makes masters outside the cluster, with keys, with the rights of the manifests' ServiceAccount."""
    broker = Mosquitto(tmp_path / "broker")
    broker.start()
    folder = tmp_path / "keys"
    keys.create(folder, "master", "master")
    keys.create(folder, "operator", "operator")
    template = cluster.job_template(tmp_path, "0 5\n")

    def make(load: str, **env: str) -> Master:
        file = tmp_path / "orin.load"
        file.write_text(load)
        master = Master(programs, broker, tmp_path / "data", "--listen", "0.0.0.0", "--load", f"script:{file}")  # noqa: S104 - pods come from other addresses
        master.key = folder / "operator.key"
        master.broker = broker
        settings = {
            "POSTURE_KEYS_DIR": str(folder),
            "POSTURE_KUBE__ENABLED": "true",
            "POSTURE_KUBE__KUBECONFIG": str(cluster.master_kubeconfig(tmp_path)),
            "POSTURE_KUBE__IMAGE": support.IMAGE,
            "POSTURE_KUBE__MASTER": f"tcp://{cluster.host}:{master.worker_port}",
            "POSTURE_KUBE__TEMPLATE": str(template),
            "POSTURE_PLACEMENT__MIN_DWELL_S": "5",
        }
        master._env.update(settings | env)
        return master.start()

    yield make
    broker.end()
    shutil.rmtree(folder, ignore_errors=True)
