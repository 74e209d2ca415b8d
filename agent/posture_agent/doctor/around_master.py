"""What a master needs around it on its machine: data folder, ports, keys."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil

from posture_agent import listening
from posture_agent.settings import MasterSettings
from posture_agent.store.outbox import in_use
from posture_agent.store.pictures import FOLDER
from posture_shared import keys, machine_checks
from posture_shared.checks import Finding, failed, ok, warning
from posture_shared.exits import Stop


def data_folder(settings: MasterSettings) -> Iterator[Finding]:
    """Whether rows and pictures can be written, and who does so now."""
    yield machine_checks.disk("data folder", settings.data_dir, least_bytes=settings.store.free_bytes)
    pictures = settings.data_dir / FOLDER
    if pictures.is_dir():
        yield machine_checks.disk("pictures folder", pictures, least_bytes=0)
    if in_use(settings.data_dir):
        yield ok("master", f"a master runs with {settings.data_dir}")


def ports(settings: MasterSettings) -> Iterator[Finding]:
    """Whether each port is free, or held by a program of ours."""
    master_runs = in_use(settings.data_dir)
    wanted = (
        ("workers", settings.listen, settings.worker_port),
        ("consoles", settings.listen, settings.control_port),
        ("events", settings.listen, settings.events_port),
        ("metrics", settings.metrics_listen, settings.metrics_port),
    )
    for what, address, number in wanted:
        if number:
            yield _port(f"port {what}", address, number, master_runs=master_runs)


def _port(check: str, address: str, number: int, *, master_runs: bool) -> Finding:
    host = "127.0.0.1" if address == "localhost" else address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, number))
        except OSError as error:
            holder = _holder(number)
            if holder is not None and "posture" in holder:
                return ok(check, f"{address}:{number} is held by a running {holder}")
            if holder is None and master_runs:  # only root may know whose port it is
                return ok(check, f"{address}:{number} is in use, and a master runs")
            who = f"by {holder}" if holder else "by another program"
            advice = "end it, or set another port" if error.errno == 98 else "set an address of this machine"
            text = (
                f"{address}:{number} is taken {who}" if error.errno == 98 else f"{address}:{number}: {error.strerror}"
            )
            return failed(check, text, advice)
    return ok(check, f"{address}:{number} is free")


def _holder(number: int) -> str | None:
    """The program that listens on a port, as far as this user may know."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            here = connection.laddr and connection.laddr.port == number
            if here and connection.status == psutil.CONN_LISTEN and connection.pid:
                words = psutil.Process(connection.pid).cmdline()
                names = [Path(word).name for word in words]
                return next((name for name in names if "posture" in name), names[0] if names else None)
    return None


def master_keys(settings: MasterSettings) -> Iterator[Finding]:
    """Whether keys are in use, and in order."""
    folder = settings.keys_dir.expanduser()
    try:
        pair, allowed = keys.master_pair(folder), keys.listed(folder)
    except Stop as stop:
        yield failed("keys", stop.sentence, "mend or move the file away, then `posture-agent keys list`")
        return
    if pair is None:
        yield _without_keys(settings)
        return
    standing = [key for key in allowed if key.revoked is None]
    yield ok("keys", f"master {keys.fingerprint(pair.public)}, {len(standing)} keys are allowed")
    yield machine_checks.private_folder("keys folder", folder)


def _without_keys(settings: MasterSettings) -> Finding:
    if listening.is_loopback(settings.listen):
        return ok("keys", "none, and none are needed: only this machine reaches the ports")
    if settings.insecure:
        text = f"none: whoever reaches {settings.listen} can read and command"
        return warning("keys", text, "`posture-agent keys create NAME --role …`, then take insecure away")
    text = f"none, and the master will not listen on {settings.listen} without"
    return failed("keys", text, "`posture-agent keys create NAME --role …`, or listen on 127.0.0.1")
