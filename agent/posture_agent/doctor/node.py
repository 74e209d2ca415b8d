"""What a node needs to analyse: the pose model, and for a worker its master."""

import socket
from urllib.parse import urlsplit

from posture_agent.analysis import model
from posture_shared.checks import Finding, failed, ok
from posture_shared.exits import Stop

_CONNECT_S = 5.0


def pose_model(variant: str) -> Finding:
    """Whether the model is there, every byte of it."""
    check = f"model {variant}"
    try:
        file = model.model_path(variant)
    except Stop as stop:
        text, _, advice = stop.sentence.partition(": ")
        return failed(check, text, advice)
    if not model.is_installed(variant):
        advice = f"delete it and run 'posture-agent model install --variant {variant}'"
        return failed(check, f"{file} is damaged: its checksum is wrong", advice)
    return ok(check, f"{file}, checksum right")


def master_reached(address: str) -> Finding:
    """Whether the master's port for workers can be connected to."""
    check = "master"
    if not address.startswith("tcp://"):
        return ok(check, f"{address} is on this machine")
    parts = urlsplit(address)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 5570), timeout=_CONNECT_S):
            return ok(check, f"{address} accepts connections")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        advice = "start it with --listen ADDRESS and keys, and open port 5570"
        return failed(check, f"{address} cannot be reached: {why}", advice)
