"""The rules of the restricted Pod Security policy, for manifests and for pods that run."""

from typing import Any

VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "secret", "projected", "downwardAPI", "ephemeral", "csi"}
TYPES = ("RuntimeDefault", "Localhost")


def broken_rules(pod: dict[str, Any]) -> list[str]:
    """What a pod's spec does that the policy forbids, and what it lacks."""
    whole = pod.get("securityContext") or {}
    rules = {
        "hostNetwork, hostPID, hostIPC": not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys(),
        "runAsUser": whole.get("runAsUser", 1) > 0,
        "volumes": all(set(volume) - {"name"} <= VOLUMES for volume in pod.get("volumes", [])),
    }
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        own = {**whole, **(container.get("securityContext") or {})}
        capabilities = own.get("capabilities") or {}
        rules |= {
            f"{container['name']}: {rule}": kept
            for rule, kept in {
                "runAsNonRoot": own.get("runAsNonRoot") is True and own.get("runAsUser", 1) > 0,
                "seccompProfile": (own.get("seccompProfile") or {}).get("type") in TYPES,
                "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
                "capabilities": "ALL" in capabilities.get("drop", []) and not capabilities.get("add"),
                "privileged, procMount": not own.get("privileged") and "procMount" not in own,
                "hostPort": all(not port.get("hostPort") for port in container.get("ports", [])),
            }.items()
        }
    return [rule for rule, kept in rules.items() if not kept]
