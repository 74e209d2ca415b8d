"""A key file as Kubernetes mounts it: it belongs to root and is read through the group of the pod."""

import os
import shutil

import pytest

from posture_shared import keys
from posture_shared.exits import Stop

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can make files of root")


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """A worker's key of root with a mode, read by another user."""
    keys.create(tmp_path / "keys", "agx", "worker", node="agx")

    def make(mode, uid):
        file = tmp_path / "worker.key"
        shutil.copy(keys.key_file(tmp_path / "keys", "agx"), file)
        file.chmod(mode)
        monkeypatch.setattr(os, "getuid", lambda: uid)
        return file

    return make


def test_a_key_of_root_may_be_read_through_the_group(mounted):
    assert keys.read_key(mounted(0o440, 10001)).node == "agx"


@pytest.mark.parametrize(("mode", "uid"), [(0o444, 10001), (0o460, 10001), (0o440, 0)])
def test_a_key_that_others_could_read_or_change_is_refused(mounted, mode, uid):
    with pytest.raises(Stop, match="can be read by others"):
        keys.read_key(mounted(mode, uid))
