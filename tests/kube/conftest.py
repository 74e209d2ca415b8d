import pytest

from support.kube_api import KubeApi


@pytest.fixture
def api():
    served = KubeApi()
    yield served
    served.close()
