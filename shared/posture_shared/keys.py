"""CURVE keys: pairs in files, the master's allow-list, fingerprints. Owns the folder of keys on a master.

The folder holds `master.key` (the server's pair), `allowed.json` (public keys with name, role, node) and one
`NAME.key` for each key created here, to be copied to where it is used. Public keys are Z85 text (ZeroMQ RFC 32).
"""

import contextlib
import hashlib
import os
import re
import struct
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import zmq
from zmq.utils import z85

from posture_shared.exits import Exit, Stop
from posture_shared.nonsense import NONSENSE
from posture_shared.records import Role

MASTER: Final = "master"
_SUFFIX: Final = ".key"
_ALLOWED: Final = "allowed.json"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
REVOKED_WORKERS: Final = 200
"""Revoked keys of workers that stay on the list, the newest: each Job on Kubernetes has had one."""
_PRIVATE: Final = 0o077
_GIVEN: Final = 0o037
"""Of a file that belongs to root and is given to this user through its group, as Kubernetes mounts Secrets."""


class KeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """A key file. `server` is the master's public key, which a client needs; None in the master's own file."""

    name: str
    role: Role
    public: str
    secret: str
    node: str | None = None
    server: str | None = None

    def __repr__(self) -> str:
        return f"KeyPair({self.name!r}, {self.role!r}, {fingerprint(self.public)})"


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the allow-list. Revoked ones stay, so that a refusal can say whose key it was; of workers so many."""

    name: str
    role: Role
    public: str
    created: datetime
    node: str | None = None
    revoked: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """What people compare."""
        return fingerprint(self.public)


class _File(msgspec.Struct, frozen=True):
    keys: list[Allowed] = []


def fingerprint(public: str) -> str:
    """`a1b2-c3d4-e5f6-0718-293a`: the first 80 bits of SHA-256 of the public key."""
    digest = hashlib.sha256(z85.decode(public)).hexdigest()[:20]
    return "-".join(digest[at : at + 4] for at in range(0, 20, 4))


def create(folder: Path, name: str, role: Role, *, node: str | None = None) -> KeyPair:
    """Make a key pair, allow it and write its file; the master's own pair is made when it is missing.

    Raises:
        Stop: the name makes no sense or is taken, or the folder cannot be written.
    """
    _check(name, role, node)
    with _writing(folder) as allowed:
        if any(key.name == name and key.revoked is None for key in allowed):
            raise Stop(f"there is a key '{name}' already: choose another name, or revoke it first", Exit.USAGE)
        master = _master(folder)
        if role == "master":
            return master
        pair = _new(name, role, node, master.public)
        _write_private(key_file(folder, name), msgspec.json.format(msgspec.json.encode(pair)))
        allowed.append(Allowed(name=name, role=role, node=node, public=pair.public, created=datetime.now(UTC)))
    return pair


def revoke(folder: Path, name: str) -> Allowed:
    """Take a key off the list; a running master notices at once. Its file here is removed.

    Raises:
        Stop: there is no such key.
    """
    with _writing(folder) as allowed:
        at = next((i for i, key in enumerate(allowed) if key.name == name and key.revoked is None), None)
        if at is None:
            known = ", ".join(key.name for key in allowed if key.revoked is None) or "none"
            raise Stop(f"there is no key '{name}' to revoke; allowed: {known}", Exit.NOT_WELL)
        allowed[at] = msgspec.structs.replace(allowed[at], revoked=datetime.now(UTC))
        key_file(folder, name).unlink(missing_ok=True)
        return allowed[at]


def listed(folder: Path) -> list[Allowed]:
    """The allow-list, revoked keys included. Raises Stop where it cannot be read."""
    return read_allowed(folder / _ALLOWED)


def allow_list_file(folder: Path) -> Path:
    """Where the allow-list is."""
    return folder / _ALLOWED


def key_file(folder: Path, name: str) -> Path:
    """Where the pair of `name` is kept."""
    return folder / f"{name}{_SUFFIX}"


def master_pair(folder: Path) -> KeyPair | None:
    """The master's own pair, None where keys are not in use. Raises Stop where it cannot be used."""
    file = key_file(folder, MASTER)
    return read_key(file) if file.exists() else None


def read_key(file: Path) -> KeyPair:
    """The pair in a key file.

    Raises:
        Stop: it cannot be read, is no key, or others could read it.
    """
    try:
        status = file.stat()
        content = file.read_bytes()
    except OSError as error:
        raise Stop(f"the key {file} cannot be read: {error.strerror}", Exit.USAGE) from None
    if os.name == "posix" and status.st_mode & (_GIVEN if status.st_uid == 0 != os.getuid() else _PRIVATE):
        raise Stop(f"the key {file} can be read by others: chmod 600 {file}, or make a new one", Exit.USAGE)
    return _decode(content, file)


def import_key(file: Path, folder: Path) -> Path:
    """Copy a key file to `folder`, readable by this user alone; returns its new place.

    Raises:
        Stop: it is no key, or cannot be written.
    """
    try:
        pair = _decode(file.read_bytes(), file)
    except OSError as error:
        raise Stop(f"the key {file} cannot be read: {error.strerror}", Exit.USAGE) from None
    target = key_file(folder, pair.name)
    with _told(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(target, msgspec.json.format(msgspec.json.encode(pair)))
    return target


def secure_client(socket: "zmq.Socket[Any]", pair: KeyPair) -> None:
    """Set a client socket's CURVE options; before it connects. Raises Stop for a key that is no client's."""
    if pair.server is None:
        raise Stop(f"'{pair.name}' is a master's key: use one made with --role worker, viewer or operator", Exit.USAGE)
    socket.curve_serverkey = pair.server.encode()
    socket.curve_publickey = pair.public.encode()
    socket.curve_secretkey = pair.secret.encode()


def read_allowed(file: Path) -> list[Allowed]:
    """The keys in an allow-list; none where there is no such file. Raises Stop where it makes no sense."""
    try:
        keys = msgspec.json.decode(file.read_bytes(), type=_File).keys
        for key in keys:
            fingerprint(key.public)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Stop(f"the allow-list {file} cannot be read: {error.strerror}", Exit.USAGE) from None
    except (*NONSENSE, ValueError, LookupError, struct.error) as error:
        raise Stop(f"the allow-list {file} makes no sense: {error}", Exit.USAGE) from None
    return keys


def _check(name: str, role: Role, node: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise Stop(
            f"'{name[:80]}' cannot name a key: 1 to 63 letters, digits, '.', '_' or '-', a letter or digit first",
            Exit.USAGE,
        )
    if (name == MASTER) != (role == "master"):
        raise Stop(f"the key of the role master is named '{MASTER}', and no other is", Exit.USAGE)
    if role == "worker" and not node:
        raise Stop("a worker's key is for one node: give --node", Exit.USAGE)
    if role != "worker" and node:
        raise Stop(f"a key of the role {role} is for no node: leave --node away", Exit.USAGE)


def _new(name: str, role: Role, node: str | None, server: str | None) -> KeyPair:
    public, secret = zmq.curve_keypair()
    return KeyPair(name=name, role=role, node=node, public=public.decode(), secret=secret.decode(), server=server)


def _master(folder: Path) -> KeyPair:
    found = master_pair(folder)
    if found is None:
        found = _new(MASTER, "master", None, None)
        _write_private(key_file(folder, MASTER), msgspec.json.format(msgspec.json.encode(found)))
    return found


def _decode(content: bytes, file: Path) -> KeyPair:
    try:
        pair = msgspec.json.decode(content, type=KeyPair)
        matching = zmq.curve_public(pair.secret.encode()).decode() == pair.public
        whole = pair.server is None or len(z85.decode(pair.server)) == 32
    except (msgspec.DecodeError, ValueError, KeyError, IndexError, zmq.ZMQError):
        raise Stop(f"{file} is not a key made by `posture-agent keys create`", Exit.USAGE) from None
    if not matching or not whole or not _NAME.fullmatch(pair.name):
        raise Stop(f"{file} is damaged: its two halves do not belong together", Exit.USAGE)
    return pair


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Stop(f"the folder of keys {folder} cannot be written: {error.strerror}", Exit.USAGE) from None


@contextlib.contextmanager
def _writing(folder: Path) -> Iterator[list[Allowed]]:
    """The allow-list to be changed in place, written when the block ends well; one writer at a time."""
    import fcntl  # noqa: PLC0415 - keys are created on masters, which run Linux; reading them works everywhere

    with _told(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = listed(folder)
            allowed = list(before)
            yield allowed
            if allowed != before:
                kept = _without_long_revoked(allowed)
                _write_private(folder / _ALLOWED, msgspec.json.format(msgspec.json.encode(_File(kept))))


def _without_long_revoked(allowed: list[Allowed]) -> list[Allowed]:
    revoked = sorted(key.revoked for key in allowed if key.revoked is not None and key.role == "worker")
    if len(revoked) <= REVOKED_WORKERS:
        return allowed
    since = revoked[-REVOKED_WORKERS]
    return [key for key in allowed if key.revoked is None or key.role != "worker" or key.revoked >= since]


def _write_private(file: Path, content: bytes) -> None:
    """Replace `file` as a whole, mode 0600 from its first byte."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content + b"\n")
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(file)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
