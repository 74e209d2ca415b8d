"""Key files and the allow-list."""

import json
import re
import stat

import msgspec
import pytest
from click.testing import CliRunner

from posture_agent.commands.keys import keys as command
from posture_shared import keys
from posture_shared.exits import Exit, Stop


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "keys"


def test_a_key_is_made_with_what_a_worker_needs(folder):
    pair = keys.create(folder, "agx", "worker", node="agx")
    assert keys.read_key(folder / "agx.key") == pair
    assert pair.server == keys.master_pair(folder).public
    assert [(key.name, key.role, key.node) for key in keys.listed(folder)] == [("agx", "worker", "agx")]


def test_every_file_is_for_its_owner_alone(folder):
    keys.create(folder, "alice", "operator")
    for name in ("master.key", "alice.key", "allowed.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_key_that_others_can_read_is_refused(folder):
    keys.create(folder, "alice", "operator")
    (folder / "alice.key").chmod(0o640)
    with pytest.raises(Stop, match="chmod 600"):
        keys.read_key(folder / "alice.key")


def test_without_a_master_key_keys_are_not_in_use(folder):
    assert keys.master_pair(folder) is None
    assert keys.listed(folder) == []


def test_the_list_stays_short_however_many_jobs_had_a_key(folder, monkeypatch):
    monkeypatch.setattr(keys, "REVOKED_WORKERS", 3)
    keys.create(folder, "alice", "operator")
    keys.revoke(folder, "alice")
    keys.create(folder, "agx", "worker", node="agx")
    for number in range(6):
        keys.create(folder, f"job-{number}", "worker", node="agx")
        keys.revoke(folder, f"job-{number}")
    assert [key.name for key in keys.listed(folder)] == ["alice", "agx", "job-3", "job-4", "job-5"]


def test_the_masters_key_is_made_once(folder):
    first = keys.create(folder, "master", "master")
    keys.create(folder, "bob", "viewer")
    assert keys.master_pair(folder) == first
    assert keys.create(folder, "master", "master") == first


def test_a_fingerprint_is_short_and_stable(folder):
    pair = keys.create(folder, "alice", "operator")
    mark = keys.fingerprint(pair.public)
    assert re.fullmatch(r"([0-9a-f]{4}-){4}[0-9a-f]{4}", mark)
    assert keys.listed(folder)[0].fingerprint == mark


def test_a_secret_is_never_shown(folder):
    pair = keys.create(folder, "alice", "operator")
    assert pair.secret not in repr(pair)
    assert pair.secret not in (folder / "allowed.json").read_text()


@pytest.mark.parametrize(
    ("name", "role", "node", "says"),
    [
        ("../x", "viewer", None, "cannot name a key"),
        ("agx", "worker", None, "give --node"),
        ("alice", "viewer", "agx", "leave --node away"),
        ("alice", "master", None, "role master is named 'master'"),
        ("master", "viewer", None, "role master is named 'master'"),
    ],
)
def test_what_makes_no_sense_is_refused(folder, name, role, node, says):
    with pytest.raises(Stop, match=says):
        keys.create(folder, name, role, node=node)


def test_a_name_is_taken_until_it_is_revoked(folder):
    first = keys.create(folder, "alice", "viewer")
    with pytest.raises(Stop, match="already"):
        keys.create(folder, "alice", "operator")
    keys.revoke(folder, "alice")
    assert not (folder / "alice.key").exists()
    second = keys.create(folder, "alice", "operator")
    assert second.public != first.public
    assert [key.revoked is None for key in keys.listed(folder)] == [False, True]


def test_revoking_what_is_not_there_says_what_is(folder):
    keys.create(folder, "alice", "viewer")
    with pytest.raises(Stop, match="no key 'bob' to revoke; allowed: alice"):
        keys.revoke(folder, "bob")


def test_a_damaged_key_is_refused(folder):
    pair = keys.create(folder, "alice", "viewer")
    other = keys.create(folder, "bob", "viewer")
    file = folder / "alice.key"
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(pair, secret=other.secret)))
    with pytest.raises(Stop, match="do not belong together"):
        keys.read_key(file)
    file.write_text("ssh-ed25519 AAAA")
    with pytest.raises(Stop, match="not a key made by"):
        keys.read_key(file)


def test_an_imported_key_is_private_however_it_came(folder, tmp_path):
    pair = keys.create(folder, "alice", "operator")
    came = tmp_path / "download.key"
    came.write_bytes((folder / "alice.key").read_bytes())
    came.chmod(0o644)
    placed = keys.import_key(came, tmp_path / "mine")
    assert placed.name == "alice.key"
    assert keys.read_key(placed) == pair


def run(folder, *args):
    return CliRunner().invoke(command, [*args, "--keys-dir", str(folder)], standalone_mode=False)


def test_the_command_creates_lists_and_revokes(folder):
    made = run(folder, "create", "agx", "--role", "worker", "--node", "agx")
    assert made.stdout.strip() == str(folder / "agx.key")
    assert "worker agx " in made.stderr
    (listed,) = json.loads(run(folder, "list", "--json").stdout)
    assert (listed["name"], listed["role"], listed["node"], listed["revoked"]) == ("agx", "worker", "agx", None)
    assert listed["fingerprint"] in run(folder, "list").stdout
    assert "revoked worker agx" in run(folder, "revoke", "agx").stderr
    assert "revoked" in run(folder, "list").stdout
    refused = run(folder, "revoke", "agx")
    assert isinstance(refused.exception, Stop)
    assert refused.exception.code == Exit.NOT_WELL


@pytest.mark.parametrize("public", ["shor", "no z85 here", "é" * 40, "#" * 40])
def test_an_allow_list_with_a_damaged_key_makes_no_sense(folder, public):
    keys.create(folder, "desk", "operator")
    file = keys.allow_list_file(folder)
    [key] = keys.read_allowed(file)
    file.write_text(file.read_text().replace(key.public, public))
    with pytest.raises(Stop, match="makes no sense"):
        keys.read_allowed(file)
