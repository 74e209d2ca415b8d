import pytest

from support.kube_api import KubeApi, node
from support.launcher_site import Site


@pytest.fixture
def api():
    served = KubeApi()
    yield served
    served.close()


@pytest.fixture
async def site(api, tmp_path):
    api.nodes = [node("agx"), node("nano")]
    made = Site(api, tmp_path)
    yield made
    await made.launcher.close()
