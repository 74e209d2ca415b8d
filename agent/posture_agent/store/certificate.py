"""Why a database's certificate is not trusted, in words: libpq says that it is not, and keeps the reason to itself."""

import socket
import ssl
import struct
from pathlib import Path
from typing import Final

from posture_agent.store.database import DatabaseSettings

_UNEXPLAINED: Final = "certificate verify failed"
_SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""PostgreSQL's protocol, "SSLRequest": the server answers with one letter, then TLS begins."""
_ANSWER_S: Final = 5.0
_USUAL: Final = Path("~/.postgresql/root.crt")


def explained(said: str, settings: DatabaseSettings) -> str:
    """What libpq said, with the reason that it leaves out; asks the server for it, which takes up to some seconds."""
    if _UNEXPLAINED not in said or settings.host is None:
        return said
    reason = _reason(settings.host, settings)
    return said.replace(_UNEXPLAINED, f"{_UNEXPLAINED} ({reason})") if reason else said


def _reason(host: str, settings: DatabaseSettings) -> str:
    try:
        with socket.create_connection((host, settings.port), timeout=_ANSWER_S) as plain:
            plain.sendall(_SSL_REQUEST)
            if plain.recv(1) != b"S":
                return ""
            with _trusting(settings).wrap_socket(plain, server_hostname=host):
                return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ValueError):
        return ""


def _trusting(settings: DatabaseSettings) -> ssl.SSLContext:
    authority = settings.ssl_ca or str(_USUAL.expanduser())
    context = ssl.create_default_context(cafile=None if authority == "system" else authority)
    context.check_hostname = settings.ssl == "verify-full"
    return context
