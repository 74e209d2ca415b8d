"""The console's verbs against a real master that has keys: who gets in, who may command, what a refusal says."""

import asyncio
import json

import pytest

from posture_console.core.connection import Phase
from posture_console.core.store import SiteStore
from posture_console.links.endpoint import parse_endpoint
from posture_console.links.handshake import console_pair
from posture_console.links.master_link import MasterLink
from posture_shared import keys
from support.console_process import Console
from support.processes import eventually
from support.site import Master

pytestmark = pytest.mark.integration

NOT_OURS = "was revoked, or never allowed there"
OVERRIDE = ("override", "set", "--all", "--local", "--reason", "maintenance")


@pytest.fixture
def folder(tmp_path):
    keys.create(tmp_path / "keys", "master", "master")
    return tmp_path / "keys"


@pytest.fixture
def master(programs, broker, tmp_path, folder):
    return Master(programs, broker, tmp_path / "data", env={"POSTURE_KEYS_DIR": str(folder)}).start()


@pytest.fixture
def console(master, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return Console(master.connect, home)


def key(folder, name, role):
    keys.create(folder, name, role)
    return str(keys.key_file(folder, name))


async def test_roles_decide_what_verbs_do(console, folder):
    alice, bob = key(folder, "alice", "operator"), key(folder, "bob", "viewer")
    done = await console("status", "--key", bob, "--json")
    assert (done.returncode, json.loads(done.stdout)["role"]) == (0, "viewer"), done.stderr
    refused = await console(*OVERRIDE, "--key", bob)
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "needs the role operator" in refused.stderr
    done = await console(*OVERRIDE, "--key", alice, "--json")
    assert (done.returncode, json.loads(done.stdout)["author"]) == (0, "alice"), done.stderr


async def test_refusals_are_one_sentence_and_4(console, folder, tmp_path):
    bob = key(folder, "bob", "viewer")
    keys.revoke(folder, "bob")
    keys.create(tmp_path / "elsewhere", "carol", "operator")
    carol = str(keys.key_file(tmp_path / "elsewhere", "carol"))
    done = await console("nodes")
    assert done.returncode == 4
    assert "it asks for a key; give one with --key FILE" in done.stderr
    done = await console("nodes", "--key", carol)
    assert done.returncode == 4
    assert "'carol'" in done.stderr
    assert "was made for another master" in done.stderr
    done = await console("nodes", "--key", bob)
    assert done.returncode == 2  # revoking removed the file
    assert "cannot be read" in done.stderr


async def test_a_revoked_key_that_was_copied_is_refused(console, folder, tmp_path):
    source = key(folder, "bob", "viewer")
    copied = keys.import_key(tmp_path / "keys" / "bob.key", tmp_path / "laptop")
    assert source != str(copied)
    keys.revoke(folder, "bob")
    done = await console("nodes", "--key", str(copied))
    assert done.returncode == 4
    assert NOT_OURS in done.stderr
    assert len(done.stderr.splitlines()) == 1


async def test_an_imported_key_is_used_by_its_name(console, folder):
    done = await console("keys", "import", key(folder, "bob", "viewer"), "--json", connect=False)
    assert done.returncode == 0, done.stderr
    place = console.home / "posture" / "keys" / "bob.key"
    assert json.loads(done.stdout)["file"] == str(place)
    assert place.stat().st_mode & 0o077 == 0
    assert (await console("nodes", "--key", "bob")).returncode == 0


async def test_a_workers_key_is_no_consoles(console, folder):
    keys.create(folder, "agx", "worker", node="agx")
    worker = str(keys.key_file(folder, "agx"))
    for words in (("nodes", "--key", worker), ("keys", "import", worker)):
        done = await console(*words, connect=words[0] == "nodes")
        assert done.returncode == 2
        assert "a console needs one made with --role viewer or operator" in done.stderr
    assert not (console.home / "posture" / "keys" / "agx.key").exists()


async def test_a_console_that_looks_on_is_cut_off_and_says_why(master, folder):
    pair = console_pair(keys.key_file(folder, keys.create(folder, "bob", "viewer").name))
    link = MasterLink(parse_endpoint(master.connect), SiteStore(), pair=pair)
    following = asyncio.create_task(link.run())
    try:
        await asyncio.wait_for(link.wait_live(), 10)
        keys.revoke(folder, "bob")
        await eventually(lambda: link.connection.phase is Phase.REFUSED)
        assert link.store.loaded  # what it knew stays
        assert "not allowed any more" in link.connection.reason
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_key_for_a_master_without_keys_is_said(programs, broker, tmp_path, folder):
    open_master = Master(programs, broker, tmp_path / "open").start()
    console = Console(open_master.connect, tmp_path)
    done = await console("nodes", "--key", key(folder, "bob", "viewer"))
    assert done.returncode == 4
    assert "it uses no keys" in done.stderr
