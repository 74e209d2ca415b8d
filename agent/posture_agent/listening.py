"""Where sockets may listen: beyond loopback only with keys, or when `insecure` is written down."""

import ipaddress

from posture_shared.exits import Exit, Stop


def is_loopback(address: str) -> bool:
    """Whether `address` is this machine alone. Raises Stop (2) where it is no IP address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        raise Stop(f"setting 'listen': '{address}' is not an IP address of this machine", Exit.USAGE) from None


def check(address: str, *, keys: bool, insecure: bool) -> None:
    """Refuse to listen on `address` in plain where others could reach it. Raises Stop (2)."""
    if not is_loopback(address) and not keys and not insecure:
        raise Stop(
            f"refusing to listen on {address} without keys: make them with `posture-agent keys create`, "
            "listen on 127.0.0.1, or say --insecure",
            Exit.USAGE,
        )
